"""Files found and files told about: what `inspect`, `fix` and `send` have in common on the screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tolmach.adapters.folder import FoundFile, walk
from tolmach.adapters.folder.faults import NO_FILES
from tolmach.apps.cli.terminal import Terminal
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
_SENT, _NOT_SENT, _NOT_WRITTEN = N_("sent"), N_("NOT SENT"), N_("NOT WRITTEN")
_SHOWN = 60  # characters of a value on one line
_PAGE = len("iso-8859-5 100.0%")
_REASONS = 10  # kinds of failure listed in the sum


@dataclass(frozen=True, slots=True)
class Found:
    """The files to look at, and how many paths could not be listed."""

    names: Sequence[FoundFile]
    errors: int


def found(paths: Sequence[Path], terminal: Terminal, leave_out: Path | None = None) -> Found:
    """Find the files of the paths and complain of what cannot be listed."""
    names: list[FoundFile] = []
    errors = 0
    for one in walk(paths, leave_out):
        if isinstance(one, TolmachError):
            errors += 1
            terminal.complain(one)
        else:
            names.append(one)
    if not names and not errors:
        errors = 1
        terminal.complain(Problem(NO_FILES, {"path": ", ".join(map(printable, paths))}))
    return Found(names, errors)


class FileRows:
    """Rows for people, objects for machines, and the sum at the end."""

    def __init__(self, terminal: Terminal, part: str = "") -> None:
        """Begin; `part` names what this command adds to a report: `out` or `sent`."""
        self.terminal, self.part = terminal, part
        self.verdicts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.firsts: dict[str, str] = {}  # the first file that each reason met
        self.failed = self.sent = 0
        self._told: set[str] = set()
        gettext = terminal.translator.gettext
        self._verdict_width = max(len(gettext(word)) for word in _VERDICTS.values())
        self._state_width = max(len(gettext(word)) for word in (_SENT, _NOT_SENT))

    def tell(self, reports: Iterable[FileReport], files: Found, doing: str) -> int:
        """Tell about every file as it comes, then give the sum; gives the exit status. Ctrl-C is summed up too."""
        try:
            with self.terminal.progress(doing, len(files.names)) as step:
                for report in reports:
                    self.add(report)
                    step()
        finally:
            self.finish()
        # A file that nobody told about is nobody's success.
        return 1 if self.failed or files.errors or self.verdicts.total() < len(files.names) else 0

    def add(self, report: FileReport) -> None:
        """Tell about one file."""
        self.verdicts[report.verdict] += 1
        self.failed += not report.is_fine
        self.sent += report.sent is not None
        if not self.terminal.as_json:
            self._show(report)
        if report.error is not None:
            self._complain(report.error, printable(report.path))
        if self.terminal.as_json:
            self.terminal.result(report.as_json((self.part,)))

    def _complain(self, error: TolmachError, path: str) -> None:
        # What is wrong with the destination is told once; what is wrong with a file, with its name.
        is_about_the_peer, problem = "peer" in error.problem.facts, error.problem
        reason = f"{error.code}: {self.terminal.sentence(problem)}" if is_about_the_peer else error.code
        self.reasons[reason] += 1
        self.firsts.setdefault(reason, "" if is_about_the_peer else f": {path}: {self.terminal.phrase(problem.what)}")
        if not self.terminal.is_one_screen:
            self.terminal.complain(error, "" if is_about_the_peer else path)

    def _show(self, report: FileReport) -> None:
        terminal, gettext = self.terminal, self.terminal.translator.gettext
        found = report.detection
        page = f"{found.code_page} {found.confidence:.1%}" if found is not None and found.code_page else ""
        verdict = gettext(_VERDICTS[report.verdict])
        row = f"{self._state(report)}{verdict:{self._verdict_width}}  {page:{_PAGE}}  {printable(report.path)}"
        if report.out is not None:
            row += f"  → {printable(report.out)}"
        elif self.part == "out" and report.error is not None:
            row += f"  {gettext(_NOT_WRITTEN)}"
        news, known = self._news_of(report)
        colour = "red" if report.error is not None else _COLOURS[report.verdict]
        terminal.write(row + "".join(f"  {code}" for code in known), colour)
        for change in report.changes if report.error is None else ():
            if change.before != change.after:
                terminal.write(f"    {_name(change)}: {_value(change.before)} → {_value(change.after)}")
        for line, is_error in news:
            terminal.write(f"    {line}", "red" if is_error else "yellow")

    def _state(self, report: FileReport) -> str:
        """Give the first column of `send`: whether the destination has confirmed."""
        if self.part != "sent":
            return ""
        word = self.terminal.translator.gettext(_SENT if report.sent is not None else _NOT_SENT)
        return f"{word:{self._state_width}}  "

    def _news_of(self, report: FileReport) -> tuple[list[tuple[str, bool]], list[str]]:
        """Give the problems to be told in words, and the codes of those whose words stand further up already."""
        news, known = [], []
        for problem in report.problems:
            line = f"{problem.code}: {self.terminal.sentence(problem)}"
            if line in self._told:
                known.append(problem.code)
                continue
            self._told.add(line)
            news.append((line, report.error is not None and problem == report.error.problem))
        return news, known

    def finish(self) -> None:
        """Give the sum, and what kept files from being finished once more: it has scrolled away since."""
        terminal, total = self.terminal, sum(self.verdicts.values())
        terminal.complain_of_the_rest()
        if terminal.as_json or not total:
            return
        gettext = terminal.translator.gettext
        parts = [
            f"{gettext(word)} {self.verdicts[verdict]}" for verdict, word in _VERDICTS.items() if self.verdicts[verdict]
        ]
        line = terminal.count("{count} file", "{count} files", total) + ": " + ", ".join(parts)
        if self.part == "sent":
            line += "; " + terminal.count("{count} sent", "{count} sent", self.sent)
            if total > self.sent:
                line += ", " + terminal.count("{count} NOT SENT", "{count} NOT SENT", total - self.sent)
        terminal.write(line + ".", "bold")
        if total > 1:
            for reason, count in self.reasons.most_common(_REASONS):
                terminal.write(
                    f"    {count} × {reason}{self.firsts[reason]}{' …' if self.firsts[reason] and count > 1 else ''}",
                    "red",
                )


def _name(change: Change) -> str:
    return change.keyword or change.path


def _value(text: str | None) -> str:
    if text is None:
        return "—"
    return f"“{text[:_SHOWN]}…”" if len(text) > _SHOWN else f"“{text}”"
