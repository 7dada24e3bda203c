"""Files put into a folder that others use too: never outside it, never over another file, never half there.

Where the system knows folders by descriptor, every step on the way is opened in the one before and no link is followed;
elsewhere the place is compared with the folder's own before anything is written.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tolmach.adapters.folder.open_folders import OpenFolder, open_folder
from tolmach.adapters.folder.path_template import shortened
from tolmach.adapters.folder.walking import PART_SUFFIX
from tolmach.base import N_, Fault, NeedsOperator, Refused, Retryable

ROOT_MISSING = Fault(
    "TLM-DLV-051",
    N_("The folder {folder} is not there, or is no folder."),
    N_("Connect the network drive, or make the folder; it is never made by itself. Delivery goes on then."),
)
NOT_WRITABLE = Fault(
    "TLM-DLV-052",
    N_("Nothing may be written into {folder}: {why}."),
    N_("Give the user that runs tolmach the right to write there; delivery goes on then."),
)
FOLDER_FULL = Fault(
    "TLM-DLV-053",
    N_("There is no space left in {folder}."),
    N_("Free some space there; delivery goes on by itself."),
)
FOLDER_TROUBLE = Fault(
    "TLM-DLV-054",
    N_("Writing into {folder} failed: {why}."),
    N_("Check the disk or the network drive; delivery goes on by itself."),
)
IN_THE_WAY = Fault(
    "TLM-DLV-055",
    N_("{name} in {folder} is a file or a link, and a folder is needed there."),
    N_("Move it away, or change the path template of this peer."),
)
NAME_REFUSED = Fault(
    "TLM-DLV-056",
    N_("The file system of {folder} does not take the name {name}: {why}."),
    N_("Change the path template of this peer."),
)

_PART_PREFIX = ".tolmach-"
_DAY = 24 * 3600.0
_KNOWN_FOLDERS = 64
_KNOWN_NAMES = 100_000
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_BAD_NAME = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)


class FolderUnusable(NeedsOperator):
    """The folder is missing, or nothing may be written into it."""


class FolderTrouble(Retryable):
    """The folder could not be written to this time."""


class NoPlace(Refused):
    """This one file cannot have its place in the folder."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a file stands, and whether it was written now; true when it was."""

    path: Path
    is_new: bool

    def __bool__(self) -> bool:
        return self.is_new


class FolderTree:
    """One folder as a destination; any thread may call, and other programs may write there at the same time."""

    def __init__(self, root: Path) -> None:
        """Look at nothing yet."""
        self._root = root
        self._was_mount = False
        self._is_swept = False
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        # The names in the folders used last, folded: what is one name elsewhere must not be two here.
        self._known: OrderedDict[tuple[str, ...], dict[str, str]] = OrderedDict()

    def require_root(self) -> None:
        """Require that the folder is there; raises `FolderUnusable`, and `FolderTrouble` when nobody can tell.

        A drive that was mounted there and is no more leaves an empty folder behind, which is not the one that is meant.
        """
        with self._mapped(self._root.name):
            is_mount = self._root.is_mount()
            if not self._root.is_dir() or (self._was_mount and not is_mount):
                raise FolderUnusable(ROOT_MISSING, folder=self._root)
            self._was_mount = is_mount

    def put(self, names: Sequence[str], chunks: Iterable[memoryview | bytes]) -> Placed:
        """Make a file complete and durable under these names, the last its own, or one like it.

        Gives its absolute path, and whether it is new. Where another file has the name, a part of the checksum is put
        behind it; where the same bytes stand there already nothing is written. So it may be repeated. Names that differ
        only in case or in how letters are composed are one name. Raises `FolderUnusable`, `FolderTrouble`, `NoPlace`,
        and what the chunks raise.
        """
        self.require_root()
        *way, name = names
        with ExitStack() as stack, self._mapped(name):
            root = stack.enter_context(open_folder(self._root))
            part = f"{_PART_PREFIX}{os.getpid()}-{threading.get_ident()}-{next(self._numbers)}{PART_SUFFIX}"
            stack.callback(_remove, root, part)
            sha256 = _write(root, part, chunks)
            with self._lock:
                folder, path = self._walk(stack, root, way)
                self._sweep(root, part)
                return self._take_name(folder, path, name, root, part, sha256)

    def _walk(self, stack: ExitStack, folder: OpenFolder, way: Sequence[str]) -> tuple[OpenFolder, tuple[str, ...]]:
        """Open the folders on the way one in another, making what is missing; twins are one folder."""
        path: tuple[str, ...] = ()
        for name in way:
            known = self._names(folder, path)
            actual = known.setdefault(_folded(name), name)
            try:
                folder, path = stack.enter_context(folder.inner(actual)), (*path, actual)
            except (NotADirectoryError, FileExistsError) as error:
                raise NoPlace(IN_THE_WAY, folder=self._root.joinpath(*path), name=actual) from error
            except OSError as error:
                known.pop(_folded(name), None)
                if error.errno == errno.ELOOP:
                    raise NoPlace(IN_THE_WAY, folder=self._root.joinpath(*path), name=actual) from error
                raise
        return folder, path

    def _take_name(
        self, folder: OpenFolder, path: tuple[str, ...], name: str, root: OpenFolder, part: str, sha256: str
    ) -> Placed:
        """Give the written file the first name that is free, unless its bytes stand under one of them already."""
        known = self._names(folder, path)
        for length in (0, 8, 16, 64):
            candidate = shortened(name, f"~{sha256[:length]}" if length else "")
            actual = known.get(_folded(candidate))
            standing = None if actual is None else _sha256_of(folder, actual)
            if standing is None:  # never there, or taken away since
                try:
                    folder.take(root, part, candidate)
                    known[_folded(candidate)] = candidate
                    folder.sync()
                    return self._placed(path, candidate, is_new=True)
                except FileExistsError:  # somebody else wrote it since
                    actual = known[_folded(candidate)] = candidate
                    standing = _sha256_of(folder, candidate)
            if standing == sha256:
                folder.sync()  # whoever wrote it may not have come that far
                return self._placed(path, actual or candidate, is_new=False)
        raise NoPlace(NAME_REFUSED, folder=self._root, name=name, why="EEXIST")

    def _placed(self, path: Sequence[str], name: str, *, is_new: bool) -> Placed:
        return Placed(self._root.absolute().joinpath(*path, name), is_new)

    def _sweep(self, root: OpenFolder, own: str) -> None:
        """Remove once what was half written a day ago or more, by a program that was killed."""
        if self._is_swept:
            return
        self._is_swept = True
        now = root.modified(own)
        for name in [name for name in root.names() if name.startswith(_PART_PREFIX) and name.endswith(PART_SUFFIX)]:
            with suppress(OSError):  # somebody else removes it
                if now - root.modified(name) > _DAY:
                    root.remove(name)

    def _names(self, folder: OpenFolder, path: tuple[str, ...]) -> dict[str, str]:
        """Give the names in a folder by their folded form; read once, then kept in step with what is written."""
        known = self._known.get(path)
        if known is None or len(known) > _KNOWN_NAMES:
            known = self._known[path] = {}
            for name in itertools.islice(folder.names(), _KNOWN_NAMES):
                known.setdefault(_folded(name), name)
        self._known.move_to_end(path)
        while len(self._known) > _KNOWN_FOLDERS:
            self._known.popitem(last=False)
        return known

    @contextmanager
    def _mapped(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._raise(error, name)

    def _raise(self, error: OSError, name: str) -> NoReturn:
        why = error.strerror or str(error)
        if error.errno in _BAD_NAME:
            raise NoPlace(NAME_REFUSED, folder=self._root, name=name, why=why) from error
        if error.errno in _NO_RIGHT:
            raise FolderUnusable(NOT_WRITABLE, folder=self._root, why=why) from error
        if error.errno in _NO_ROOM:
            raise FolderTrouble(FOLDER_FULL, folder=self._root) from error
        raise FolderTrouble(FOLDER_TROUBLE, folder=self._root, why=why) from error


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _sha256_of(folder: OpenFolder, name: str) -> str | None:
    try:
        return folder.sha256_of(name)
    except FileNotFoundError:
        return None


def _write(root: OpenFolder, part: str, chunks: Iterable[memoryview | bytes]) -> str:
    digest = hashlib.sha256()
    with root.create(part) as file:
        for chunk in chunks:
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]
        os.fsync(file.fileno())
    return digest.hexdigest()


def _remove(root: OpenFolder, part: str) -> None:
    with suppress(OSError):  # it has its name by now, or could not be made
        root.remove(part)
