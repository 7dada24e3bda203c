"""E-mail to people: one message to one server, which may be slow, gone or hostile.

Standard: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (TLS from the start), RFC 2047 (headers in any script).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses
from typing import Any, Literal

from tolmach.adapters.notices.faults import (
    BAD_ADDRESS,
    CANNOT_LOG_IN,
    LOGIN_REFUSED,
    LOST,
    MAIL_REFUSED,
    NO_STARTTLS,
    NOT_TRUSTED,
    RECIPIENTS_REFUSED,
    TOO_SLOW,
    UNREACHABLE,
    NoticeNotSent,
    NoticeRefused,
)
from tolmach.adapters.notices.notice import Notice, one_line
from tolmach.base import Phrase, Problem

REPLY_LIMIT = 1 << 16  # all that a server may say in one conversation
_SUBJECT_LIMIT, _TEXT_LIMIT, _SHOWN = 200, 100_000, 200
Encryption = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """How a mail server is reached. `tls` is the context whom to believe; not needed without encryption.

    `own_name` is what we call ourselves in the greeting. All of one message takes at most `patience_seconds`.
    """

    host: str
    port: int
    encryption: Encryption
    tls: ssl.SSLContext | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    own_name: str = ""
    timeout_seconds: float = 15.0
    patience_seconds: float = 60.0

    @property
    def shown(self) -> str:
        """The address for people."""
        return f"{self.host}:{self.port}"


class Mail:
    """Sends notices from one sender to some recipients; each on a connection of its own."""

    def __init__(self, server: MailServer, sender: str, recipients: Sequence[str], now: Callable[[], datetime]) -> None:
        """Understand the addresses (`name@host`, `Name <name@host>`); raises `NoticeRefused`."""
        self._server, self._now = server, now
        self._sender, self._recipients = parse_address(sender), tuple(parse_address(one) for one in recipients)

    @property
    def shown(self) -> str:
        """Where notices go, for people."""
        return self._server.shown

    def send(self, notice: Notice, identity: str) -> Problem | None:
        """Send a message; gives a problem when only some recipients were accepted, and None when all were.

        `identity` makes its Message-ID: repeated with the same one, mail programs may take the two for one. Raises
        `NoticeNotSent` when it may go later, and `NoticeRefused` when somebody has to do something first.
        """
        message = self._message(notice, identity)
        conversation = _Conversation(self._server)
        with _told(conversation), conversation as smtp:
            self._introduce(smtp)
            refused = smtp.send_message(message, self._sender.addr_spec, [one.addr_spec for one in self._recipients])
        if not refused:
            return None
        return Problem(RECIPIENTS_REFUSED, {"server": self._server.shown, "recipients": ", ".join(sorted(refused))})

    def _introduce(self, smtp: _Connection) -> None:
        server = self._server
        if server.encryption == "starttls":
            smtp.starttls(context=server.tls)
        if server.user:
            smtp.login(server.user, server.password)

    def _message(self, notice: Notice, identity: str) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = one_line(notice.subject)[:_SUBJECT_LIMIT]
        message["From"] = self._sender
        message["To"] = self._recipients
        message["Date"] = format_datetime(self._now())
        message["Message-ID"] = f"<{identity}@{self._sender.domain or 'localhost'}>"
        # Nobody's absence and no list shall answer a machine (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(_readable(notice.text[:_TEXT_LIMIT]), cte="base64")
        return message


def parse_address(text: str) -> Address:
    """Understand one address of an e-mail; raises `NoticeRefused`. A domain in any script becomes IDNA."""
    found = getaddresses([text])
    name, spec = found[0] if len(found) == 1 else ("", "")
    local, at, domain = spec.rpartition("@")
    try:
        if not (text.isprintable() and local and at and domain) or any(sign in spec for sign in " \t,;<>"):
            raise ValueError
        return Address(name, local, domain if domain.isascii() else domain.encode("idna").decode("ascii"))
    except (ValueError, MessageError, IndexError) as error:
        raise NoticeRefused(BAD_ADDRESS, address=one_line(text)) from error


def _readable(text: str) -> str:
    """Give text in which nothing but line ends moves a cursor, and which every reader can decode."""
    lines = (one_line(line) if line.strip() else "" for line in text.split("\n"))
    return "\n".join(lines).encode("utf-8", "replace").decode("utf-8") + "\n"


class _Replies:
    """What a server says, up to a limit: a reply of endless lines must not fill the memory."""

    def __init__(self, file: Any) -> None:
        self._file, self._left = file, REPLY_LIMIT

    def readline(self, size: int) -> bytes:
        line: bytes = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("it says too much")
        if line and not line.endswith(b"\n") and len(line) < size:
            raise OSError("it ended within a line")
        return line

    def close(self) -> None:
        self._file.close()


class _Connection(smtplib.SMTP):
    """A connection whose certificate is compared with the host that we call, and whose replies are bounded."""

    def __init__(self, server: MailServer) -> None:
        super().__init__(local_hostname=server.own_name or "[127.0.0.1]", timeout=server.timeout_seconds)
        self._host = server.host  # what starttls compares; the base class sets it only where it connects at once

    def getreply(self) -> tuple[int, bytes]:
        """Give one reply; raises `SMTPServerDisconnected` beyond the limit."""
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock.makefile("rb"))
        return super().getreply()


class _TlsConnection(_Connection, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""

    def __init__(self, server: MailServer) -> None:
        super().__init__(server)
        self.context = server.tls or ssl.create_default_context()  # the base class would believe anybody


class _Conversation:
    """A connection that ends by itself when the time is over: a server may say a letter now and then for ever."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._smtp = _TlsConnection(server) if server.encryption == "tls" else _Connection(server)
        self._timer = threading.Timer(server.patience_seconds, self._end)
        self._timer.daemon = True
        self.is_over = False

    def _end(self) -> None:
        self.is_over = True
        sock = self._smtp.sock
        if sock is not None:
            with suppress(OSError):  # it is over already
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> _Connection:
        self._timer.start()
        try:
            code, said = self._connected()
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
        except BaseException:
            self._close()
            raise
        return self._smtp

    def _connected(self) -> tuple[int, bytes]:
        try:
            return self._smtp.connect(self.server.host, self.server.port)
        except UnicodeError as error:  # a name that cannot be one of the network
            raise OSError(str(error)) from error

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            # The message is accepted already: what becomes of the farewell changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._close()

    def _close(self) -> None:
        self._timer.cancel()
        self._smtp.close()


@contextmanager
def _told(conversation: _Conversation) -> Iterator[None]:
    """Map what goes wrong with a mail server; SMTP 4yz may go later, 5yz needs somebody. Standard: RFC 5321 4.2.1."""
    server, shown = conversation.server, conversation.server.shown
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise NoticeRefused(LOGIN_REFUSED, server=shown, text=_said(error.smtp_code, error.smtp_error)) from error
    except smtplib.SMTPNotSupportedError as error:
        fault = NO_STARTTLS if server.encryption == "starttls" and "STARTTLS" in str(error) else CANNOT_LOG_IN
        raise NoticeRefused(fault, server=shown) from error
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()), (550, b""))
        raise _refusal(server, code, text) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(server, error.smtp_code, error.smtp_error) from error
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise NoticeRefused(NOT_TRUSTED, server=shown, why=_why(error)) from error
    except smtplib.SMTPException as error:
        why = Phrase(TOO_SLOW, {"seconds": server.patience_seconds}) if conversation.is_over else _why(error)
        raise NoticeNotSent(LOST, server=shown, why=why) from error
    except UnicodeError as error:
        raise NoticeRefused(CANNOT_LOG_IN, server=shown) from error
    except OSError as error:
        raise NoticeNotSent(UNREACHABLE, server=shown, why=_why(error)) from error


def _refusal(server: MailServer, code: int, text: bytes | str) -> NoticeNotSent | NoticeRefused:
    kind = NoticeRefused if code >= 500 else NoticeNotSent
    return kind(MAIL_REFUSED, server=server.shown, text=_said(code, text))


def _said(code: int, text: bytes | str) -> str:
    spoken = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return one_line(f"{code} {spoken[:_SHOWN]}")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(str(error))[:_SHOWN] or type(error).__name__
