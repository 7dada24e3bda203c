"""What a passport leads to: a profile and a watch for the device, each choice with its reason, and what to do next.

Nothing is guessed: what the files do not prove is proposed as a comment, or left to a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tolmach.base import N_, Phrase
from tolmach.dicom import uids
from tolmach.dicom.conformance import named
from tolmach.dicom.dictionary import tag_of
from tolmach.journeys import plausibility
from tolmach.journeys.passport import ASCII, OTHER_SCRIPT, UNSURE, DevicePassport, Rejected
from tolmach.text.translit import transliterate

FEW = 10  # files that are too few to rely on
_SURE_FILES = 3
# What each SOP class is the images of, where that is beyond doubt. Standard: PS3.3 table C.7-5a.1.
_MODALITY_OF = {
    uids.ComputedRadiographyImageStorage: "CR",
    uids.CTImageStorage: "CT",
    uids.DigitalXRayImageStorageForPresentation: "DX",
    uids.DigitalXRayImageStorageForProcessing: "DX",
    uids.DigitalMammographyXRayImageStorageForPresentation: "MG",
    uids.DigitalMammographyXRayImageStorageForProcessing: "MG",
    uids.MRImageStorage: "MR",
    uids.NuclearMedicineImageStorage: "NM",
    uids.PositronEmissionTomographyImageStorage: "PT",
    uids.UltrasoundImageStorage: "US",
    uids.UltrasoundMultiFrameImageStorage: "US",
    uids.XRayAngiographicImageStorage: "XA",
    uids.XRayRadiofluoroscopicImageStorage: "RF",
}


# Machines whose manner of writing is known, by what they call themselves.
_NAMED = ("Manufacturer", "ManufacturerModelName", "StationName", "SoftwareVersions")
_PRESETS = (
    (r"интегрис|integris\b", "integris"),
    (r"титан.?2000|titan.?2000", "titan-2000"),
    (r"альфа.?плюс|телеоптик|alfa.?plus|alpha.?plus|teleoptic", "alfaplus"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One setting, its value, and why."""

    key: str
    value: object
    why: Phrase


@dataclass(frozen=True, slots=True)
class ProposedRule:
    """A rule of the profile; one that is not `is_safe` waits for a person, as a comment."""

    when: Mapping[str, object]
    do: Sequence[Mapping[str, object]]
    why: Phrase
    is_safe: bool = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """A profile and a watch for one device."""

    name: str
    profile: Sequence[Choice]
    rules: Sequence[ProposedRule]
    watch: Sequence[Choice]


def propose(passport: DevicePassport, taken: Sequence[str] = ()) -> Proposal:
    """Propose settings for a device; `taken` are names that other devices have already."""
    return Proposal(
        _name(passport, taken),
        (_code_page(passport), _unsure(passport), _code_string(passport), _transliteration(passport)),
        tuple(_rules(passport)),
        (
            _preset(passport),
            Choice("shadow", True, Phrase(N_("for the first day: everything is done but delivery; then take it away"))),
        ),
    )


def _name(passport: DevicePassport, taken: Sequence[str]) -> str:
    """Give a short name of English letters from what the machine is called."""
    texts = [passport.machine[one].top(1) for one in ("StationName", "ManufacturerModelName", "Manufacturer")]
    latin = [transliterate(top[0][0], "ru-icao9303").lower() for top in texts if top]
    words = [re.sub(r"[^a-z0-9]+", "-", one).strip("-")[:32].strip("-") for one in latin]
    base = next((one for one in words if one), "device")
    return next(
        name for number in range(len(taken) + 1) if (name := f"{base}-{number}" if number else base) not in taken
    )


def _preset(passport: DevicePassport) -> Choice:
    names = " ".join(name for keyword in _NAMED for name in passport.machine[keyword].counts)
    for pattern, preset in _PRESETS:
        if found := re.search(pattern, names, re.IGNORECASE):
            words = N_("the files name {name}, whose manner of writing is known")
            return Choice("preset", preset, Phrase(words, {"name": found[0]}))
    return Choice("preset", "generic", Phrase(N_("how the device writes files cannot be seen from samples")))


def _code_page(passport: DevicePassport) -> Choice:
    pages: dict[str, int] = {}
    for (_declared, found), encoding in passport.encodings.items():
        pages[found] = pages.get(found, 0) + encoding.files
    unsure, plain = pages.pop(UNSURE, 0), pages.pop(ASCII, 0)
    if not pages and not unsure:
        return Choice("from", "auto", Phrase(N_("all text of the samples is plain Latin, so nothing is known yet")))
    single = next(iter(pages)) if len(pages) == 1 else ""
    if unsure and single not in ("", "utf-8", OTHER_SCRIPT) and pages[single] >= _SURE_FILES:
        facts = {"page": single, "files": pages[single], "unsure": unsure}
        words = N_("{page} is sure in files: {files}, and no other was found; too short to tell alone: {unsure}")
        return Choice("from", single, Phrase(words, facts))
    if unsure:
        words = N_("the code page stays doubtful in files: {unsure}; name it here if you know it")
        return Choice("from", "auto", Phrase(words, {"unsure": unsure}))
    words = N_("every file tells its code page by itself ({pages}; plain Latin: {plain})")
    listed = ", ".join(f"{page}: {files}" for page, files in sorted(pages.items()))
    return Choice("from", "auto", Phrase(words, {"pages": listed, "plain": plain}))


def _unsure(passport: DevicePassport) -> Choice:
    if passport.verdicts.counts["unsure"]:
        why = Phrase(N_("an image never waits for its text; the doubtful text stays as it is and is told"))
    else:
        why = Phrase(N_("nothing in the samples was doubtful; an image never waits for its text"))
    return Choice("unsure", "pass", why)


def _code_string(passport: DevicePassport) -> Choice:
    if not passport.code_strings:
        return Choice("code_string", "transliterate", Phrase(N_("no Cyrillic was met in coded values (VR CS)")))
    if any(after is None for _name, _before, after in passport.code_strings.counts):
        words = N_("most coded values get a legal form; for the others see the rules below")
        return Choice("code_string", "transliterate", Phrase(words))
    return Choice("code_string", "transliterate", Phrase(N_("all coded values met (VR CS) get a legal form so")))


def _transliteration(passport: DevicePassport) -> Choice:
    ukrainian, russian = passport.languages["uk"], passport.languages["ru"]
    if ukrainian > russian:
        words = N_("letters only Ukrainian has were met in files: {count}; used only where no Cyrillic is allowed")
        return Choice("transliteration", "uk-kmu55", Phrase(words, {"count": ukrainian}))
    if not russian:
        why = Phrase(N_("no Russian or Ukrainian letter was met; used only where no Cyrillic is allowed"))
        return Choice("transliteration", "ru-icao9303", why)
    words = N_("letters Ukrainian does not have were met in files: {count}; used only where no Cyrillic is allowed")
    return Choice("transliteration", "ru-icao9303", Phrase(words, {"count": russian}))


def _rules(passport: DevicePassport) -> Iterator[ProposedRule]:
    for (uid, modality), count in passport.modalities_by_class.top():
        if not modality and uid in _MODALITY_OF:
            yield ProposedRule(
                {"SOPClassUID": uid, "Modality": {"missing": True}},
                [{"set_if_missing": "Modality", "value": _MODALITY_OF[uid]}],
                Phrase(N_("files without Modality whose class leaves no doubt: {count}"), {"count": count}),
            )
    for keyword in sorted(_only_small_letters(passport)):
        why = Phrase(N_("{keyword} is written in small letters, where only capitals are allowed"), {"keyword": keyword})
        yield ProposedRule({}, [{"upper": keyword}], why)
    unsolved = {name for name, _before, after in passport.code_strings.counts if after is None}
    for keyword in sorted(name for name in unsolved if tag_of(name)):
        words = N_("no legal form is known for some values of {keyword}: write a table of two columns for them")
        table = {"map": keyword, "table": f"{keyword}.csv"}
        yield ProposedRule({}, [table], Phrase(words, {"keyword": keyword}), is_safe=False)


def _only_small_letters(passport: DevicePassport) -> set[str]:
    """Name the coded attributes that are wrong in nothing but small letters, at the data set itself or anywhere."""
    wrong = {named(tag): met.example for (tag, vr, kind, _why), met in passport.values.items() if (vr, kind) == _CODES}
    return {name for name, text in wrong.items() if tag_of(name) and re.fullmatch(r"[A-Za-z0-9_ \\]{1,64}", text)}


_CODES = ("CS", "form")


def damaged_of(passports: Sequence[DevicePassport], rejected: Rejected) -> int:
    """Give how many damaged files are this device's: of several, nobody knows whose they are."""
    return rejected.verdicts["unreadable"] if len(passports) == 1 else 0


def next_steps(passport: DevicePassport, damaged: int = 0) -> Iterator[Phrase]:
    """Say what a person should do about this device, the most urgent first; `damaged` files of it could not be read."""
    if damaged:
        words = N_("Export the damaged files from the machine again, or wait until it has finished writing: {count}.")
        yield Phrase(words, {"count": damaged})
    yield from _steps_about_uids(passport)
    yield from _steps_about_missing(passport)
    yield from _steps_about_text(passport)
    yield from _steps_about_people(passport)
    if passport.files < FEW:
        words = N_("Only {count} files were looked at. Take ten or more, of different patients, before relying on it.")
        yield Phrase(words, {"count": passport.files})
    yield Phrase(
        N_("Put the proposed profile and watch into tolmach.toml, name the destination, and run: tolmach config check")
    )
    yield Phrase(N_("Let it run in shadow for a day, look at what would have been changed, then take shadow away."))
    if passport.values or passport.missing or passport.twins["other"]:
        yield Phrase(N_("Show this passport to the maker's engineer: each fault is named with its clause."))


def _steps_about_uids(passport: DevicePassport) -> Iterator[Phrase]:
    if passport.twins["other"]:
        words = N_(
            "The machine gives different images the same SOP Instance UID ({count}): an archive keeps one of them and"
            " loses the others. Have the maker mend this before anything is sent."
        )
        yield Phrase(words, {"count": passport.twins["other"]})
    if passport.shared:
        words = N_(
            "Images of different patients have the same Study or Series UID ({count}): they would be filed as one"
            " patient. Have the maker mend this, or find out who corrects names on the machine."
        )
        yield Phrase(words, {"count": passport.shared.total})


def _steps_about_missing(passport: DevicePassport) -> Iterator[Phrase]:
    needed = [need.keyword for need, states in passport.missing.items() if need.type == "1" and states.total()]
    if needed:
        words = N_("Archives refuse objects without {attributes}: have the maker add it, or set it with a rule.")
        yield Phrase(words, {"attributes": ", ".join(needed)})
    empty = passport.identifiers["PatientID"].empty
    if empty:
        words = N_("Have the patient's identifier entered at the machine, or use a worklist; files without: {count}.")
        yield Phrase(words, {"count": empty})


def _steps_about_text(passport: DevicePassport) -> Iterator[Phrase]:
    if passport.verdicts.counts["unsure"]:
        words = N_(
            "The text of some files stays doubtful ({count}). Ask which code page the machine uses, or give more"
            " samples with longer names, and write it into the profile as from."
        )
        yield Phrase(words, {"count": passport.verdicts.counts["unsure"]})
    if sum(encoding.lies for encoding in passport.encodings.values()):
        yield Phrase(
            N_("Ask the maker's engineer to set the machine to UTF-8 (ISO_IR 192); until then tolmach repairs.")
        )
    if any(after is None for _name, _before, after in passport.code_strings.counts):
        yield Phrase(
            N_("Write a table (map) for the coded values that have no legal form, or correct the presets there.")
        )


def _steps_about_people(passport: DevicePassport) -> Iterator[Phrase]:
    if passport.same_id:
        words = N_(
            "One patient identifier stands with different names ({count}). Find out whether it is one person; if not,"
            " the identifiers of this machine must not be trusted."
        )
        yield Phrase(words, {"count": passport.same_id.total})
    if passport.unsplit_names:
        words = N_("Names are written in one piece ({count}): fill the fields for family and given name separately.")
        yield Phrase(words, {"count": passport.unsplit_names})
    odd = {kind for _keyword, kind in passport.dates}
    if odd & {plausibility.FUTURE, plausibility.CLOCK_RESET}:
        yield Phrase(N_("Set the clock of the machine, and have its battery looked at."))
    if passport.pixel_hints["BurnedInAnnotation"].counts["YES"]:
        yield Phrase(N_("Names are burnt into the pixels: no repair can reach them; switch that off at the machine."))
