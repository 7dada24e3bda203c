"""What is told about one file: the object of `--json`, and the same for people."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tolmach.adapters.dimse import StoreResponse
from tolmach.base import Problem, TolmachError
from tolmach.dicom.data_set import SOP_INSTANCE_UID, DataSet
from tolmach.dicom.faults import NO_PIXELS, SHORT_PIXELS, NotDicom
from tolmach.dicom.scanner import ROOT
from tolmach.edit.changes import Change
from tolmach.edit.faults import NOT_IN_TABLE, RULE_DID_NOT_FIT
from tolmach.edit.finish import LETTERS_DO_NOT_FIT, UNREADABLE_TEXT
from tolmach.journeys.file import Mended
from tolmach.text.detect import Detection

LOUD = ("unsure", "unreadable", "not-dicom")
# The file goes on, but something asked for was not done with it, or was done otherwise.
NOT_AS_ASKED = (NOT_IN_TABLE, RULE_DID_NOT_FIT, LETTERS_DO_NOT_FIT, UNREADABLE_TEXT)
# The file goes on, but a person should know that a part of the image is missing.
INCOMPLETE = (NO_PIXELS, SHORT_PIXELS)


@dataclass(frozen=True, slots=True)
class Sent:
    """That a destination has confirmed an instance."""

    to: str
    response: StoreResponse
    proof: str = "response"


@dataclass(slots=True)
class FileReport:
    """One file: what it is, what was found, what was changed, where it went."""

    path: Path
    verdict: str
    sop_instance_uid: str = ""
    character_set: tuple[str, ...] = ()
    detection: Detection | None = None
    changes: Sequence[Change] = ()
    problems: list[Problem] = field(default_factory=list)
    out: Path | None = None
    sent: Sent | None = None
    error: TolmachError | None = None
    # SOP class, study and series, by which an archive can be asked for it; only of what it says it holds.
    identity: tuple[str, str, str] | None = None
    answered: Sent | None = None  # what the archive said, before it was asked for proof

    @property
    def is_fine(self) -> bool:
        """Tell whether everything asked for was done with this file."""
        if self.error is not None or self.verdict in LOUD:
            return False
        return not any(problem.fault in (*NOT_AS_ASKED, *INCOMPLETE) for problem in self.problems)

    def fail(self, error: TolmachError) -> None:
        """Record what kept this file from being finished."""
        self.error = error
        self.problems.append(error.problem)

    def confirm(self) -> None:
        """Record that the archive was asked, and holds this file."""
        self.sent, self.error = self.answered, None

    def as_json(self, parts: Sequence[str] = ()) -> dict[str, Any]:
        """Give the object of `--json`; `parts` names the optional keys of this command (`out`, `sent`)."""
        found = self.detection
        report: dict[str, Any] = {
            **path_as_json(self.path),
            "verdict": self.verdict,
            "sop_instance_uid": self.sop_instance_uid,
            "character_set": list(self.character_set),
            "detected": found
            and {
                "code_page": found.code_page,
                "confidence": round(found.confidence, 4),
                "evidence": str(found.evidence),
            },
            "changes": [change_as_json(change) for change in self.changes],
            "problems": [{"code": problem.code, "message": printable(str(problem))} for problem in self.problems],
        }
        if "out" in parts:
            report["out"] = None if self.out is None else printable(self.out)
        if "sent" in parts:
            sent = self.sent
            report["sent"] = sent and {
                "to": sent.to,
                "status": f"{sent.response.status:04X}",
                "seconds": round(sent.response.seconds, 6),
                **({"proof": sent.proof} if sent.proof != "response" else {}),
            }
        return report


def change_as_json(change: Change) -> dict[str, Any]:
    """Give one change as `--json` shows it."""
    return {
        "path": change.path,
        "keyword": change.keyword,
        "vr": change.vr,
        "before": change.before,
        "after": change.after,
        "reason": change.reason,
    }


def path_as_json(path: Path) -> dict[str, str]:
    """Give a path as `--json` shows it; where its name is no text, its bytes too, in hex, to find the file by."""
    shown = printable(path)
    return {"path": shown} if shown == str(path) else {"path": shown, "path_bytes": os.fsencode(path).hex()}


def printable(path: Path | str) -> str:
    """Give a path as text that can always be printed: bytes of names that are no text are shown as escapes."""
    try:
        return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # Windows allows names of half characters
        return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def report_on(path: Path, data_set: DataSet, mended: Mended) -> FileReport:
    """Report on a file that could be read and mended."""
    return FileReport(
        path,
        mended.verdict,
        mended.revision.uid(SOP_INSTANCE_UID) or data_set.sop_instance_uid,
        data_set.character_sets.get(ROOT, ()),
        mended.diagnosis.detection,
        mended.changes,
        list(mended.problems),
    )


def report_failure(path: Path, error: TolmachError) -> FileReport:
    """Report on a file that could not be read as DICOM."""
    report = FileReport(path, "not-dicom" if isinstance(error, NotDicom) else "unreadable")
    report.fail(error)
    return report
