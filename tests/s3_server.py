"""An S3 server for tests: moto in a process of its own, on a free port, gone with the test that wanted it."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tolmach.adapters.objects.s3_address import Keys, S3Address

KEYS = Keys("AKIATESTTESTTESTTEST", "a secret that must never be seen")

_SERVE = """
import logging, os, sys
from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler
WSGIRequestHandler.disable_nagle_algorithm = True
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server that runs, with one bucket."""

    port: int
    bucket: str = "clinic"

    def address(self, prefix: str, **changed: object) -> S3Address:
        return replace(S3Address(self.bucket, prefix, f"http://127.0.0.1:{self.port}"), **changed)  # type: ignore[arg-type]

    def ask(self, method: str, path: str, content: bytes = b"") -> tuple[int, bytes]:
        """Send one unsigned request, past everything that is under test; moto asks nobody who he is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(
                method,
                f"/{self.bucket}{path}",
                content,
                {"Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request"},
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def write(self, key: str, content: bytes) -> None:
        """Put bytes under a key, as rot or a stranger would."""
        assert self.ask("PUT", f"/{key}", content)[0] == 200

    def delete(self, key: str) -> None:
        assert self.ask("DELETE", f"/{key}")[0] in (200, 204)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server until the block ends; it also ends when this process dies."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        server = S3Server(int(process.stdout.readline()))
        assert server.ask("PUT", "")[0] == 200
        yield server
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
