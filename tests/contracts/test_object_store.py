"""What every object store must do, whatever it stores in: a folder, or a bucket."""

from __future__ import annotations

import hashlib
import random
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import CT_IMAGE, DEFLATED, EXPLICIT, EXPLICIT_LE, INSTANCE, body, even, meta, part10
from tests.s3_proxy import s3_proxy
from tests.s3_server import KEYS, S3Server, s3_server
from tolmach.adapters.objects import FolderStore, TooLarge
from tolmach.adapters.objects.opening import Objects
from tolmach.adapters.objects.removal import remove
from tolmach.adapters.objects.s3_store import S3Store
from tolmach.intake.faults import ObjectMissing, StoreTrouble
from tolmach.intake.interfaces import Spooled, Stored

BODY = body((0x00100010, "PN", b"IVANOV^IVAN "), (0x7FE00010, "OW", bytes(range(256)) * 64))
FILE = part10(BODY)
SUM = hashlib.sha256(BODY).hexdigest()
NOISE = random.Random(4).randbytes(300_000)


@dataclass(frozen=True)
class Ground:
    """Where a store stands: how to open it, anew too, and to change what it keeps behind its back."""

    open: Callable[..., Objects]
    spoil: Callable[[str, bytes], None]
    lose: Callable[[str], None]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def in_a_folder(data: Path, *, sync: bool = True) -> Ground:
    def path_of(sha256: str) -> Path:
        return data / "objects" / sha256[:2] / sha256[2:4] / f"{sha256}.dcm"

    return Ground(
        lambda **more: FolderStore(data, sync=sync, **more),
        lambda sha256, content: (path_of(sha256).write_bytes(content), None)[1],
        lambda sha256: path_of(sha256).unlink(),
    )


@contextmanager
def in_a_bucket(data: Path, server: S3Server, prefix: str, *, keeps_conditions: bool = True) -> Iterator[Ground]:
    def key_of(sha256: str) -> str:
        return f"{prefix}/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}.dcm"

    def ground(address_of: S3Server) -> Ground:
        return Ground(
            lambda **more: S3Store(address_of.address(prefix), KEYS, data, **more),
            lambda sha256, content: server.write(key_of(sha256), content),
            lambda sha256: server.delete(key_of(sha256)),
        )

    if keeps_conditions:
        yield ground(server)
    else:
        with s3_proxy(server.port) as proxy:
            proxy.forget_conditions = True
            yield ground(replace(server, port=proxy.port))


@pytest.fixture(params=["folder", "folder, not durable", "S3", "S3 that keeps no conditions"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    if request.param.startswith("folder"):
        yield in_a_folder(tmp_path / "data", sync="not" not in request.param)
        return
    server, prefix = request.getfixturevalue("server"), f"store/{hashlib.sha256(str(tmp_path).encode()).hexdigest()}"
    with in_a_bucket(tmp_path / "data", server, prefix, keeps_conditions="no" not in request.param) as ground:
        yield ground


@pytest.fixture
def store(ground: Ground) -> Objects:
    return ground.open()


def put(store: Objects, content: bytes) -> Stored:
    with store.spool([content]) as spooled:
        return store.place(spooled)


def got(store: Objects, sha256: str) -> bytes:
    with store.open(sha256) as source:
        return bytes(source.read(0, source.size))


def test_the_name_is_the_sum_of_the_data_set_and_the_whole_file_is_kept(store: Objects) -> None:
    with store.spool([FILE]) as spooled:
        offset = len(FILE) - len(BODY)
        assert (spooled.sha256, spooled.size, spooled.data_set_offset) == (SUM, len(FILE), offset)
        assert (spooled.sop_class_uid, spooled.sop_instance_uid) == (CT_IMAGE, INSTANCE)
        assert spooled.transfer_syntax_uid == EXPLICIT_LE
        assert store.place(spooled) == Stored(SUM, len(FILE), offset)
    assert got(store, SUM) == FILE


def test_nothing_is_left_of_a_spool(store: Objects) -> None:
    put(store, FILE)
    with store.spool([b"never placed"]):
        pass
    assert list(store.incoming.iterdir()) == []


def test_what_fails_while_it_comes_in_is_passed_on_and_leaves_nothing(store: Objects) -> None:
    def chunks() -> object:
        yield FILE[:1000]
        raise KeyError("the peer has gone")

    with pytest.raises(KeyError), store.spool(chunks()):  # type: ignore[arg-type]
        pass
    assert list(store.incoming.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "offset", "uid"),
    [
        (part10(body(), DEFLATED), 132 + len(meta(DEFLATED)), INSTANCE),
        (BODY, 0, INSTANCE),
        (bytes(132) + BODY, 132, INSTANCE),
        (b"DICM" + meta(EXPLICIT_LE) + BODY, 4 + len(meta(EXPLICIT_LE)), INSTANCE),
        (b"MSH|^~\\&|MIS|CLINIC\r", 0, ""),
        (b"\xff\xd8\xff\xe0 a picture", 0, ""),
        (b"", 0, ""),
        (part10(b""), 0, ""),
        (bytes(128) + b"DICM", 0, ""),
        (part10(BODY)[:140], 0, ""),
        (part10(b"no data set at all"), len(part10(b"")), INSTANCE),
    ],
    ids=[
        "deflated",
        "bare",
        "zeros",
        "no preamble",
        "HL7",
        "JPEG",
        "empty",
        "head only",
        "prefix only",
        "cut head",
        "damaged",
    ],
)
def test_the_beginning_of_the_data_set_is_found_the_same_way_by_everybody(
    store: Objects, content: bytes, offset: int, uid: str
) -> None:
    with store.spool([content]) as spooled:
        stored = store.place(spooled)
        assert (spooled.data_set_offset, spooled.sop_instance_uid) == (offset, uid)
    assert stored == Stored(hashlib.sha256(content[offset:]).hexdigest(), len(content), offset)
    assert put(store, content) == stored  # confirmed by what stands there
    examined = store.examine(stored.sha256)
    assert (examined.is_sound, examined.data_set_offset, examined.sop_instance_uid) == (True, offset, uid)


def test_two_files_without_a_data_set_stay_two(store: Objects) -> None:
    other = b"X" * 128 + part10(b"")[128:]
    assert put(store, part10(b"")).sha256 != put(store, other).sha256


@pytest.mark.parametrize("data_set", [b"", b"\x08"], ids=["nothing", "one byte"])
def test_a_data_set_from_the_network_may_be_next_to_nothing(store: Objects, data_set: bytes) -> None:
    head, sha256 = part10(b""), hashlib.sha256(data_set).hexdigest()
    path = store.incoming / "from the network"
    with path.open("w+b", buffering=0) as file:
        file.write(head + data_set)
        size = len(head + data_set)
        stored = store.place(Spooled(path, file, size, len(head), sha256, CT_IMAGE, INSTANCE, EXPLICIT_LE))
    assert store.examine(sha256).is_sound
    with store.spool([b"X" * 128 + head[128:] + data_set]) as other:
        again = replace(other, sha256=sha256, data_set_offset=len(head))
        assert store.place(again) == stored  # what stands there is confirmed, not replaced
    assert got(store, sha256) == head + data_set


def test_elements_of_group_0002_in_a_data_set_from_the_network_do_not_look_like_rot(store: Objects) -> None:
    head, data_set = part10(b""), meta(EXPLICIT_LE) + BODY  # the second head belongs to what the peer sent
    sha256 = hashlib.sha256(data_set).hexdigest()
    path = store.incoming / "from the network"
    with path.open("w+b", buffering=0) as file:
        file.write(head + data_set)
        spooled = Spooled(path, file, len(head + data_set), len(head), sha256, CT_IMAGE, INSTANCE, EXPLICIT_LE)
        stored = store.place(spooled)
    assert stored == Stored(sha256, len(head + data_set), len(head))
    assert store.examine(sha256).is_sound
    assert put(store, head + data_set).sha256 != sha256  # seen from the file alone it is another data set


def test_the_same_data_set_with_another_head_is_the_same_object_and_keeps_the_first_file(store: Objects) -> None:
    first = put(store, FILE)
    second = put(store, BODY)
    assert second == first
    assert got(store, SUM) == FILE
    assert list(store.walk()) == [SUM]


@pytest.mark.parametrize("at", [5000, -1], ids=["in the middle", "at the end"])
def test_what_has_rotted_is_found_and_replaced_when_the_bytes_come_again(
    store: Objects, ground: Ground, at: int
) -> None:
    """M-04: in a folder and in a bucket."""
    put(store, FILE)
    rotten = bytearray(FILE)
    rotten[at] ^= 1
    ground.spoil(SUM, bytes(rotten))
    assert store.examine(SUM).sha256 not in ("", SUM)
    assert not store.examine(SUM).is_sound
    put(store, FILE)
    assert store.examine(SUM).is_sound
    assert got(store, SUM) == FILE


@pytest.mark.parametrize("left", [0, 100, len(FILE) - 1])
def test_what_was_cut_off_is_replaced_too(store: Objects, ground: Ground, left: int) -> None:
    put(store, FILE)
    ground.spoil(SUM, FILE[:left])
    assert not store.examine(SUM).is_sound
    put(store, FILE)
    assert got(store, SUM) == FILE


def test_what_was_lost_comes_back_when_the_bytes_come_again(store: Objects, ground: Ground) -> None:
    put(store, FILE)
    ground.lose(SUM)
    assert store.size_of(SUM) is None
    put(store, FILE)
    assert got(store, SUM) == FILE


def test_a_spool_that_lost_bytes_is_not_taken(store: Objects) -> None:
    with store.spool([FILE]) as spooled:
        spooled.file.truncate(len(FILE) - 1)
        with pytest.raises(StoreTrouble, match="TLM-OBJ-008"):
            store.place(spooled)
    assert list(store.walk()) == []


def test_what_is_not_there_is_told(store: Objects) -> None:
    with pytest.raises(ObjectMissing, match="TLM-OBJ-005"), store.open(SUM):
        pass
    with pytest.raises(ObjectMissing):
        store.examine(SUM)
    assert store.size_of(SUM) is None
    assert store.modified_at(SUM) is None


@pytest.mark.parametrize("name", ["../../../etc/passwd", "", "a" * 63, SUM.upper(), f"{SUM}\n", "/" * 64])
def test_a_name_is_never_made_of_anything_but_a_sum(store: Objects, name: str) -> None:
    """F-20: in a folder and in a bucket."""
    with pytest.raises(ValueError, match="not a sha256"), store.open(name):
        pass
    with store.spool([FILE]) as spooled, pytest.raises(ValueError, match="not a sha256"):
        store.place(replace(spooled, sha256=name))


def test_an_error_while_an_object_is_open_is_not_taken_for_the_stores_own(store: Objects) -> None:
    put(store, FILE)
    with pytest.raises(FileNotFoundError, match="elsewhere"), store.open(SUM):
        raise FileNotFoundError("elsewhere")
    assert got(store, SUM) == FILE


def test_several_objects_may_be_open_at_once_in_one_thread(store: Objects) -> None:
    names = [put(store, part10(body((0x00100020, "LO", b"%04d" % number)))).sha256 for number in range(8)]
    with store.open(names[0]) as first:
        before = bytes(first.read(0, first.size))
        for name in names[1:]:
            with store.open(name) as other:
                assert bytes(other.read(0, other.size)) != before
                assert bytes(first.read(0, first.size)) == before


def test_many_threads_read_each_their_own(store: Objects) -> None:
    files = [part10(body((0x7FE00010, "OW", bytes([number]) * 20_000))) for number in range(16)]
    names = [put(store, file).sha256 for file in files]

    def read_all(turn: int) -> bool:
        order = [(turn + step) % 16 for step in range(16)] * 4
        return all(got(store, names[number]) == files[number] for number in order)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read_all, range(8)))


def test_the_same_content_eight_times_at_once_is_one_file(store: Objects) -> None:
    together = threading.Barrier(8)
    heads = [FILE, BODY, b"P" * 128 + FILE[128:], bytes(132) + BODY]

    def bring(number: int) -> Stored:
        with store.spool([heads[number % 4]]) as spooled:
            together.wait(30)
            return store.place(spooled)

    with ThreadPoolExecutor(8) as pool:
        stored = set(pool.map(bring, range(8)))
    (one,) = stored  # all were told of the one file that stands there, whichever came first
    content = got(store, SUM)
    assert (len(content), content[one.data_set_offset :]) == (one.size, BODY)
    assert list(store.walk()) == [SUM]
    assert list(store.incoming.iterdir()) == []


def test_what_a_killed_process_left_is_removed(store: Objects) -> None:
    put(store, FILE)
    for number in range(3):
        (store.incoming / f"store-{number}.part").write_bytes(FILE)
    assert (store.clear_incoming(), store.clear_incoming()) == (3, 0)
    assert list(store.incoming.iterdir()) == []
    assert got(store, SUM) == FILE


def test_free_space_is_told(store: Objects) -> None:
    free, total = store.free_bytes()
    assert 0 < free <= total


@pytest.mark.parametrize("room", [3000, 5000, 400_000, 2 << 20])
def test_a_long_head_is_understood_up_to_its_limit(store: Objects, room: int) -> None:
    private = b"\x02\x00\x02\x01OB\0\0" + room.to_bytes(4, "little") + bytes(room)
    head = part10(b"") + private
    content = head + BODY
    chunks = [content[at : at + 1000] for at in range(0, len(content), 1000)]
    with store.spool(chunks) as spooled:
        assert spooled.data_set_offset == (len(head) if room < 1 << 20 else 0)
        assert store.place(spooled).sha256 == hashlib.sha256(content[spooled.data_set_offset :]).hexdigest()
    assert store.examine(spooled.sha256).is_sound


def test_what_is_too_large_is_refused_and_leaves_nothing(ground: Ground) -> None:
    """F-08: in a folder and in a bucket."""
    store = ground.open(object_limit=1000)
    put(store, b"x" * 1000)
    with pytest.raises(TooLarge, match="TLM-OBJ-007"), store.spool([b"x" * 600, b"x" * 401]):
        pass
    assert list(store.incoming.iterdir()) == []
    assert len(list(store.walk())) == 1


def inflating(*, mebibytes: int) -> bytes:
    """Give a deflated file without UIDs in its head that inflates as far as an honest one may: 190 times its size."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(body() + EXPLICIT.head(0x7FE00010, "OB", mebibytes << 20))
    block = NOISE[:4500] + bytes((1 << 20) - 4500)
    packed += b"".join(packer.compress(block) for _ in range(mebibytes)) + packer.flush()
    return bytes(128) + b"DICM" + EXPLICIT.element(0x00020010, "UI", DEFLATED.encode()) + even(packed, b"\0")


def test_what_inflates_far_is_looked_into_in_little_memory(store: Objects) -> None:
    """F-06: the head has no UIDs, so that they are looked for in what comes out."""
    content = inflating(mebibytes=256)
    assert 150 * len(content) < 256 << 20
    tracemalloc.start()
    try:
        with store.spool([content]) as spooled:
            store.place(spooled)
        found = store.examine(spooled.sha256)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert spooled.sop_instance_uid == found.sop_instance_uid == INSTANCE
    assert peak < 80 << 20


LARGE = part10(body((0x7FE00010, "OW", NOISE * 60)))
LARGE_SUM = hashlib.sha256(LARGE[len(part10(b"")) :]).hexdigest()


def test_a_large_object_is_read_anywhere_and_in_order(store: Objects) -> None:
    assert put(store, LARGE) == Stored(LARGE_SUM, len(LARGE), len(part10(b"")))
    with store.open(LARGE_SUM) as source:
        assert source.size == len(LARGE)
        for offset, length in [(11_000_000, 100), (0, 132), (len(LARGE) - 3, 100), (65_500, 100), (5, 12_000_000)]:
            assert bytes(source.read(offset, length)) == LARGE[offset : offset + length]
        assert bytes(source.read(len(LARGE), 5)) == bytes(source.read(len(LARGE) + 9, 5)) == b""
        digest = hashlib.sha256()
        for at in range(0, source.size, 100_000):
            digest.update(source.read(at, 100_000))
    assert digest.digest() == hashlib.sha256(LARGE).digest()
    assert store.examine(LARGE_SUM).is_sound


def test_a_large_object_that_has_rotted_is_replaced_and_a_sound_one_kept(store: Objects, ground: Ground) -> None:
    put(store, LARGE)
    other_head = b"X" * 128 + LARGE[128:]
    put(store, other_head)
    assert got(store, LARGE_SUM) == LARGE
    ground.spoil(LARGE_SUM, LARGE[:-1] + b"!")
    assert not store.examine(LARGE_SUM).is_sound
    put(store, other_head)
    assert got(store, LARGE_SUM) == other_head


def test_objects_are_walked_in_order_and_in_little_memory(store: Objects) -> None:
    names = sorted(put(store, part10(body((0x00100020, "LO", b"%04d" % number)))).sha256 for number in range(40))
    tracemalloc.start()
    try:
        assert list(store.walk()) == names
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 400_000


def test_when_an_object_was_stored_is_told_in_utc(store: Objects) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    put(store, FILE)
    written = store.modified_at(SUM)
    assert written is not None
    assert before <= written <= datetime.now(UTC) + timedelta(seconds=2)
    assert store.examine(SUM).modified_at == written
    assert written.tzinfo is UTC


def test_a_store_that_is_opened_anew_has_what_was_placed(store: Objects, ground: Ground) -> None:
    put(store, FILE)
    again = ground.open()
    assert list(again.walk()) == [SUM]
    assert got(again, SUM) == FILE
    assert put(again, FILE).sha256 == SUM


def test_what_is_purged_is_gone_and_purging_may_be_repeated(store: Objects) -> None:
    put(store, FILE)
    for _ in range(2):
        remove(store, SUM)
        assert list(store.walk()) == []
    with pytest.raises(ObjectMissing):
        store.examine(SUM)
    put(store, FILE)
    assert got(store, SUM) == FILE
