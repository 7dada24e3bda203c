"""What goes to the terminal: results on stdout, everything else on stderr, in the user's language.

Values from files are shown with control characters made visible, so that no name can move the cursor or ring the bell.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tolmach.apps.translations import Translator
from tolmach.base import Phrase, Problem, TolmachError

_COLOURS = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}


Step = Callable[[], None]  # tells that one more piece of the work is done


class Terminal:
    """One run's output. `as_json` keeps stdout for JSON Lines alone."""

    def __init__(self, translator: Translator, *, as_json: bool = False) -> None:
        """Speak one language; colours only where a person looks and did not forbid them."""
        self.translator, self.as_json = translator, as_json
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._told: set[str] = set()

    def say(self, msgid: str, /, **facts: object) -> None:
        """Write one translated line for a person to stdout; nothing with `--json`."""
        if not self.as_json:
            self.write(self.translator.gettext(msgid, **facts))

    def count(self, one: str, many: str, number: int, /, **facts: object) -> str:
        """Give the translated form that goes with a number."""
        return self.translator.ngettext(one, many, number, **facts)

    def write(self, text: str = "", colour: str = "") -> None:
        """Write one line to stdout as it is."""
        self._print(sys.stdout, self.coloured(text, colour))

    def result(self, item: dict[str, Any]) -> None:
        """Write one JSON object as a line of its own."""
        self._print(sys.stdout, json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f"))

    def coloured(self, text: str, colour: str) -> str:
        """Give text in a colour where colours are wanted."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour and self._colours else text

    def complain(self, error: TolmachError | Problem) -> None:
        """Write one line to stderr: code, what happened, what to do. The same line is written once only."""
        problem = error.problem if isinstance(error, TolmachError) else error
        line = f"{problem.code}: {self.sentence(problem)}"
        if line not in self._told:
            self._told.add(line)
            self._print(sys.stderr, line)

    def sentence(self, problem: Problem) -> str:
        """Give what happened and what to do, in the user's language, on one line."""
        return visible(f"{self.phrase(problem.what)} {self.phrase(problem.todo)}")

    def phrase(self, phrase: Phrase) -> str:
        """Give a phrase in the user's language."""
        return self.translator.translate(phrase)

    def _print(self, stream: TextIO, text: str) -> None:
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        print(text, file=stream, flush=stream is sys.stderr)

    @contextmanager
    def progress(self, msgid: str, total: int) -> Iterator[Step]:
        """Show how far the work is, on stderr, while a person looks; gives what to call after each piece."""
        if self.as_json or not sys.stderr.isatty() or total < 2:
            yield _no_step
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(file=sys.stderr)
        # Lines that go to a file must not be drawn through the bar's console.
        with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as progress:
            task = progress.add_task(self.translator.gettext(msgid), total=total)
            yield lambda: progress.advance(task)


def _no_step() -> None:
    return None


def visible(text: str) -> str:
    """Give text with control, bidirectional and unprintable characters shown as escapes."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() and unicodedata.category(one) != "Cf" else one.encode("unicode_escape").decode("ascii")
        for one in text
    )
