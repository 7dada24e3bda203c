"""What goes to the terminal: results on stdout, everything else on stderr, in the user's language.

Values from files are shown with control characters made visible, so that no name can move the cursor or ring the bell.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tolmach.apps.translations import Translator
from tolmach.base import Phrase, Problem, TolmachError

_COLOURS = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
_SAME_CODE = 25  # lines on stderr about the same kind of trouble; beyond that only their number
_REDRAW_SECONDS = 0.1
_BAR = 30

Step = Callable[[], None]  # tells that one more piece of the work is done


class Terminal:
    """One run's output. `as_json` keeps stdout for JSON Lines alone."""

    def __init__(self, translator: Translator, *, as_json: bool = False) -> None:
        """Speak one language; colours only where a person looks and did not forbid them."""
        self.translator, self.as_json = translator, as_json
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        self.is_watched = _is_terminal(sys.stdout)
        self.is_one_screen = self.is_watched and _is_terminal(sys.stderr) and not as_json
        self._colours = self.is_watched and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        if self._colours and sys.platform == "win32":
            import colorama

            colorama.just_fix_windows_console()
        self._told: set[str] = set()
        self._codes: Counter[str] = Counter()
        self._status: _StatusLine | None = None

    def say(self, msgid: str, /, **facts: object) -> None:
        """Write one translated line for a person to stdout; nothing with `--json`."""
        if not self.as_json:
            self.write(self.translator.gettext(msgid, **facts))

    def count(self, one: str, many: str, number: int, /, **facts: object) -> str:
        """Give the translated form that goes with a number."""
        return self.translator.ngettext(one, many, number, **facts)

    def write(self, text: str = "", colour: str = "") -> None:
        """Write one line to stdout, whatever cannot be printed made visible."""
        self._print(sys.stdout, self._coloured(visible(text), colour))

    def result(self, item: dict[str, Any]) -> None:
        """Write one JSON object as a line of its own."""
        self._print(sys.stdout, printable_json(item))

    def text(self, text: str) -> None:
        """Write one line of somebody's text: untouched into a file or a pipe, made visible for a person."""
        self._print(sys.stdout, visible(text) if self.is_watched else text)

    def complain(self, error: TolmachError | Problem, about: str = "") -> None:
        """Write one line to stderr: code, what happened (to the file `about`), what to do.

        The same line is written once, and of very many with the same code only the first.
        """
        problem = error.problem if isinstance(error, TolmachError) else error
        sentence = self.sentence(problem)
        name = f"{visible(about)}: " if about and visible(about) not in sentence else ""
        line = f"{problem.code}: {name}{sentence}"
        if line in self._told:
            return
        self._codes[problem.code] += 1
        if self._codes[problem.code] <= _SAME_CODE:
            self._told.add(line)
            self._print(sys.stderr, line)

    def complain_of_the_rest(self) -> None:
        """Write to stderr how many complaints were left out."""
        for code, number in self._codes.items():
            if number > _SAME_CODE:
                left = number - _SAME_CODE
                more = self.count("The same with {count} more file.", "The same with {count} more files.", left)
                self._print(sys.stderr, f"{code}: {more}")

    def sentence(self, problem: Problem) -> str:
        """Give what happened and what to do, in the user's language, on one line."""
        return visible(f"{self.phrase(problem.what).rstrip()} {self.phrase(problem.todo)}")

    def phrase(self, phrase: Phrase) -> str:
        """Give a phrase in the user's language."""
        return self.translator.translate(phrase)

    def _coloured(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour and self._colours else text

    def _print(self, stream: TextIO, text: str) -> None:
        if self._status is not None:
            self._status.clear()
        # Flushed line by line: whoever reads the other end of a pipe sees each file when it is done.
        try:
            print(text.encode("utf-8", "backslashreplace").decode("utf-8"), file=stream, flush=True)
        except OSError:
            if stream is sys.stdout:  # where errors cannot be told, the exit status still tells of them
                raise

    @contextmanager
    def progress(self, msgid: str, total: int) -> Iterator[Step]:
        """Show how far the work is, on stderr, while a person looks; gives what to call after each piece."""
        if self.as_json or not _is_terminal(sys.stderr) or total < 2:
            yield _no_step
            return
        status = self._status = _StatusLine(sys.stderr, self.translator.gettext(msgid), total)
        try:
            yield status.step
        finally:
            self._status = None
            status.clear()


class _StatusLine:
    """The last line of the screen while work goes on; it makes room for every line that is written."""

    def __init__(self, stream: TextIO, what: str, total: int) -> None:
        self.stream, self.what, self.total = stream, what, total
        self.done = self.width = 0
        self.started = self.drawn = time.monotonic()

    def step(self) -> None:
        """Count one piece, and draw at most ten times a second: drawing must not be what takes the time."""
        self.done += 1
        now = time.monotonic()
        if now - self.drawn < _REDRAW_SECONDS:
            return
        self.clear()
        self.drawn = now
        full = _BAR * self.done // self.total
        left = int((now - self.started) / self.done * (self.total - self.done))
        line = f"{self.what} {'█' * full}{'░' * (_BAR - full)} {self.done}/{self.total}  {left // 60}:{left % 60:02}"
        line = line[: max(0, shutil.get_terminal_size().columns - 1)]
        self.width = len(line)
        self.stream.write(line)
        self.stream.flush()

    def clear(self) -> None:
        """Leave an empty line with the cursor at its beginning."""
        if self.width:
            self.stream.write("\r" + " " * self.width + "\r")
            self.stream.flush()
            self.width = 0


def standard_input() -> Iterator[bytes]:
    """Give the lines of stdin as they come, without their ends; raises `FileTrouble` when it cannot be read."""
    lines = iter(sys.stdin.buffer)
    while True:
        try:
            line = next(lines, None)
        except OSError as error:
            from tolmach.adapters.folder.faults import mapped

            raise mapped(error, "stdin") from error
        if line is None:
            return
        yield line.rstrip(b"\r\n")


def given_lines(text: str | None) -> Iterator[bytes]:
    """Give the text of the command line as the one line there is, or the lines of stdin where there is none."""
    if text is None:
        yield from standard_input()
        return
    try:
        yield text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # Windows has half characters, which are no text either
        yield text.encode("utf-8", "surrogatepass")


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _no_step() -> None:
    return None


def visible(text: str) -> str:
    """Give text with control, bidirectional and unprintable characters shown as escapes."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in _HARMLESS else _escaped(one) for one in text)


_HARMLESS = "\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}"


def _escaped(one: str) -> str:
    if "\udc80" <= one <= "\udcff":  # a byte of a file name that is no text
        return f"\\x{ord(one) - 0xDC00:02x}"
    return one.encode("unicode_escape").decode("ascii")


def printable_json(item: dict[str, Any]) -> str:
    """Give one line of JSON that any terminal can show: unprintable characters stand as escapes, as JSON allows."""
    line = json.dumps(item, ensure_ascii=False)
    if line.isprintable():
        return line
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1].replace("\x7f", "\\u007f") for one in line)
