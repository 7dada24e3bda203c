"""News in somebody's language: the subject and the text of a message, and the same for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tolmach.adapters.notices import Notice
from tolmach.apps.findings import OVER, News
from tolmach.apps.translations import Translator
from tolmach.base import N_, Phrase

_SUBJECT = N_("tolmach on {station}: {what}")
_SUBJECT_LONG = 120
_MARKS = {
    "new": N_("NEW"),
    "worse": N_("WORSE"),
    "repeated": N_("STILL SO"),
    "over": N_("WELL AGAIN"),
}
_CAUSE, _TODO = N_("Cause: {what}"), N_("What to do: {todo}")
_FOOT = N_(
    "This message was written by tolmach on {station}. It holds no data of patients. Images that were taken are kept, "
    "whatever it says."
)
_TEST = N_("This is a test: messages of tolmach arrive here.")


@dataclass(frozen=True, slots=True)
class Wording:
    """Who speaks, and in which language."""

    translator: Translator
    station: str

    def notice(self, news: Sequence[News], now: datetime) -> Notice:
        """Give one message for all news, the bad before the good."""
        ordered = sorted(news, key=lambda one: one.change == "over")
        first = self._what(ordered[0])
        what = f"{first[:_SUBJECT_LONG]}{f' (+{len(ordered) - 1})' if len(ordered) > 1 else ''}"
        parts = [self._part(one) for one in ordered]
        is_trouble = any(one.change != "over" for one in ordered)
        fields = self._fields("trouble" if is_trouble else "well", now) | {
            "items": [self._item(one) for one in ordered]
        }
        return Notice(self._say(_SUBJECT, station=self.station, what=what), self._text(parts), fields)

    def test(self, now: datetime) -> Notice:
        """Give a message that says only that messages arrive."""
        what = self._say(_TEST)
        subject = self._say(_SUBJECT, station=self.station, what=what)
        return Notice(subject, self._text([what]), self._fields("test", now) | {"items": []})

    def _say(self, msgid: str, /, **facts: object) -> str:
        return self.translator.gettext(msgid, **facts)

    def _what(self, one: News) -> str:
        problem = one.finding.problem
        over = Phrase(OVER[one.finding.kind], problem.facts)
        return self.translator.translate(over if one.change == "over" else problem.what).strip()

    def _part(self, one: News) -> str:
        lines = [f"{self._say(_MARKS[one.change])}: {self._what(one)}"]
        if one.change != "over":
            cause = one.finding.cause
            if cause is not None:
                lines.append("  " + self._say(_CAUSE, what=f"{cause.code}: {self.translator.translate(cause.what)}"))
            lines.append("  " + self._say(_TODO, todo=one.finding.problem.todo))
            lines.append(f"  {one.finding.problem.code}")
        return "\n".join(lines)

    def _text(self, parts: Sequence[str]) -> str:
        return "\n\n".join([*parts, "-- \n" + self._say(_FOOT, station=self.station)]) + "\n"

    def _item(self, one: News) -> dict[str, Any]:
        finding, is_over = one.finding, one.change == "over"
        return {
            "kind": finding.kind,
            "name": finding.name,
            "change": one.change,
            "code": finding.problem.code,
            "what": self._what(one),
            "todo": None if is_over else self.translator.translate(finding.problem.todo),
            "cause": None if finding.cause is None or is_over else finding.cause.code,
            "count": finding.count,
            "seconds": int(finding.seconds),
        }

    def _fields(self, event: str, now: datetime) -> dict[str, Any]:
        at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        return {"event": event, "station": self.station, "at": at, "language": self.translator.language}
