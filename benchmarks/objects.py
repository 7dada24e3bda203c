"""Objects of 0.5 MB into a bucket and back, beside the folder, one after another and several at once.

The server is moto, for tests and in Python, on the same processors: what is seen is that tolmach does not stand in the
way, not how fast a bucket is. The folder syncs each object to the disk of the temporary folder. Turns are taken and
medians count. "again" is an image that is there already, which either store reads whole before it believes it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.builders import body, part10
from tests.s3_server import KEYS, s3_server
from tolmach.adapters.objects import FolderStore, Objects
from tolmach.adapters.objects.s3_store import S3Store

ROUNDS, OBJECTS, SIZE = 3, 64, 500_000
LANES = (1, 4, 8)
READ = 64 << 10


def main() -> None:
    """Print rates and the time one acknowledgement waits for."""
    print(f"{'':16}{'place/s':>9}{'again/s':>9}{'read/s':>9}{'heads/s':>9}{'ack p50':>10}{'p95':>9}")
    with s3_server() as server, tempfile.TemporaryDirectory() as scratch:
        bucket = S3Store(server.address("bench"), KEYS, Path(scratch) / "spool")
        bucket.require_usable()
        stores: dict[str, Objects] = {"folder": FolderStore(Path(scratch) / "folder"), "bucket": bucket}
        for lanes in LANES:
            figures: dict[str, list[Sequence[float]]] = {name: [] for name in stores}
            for _ in range(ROUNDS):
                for name, store in stores.items():
                    figures[name].append(_round(store, lanes))
            for name, rounds in figures.items():
                rates = [statistics.median(column) for column in zip(*rounds, strict=True)]
                told = "".join(f"{rate:9.0f}" for rate in rates[:4])
                print(f"{name:7}{lanes} lanes  {told}{rates[4]:7.1f} ms{rates[5]:6.1f} ms")


def _round(store: Objects, lanes: int) -> Sequence[float]:
    contents = [part10(body((0x7FE00010, "OW", os.urandom(SIZE)))) for _ in range(OBJECTS)]
    waits: list[float] = []
    names: list[str] = []

    def place(content: bytes) -> None:
        with store.spool([content]) as spooled:
            begun = time.perf_counter()
            names.append(store.place(spooled).sha256)
            waits.append(time.perf_counter() - begun)

    def read(name: str) -> None:
        with store.open(name) as source:
            for at in range(0, source.size, READ):
                source.read(at, READ)

    def read_head(name: str) -> None:
        with store.open(name) as source:
            source.read(0, 4096)

    placing = _rate(place, contents, lanes)
    waits.sort()
    told = waits[len(waits) // 2] * 1000, waits[len(waits) * 95 // 100] * 1000
    stored = list(names)
    return placing, _rate(place, contents, lanes), _rate(read, stored, lanes), _rate(read_head, stored, lanes), *told


def _rate(work: Callable[..., None], items: Sequence[object], lanes: int) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(lanes) as pool:
        list(pool.map(work, items))
    return len(items) / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
