"""`tolmach detect`: the code page of raw byte strings read from stdin, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.terminal import standard_input
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Tell in which code page text is. Reads bytes from stdin, line by line.")))
    @click.option("--together", is_flag=True, help=_(N_("Judge all lines as one file.")))
    @json_option(run)
    def detect(*, together: bool, as_json: bool) -> int:
        return _detect(run, together=together, as_json=as_json)


def _detect(run: Run, *, together: bool, as_json: bool) -> int:
    from tolmach.text.detect import detect

    terminal = run.terminal(as_json=as_json)
    unsure = False
    lines: Iterator[bytes] | Sequence[bytes] = standard_input()
    common = None
    if together:
        lines = list(lines)
        common = detect(lines)
    for line in lines:
        found = common if common is not None else detect([line])
        unsure = unsure or found.outcome == "unsure"
        text = _text(line, found.code_page)
        if as_json:
            terminal.result({"code_page": found.code_page, "confidence": round(found.confidence, 4), "text": text})
        else:
            name = found.code_page or terminal.translator.gettext(_OUTCOMES[found.outcome])
            terminal.write(f"{name}\t{found.confidence:.3f}\t{text}")
    return 1 if unsure else 0


# "cyrillic" has a code page.
_OUTCOMES = {"leave": N_("not Cyrillic"), "unsure": N_("unsure")}


def _text(line: bytes, code_page: str | None) -> str:
    """Give the text under the code page; without one, UTF-8 as it is, and Latin-1 as viewers show it."""
    from tolmach.text.code_pages import decode

    text = decode(line, code_page) if code_page is not None else None
    if text is not None:
        return text
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")
