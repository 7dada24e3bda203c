"""What every object store must do, whatever it stores in."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import CT_IMAGE, DEFLATED, EXPLICIT_LE, INSTANCE, body, meta, part10
from tolmach.adapters.objects import FolderStore
from tolmach.intake.faults import ObjectMissing, StoreTrouble
from tolmach.intake.interfaces import Spooled, Stored

BODY = body((0x00100010, "PN", b"IVANOV^IVAN "), (0x7FE00010, "OW", bytes(range(256)) * 64))
FILE = part10(BODY)
SUM = hashlib.sha256(BODY).hexdigest()

STORES: dict[str, Callable[[Path], FolderStore]] = {
    "folder": FolderStore,
    "folder, not durable": lambda path: FolderStore(path, sync=False),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FolderStore:
    return STORES[request.param](tmp_path / "data")


def put(store: FolderStore, content: bytes) -> Stored:
    with store.spool([content]) as spooled:
        return store.place(spooled)


def got(store: FolderStore, sha256: str) -> bytes:
    with store.open(sha256) as source:
        return bytes(source.read(0, source.size))


def test_the_name_is_the_sum_of_the_data_set_and_the_whole_file_is_kept(store: FolderStore) -> None:
    with store.spool([FILE]) as spooled:
        offset = len(FILE) - len(BODY)
        assert (spooled.sha256, spooled.size, spooled.data_set_offset) == (SUM, len(FILE), offset)
        assert (spooled.sop_class_uid, spooled.sop_instance_uid) == (CT_IMAGE, INSTANCE)
        assert spooled.transfer_syntax_uid == EXPLICIT_LE
        assert store.place(spooled) == Stored(SUM, len(FILE), offset)
    assert got(store, SUM) == FILE


def test_nothing_is_left_of_a_spool(store: FolderStore) -> None:
    put(store, FILE)
    with store.spool([b"never placed"]):
        pass
    assert list(store.incoming.iterdir()) == []


def test_what_fails_while_it_comes_in_is_passed_on_and_leaves_nothing(store: FolderStore) -> None:
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
    store: FolderStore, content: bytes, offset: int, uid: str
) -> None:
    with store.spool([content]) as spooled:
        stored = store.place(spooled)
        assert (spooled.data_set_offset, spooled.sop_instance_uid) == (offset, uid)
    assert stored == Stored(hashlib.sha256(content[offset:]).hexdigest(), len(content), offset)
    assert put(store, content) == stored  # confirmed by what stands there
    examined = store.examine(stored.sha256)
    assert (examined.is_sound, examined.data_set_offset, examined.sop_instance_uid) == (True, offset, uid)


def test_two_files_without_a_data_set_stay_two(store: FolderStore) -> None:
    other = b"X" * 128 + part10(b"")[128:]
    assert put(store, part10(b"")).sha256 != put(store, other).sha256


@pytest.mark.parametrize("data_set", [b"", b"\x08"], ids=["nothing", "one byte"])
def test_a_data_set_from_the_network_may_be_next_to_nothing(store: FolderStore, data_set: bytes) -> None:
    head, sha256 = part10(b""), hashlib.sha256(data_set).hexdigest()
    path = store.incoming / "from the network"
    with path.open("w+b", buffering=0) as file:
        file.write(head + data_set)
        size = len(head + data_set)
        stored = store.place(Spooled(path, file, size, len(head), sha256, CT_IMAGE, INSTANCE, EXPLICIT_LE))
    assert store.examine(sha256).is_sound
    with store.spool([b"anything else"]) as other:
        again = replace(other, sha256=sha256, size=13, data_set_offset=13)
        assert store.place(again) == stored  # what stands there is confirmed, not replaced


def test_elements_of_group_0002_in_a_data_set_from_the_network_do_not_look_like_rot(store: FolderStore) -> None:
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


def test_the_same_data_set_with_another_head_is_the_same_object_and_keeps_the_first_file(store: FolderStore) -> None:
    first = put(store, FILE)
    second = put(store, BODY)
    assert second == first
    assert got(store, SUM) == FILE
    assert list(store.walk()) == [SUM]


@pytest.mark.parametrize("at", [5000, -1], ids=["in the middle", "at the end"])
def test_what_has_rotted_is_found_and_replaced_when_the_bytes_come_again(store: FolderStore, at: int) -> None:
    put(store, FILE)
    rotten = bytearray(FILE)
    rotten[at] ^= 1
    store.path_of(SUM).write_bytes(rotten)
    assert store.rehash(SUM) != SUM
    assert not store.examine(SUM).is_sound
    put(store, FILE)
    assert store.rehash(SUM) == SUM
    assert got(store, SUM) == FILE


def test_what_was_cut_off_is_replaced_too(store: FolderStore) -> None:
    put(store, FILE)
    store.path_of(SUM).write_bytes(FILE[:100])
    put(store, FILE)
    assert got(store, SUM) == FILE


def test_a_spool_that_lost_bytes_is_not_taken(store: FolderStore) -> None:
    with store.spool([FILE]) as spooled:
        spooled.file.truncate(len(FILE) - 1)
        with pytest.raises(StoreTrouble, match="TLM-OBJ-008"):
            store.place(spooled)
    assert list(store.walk()) == []


def test_what_is_not_there_is_told(store: FolderStore) -> None:
    with pytest.raises(ObjectMissing, match="TLM-OBJ-005"), store.open(SUM):
        pass
    with pytest.raises(ObjectMissing):
        store.examine(SUM)
    assert store.size_of(SUM) is store.modified_at(SUM) is None


@pytest.mark.parametrize("name", ["../../../etc/passwd", "", "a" * 63, SUM.upper(), f"{SUM}\n", "/" * 64])
def test_a_name_is_never_made_of_anything_but_a_sum(store: FolderStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a sha256"), store.open(name):
        pass
    with store.spool([FILE]) as spooled, pytest.raises(ValueError, match="not a sha256"):
        store.place(replace(spooled, sha256=name))


def test_an_error_while_an_object_is_open_is_not_taken_for_the_stores_own(store: FolderStore) -> None:
    put(store, FILE)
    with pytest.raises(FileNotFoundError, match="elsewhere"), store.open(SUM):
        raise FileNotFoundError("elsewhere")
    assert got(store, SUM) == FILE


def test_several_objects_may_be_open_at_once_in_one_thread(store: FolderStore) -> None:
    names = [put(store, part10(body((0x00100020, "LO", b"%04d" % number)))).sha256 for number in range(8)]
    with store.open(names[0]) as first:
        before = bytes(first.read(0, first.size))
        for name in names[1:]:
            with store.open(name) as other:
                assert bytes(other.read(0, other.size)) != before
                assert bytes(first.read(0, first.size)) == before


def test_many_threads_read_each_their_own(store: FolderStore) -> None:
    files = [part10(body((0x7FE00010, "OW", bytes([number]) * 20_000))) for number in range(16)]
    names = [put(store, file).sha256 for file in files]

    def read_all(turn: int) -> bool:
        order = [(turn + step) % 16 for step in range(16)] * 4
        return all(got(store, names[number]) == files[number] for number in order)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read_all, range(8)))


def test_the_same_content_eight_times_at_once_is_one_file(store: FolderStore) -> None:
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


def test_what_a_killed_process_left_is_removed(store: FolderStore) -> None:
    put(store, FILE)
    for number in range(3):
        (store.incoming / f"store-{number}.part").write_bytes(FILE)
    assert (store.clear_incoming(), store.clear_incoming()) == (3, 0)
    assert list(store.incoming.iterdir()) == []
    assert got(store, SUM) == FILE


def test_free_space_is_told(store: FolderStore) -> None:
    free, total = store.free_bytes()
    assert 0 < free <= total
