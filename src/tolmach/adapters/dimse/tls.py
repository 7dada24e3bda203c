"""TLS on associations, for both roles: versions 1.2 and 1.3, suites with authenticated encryption alone, nothing older.

What comes back is a `Stream` like any other. Certificates are checked in both directions unless a setting says less.

Standard: PS3.15 annex B.12 (BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile).
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.errors import AssociationLost, BadTlsFiles, PeerTimeout, TlsFailed, TlsRefused
from tolmach.adapters.dimse.pdu import Buffer
from tolmach.adapters.dimse.stream import Clock, Stream, joined
from tolmach.base import TolmachError

# RFC 9325 section 4.2: forward secrecy and AEAD. TLS 1.3 has no other suites.
SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
# One call encrypts no more than this: a slow peer that takes it within the network timeout is not taken for a dead one.
PIECE_BYTES = 1 << 15

TlsVersion = Literal["1.2", "1.3"]
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Who we are and whom we believe, as PEM files; `authorities` None stands for those of the system."""

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None
    minimum: TlsVersion = "1.2"


class TlsStream(Stream):
    """A stream over TLS whose handshake is done; `peer` is the name for messages.

    Besides what `Stream` raises: `TlsRefused` and `TlsFailed` for what the other side says or does against TLS.
    """

    def __init__(self, sock: ssl.SSLSocket, clock: Clock, peer: str) -> None:
        """Take over a socket that has been wrapped; the handshake comes next."""
        super().__init__(sock, clock)
        self._tls = sock
        self._peer = peer
        # OpenSSL wants one call at a time, and one thread may receive while another sends.
        self._lock = threading.Lock()

    @property
    def socket(self) -> socket.socket:
        """The socket, to be shut by another thread."""
        return self._tls

    def answer_hello(self, deadline: float) -> None:
        """Negotiate with a caller; raises `TlsFailed` for one that is refused, `PeerTimeout`, `AssociationLost`."""
        try:
            self._shake_hands(deadline)
        except ssl.SSLError as error:
            raise TlsFailed(faults.TLS_CALLER_REFUSED, peer=self._peer, detail=_words(error)) from error

    def say_hello(self, deadline: float) -> None:
        """Negotiate with a peer; raises `TlsRefused`, `TlsFailed`, `PeerTimeout`, `AssociationLost`."""
        try:
            self._shake_hands(deadline)
        except ssl.SSLError as error:
            raise refused_or_failed(error, self._peer) from error

    def _shake_hands(self, deadline: float) -> None:
        try:
            while True:
                try:
                    return self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    self.wait(deadline)
                except ssl.SSLWantWriteError:
                    self.wait(deadline, for_room=True)
        except TimeoutError as error:
            raise PeerTimeout(faults.TOO_SLOW, peer=self._peer, detail="half a TLS handshake") from error
        except ssl.SSLError:
            raise
        except OSError as error:
            raise _lost(error, self._peer) from error

    def receive_into(self, view: memoryview, deadline: float) -> int:
        """Take what has arrived, at least one byte, and give its length; 0 when the peer has closed."""
        while True:
            try:
                with self._lock:
                    return self._tls.recv_into(view)
            except (ssl.SSLWantReadError, BlockingIOError):  # the latter once we have said farewell
                self.ask_for_quick_acknowledgement()
                self.wait(deadline)
            except ssl.SSLWantWriteError:
                self.wait(deadline, for_room=True)
            except ssl.SSLError as error:
                raise refused_or_failed(error, self._peer) from error

    def wait_for_more(self, deadline: float) -> None:
        """Return when there is something to receive, or the end; what is decrypted already counts."""
        if not self._tls.pending():
            self.wait(deadline)

    def send_some(self, buffers: Sequence[Buffer], deadline: float) -> int:
        """Encrypt a few bytes of the buffers and bring them to the kernel, and give their number."""
        piece = memoryview(joined(buffers, PIECE_BYTES))[:PIECE_BYTES]
        while piece:
            try:
                with self._lock:
                    return self._tls.send(piece)
            except ssl.SSLWantWriteError:
                self.wait(deadline, for_room=True)
            except ssl.SSLWantReadError:
                self.wait(deadline)
            except OSError as error:
                raise self._alert(error) from error
        return 0

    def _alert(self, error: OSError) -> Exception:
        """Give the reason that the peer sent before it hung up on us, or else the error that we met."""
        try:
            with self._lock:
                self._tls.recv(1)
        except ssl.SSLError as told:
            if told.reason:
                return refused_or_failed(told, self._peer)
        except (OSError, ValueError):
            # Nothing was said: the error stands for itself.
            pass
        return refused_or_failed(error, self._peer) if isinstance(error, ssl.SSLError) and error.reason else error

    def finish_sending(self) -> None:
        """Tell the peer that nothing more comes."""
        try:
            with self._lock:
                self._tls.unwrap()
        except (OSError, ValueError):
            # Our farewell is out; nobody needs to wait for theirs.
            pass
        super().finish_sending()


class TlsServer:
    """Our side of incoming connections; any thread may use it."""

    def __init__(self, files: TlsFiles, *, client_certificates: bool = True) -> None:
        """Load the files; raises `BadTlsFiles`. Callers must show a certificate unless that is switched off."""
        self._context = _context(ssl.PROTOCOL_TLS_SERVER, files)
        if files.certificate is None:
            raise BadTlsFiles(faults.TLS_FILE_MISSING)
        self._context.verify_mode = ssl.CERT_REQUIRED if client_certificates else ssl.CERT_NONE

    def wrap(self, sock: socket.socket, peer: str, clock: Clock) -> TlsStream:
        """Give the stream of a caller that said hello; the socket is empty afterwards, its connection is the stream's.

        Raises `AssociationLost` when the caller is gone.
        """
        try:
            return TlsStream(_wrap(self._context, sock, server_side=True), clock, peer)
        except OSError as error:
            raise _lost(error, peer) from error


class TlsClient:
    """Our side of outgoing connections; any thread may use it."""

    def __init__(self, files: TlsFiles, *, check_name: bool = True) -> None:
        """Load the files; raises `BadTlsFiles`.

        With `check_name` the peer's certificate must carry the host name or address that we call. Certificates of
        devices rarely do: without it, any certificate of the authorities is believed, so let them be few.
        """
        self._context = _context(ssl.PROTOCOL_TLS_CLIENT, files)
        self._context.check_hostname = check_name

    def connect(self, sock: socket.socket, peer: str, host: str, deadline: float, clock: Clock) -> TlsStream:
        """Negotiate with a peer; the socket is owned by the stream afterwards, and closed on errors.

        Raises `TlsRefused`, `TlsFailed`, `PeerTimeout`, `AssociationLost`.
        """
        try:
            # Asked without the socket first, which would be lost with the error.
            self._context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=host)
            stream = TlsStream(_wrap(self._context, sock, host=host), clock, peer)
        except ValueError as error:  # no name that a certificate could carry
            sock.close()
            raise TlsFailed(faults.TLS_FAILED, peer=peer, detail=error) from error
        except OSError as error:
            sock.close()
            raise _lost(error, peer) from error
        try:
            stream.say_hello(deadline)
        except TolmachError:
            stream.close()
            raise
        return stream


def refused_or_failed(error: ssl.SSLError, peer: str) -> TlsFailed | TlsRefused:
    """Map OpenSSL's error to ours: their certificate, our certificate, or no TLS at all."""
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = faults.TLS_NAME if error.verify_code in _NAME_MISMATCHES else faults.TLS_CERTIFICATE
        return TlsRefused(fault, peer=peer, detail=error.verify_message)
    if "ALERT" in (error.reason or ""):
        return TlsRefused(faults.TLS_REFUSED_BY_PEER, peer=peer, detail=_words(error))
    return TlsFailed(faults.TLS_FAILED, peer=peer, detail=_words(error))


# OpenSSL: X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NAME_MISMATCHES = (62, 64)


def _lost(error: OSError, peer: str) -> AssociationLost:
    detail = f"{error.strerror or type(error).__name__}, in the middle of the TLS handshake"
    return AssociationLost(faults.CONNECTION_LOST, peer=peer, detail=detail)


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or error.strerror or type(error).__name__).replace("_", " ").lower()


def _wrap(
    context: ssl.SSLContext, sock: socket.socket, *, server_side: bool = False, host: str | None = None
) -> ssl.SSLSocket:
    return context.wrap_socket(sock, server_side=server_side, server_hostname=host, do_handshake_on_connect=False)


def _context(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = _VERSIONS[files.minimum]
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        if files.authorities is None:
            context.load_default_certs(
                ssl.Purpose.CLIENT_AUTH if protocol == ssl.PROTOCOL_TLS_SERVER else ssl.Purpose.SERVER_AUTH
            )
        else:
            context.load_verify_locations(files.authorities)
    except (OSError, ValueError) as error:
        raise _unusable(files.authorities, error) from error
    try:
        if files.certificate is not None:
            # A passphrase could only be asked for at a terminal that is not there.
            context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise _unusable(files.certificate, error) from error
    return context


def _unusable(file: Path | None, error: Exception) -> BadTlsFiles:
    detail = _words(error) if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None) or str(error)
    return BadTlsFiles(faults.TLS_FILE, file=file or "", detail=detail)
