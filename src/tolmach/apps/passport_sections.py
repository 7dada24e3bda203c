"""A passport as titled tables: what the page and the terminal both show, before either gives it a form.

A cell is text of ours (`Phrase`, translated later), a number, or text out of files (`str`, never to be trusted).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tolmach.base import N_, Phrase
from tolmach.dicom import uids
from tolmach.dicom.conformance import named
from tolmach.journeys.passport import ABSENT, ASCII, OTHER_SCRIPT, UNSURE, DevicePassport
from tolmach.journeys.plausibility import MIXED, Shape
from tolmach.journeys.tallies import Tally

Cell = str | int | Phrase | tuple["str | Phrase", ...]
Level = Literal["", "look", "wrong"]
_MOST_ROWS = 20
_NEVER_MORE = 0.999  # nothing is certain, and no page says so

NAMES_OF_MACHINE = {
    "Manufacturer": N_("Manufacturer"),
    "ManufacturerModelName": N_("Model"),
    "StationName": N_("Station"),
    "SoftwareVersions": N_("Software versions"),
    "DeviceSerialNumber": N_("Serial number"),
    "InstitutionName": N_("Institution"),
    "Modality": N_("Modality"),
}
_FOUND = {
    ASCII: N_("plain Latin letters only"),
    OTHER_SCRIPT: N_("as its label says, or another script"),
    UNSURE: N_("not sure"),
}
_RUNS = {
    "digits": N_("digits: {count}"),
    "latin": N_("Latin letters: {count}"),
    "cyrillic": N_("Cyrillic letters: {count}"),
    "letters": N_("other letters: {count}"),
    MIXED: N_("mixed, characters: {count}"),
}
_VERDICTS = {"clean": N_("clean"), "repairable": N_("repairable"), "unsure": N_("unsure")}
_ATTRIBUTE, _FILES, _EXAMPLE = N_("Attribute"), N_("Files"), N_("Example")
_BEFORE, _AFTER = N_("Before"), N_("After")


_NO_NAME = N_("A machine that does not name itself")
_OTHERS = N_("Other machines: there were too many for a page each")
_IN_NAME = ("Manufacturer", "ManufacturerModelName", "StationName")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; `level` says whether somebody should look at it."""

    cells: tuple[Cell, ...]
    level: Level = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; without a head its rows are names and values. `nothing` is said where there are no rows."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[Row]
    nothing: str = N_("nothing found")


def name_of(passport: DevicePassport) -> str | Phrase:
    """Give what a device is called at the head of its passport."""
    if passport.key in ("", "…"):
        return Phrase(_OTHERS if passport.key else _NO_NAME)
    tops = [tally.top(1) for keyword, tally in passport.machine.items() if keyword in _IN_NAME]
    return " · ".join(top[0][0] for top in tops if top) or passport.key


def tables_of(passport: DevicePassport) -> Sequence[Table]:
    """Give all tables of a passport, in the order people read them."""
    return (
        _machine(passport),
        _kinds(passport),
        _letters(passport),
        _names(passport),
        _texts(passport),
        _code_strings(passport),
        _identifiers(passport),
        _dates(passport),
        _missing(passport),
        _values(passport),
        _uids(passport),
        _pixels(passport),
        _problems(passport),
    )


def _machine(passport: DevicePassport) -> Table:
    rows = [
        Row((Phrase(label), _listed(passport.machine[keyword])))
        for keyword, label in NAMES_OF_MACHINE.items()
        if passport.machine[keyword]
    ]
    return Table(N_("Machine"), (), rows, N_("the files name no machine"))


def _listed(tally: Tally[str]) -> tuple[str | Phrase, ...]:
    """Give the values met most often, with how often where there are several."""
    top = tally.top(6)
    if len(top) == 1 and not tally.others:
        return (top[0][0],)
    parts: list[str | Phrase] = [f"{value} ({count})" for value, count in top]
    rest = tally.total - sum(count for _value, count in top)
    return (*parts, Phrase(N_("others: {count}"), {"count": rest})) if rest else tuple(parts)


def _kinds(passport: DevicePassport) -> Table:
    verdicts = tuple(
        Phrase(N_("{verdict}: {count}"), {"verdict": Phrase(_VERDICTS[verdict]), "count": count})
        for verdict, count in passport.verdicts.top()
    )
    rows = [
        Row((Phrase(_FILES), passport.files)),
        Row((Phrase(N_("Text")), verdicts), "look" if passport.verdicts.counts["unsure"] else ""),
        Row((Phrase(N_("Kinds of objects")), _uids_listed(passport.sop_classes))),
        Row((Phrase(N_("Transfer syntaxes")), _uids_listed(passport.transfer_syntaxes))),
    ]
    if passport.examined:
        rows.append(Row((Phrase(N_("Examinations from, to")), tuple(passport.examined))))
    return Table(N_("Files"), (), rows)


def _uids_listed(tally: Tally[str]) -> tuple[str | Phrase, ...]:
    shown = Tally[str](tally.most, others=tally.others)
    for uid, count in tally.top():
        shown.counts[uids.name_of(uid)] += count
    return _listed(shown)


def _letters(passport: DevicePassport) -> Table:
    rows = []
    for (declared, found), encoding in sorted(passport.encodings.items(), key=lambda one: -one[1].files):
        known = Phrase(_FOUND[found]) if found in _FOUND else found
        sure = f"{min(encoding.lowest, _NEVER_MORE):.1%}" if encoding.evidence is not None else ABSENT
        level: Level = "look" if found == UNSURE else "wrong" if encoding.lies else ""
        rows.append(Row((declared, known, encoding.files, sure, encoding.evidence or ABSENT), level))
    head = (N_("Label says"), N_("Text is in"), _FILES, N_("Confidence, lowest"), N_("Evidence"))
    return Table(N_("Letters"), head, rows)


def _names(passport: DevicePassport) -> Table:
    changed = [(pair, count) for pair, count in passport.names.items() if pair[0] != pair[1]]
    same = [(pair, count) for pair, count in passport.names.items() if pair[0] == pair[1]]
    rows = [Row((*pair, count), "wrong" if pair[0] != pair[1] else "") for pair, count in (changed + same)[:10]]
    return Table(N_("Patients' names"), (_BEFORE, _AFTER, _FILES), rows, N_("no names"))


def _texts(passport: DevicePassport) -> Table:
    met = sorted(passport.texts.items(), key=lambda one: -one[1].count)
    rows = [Row((name, one.example, one.count), "wrong") for name, one in met[:_MOST_ROWS]]
    return Table(N_("Text that would be repaired"), (_ATTRIBUTE, _EXAMPLE, _FILES), rows)


def _code_strings(passport: DevicePassport) -> Table:
    rows = [
        Row((name, before, after if after is not None else Phrase(N_("no legal form is known")), count), "wrong")
        for (name, before, after), count in passport.code_strings.top(_MOST_ROWS)
    ]
    return Table(N_("Coded values with letters they may not have (VR CS)"), (_ATTRIBUTE, _BEFORE, _AFTER, _FILES), rows)


def _identifiers(passport: DevicePassport) -> Table:
    rows: list[Row] = []
    for keyword, identifier in passport.identifiers.items():
        for shape, count in identifier.shapes.top(6):
            rows.append(Row((keyword, _shape(shape), count, _example_of(shape, identifier.samples))))
        if identifier.empty:
            rows.append(Row((keyword, Phrase(N_("empty or missing")), identifier.empty, ABSENT), "look"))
        if identifier.two_alphabets:
            mixed = Phrase(N_("Latin and Cyrillic letters that look alike in one word"))
            rows.append(Row((keyword, mixed, identifier.two_alphabets, ABSENT), "wrong"))
    if passport.unsplit_names:
        one_piece = Phrase(N_("family and given name in one piece, without ^"))
        rows.append(Row(("PatientName", one_piece, passport.unsplit_names, ABSENT), "look"))
    for (identity, one, other), count in passport.same_id.top(_MOST_ROWS):
        names = Phrase(N_("one identifier, different names"))
        rows.append(Row(("PatientID", names, count, f"{identity}: {one} / {other}"), "wrong"))
    return Table(N_("Identifiers"), (_ATTRIBUTE, N_("Looks like"), _FILES, _EXAMPLE), rows)


def _shape(shape: Shape) -> tuple[str | Phrase, ...]:
    return tuple(
        Phrase(_RUNS[kind], {"count": count}) if kind in _RUNS else f"“{kind * count}”" for kind, count in shape
    )


def _example_of(shape: Shape, samples: Iterable[str]) -> str:
    from tolmach.journeys.plausibility import shape_of

    return next((one for one in samples if shape_of(one) == shape), ABSENT)


def _dates(passport: DevicePassport) -> Table:
    rows = [
        Row((keyword, Phrase(odd), met.count, met.example, met.file), "look")
        for (keyword, odd), met in sorted(passport.dates.items(), key=lambda one: -one[1].count)
    ]
    head = (_ATTRIBUTE, N_("The date"), _FILES, _EXAMPLE, N_("First met in"))
    return Table(N_("Dates that cannot be"), head, rows)


def _missing(passport: DevicePassport) -> Table:
    rows = []
    for need, states in sorted(passport.missing.items(), key=lambda one: (one[0].type, not one[0].is_key)):
        level: Level = "wrong" if need.type == "1" or states["absent"] else "look"
        if need.type == "2" and not states["absent"] and not need.is_key:
            level = ""
        sought = Phrase(N_("yes")) if need.is_key else ABSENT
        cells = (need.keyword, need.type, need.clause, sought, states["absent"], states["empty"])
        rows.append(Row(cells, level))
    head = (_ATTRIBUTE, N_("Type"), N_("Clause"), N_("Searched by (PS3.4 C.6.2.1)"), N_("Missing"), N_("Empty"))
    return Table(N_("What an archive needs and does not get"), head, rows)


def _values(passport: DevicePassport) -> Table:
    rows = []
    for (tag, vr, _kind, _why), met in sorted(passport.values.items(), key=lambda one: -one[1].count):
        rows.append(Row((named(tag), vr, met.why or ABSENT, met.count, met.example or ABSENT, met.file), "wrong"))
    head = (_ATTRIBUTE, "VR", N_("What is wrong (PS3.5 6.2)"), _FILES, _EXAMPLE, N_("First met in"))
    return Table(N_("Values their VR does not allow"), head, rows[: 2 * _MOST_ROWS])


def _uids(passport: DevicePassport) -> Table:
    rows = []
    if passport.twins["same"]:
        words = N_("the same file more than once")
        rows.append(Row(("SOPInstanceUID", Phrase(words), passport.twins["same"], ABSENT), "look"))
    if passport.twins["other"]:
        example = "; ".join(f"{uid} ({file})" for uid, file in passport.twin_samples[:3])
        words = N_("different files with one identifier")
        rows.append(Row(("SOPInstanceUID", Phrase(words), passport.twins["other"], example), "wrong"))
    for (level, uid, one, other), count in passport.shared.top(_MOST_ROWS):
        words = N_("different patients with one identifier")
        rows.append(Row((level, Phrase(words), count, f"{uid}: {one} / {other}"), "wrong"))
    if passport.not_compared:
        rows.append(Row((ABSENT, Phrase(N_("too many files: not all were compared")), ABSENT, ABSENT), "look"))
    return Table(N_("Identifiers that must be unique"), (_ATTRIBUTE, N_("Found"), _FILES, _EXAMPLE), rows)


def _pixels(passport: DevicePassport) -> Table:
    rows = []
    if passport.without_pixels:
        rows.append(Row((Phrase(N_("Files without pixels")), passport.without_pixels)))
    for keyword, tally in passport.pixel_hints.items():
        if any(value != ABSENT for value in tally.counts):
            rows.append(Row((keyword, _listed(tally)), "look" if tally.counts["YES"] else ""))
    if passport.private:
        rows.append(Row((Phrase(N_("Private groups and who reserved them")), _listed(passport.private))))
    return Table(N_("Pixels and private data"), (), rows)


def _problems(passport: DevicePassport) -> Table:
    rows = [
        Row((code, met.problem.what, met.count, met.file), "look")
        for code, met in sorted(passport.problems.items(), key=lambda one: -one[1].count)
        if met.problem is not None
    ]
    return Table(N_("Noticed while reading"), (N_("Code"), N_("First case"), _FILES, N_("First met in")), rows)
