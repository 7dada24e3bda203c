"""One desktop program for each user: a second start hands its paths to the first and ends. No network port is opened.

The first holds a lock file in the user's own folder and listens on a local socket that only this user may open.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from tolmach.apps.desktop.faults import NO_ANSWER_FROM_FIRST, DesktopTrouble

LOCK, SOCKET = "desktop.lock", "desktop.socket"
_MOST_BYTES = 4 << 20
_MOST_SOCKET_PATH = 100  # letters; systems allow little more
_MILLISECONDS = 3_000
_TRIES = 4


class FirstInstance(QObject):
    """The door at which later starts leave their paths; `brought` gives them."""

    brought = Signal(list)

    def __init__(self, folder: Path) -> None:
        """Be nobody yet; `folder` is the user's own."""
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._name = socket_name(folder)
        self._lock = QLockFile(str(folder / LOCK))
        self._lock.setStaleLockTime(0)  # a lock is as old as its program; a dead one's is taken over
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._greet)
        self._heard: dict[QLocalSocket, bytearray] = {}

    def take(self) -> bool:
        """Become the first, and listen; False when somebody is already."""
        if not self._lock.tryLock(0):
            return False
        QLocalServer.removeServer(self._name)  # left by a program that died; the lock says that nobody listens
        self._server.listen(self._name)
        return True

    def close(self) -> None:
        """Be the first no longer."""
        self._server.close()
        self._lock.unlock()

    def _greet(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            self._heard[socket] = bytearray()
            socket.readyRead.connect(lambda socket=socket: self._hear(socket))
            socket.disconnected.connect(lambda socket=socket: self._part(socket))
            if socket.bytesAvailable():
                self._hear(socket)

    def _hear(self, socket: QLocalSocket) -> None:
        heard = self._heard.get(socket)
        if heard is None:
            return
        heard += bytes(socket.readAll().data())
        if len(heard) > _MOST_BYTES:
            socket.abort()
            return
        if b"\n" not in heard:
            return
        try:
            paths = [Path(one) for one in json.loads(heard.partition(b"\n")[0]) if isinstance(one, str)]
        except (ValueError, TypeError):
            socket.abort()
            return
        heard.clear()
        socket.write(b"taken\n")
        socket.flush()
        self.brought.emit(paths)

    def _part(self, socket: QLocalSocket) -> None:
        self._heard.pop(socket, None)
        socket.deleteLater()


def hand_over(folder: Path, paths: Sequence[Path]) -> None:
    """Give paths to the program that is running; raises `DesktopTrouble` when it does not take them."""
    message = json.dumps([str(path.absolute()) for path in paths]).encode("ascii") + b"\n"
    for _ in range(_TRIES):
        socket = QLocalSocket()
        socket.connectToServer(socket_name(folder))
        if not socket.waitForConnected(_MILLISECONDS):
            continue
        socket.write(message)
        while socket.bytesToWrite() and socket.waitForBytesWritten(_MILLISECONDS):
            pass
        if socket.waitForReadyRead(_MILLISECONDS) and bytes(socket.readAll().data()).startswith(b"taken"):
            socket.disconnectFromServer()
            return
        socket.abort()
    raise DesktopTrouble(NO_ANSWER_FROM_FIRST)


def socket_name(folder: Path) -> str:
    """Give the name of the user's socket: in the folder itself where the system has room for so long a path."""
    path = str(folder.absolute() / SOCKET)
    if len(path.encode("utf-8", "surrogateescape")) <= _MOST_SOCKET_PATH and path[1:2] != ":":
        return path
    return f"tolmach-desktop-{crc32(path.encode('utf-8', 'surrogateescape')):08x}"
