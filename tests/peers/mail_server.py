"""A small mail server for tests, which may also be slow, hostile or choosy. Standard: RFC 5321, RFC 3207, RFC 4954."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from types import TracebackType
from typing import Self

Odd = Callable[["MailServer", socket.socket], None]


@dataclass
class Letter:
    """What arrived, and how."""

    sender: str
    recipients: list[str]
    raw: bytes
    user: str | None
    is_encrypted: bool

    @property
    def message(self) -> EmailMessage:
        return BytesParser(policy=policy.default).parsebytes(self.raw)


@dataclass
class MailServer:
    """Listens on a loopback port until the `with` block ends; `answers` replaces what it says to a command."""

    starttls: ssl.SSLContext | None = None
    tls: ssl.SSLContext | None = None
    user: str | None = None
    password: str = "secret"
    answers: dict[str, str] = field(default_factory=dict)
    odd: Odd | None = None  # takes the whole conversation over
    letters: list[Letter] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.stopping = threading.Event()
        self.arrived = threading.Condition()
        self._threads = [threading.Thread(target=self._listen)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        # Closing alone does not wake a thread that waits in accept.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(30)

    def await_letters(self, number: int, seconds: float = 30) -> list[Letter]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.letters) >= number, seconds), self.letters
            return list(self.letters)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with suppress(OSError):
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            if self.odd is not None:
                self.odd(self, connection)
            else:
                conversation = _Conversation(self, connection)
                try:
                    conversation.run()
                finally:
                    conversation.close()
        connection.close()


class _Conversation:
    def __init__(self, server: MailServer, connection: socket.socket) -> None:
        self.server, self.connection = server, connection
        self.file = connection.makefile("rb")
        self.is_encrypted = server.tls is not None
        self.user: str | None = None
        self.sender, self.recipients = "", list[str]()

    def run(self) -> None:
        self.say(self.server.answers.get("greeting", "220 test"))
        while line := self.file.readline(4096):
            words = line.decode().strip()
            verb = words.partition(" ")[0].upper()
            if verb == "QUIT":
                self.say("221 bye")
                return
            self.answer(verb, words)

    def close(self) -> None:
        self.file.close()
        self.connection.close()

    def answer(self, verb: str, words: str) -> None:
        scripted = self.server.answers.get(f"{verb}{words[len(verb) :]}") or self.server.answers.get(verb)
        if scripted:
            self.say(scripted)
        elif verb in ("EHLO", "HELO"):
            self.greet()
        elif verb == "STARTTLS" and self.server.starttls and not self.is_encrypted:
            self.encrypt(self.server.starttls)
        elif verb == "AUTH":
            self.log_in(words)
        elif verb == "MAIL":
            self.sender = words.partition("<")[2].partition(">")[0]
            self.recipients = []
            self.say("530 login first" if self.server.user and not self.user else "250 ok")
        elif verb == "RCPT":
            self.recipients.append(words.partition("<")[2].partition(">")[0])
            self.say("250 ok")
        elif verb == "DATA":
            self.take()
        else:
            self.say("250 ok")

    def greet(self) -> None:
        offers = ["test", "8BITMIME"]
        if self.server.starttls and not self.is_encrypted:
            offers.append("STARTTLS")
        if self.server.user:
            offers.append("AUTH PLAIN")
        lines = [f"250{'-' if offer is not offers[-1] else ' '}{offer}" for offer in offers]
        self.say("\r\n".join(lines))

    def encrypt(self, context: ssl.SSLContext) -> None:
        self.say("220 go on")
        self.file.close()
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.file = self.connection.makefile("rb")
        self.is_encrypted = True

    def log_in(self, words: str) -> None:
        _, user, password = base64.b64decode(words.split()[2]).decode().split("\0")
        good = (user, password) == (self.server.user, self.server.password)
        self.user = user if good else None
        self.say("235 welcome" if good else "535 5.7.8 no")

    def take(self) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.file.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        letter = Letter(self.sender, self.recipients, b"".join(lines), self.user, self.is_encrypted)
        with self.server.arrived:
            self.server.letters.append(letter)
            self.server.arrived.notify_all()
        self.say("250 taken")

    def say(self, text: str) -> None:
        self.connection.sendall(f"{text}\r\n".encode())
