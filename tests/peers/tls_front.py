"""What speaks TLS in front of a server that does not, as a reverse proxy of a hospital does."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def tls_front(target: int, context: ssl.SSLContext) -> Iterator[int]:
    """Give an encrypted port on loopback; what callers send there goes on to a plain one, once they are let in."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_join, args=(sock, target, context), daemon=True).start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
            accepting.join(10)


def _join(sock: socket.socket, target: int, context: ssl.SSLContext) -> None:
    with (
        suppress(OSError),
        sock,
        context.wrap_socket(sock, server_side=True) as near,
        socket.create_connection(("127.0.0.1", target)) as far,
    ):
        while True:
            for one in [near] if near.pending() else select.select([near, far], [], [])[0]:
                received = one.recv(1 << 16)
                if not received:
                    return
                (far if one is near else near).sendall(received)
