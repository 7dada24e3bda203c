"""Files found and files told about: what `inspect`, `fix` and `send` have in common on the screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tolmach.adapters.folder import FoundFile, walk
from tolmach.adapters.folder.faults import NO_FILES
from tolmach.apps.cli.terminal import Terminal, visible
from tolmach.apps.reports import FileReport, printable
from tolmach.base import N_, Problem, TolmachError
from tolmach.edit.changes import Change

_VERDICTS = {
    "clean": N_("clean"),
    "repairable": N_("repairable"),
    "unsure": N_("unsure"),
    "unreadable": N_("unreadable"),
    "not-dicom": N_("not DICOM"),
}
_COLOURS = {"clean": "green", "repairable": "green", "unsure": "yellow", "unreadable": "red", "not-dicom": "red"}
_SHOWN = 60  # characters of a value on one line


@dataclass(frozen=True, slots=True)
class Found:
    """The files to look at, and how many paths could not be listed."""

    names: Sequence[FoundFile]
    errors: int


def found(
    paths: Sequence[Path], terminal: Terminal, leave_out: Path | None = None, *, missing_too: bool = False
) -> Found:
    """Find the files of the paths and complain of what cannot be listed."""
    names: list[FoundFile] = []
    errors = 0
    for one in walk(paths, leave_out):
        if isinstance(one, TolmachError):
            errors += 1
            terminal.complain(one)
        else:
            names.append(one)
    if not names and not errors and not missing_too:
        errors = 1
        terminal.complain(Problem(NO_FILES, {"path": ", ".join(map(printable, paths))}))
    return Found(names, errors)


class FileRows:
    """Rows for people, objects for machines, and the sum at the end."""

    def __init__(self, terminal: Terminal, part: str = "") -> None:
        """Begin; `part` names what this command adds to a report: `out` or `sent`."""
        self.terminal, self.part = terminal, part
        self.verdicts: Counter[str] = Counter()
        self.failed = self.sent = 0

    def add(self, report: FileReport) -> None:
        """Tell about one file."""
        self.verdicts[report.verdict] += 1
        self.failed += not report.is_fine
        self.sent += report.sent is not None
        if report.error is not None:
            self.terminal.complain(report.error)
        if self.terminal.as_json:
            self.terminal.result(report.as_json((self.part,)))
        else:
            self._show(report)

    def _show(self, report: FileReport) -> None:
        terminal = self.terminal
        verdict = terminal.translator.gettext(_VERDICTS[report.verdict])
        found = report.detection
        page = f"  {found.code_page} {found.confidence:.1%}" if found is not None and found.code_page else ""
        state, colour = "", _COLOURS[report.verdict]
        if self.part == "sent":
            colour = "green" if report.sent is not None else "red"
            state = terminal.translator.gettext(N_("sent") if report.sent is not None else N_("NOT SENT")) + "  "
        target = f"  → {printable(report.out)}" if report.out is not None else ""
        terminal.write(f"{state}{visible(printable(report.path))}  {verdict}{page}{target}", colour)
        for change in report.changes:
            if change.before != change.after:
                terminal.write(f"    {_name(change)}: {_value(change.before)} → {_value(change.after)}")
        for problem in report.problems:
            terminal.write(f"    {problem.code}: {terminal.sentence(problem)}", "yellow")

    def finish(self, files: Found) -> int:
        """Give the sum and the exit status."""
        total = sum(self.verdicts.values())
        if not self.terminal.as_json and total:
            parts = [
                f"{self.terminal.translator.gettext(_VERDICTS[verdict])} {count}"
                for verdict, count in self.verdicts.items()
            ]
            line = self.terminal.count("{count} file", "{count} files", total) + ": " + ", ".join(parts)
            if self.part == "sent":
                line += "; " + self.terminal.count("{count} sent", "{count} sent", self.sent)
            self.terminal.write(line + ".", "bold")
        return 1 if self.failed or files.errors else 0


def _name(change: Change) -> str:
    return change.keyword or change.path


def _value(text: str | None) -> str:
    if text is None:
        return "—"
    shown = visible(text)
    return f"“{shown[:_SHOWN]}…”" if len(shown) > _SHOWN else f"“{shown}”"
