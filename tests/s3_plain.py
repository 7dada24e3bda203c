"""A plain S3 server over files, for objects too large for one that holds them in memory. Knows what tolmach asks."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_CHUNK = 1 << 20
_PART = 8 << 20


@contextmanager
def plain_s3_server(folder: Path) -> Iterator[int]:
    """Keep what is stored in `folder`, and give the port; parts must have 8 MiB each but the last."""
    folder.mkdir()
    etags: dict[str, str] = {}
    sums: dict[int, bytes] = {}

    class Line(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def place(self) -> tuple[str, Path, dict[str, list[str]]]:
            parts = urlsplit(self.path)
            return parts.path, folder / hashlib.sha256(parts.path.encode()).hexdigest(), parse_qs(parts.query, True)

        def do_PUT(self) -> None:
            key, path, query = self.place()
            number = int(query["partNumber"][0]) if "partNumber" in query else 0
            left, digest = int(self.headers["content-length"]), hashlib.md5(usedforsecurity=False)
            target = path.with_suffix(".parts") if number else path
            refused = not number and self.headers.get("if-none-match") == "*" and key in etags
            target.touch()
            with target.open("r+b") as file:
                file.seek(max(0, number - 1) * _PART)
                while left:
                    chunk = self.rfile.read(min(left, _CHUNK))
                    left -= len(chunk)
                    digest.update(chunk)
                    if not refused:
                        file.write(chunk)
            if refused:
                self.give(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
            if number:
                sums[number] = digest.digest()
            else:
                etags[key] = digest.hexdigest()
            self.give(200, b"", {"ETag": f'"{digest.hexdigest()}"'})

        def do_POST(self) -> None:
            key, path, query = self.place()
            self.rfile.read(int(self.headers.get("content-length", 0)))
            if "uploads" in query:
                answer = b"<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>1</UploadId>"
                self.give(200, answer + b"</InitiateMultipartUploadResult>")
                return
            path.with_suffix(".parts").replace(path)
            whole = hashlib.md5(b"".join(sums[number] for number in sorted(sums)), usedforsecurity=False)
            etags[key] = f"{whole.hexdigest()}-{len(sums)}"
            sums.clear()
            tag = f"<ETag>&quot;{etags[key]}&quot;</ETag>".encode()
            self.give(200, b"<CompleteMultipartUploadResult>" + tag + b"</CompleteMultipartUploadResult>")

        def do_GET(self) -> None:
            key, path, query = self.place()
            if "list-type" in query:
                self.give(200, b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>")
                return
            if key not in etags:
                self.give(404, b"<Error><Code>NoSuchKey</Code></Error>")
                return
            size, found = path.stat().st_size, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
            assert found is not None
            first, last = int(found[1]), min(int(found[2]), size - 1)
            headers = {"ETag": f'"{etags[key]}"', "Last-Modified": formatdate(path.stat().st_mtime, usegmt=True)}
            with path.open("rb") as file:
                file.seek(first)
                content = file.read(last + 1 - first)
            self.give(206, content, headers | {"Content-Range": f"bytes {first}-{last}/{size}"})

        def give(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response_only(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
