"""Whether a file in a watched folder has come to rest: how long it has looked the same, and who says it is closed.

Only the monotonic clock counts here: dates of files come from machines whose clocks are wrong, and are compared with
nothing but themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from tolmach.intake.interfaces import FileMark

# What is seen to change is older than this when it is read: no file system in use counts time in longer steps than
# this where it tells about opening files, so whatever is written during the reading gives the file another mark.
BREATH_SECONDS = 0.1
# What is remembered at a time; what is more stays on the disk and is seen later.
MOST_SEEN = 20_000

USUAL_EXTENSIONS = (".dcm", ".dic", "")
USUAL_IGNORED = ("*.tmp", "~*", "*.part", "*.partial", "*.crdownload")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a machine writes its files: which of them are images, and when one of them is finished.

    A file is looked into when it has not changed for `settle_seconds`, or for `closed_seconds` after the system said
    that it was closed or got its name. One that is not whole then waits; unchanged for `patience_seconds` it is taken
    as it is. The folder is gone through every `scan_seconds` where events do not help; with `polling` they are not
    asked for.

    `extensions` with a dot, "" for none, "*" for any; `ignore` are patterns of names (`*.tmp`, `~*`, `*preview*`), or
    of paths below the folder when there is a "/" in them. Case does not count. Sizes are bytes.
    """

    settle_seconds: float = 0.8
    closed_seconds: float = 0.2
    patience_seconds: float = 600.0
    scan_seconds: float = 0.5
    polling: bool = False
    extensions: tuple[str, ...] = USUAL_EXTENSIONS
    ignore: tuple[str, ...] = USUAL_IGNORED
    ignore_larger: int | None = None
    ignore_smaller: int | None = None
    ignore_older_days: float | None = None
    code_string: str = ""  # what a profile should do with CS elements of this machine; "" where it does not matter


@dataclass(slots=True)
class Seen:
    """A file that is not dealt with yet: since when it looks as it does, and when to look into it (monotonic)."""

    mark: FileMark
    since: float
    look_at: float
    is_closed: bool


class Stability:
    """Remembers files until they have been dealt with; one thread at a time. No more than `most` of them."""

    def __init__(self, manner: Manner, most: int = MOST_SEEN) -> None:
        """Begin with no file."""
        self._settle = max(manner.settle_seconds, BREATH_SECONDS)
        self._closed = max(min(manner.closed_seconds, manner.settle_seconds), BREATH_SECONDS)
        self._most = most
        self._seen: dict[bytes, Seen] = {}

    def see(self, mark: FileMark, now: float, *, is_closed: bool = False) -> bool:
        """Note how a file looks now; False when too many are remembered already and this one must be seen again later.

        A file that looks otherwise than before begins anew. `is_closed`: the system has just said that whoever wrote it
        is done.
        """
        seen = self._seen.get(mark.path)
        if seen is None and len(self._seen) >= self._most:
            return False
        if seen is None or seen.mark != mark:
            quiet = self._closed if is_closed else self._settle
            self._seen[mark.path] = Seen(mark, now, now + quiet, is_closed)
        elif is_closed and not seen.is_closed:
            seen.is_closed = True
            seen.look_at = min(seen.look_at, now + self._closed)
        return True

    def ripe(self, now: float, limit: int) -> list[Seen]:
        """Give files that have been quiet long enough, those written first in front."""
        found = [seen for seen in self._seen.values() if seen.look_at <= now]
        found.sort(key=lambda seen: (seen.mark.modified_ns, seen.mark.path))
        return found[:limit]

    def put_off(self, path: bytes, until: float) -> None:
        """Look into a file again at `until`, when it still looks the same then."""
        if path in self._seen:
            self._seen[path].look_at = until

    def drop(self, path: bytes) -> None:
        """Forget a file that was dealt with or is gone."""
        self._seen.pop(path, None)

    def due_at(self) -> float | None:
        """Give when the next file is to be looked into; None when none waits."""
        return min((seen.look_at for seen in self._seen.values()), default=None)

    @property
    def has_room(self) -> bool:
        """Whether another file could be remembered."""
        return len(self._seen) < self._most

    def __len__(self) -> int:
        return len(self._seen)
