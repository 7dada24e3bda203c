"""Mail to a server of our own on loopback: what arrives, what is refused, and how long a bad server can hold us."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.peers.certificates import Authority
from tests.peers.mail_server import MailServer as Server
from tolmach.adapters.notices import Mail, MailServer, Notice, NoticeNotSent, NoticeRefused
from tolmach.adapters.notices.mail import Encryption, parse_address
from tolmach.base import TolmachError

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
NOTICE = Notice("tolmach: не доставлено 12", "Очередь к серверу «pacs» стоит.\n\nПроверьте сервер.")
SENDER, RECIPIENTS = "Толмач <tolmach@clinic.example>", ("tech@clinic.example", "Головний <chief@clinic.example>")


def mail(server: Server, encryption: Encryption = "none", tls: ssl.SSLContext | None = None, **more: object) -> Mail:
    described = MailServer("127.0.0.1", server.port, encryption, tls, timeout_seconds=2.0, patience_seconds=4.0)
    return Mail(replace(described, **more), SENDER, RECIPIENTS, lambda: NOW)  # type: ignore[arg-type]


def failure(mail: Mail, notice: Notice = NOTICE) -> TolmachError:
    with pytest.raises((NoticeNotSent, NoticeRefused)) as caught:
        mail.send(notice, "1")
    return caught.value


@pytest.fixture
def authority(tmp_path: Path, peer_program: Callable[[str], Path]) -> Authority:
    return Authority(peer_program("openssl"), tmp_path, "clinic")


@pytest.fixture
def contexts(authority: Authority) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give a server's context and that of a client who believes its authority."""
    files = authority.issue("server")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(str(files.certificate), files.key)
    return server, ssl.create_default_context(cafile=str(authority.certificate))


def test_a_letter_arrives_whole_in_cyrillic() -> None:
    with Server() as server:
        assert mail(server).send(NOTICE, "abc") is None
        (letter,) = server.letters
    assert letter.sender == "tolmach@clinic.example"
    assert letter.recipients == ["tech@clinic.example", "chief@clinic.example"]
    assert letter.raw.isascii()
    message = letter.message
    assert message["Subject"] == NOTICE.subject
    assert str(message["From"]) == SENDER
    assert str(message["To"]) == ", ".join(RECIPIENTS)
    assert message["Message-ID"] == "<abc@clinic.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    assert message.get_content().splitlines() == NOTICE.text.splitlines()


def test_names_with_line_ends_make_no_headers_of_their_own() -> None:
    hostile = "pacs\r\nBcc: thief@evil.example\r\n\r\nbody\x00\u2028\x85"
    with Server() as server:
        mail(server).send(Notice(hostile, f"name: {hostile}\r\n.\r\nMAIL FROM:<x@evil.example>\x1b[2J"), "1")
        (letter,) = server.letters
    assert letter.recipients == ["tech@clinic.example", "chief@clinic.example"]
    assert letter.message["Bcc"] is None
    assert "Bcc: thief@evil.example" in letter.message["Subject"]
    text = letter.message.get_content()
    assert "MAIL FROM" in text
    assert "\x1b" not in text
    assert "\x00" not in text


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\0"])
def test_addresses_with_line_ends_are_refused(sign: str) -> None:
    for address in (f"a@b.example{sign}Bcc: c@d.example", f"Na{sign}me <a@b.example>", f"a{sign}@b.example"):
        with pytest.raises(NoticeRefused):
            parse_address(address)


@pytest.mark.parametrize("address", ["", "a", "a@", "@b", "a b@c.example", "a@b.example, c@d.example", "a@b@c d", "<>"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(NoticeRefused, match="TLM-SRV-037"):
        parse_address(address)


def test_a_domain_in_cyrillic_becomes_idna() -> None:
    address = parse_address("Лікарня <post@клініка.укр>")
    assert address.addr_spec.isascii()
    assert address.domain.encode().decode("idna") == "клініка.укр"
    assert address.display_name == "Лікарня"


def test_starttls_comes_before_the_password(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Server(starttls=contexts[0], user="tolmach") as server:
        mail(server, "starttls", contexts[1], user="tolmach", password="secret").send(NOTICE, "1")
        (letter,) = server.letters
    assert (letter.user, letter.is_encrypted) == ("tolmach", True)


def test_tls_from_the_first_byte(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Server(tls=contexts[0], user="tolmach") as server:
        mail(server, "tls", contexts[1], user="tolmach", password="secret").send(NOTICE, "1")
        (letter,) = server.letters
    assert (letter.user, letter.is_encrypted) == ("tolmach", True)


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
def test_a_server_nobody_vouches_for_hears_nothing(
    encryption: Encryption, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    offers = {"tls": contexts[0]} if encryption == "tls" else {"starttls": contexts[0]}
    for context in (ssl.create_default_context(), None) if encryption == "tls" else (ssl.create_default_context(),):
        with Server(user="tolmach", **offers) as server:  # type: ignore[arg-type]
            error = failure(mail(server, encryption, context, user="tolmach", password="secret"))
        assert isinstance(error, NoticeRefused)
        assert error.code == "TLM-SRV-031"
        assert server.letters == []


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
def test_a_certificate_of_another_host_is_refused(encryption: Encryption, authority: Authority) -> None:
    files = authority.issue("elsewhere", alternative_names="DNS:mail.elsewhere.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(files.certificate), files.key)
    believing = ssl.create_default_context(cafile=str(authority.certificate))
    with Server(**{encryption: context}) as server:  # type: ignore[arg-type]
        assert failure(mail(server, encryption, believing)).code == "TLM-SRV-031"
        assert server.letters == []


def test_a_server_without_starttls_gets_neither_password_nor_letter(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with Server(user="tolmach") as server:
        error = failure(mail(server, "starttls", contexts[1], user="tolmach", password="secret"))
        assert (error.code, server.letters) == ("TLM-SRV-034", [])


def test_a_wrong_password_needs_somebody() -> None:
    with Server(user="tolmach") as server:
        error = failure(mail(server, user="tolmach", password="wrong"))
    assert (error.code, type(error)) == ("TLM-SRV-033", NoticeRefused)
    assert "wrong" not in str(error)


def test_a_password_in_cyrillic_is_told_and_not_a_crash() -> None:
    with Server(user="tolmach") as server:
        assert failure(mail(server, user="tolmach", password="пароль")).code == "TLM-SRV-038"


def test_a_server_without_login_is_told() -> None:
    with Server() as server:
        assert failure(mail(server, user="tolmach", password="secret")).code == "TLM-SRV-038"


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"greeting": "554 go away"}, NoticeRefused),
        ({"greeting": "421 busy"}, NoticeNotSent),
        ({"EHLO": "500 what", "HELO": "502 no"}, NoticeRefused),
        ({"MAIL": "550 no such sender"}, NoticeRefused),
        ({"RCPT": "550 nobody"}, NoticeRefused),
        ({"RCPT": "450 greylisted"}, NoticeNotSent),
        ({"DATA": "451 later"}, NoticeNotSent),
        ({"DATA": "554 spam\x1b[31m"}, NoticeRefused),
        ({"EHLO": "hello there", "HELO": "hello"}, NoticeNotSent),
    ],
)
def test_refusals_for_now_and_for_good(answers: dict[str, str], kind: type[TolmachError]) -> None:
    with Server(answers=answers) as server:
        error = failure(mail(server))
    assert type(error) is kind
    assert "\x1b" not in str(error)


def test_one_bad_recipient_keeps_nobody_else_from_reading() -> None:
    with Server(answers={"RCPT TO:<chief@clinic.example>": "550 left"}) as server:
        problem = mail(server).send(NOTICE, "1")
        assert server.letters[0].recipients == ["tech@clinic.example"]
    assert problem is not None
    assert (problem.code, "chief@clinic.example" in str(problem)) == ("TLM-SRV-036", True)


def test_nobody_there() -> None:
    with Server() as server:
        pass
    assert failure(mail(server)).code == "TLM-SRV-030"


def test_a_host_that_cannot_be_a_name() -> None:
    with Server() as server:
        assert failure(mail(server, host="x" * 80 + ".example")).code == "TLM-SRV-030"


def silent(server: Server, connection: socket.socket) -> None:
    server.stopping.wait(30)


def dripping(server: Server, connection: socket.socket) -> None:
    with suppress(OSError):
        while not server.stopping.wait(0.05):
            connection.sendall(b"2")


def endless(server: Server, connection: socket.socket) -> None:
    with suppress(OSError):
        while not server.stopping.is_set():
            connection.sendall(b"220-" + b"x" * 500 + b"\r\n")


def cut(server: Server, connection: socket.socket) -> None:
    connection.sendall(b"220 te")


@pytest.mark.parametrize("odd", [silent, dripping, endless, cut])
def test_a_bad_server_holds_us_for_a_bounded_time(odd: Callable[[Server, socket.socket], None]) -> None:
    begun = time.monotonic()
    with Server(odd=odd) as server:
        error = failure(mail(server, patience_seconds=3.0))
    assert (error.code, type(error)) == ("TLM-SRV-032", NoticeNotSent)
    assert time.monotonic() - begun < 15


@pytest.fixture
def seen_memory() -> Iterator[None]:
    import tracemalloc

    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.usefixtures("seen_memory")
def test_endless_replies_do_not_fill_the_memory() -> None:
    with Server(odd=endless) as server:
        assert "too much" in str(failure(mail(server, patience_seconds=30.0)))


def test_a_server_that_goes_away_after_the_letter_has_it() -> None:
    with Server(answers={"QUIT": "421 gone"}) as server:
        assert mail(server).send(NOTICE, "1") is None
        assert len(server.letters) == 1
