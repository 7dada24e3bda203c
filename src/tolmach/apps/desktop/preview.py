"""The picture of one file: asked of a process of its own, which is ended when it takes too long or is not needed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tolmach.apps.desktop.preview_limits import MOST_PIXELS, SECONDS
from tolmach.base import N_, Phrase

_MOST_BYTES = MOST_PIXELS * MOST_PIXELS * 3 + (1 << 16)
BROKEN_OFF = N_("decoding it broke off or took too long")


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image: 8 bits a channel, one channel (grey) or three."""

    path: Path
    width: int
    height: int
    channels: int
    frames: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class NoPicture:
    """Why there is none."""

    path: Path
    why: Phrase


Told = Picture | NoPicture


def child_command() -> Sequence[str]:
    """Give the program that decodes. A frozen program has no `-m`; it calls itself."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "desktop", "--decode"]
    return [sys.executable, "-P", "-m", "tolmach.apps.desktop.preview_child"]


class Preview:
    """Decodes one file at a time; asking for another ends the one before. `tell` is called in a thread."""

    def __init__(self, tell: Callable[[Told], None], command: Sequence[str] | None = None, seconds: float = 0) -> None:
        """Wait; `command` is what decodes, `seconds` how long it may take."""
        self._tell, self._command = tell, list(command or child_command())
        self._seconds = seconds or SECONDS + 3
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._wanted: Path | None = None

    def ask(self, path: Path) -> None:
        """Decode a file; the picture or the reason is told, unless another file is asked for meanwhile."""
        self.drop()
        with self._lock:
            self._wanted = path
        threading.Thread(target=self._decode, args=(path,), name="preview", daemon=True).start()

    def drop(self) -> None:
        """Want nothing any more, and end what is being decoded."""
        with self._lock:
            self._wanted = None
            if self._child is not None:
                self._child.kill()

    def _decode(self, path: Path) -> None:
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        with self._lock:
            if self._wanted != path:
                return
            child = self._child = subprocess.Popen(  # noqa: S603 - our own module, and a path that is one argument
                [*self._command, str(path), str(MOST_PIXELS)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=flags,
            )
        deadline = threading.Timer(self._seconds, child.kill)
        deadline.daemon = True
        deadline.start()
        try:
            with child:
                answer = child.stdout.read(_MOST_BYTES) if child.stdout is not None else b""
                child.kill()  # whatever it still has to say
        finally:
            deadline.cancel()
        with self._lock:
            is_wanted = self._wanted == path
            if self._child is child:
                self._child = None
        if is_wanted:
            self._tell(picture_of(path, answer))


def picture_of(path: Path, answer: bytes) -> Told:
    """Understand what the other process said; nothing of it is believed unchecked."""
    head, _, pixels = answer.partition(b"\n")
    try:
        about = json.loads(head)
        if "why" in about:
            facts = {str(name): str(fact) for name, fact in about["why"]["facts"].items()}
            return NoPicture(path, Phrase(str(about["why"]["msgid"]), facts))
        width, height, channels = (int(about[name]) for name in ("width", "height", "channels"))
        frames = int(about["frames"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return NoPicture(path, Phrase(BROKEN_OFF))
    is_sound = 0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS and channels in (1, 3)
    if not is_sound or len(pixels) != width * height * channels:
        return NoPicture(path, Phrase(BROKEN_OFF))
    return Picture(path, width, height, channels, frames, pixels)
