"""A passport as the object of `--json`: everything that was counted, in plain names and English sentences."""

from __future__ import annotations

from typing import Any

from tolmach.apps.passport_sections import name_of
from tolmach.apps.reports import printable
from tolmach.dicom import uids
from tolmach.dicom.conformance import named
from tolmach.journeys.passport import DevicePassport, Identifier, Rejected
from tolmach.journeys.plausibility import Shape
from tolmach.journeys.proposal import Proposal, next_steps
from tolmach.journeys.tallies import Tally


def passport_as_json(passport: DevicePassport, proposal: Proposal, rejected: Rejected) -> dict[str, Any]:
    """Give the object of one device; `rejected` are the files of the whole call that could not be used."""
    return {
        "device": passport.device,
        "key": passport.key,
        "name": printable(str(name_of(passport))),
        "files": passport.files,
        "machine": {keyword: _counts(tally) for keyword, tally in passport.machine.items() if tally},
        "verdicts": _counts(passport.verdicts),
        "transfer_syntaxes": _named(passport.transfer_syntaxes),
        "sop_classes": _named(passport.sop_classes),
        "character_sets": _encodings(passport),
        "names": [
            {"before": before, "after": after, "files": count} for (before, after), count in passport.names.items()
        ],
        "repaired_text": {name: {"files": met.count, "example": met.example} for name, met in passport.texts.items()},
        "code_strings": [
            {"attribute": name, "before": before, "after": after, "count": count}
            for (name, before, after), count in passport.code_strings.top()
        ],
        "identifiers": {keyword: _identifier(one) for keyword, one in passport.identifiers.items()},
        "same_id_different_names": [
            {"patient_id": identity, "names": [one, other], "files": count}
            for (identity, one, other), count in passport.same_id.top()
        ],
        "names_in_one_piece": passport.unsplit_names,
        "dates": _dates(passport),
        "values": _values(passport),
        "missing": _missing(passport),
        "duplicates": {"same_bytes": passport.twins["same"], "other_bytes": passport.twins["other"]},
        "duplicate_samples": [{"sop_instance_uid": uid, "file": file} for uid, file in passport.twin_samples],
        "shared_uids": [
            {"attribute": level, "uid": uid, "patients": [one, other], "files": count}
            for (level, uid, one, other), count in passport.shared.top()
        ],
        "all_compared": not passport.not_compared,
        "private": _counts(passport.private),
        "without_pixels": passport.without_pixels,
        "pixel_hints": {keyword: _counts(tally) for keyword, tally in passport.pixel_hints.items()},
        "problems": [
            {"code": code, "message": printable(str(met.problem)), "files": met.count, "file": met.file}
            for code, met in passport.problems.items()
        ],
        "proposal": _proposal(proposal),
        "next_steps": [printable(str(step)) for step in next_steps(passport, rejected.verdicts["unreadable"])],
        "rejected": {
            **rejected.verdicts,
            "named": [{"path": printable(name), "code": problem.code} for name, problem in rejected.named],
        },
    }


def _counts(tally: Tally[str]) -> dict[str, int]:
    return {**dict(tally.top()), **({"…": tally.others} if tally.others else {})}


def _named(tally: Tally[str]) -> list[dict[str, Any]]:
    return [{"uid": uid, "name": uids.name_of(uid), "files": count} for uid, count in tally.top()]


def _encodings(passport: DevicePassport) -> list[dict[str, Any]]:
    return [
        {
            "declared": declared,
            "found": found,
            "files": one.files,
            "lies": one.lies,
            "lowest_confidence": round(one.lowest, 4) if one.evidence is not None else None,
            "evidence": None if one.evidence is None else str(one.evidence),
        }
        for (declared, found), one in passport.encodings.items()
    ]


def _identifier(one: Identifier) -> dict[str, Any]:
    shapes = [{"shape": _shape(shape), "files": count} for shape, count in one.shapes.top()]
    return {"shapes": shapes, "empty": one.empty, "two_alphabets": one.two_alphabets, "samples": one.samples}


def _shape(shape: Shape) -> str:
    return " ".join(f"{kind}:{count}" for kind, count in shape)


def _values(passport: DevicePassport) -> list[dict[str, Any]]:
    return [
        {
            "attribute": named(tag),
            "vr": vr,
            "kind": kind,
            "what": str(met.why),
            "files": met.count,
            "example": met.example,
            "file": met.file,
        }
        for (tag, vr, kind, _why), met in passport.values.items()
    ]


def _dates(passport: DevicePassport) -> list[dict[str, Any]]:
    return [
        {"attribute": keyword, "what": odd, "files": met.count, "example": met.example, "file": met.file}
        for (keyword, odd), met in passport.dates.items()
    ]


def _missing(passport: DevicePassport) -> list[dict[str, Any]]:
    return [
        {
            "attribute": need.keyword,
            "type": need.type,
            "clause": need.clause,
            "searched_by": need.is_key,
            "absent": states["absent"],
            "empty": states["empty"],
        }
        for need, states in passport.missing.items()
    ]


def _proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "name": proposal.name,
        "profile": {choice.key: choice.value for choice in proposal.profile},
        "rules": [
            {"when": dict(one.when), "do": list(one.do), "safe": one.is_safe, "why": str(one.why)}
            for one in proposal.rules
        ],
        "watch": {choice.key: choice.value for choice in proposal.watch},
    }
