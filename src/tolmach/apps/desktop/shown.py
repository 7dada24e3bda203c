"""Whatever a file says, made fit to be seen: bounded, with control and direction marks visible, and never as markup.

Standard: Unicode annex 9 (bidirectional marks), whose characters are shown as escapes like all that cannot be printed.
"""

from __future__ import annotations

import html
from datetime import date

from tolmach.apps.cli.terminal import visible
from tolmach.base import N_

MOST = 256  # characters of one value on the screen
_LONG_TIP = 1200
UNITS = (N_("{size} B"), N_("{size} KB"), N_("{size} MB"), N_("{size} GB"))


def plain(text: str, most: int = MOST) -> str:
    """Give text on one line: at most `most` characters of it, whatever cannot be printed as an escape."""
    return visible(text) if len(text) <= most else f"{visible(text[:most])}…"


def tip(text: str) -> str:
    """Give the text of a tooltip. Qt takes tooltips for markup when they look like it, so all of it is escaped."""
    lines = [visible(line) for line in text[:_LONG_TIP].split("\n")]
    body = "<br>".join(html.escape(line) for line in lines)
    return f"<qt>{body}</qt>" if text else ""


def label(text: str) -> str:
    """Give the text of a button, tab or menu entry that comes from outside: its ampersands are no mnemonics."""
    return plain(text, 64).replace("&", "&&")


def size(count: int) -> tuple[str, str]:
    """Give a number of bytes as people read it: the number, and the msgid with its unit, which takes it as `size`."""
    if count < 1024:
        return str(count), UNITS[0]
    amount, unit = count / 1024, 1
    while amount >= 999.5 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f}" if amount < 9.95 else f"{amount:.0f}", UNITS[unit]


def dicom_date(text: str) -> str:
    """Give a DA value as year-month-day; anything else as it stands."""
    if len(text) == 8 and text.isascii() and text.isdigit():
        try:
            return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
        except ValueError:
            return text
    return plain(text, 24)


def person(text: str) -> str:
    """Give a PN value as people read it: family name first, the marks of the components gone.

    Standard: PS3.5 section 6.2.1 (components).
    """
    group = text.split("=", maxsplit=1)[0] or text
    return plain(" ".join(part for part in group.split("^") if part))


def duration(seconds: float) -> str:
    """Give a span of time as minutes and seconds, or hours, minutes and seconds."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def milliseconds(seconds: float | None) -> str:
    """Give a short time in milliseconds, with a decimal where it is very short."""
    value = (seconds or 0.0) * 1000
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"
