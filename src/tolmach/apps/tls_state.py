"""Which certificates a connection was made with: renewed files under old names count as a change."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tolmach.apps.sections import TlsSettings


@dataclass(frozen=True, slots=True)
class TlsState:
    """The settings, and when each of their files was changed last (nanoseconds since 1970)."""

    settings: TlsSettings
    changed_ns: tuple[int, ...]

    @classmethod
    def of(cls, settings: TlsSettings) -> TlsState:
        """Look at the files; one that is not there counts as 0."""
        return cls(settings, times_of((settings.certificate, settings.key, settings.ca)))


def times_of(files: Iterable[Path | None]) -> tuple[int, ...]:
    """Give when each file was changed last, in nanoseconds since 1970; 0 where none is named or there."""
    times = []
    for file in files:
        changed = 0
        if file is not None:
            with suppress(OSError):
                changed = file.stat().st_mtime_ns
        times.append(changed)
    return tuple(times)
