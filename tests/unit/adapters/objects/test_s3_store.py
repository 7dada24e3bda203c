"""The store in a bucket against a server and a line that misbehave (M-03, M-04, M-08), and how it asks."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import body, part10
from tests.s3_plain import plain_s3_server
from tests.s3_proxy import (
    Answer,
    Asked,
    Proxy,
    Wrong,
    change_etag,
    lose_answer,
    lose_request,
    refuse,
    s3_proxy,
    shorten,
    truncate,
)
from tests.s3_server import KEYS, S3Server, s3_server
from tolmach.adapters.objects import StoreUnusable
from tolmach.adapters.objects.s3_bucket import Patience
from tolmach.adapters.objects.s3_store import S3Store
from tolmach.base import TolmachError
from tolmach.intake.faults import ObjectMissing, StoreTrouble
from tolmach.intake.interfaces import Stored

PIXELS = random.Random(4).randbytes(300_000)
BODY = body((0x7FE00010, "OW", PIXELS))
FILE = part10(BODY)
SUM = hashlib.sha256(BODY).hexdigest()
OTHER_HEAD = b"X" * 128 + FILE[128:]
LARGE_BODY = body((0x7FE00010, "OW", PIXELS * 29))
LARGE = part10(LARGE_BODY)
LARGE_SUM = hashlib.sha256(LARGE_BODY).hexdigest()
EITHER = [pytest.param(FILE, id="one request"), pytest.param(LARGE, id="parts", marks=pytest.mark.slow)]
ROOT = Path(__file__).parents[4]
QUICK = Patience(connect=2, request=2, retry=2, retries=2, first_pause=0.01)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def proxy(server: S3Server) -> Iterator[Proxy]:
    with s3_proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    return f"unit/{hashlib.sha256(str(tmp_path).encode()).hexdigest()}"


@pytest.fixture
def store(server: S3Server, proxy: Proxy, prefix: str, tmp_path: Path) -> S3Store:
    store = S3Store(replace(server, port=proxy.port).address(prefix), KEYS, tmp_path / "data", patience=QUICK)
    store.require_usable()
    proxy.forget()
    return store


def put(store: S3Store, content: bytes = FILE) -> Stored:
    with store.spool([content]) as spooled:
        return store.place(spooled)


def got(store: S3Store, sha256: str = SUM) -> bytes:
    with store.open(sha256) as source:
        return bytes(source.read(0, source.size))


def key(prefix: str, sha256: str = SUM) -> str:
    return f"{prefix}/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}.dcm"


def is_put(asked: Asked) -> bool:
    return asked.method == "PUT" and ".dcm" in asked.path


def is_get(asked: Asked) -> bool:
    return asked.method == "GET" and ".dcm" in asked.path


def test_what_is_expected_costs_no_request_when_it_is_opened(store: S3Store, proxy: Proxy) -> None:
    """And what is read is what is there: another state of the object since then is trouble, and not a mixture."""
    content = FILE + bytes(200_000)
    sha256 = put(store, content).sha256
    proxy.forget()
    store.expect([sha256])
    with store.open(sha256) as source:
        assert bytes(source.read(0, 1000)) == content[:1000]
        assert proxy.counted("GET") == 1
        assert bytes(source.read(0, source.size)) == content
    with store.open(sha256) as source:
        assert source.size == len(content)
    with pytest.raises(ObjectMissing):
        got(store, "0" * 64)


# Writing against a bad server -------------------------------------------------------------------------------


@pytest.mark.parametrize("content", EITHER)
@pytest.mark.parametrize(
    "wrong",
    [
        refuse(500, "InternalError"),
        refuse(503, "SlowDown"),
        refuse(429, "TooManyRequests"),
        lose_request,
        lose_answer,
    ],
    ids=["500", "503", "429", "no answer", "answer lost after success"],
)
def test_m08_what_fails_once_is_done_again_and_is_there_once(
    store: S3Store, proxy: Proxy, wrong: Wrong, content: bytes
) -> None:
    proxy.at, proxy.faults = is_put, [wrong]
    stored = put(store, content)
    assert proxy.faults == []
    assert got(store, stored.sha256) == content
    assert list(store.walk()) == [stored.sha256]


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (refuse(500, "InternalError"), "TLM-OBJ-036", "answers 500 InternalError"),
        (refuse(503, "SlowDown"), "TLM-OBJ-036", "answers 503 SlowDown"),
        (refuse(507, "XMinioStorageFull"), "TLM-OBJ-036", "answers 507 XMinioStorageFull"),
        (refuse(400, "BadDigest"), "TLM-OBJ-036", "answers 400 BadDigest"),
        (refuse(403, "AccessDenied"), "TLM-OBJ-034", "403 AccessDenied"),
        (refuse(403, "RequestTimeTooSkewed"), "TLM-OBJ-034", "RequestTimeTooSkewed"),
        (refuse(400, "AuthorizationHeaderMalformed"), "TLM-OBJ-034", "AuthorizationHeaderMalformed"),
        (refuse(404, "NoSuchBucket"), "TLM-OBJ-033", "no bucket clinic"),
        (lose_request, "TLM-OBJ-035", "the connection broke"),
    ],
)
def test_m08_what_goes_on_failing_is_never_acknowledged_and_goes_by_itself(
    store: S3Store, proxy: Proxy, wrong: Wrong, code: str, words: str
) -> None:
    proxy.at, proxy.always = is_put, wrong
    with pytest.raises(StoreTrouble, match=code) as raised:
        put(store)
    assert words in str(raised.value.problem)
    assert list(store.walk()) == []
    assert list(store.incoming.iterdir()) == []
    proxy.always = None
    put(store)
    assert store.examine(SUM).is_sound


@pytest.mark.parametrize("step", ["uploads", "partNumber=2", "POST .*uploadId"])
def test_m08_parts_that_go_on_failing_make_no_object(store: S3Store, proxy: Proxy, step: str) -> None:
    proxy.at = lambda asked: re.search(step, f"{asked.method} {asked.path}") is not None
    proxy.always = refuse(503, "SlowDown")
    with pytest.raises(StoreTrouble, match="TLM-OBJ-036"):
        put(store, LARGE)
    assert list(store.walk()) == []
    proxy.always = None
    put(store, LARGE)
    assert store.examine(LARGE_SUM).is_sound


def test_m08_an_answer_that_never_comes_after_success_is_trouble_and_the_repeat_gives_the_same(
    store: S3Store, proxy: Proxy
) -> None:
    proxy.at, proxy.always = is_put, lose_answer
    with pytest.raises(StoreTrouble, match="TLM-OBJ-035"):
        put(store)
    proxy.always = None
    assert put(store, OTHER_HEAD) == Stored(SUM, len(FILE), len(FILE) - len(BODY))
    assert got(store) == FILE


def test_m08_a_silent_server_is_waited_for_no_longer_than_agreed(store: S3Store, proxy: Proxy) -> None:
    let_go = threading.Event()

    def say_nothing(_asked: Asked, _forward: object) -> None:
        let_go.wait(60)

    proxy.always = say_nothing
    impatient = replace(QUICK, request=0.2, retry=0.2)
    hasty = S3Store(store._bucket._address, KEYS, store.incoming.parent, patience=impatient)
    try:
        for attempt in (lambda: got(hasty), lambda: hasty.size_of(SUM), lambda: list(hasty.walk()), lambda: put(hasty)):
            with pytest.raises(StoreTrouble, match=r"TLM-OBJ-035.*no answer in time"):
                attempt()
    finally:
        let_go.set()


def test_m08_nobody_there_is_told_as_that(server: S3Server, prefix: str, tmp_path: Path) -> None:
    with s3_proxy(server.port) as gone:
        port = gone.port
    store = S3Store(replace(server, port=port).address(prefix), KEYS, tmp_path, patience=QUICK)
    with pytest.raises(StoreTrouble, match=r"TLM-OBJ-035.*no connection"):
        put(store)
    with pytest.raises(StoreTrouble, match="TLM-OBJ-035"):
        store.require_usable()


def test_m08_parts_put_together_whose_answer_was_lost_are_found(store: S3Store, proxy: Proxy) -> None:
    proxy.at, proxy.always = lambda asked: asked.method == "POST" and "uploadId" in asked.path, lose_answer
    put(store, LARGE)  # the repeat is told that there is no such upload any more
    assert got(store, LARGE_SUM) == LARGE


# Proof ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", EITHER)
def test_m08_an_etag_that_says_nothing_is_no_proof_so_the_object_is_read_back(
    store: S3Store, proxy: Proxy, content: bytes
) -> None:
    proxy.at = lambda asked: is_put(asked) if content is FILE else "uploadId" in asked.path and asked.method == "POST"
    put(store, FILE if content is LARGE else LARGE)
    assert proxy.counted("GET") == int(content is FILE)  # the large one looked whether it is there
    proxy.forget()
    proxy.always = change_etag
    stored = put(store, content)
    assert proxy.counted("GET") >= 1 + int(content is LARGE)
    assert got(store, stored.sha256) == content


@pytest.mark.parametrize("content", EITHER)
def test_m08_a_server_that_stores_other_bytes_is_not_believed(
    store: S3Store, server: S3Server, proxy: Proxy, prefix: str, content: bytes
) -> None:
    sha256 = hashlib.sha256(content[len(FILE) - len(BODY) :]).hexdigest()

    def spoil(asked: Asked, forward: Callable[[], Answer]) -> Answer:
        answer = forward()
        if asked.method == "POST" and "uploads" in asked.path:
            return answer
        server.write(key(prefix, sha256), content[:-1] + b"!")
        return change_etag(asked, lambda: answer)

    proxy.at, proxy.always = lambda asked: asked.method in ("PUT", "POST") and "partNumber" not in asked.path, spoil
    with pytest.raises(StoreTrouble, match="TLM-OBJ-038"):
        put(store, content)
    proxy.always = None
    put(store, content)
    assert store.examine(sha256).is_sound


def test_every_upload_carries_its_checksum(store: S3Store, proxy: Proxy) -> None:
    put(store)
    put(store, LARGE)
    puts = [one for one in proxy.asked if one.method == "PUT"]
    assert len(puts) == 1 + 2
    for one in puts:
        sha256 = hashlib.sha256(one.content)
        assert one.headers["x-amz-content-sha256"] == sha256.hexdigest()
        assert one.headers["x-amz-checksum-sha256"]
    assert puts[0].headers["if-none-match"] == "*"


@pytest.mark.parametrize("content", EITHER)
def test_m04_bytes_that_change_in_the_spool_are_not_sent_as_an_object(store: S3Store, content: bytes) -> None:
    with store.spool([content]) as spooled:
        spooled.file.seek(-1, 2)
        spooled.file.write(b"!")
        with pytest.raises(StoreTrouble, match="TLM-OBJ-040"):
            store.place(spooled)
    assert list(store.walk()) == []


def test_an_object_two_machines_bring_at_once_is_one_and_both_are_told_of_it(
    store: S3Store, server: S3Server, prefix: str, tmp_path: Path
) -> None:
    stores = [store, *(S3Store(server.address(prefix), KEYS, tmp_path / str(number)) for number in range(5))]
    together = threading.Barrier(len(stores))

    def bring(one: S3Store, content: bytes) -> Stored:
        with one.spool([content]) as spooled:
            together.wait(30)
            return one.place(spooled)

    heads = [FILE, OTHER_HEAD, bytes(132) + BODY, BODY, FILE, OTHER_HEAD]
    with ThreadPoolExecutor(len(stores)) as pool:
        (stored,) = set(pool.map(bring, stores, heads))
    content = got(store)
    assert (len(content), content[stored.data_set_offset :]) == (stored.size, BODY)


def test_what_another_machine_replaces_meanwhile_is_looked_at_again(
    store: S3Store, server: S3Server, proxy: Proxy, prefix: str
) -> None:
    put(store)
    server.write(key(prefix), b"rotten")

    def be_slower(_asked: Asked, forward: Callable[[], Answer]) -> Answer:
        server.write(key(prefix), OTHER_HEAD)
        return forward()

    proxy.at, proxy.faults = lambda asked: "if-match" in asked.headers and asked.method == "PUT", [be_slower]
    put(store)
    assert proxy.faults == []
    assert got(store) == OTHER_HEAD


# Reading ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [refuse(500, "InternalError"), refuse(503, "SlowDown"), lose_request, truncate],
    ids=["500", "503", "no answer", "cut off"],
)
def test_m08_a_read_that_fails_once_is_done_again(store: S3Store, proxy: Proxy, wrong: Wrong) -> None:
    put(store)
    proxy.at, proxy.faults = is_get, [wrong]
    assert got(store) == FILE
    assert proxy.faults == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (truncate, "TLM-OBJ-035"),
        (shorten, "TLM-OBJ-037"),
        (refuse(503, "SlowDown"), "TLM-OBJ-036"),
        (refuse(403, "AccessDenied"), "TLM-OBJ-034"),
        (refuse(404, "NoSuchBucket"), "TLM-OBJ-033"),
    ],
    ids=["announced and not sent", "less announced", "503", "403", "no bucket"],
)
def test_m08_a_read_that_goes_on_failing_gives_no_image_and_no_loss(
    store: S3Store, proxy: Proxy, wrong: Wrong, code: str
) -> None:
    put(store)
    proxy.at, proxy.always = is_get, wrong
    for read in (got, lambda store: store.examine(SUM)):
        with pytest.raises(StoreTrouble, match=code):
            read(store)
    proxy.always = None
    assert got(store) == FILE


def test_m08_bytes_that_came_wrong_are_found_by_their_sum(store: S3Store, proxy: Proxy) -> None:
    put(store)

    def flip(_asked: Asked, forward: Callable[[], Answer]) -> Answer:
        answer = forward()
        answer.content = answer.content[:-1] + b"!"
        return answer

    proxy.at, proxy.always = lambda asked: is_get(asked) and not asked.range.startswith("bytes=0-"), flip
    assert not store.examine(SUM).is_sound


def test_m08_an_object_that_is_replaced_while_it_is_read_is_not_mixed(
    store: S3Store, server: S3Server, prefix: str
) -> None:
    put(store, LARGE)
    with store.open(LARGE_SUM) as source:
        assert bytes(source.read(0, 132)) == LARGE[:132]
        server.write(key(prefix, LARGE_SUM), LARGE[:-1] + b"!")
        with pytest.raises(StoreTrouble, match="TLM-OBJ-039"):
            source.read(1_000_000, 10)
        server.delete(key(prefix, LARGE_SUM))
        with pytest.raises(ObjectMissing):
            source.read(1_000_000, 10)


def test_m08_a_wrong_etag_between_two_windows_is_trouble(store: S3Store, proxy: Proxy) -> None:
    put(store)
    proxy.at, proxy.always = lambda asked: is_get(asked) and not asked.range.startswith("bytes=0-"), change_etag
    with store.open(SUM) as source, pytest.raises(StoreTrouble, match="TLM-OBJ-039"):
        source.read(200_000, 10)


def test_a_header_costs_one_small_request_and_a_whole_object_few(store: S3Store, proxy: Proxy) -> None:
    put(store)
    put(store, LARGE)
    proxy.forget()
    with store.open(LARGE_SUM) as source:
        for at in range(0, 60_000, 1000):
            source.read(at, 1000)
    assert [one.range for one in proxy.asked] == ["bytes=0-65535"]
    proxy.forget()
    got(store)
    assert [one.range for one in proxy.asked] == ["bytes=0-65535", f"bytes=0-{len(FILE) - 1}"]
    proxy.forget()
    with store.open(LARGE_SUM) as source:
        for at in range(0, source.size, 64 << 10):
            source.read(at, 64 << 10)
    assert len(proxy.asked) == 4  # 64 KiB, 1 MiB, 4 MiB, then 8 MiB each


MEMORY = """
import sys
from pathlib import Path
from tests.s3_server import KEYS, S3Server
from tolmach.adapters.objects.s3_store import S3Store

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) >> 10

store = S3Store(S3Server(int(sys.argv[1])).address("memory"), KEYS, Path(sys.argv[2]))
store.require_usable()
chunk = bytes(range(256)) * 4096
with store.spool(chunk for _ in range(int(sys.argv[3]))) as spooled:
    before = peak()
    store.place(spooled)
placed = peak()
assert store.examine(spooled.sha256).is_sound
with store.open(spooled.sha256) as source:
    for at in range(0, source.size, len(chunk)):
        assert source.read(at, len(chunk)) == chunk
print(before, placed, peak())
"""


@pytest.mark.parametrize("mebibytes", [64, pytest.param(1024, marks=pytest.mark.slow)])
def test_a_large_object_takes_little_memory(tmp_path: Path, mebibytes: int) -> None:
    with plain_s3_server(tmp_path / "bucket") as port:  # moto holds objects in memory, whole, at each request
        ran = subprocess.run(
            [sys.executable, "-c", MEMORY, str(port), str(tmp_path / "data"), str(mebibytes)],
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
            cwd=ROOT,
        )
    assert not ran.returncode, ran.stderr
    _before, placed, peak = map(int, ran.stdout.split())
    assert max(placed, peak) <= 150


# Listing and looking ----------------------------------------------------------------------------------------


def test_m08_an_object_a_listing_does_not_show_yet_is_there_all_the_same(store: S3Store, proxy: Proxy) -> None:
    put(store)

    def hide(_asked: Asked, forward: Callable[[], Answer]) -> Answer:
        answer = forward()
        answer.content = re.sub(rb"<Contents>.*?</Contents>", b"", answer.content, flags=re.DOTALL)
        return answer

    proxy.at, proxy.always = lambda asked: "list-type" in asked.path, hide
    assert list(store.walk()) == []
    assert (store.size_of(SUM), got(store), put(store).sha256) == (len(FILE), FILE, SUM)


def test_a_walk_takes_pages_and_passes_over_what_is_not_ours(
    store: S3Store, server: S3Server, proxy: Proxy, prefix: str
) -> None:
    names = sorted(put(store, part10(body((0x00100020, "LO", b"%04d" % number)))).sha256 for number in range(25))
    for stray in ("objects/README", f"objects/aa/aa/{'b' * 64}.dcm", f"objects/aa/bb/aabb{'0' * 60}.dcm.part"):
        server.write(f"{prefix}/{stray}", b"")
    server.write(f"{prefix}-of-another/objects/{SUM[:2]}/{SUM[2:4]}/{SUM}.dcm", b"")

    def page(asked: Asked, forward: Callable[[], Answer]) -> Answer:
        asked.path += "&max-keys=10"
        return forward()

    proxy.forget()
    proxy.at, proxy.always = lambda asked: "list-type" in asked.path, page
    assert list(store.walk()) == names
    assert proxy.counted("GET", "list-type") == 3


def test_m08_a_listing_that_breaks_off_is_trouble_and_not_the_end(store: S3Store, proxy: Proxy) -> None:
    for number in range(25):
        put(store, part10(body((0x00100020, "LO", b"%04d" % number))))

    def page(asked: Asked, forward: Callable[[], Answer]) -> Answer:
        if "continuation" in asked.path:
            return refuse(503, "SlowDown")(asked, forward)  # type: ignore[return-value]
        asked.path += "&max-keys=10"
        return forward()

    proxy.at, proxy.always = lambda asked: "list-type" in asked.path, page
    with pytest.raises(StoreTrouble, match="TLM-OBJ-036"):
        list(store.walk())


def test_m08_a_bucket_that_is_gone_is_not_taken_for_lost_objects(server: S3Server, tmp_path: Path) -> None:
    store = S3Store(server.address("", bucket="gone-away"), KEYS, tmp_path, patience=QUICK)
    for look in (store.size_of, store.modified_at, store.examine, store.remove, lambda _sum: list(store.walk())):
        with pytest.raises(StoreTrouble, match=r"TLM-OBJ-033.*no bucket gone-away"):
            look(SUM)
    with pytest.raises(StoreTrouble, match="TLM-OBJ-033"), store.open(SUM):
        pass
    with pytest.raises(StoreUnusable, match="TLM-OBJ-033"):
        store.require_usable()


@pytest.mark.parametrize("which", ["PUT", "GET"])
def test_m08_refused_keys_are_for_a_person_at_the_start(store: S3Store, proxy: Proxy, which: str) -> None:
    proxy.at, proxy.always = lambda asked: asked.method == which, refuse(403, "InvalidAccessKeyId")
    with pytest.raises(StoreUnusable, match=r"TLM-OBJ-034.*403 InvalidAccessKeyId"):
        store.require_usable()


def test_room_is_that_of_this_machine(store: S3Store) -> None:
    free, total = store.free_bytes()
    assert 0 < free <= total < 1 << 60


@pytest.mark.parametrize("wrong", [refuse(501, "NotImplemented"), None], ids=["refuses conditions", "ignores them"])
def test_a_server_without_conditions_is_found_out_and_looked_at_first(
    server: S3Server, proxy: Proxy, prefix: str, tmp_path: Path, wrong: Wrong | None
) -> None:
    proxy.forget_conditions = True
    proxy.at, proxy.always = lambda asked: "if-none-match" in asked.headers, wrong
    store = S3Store(replace(server, port=proxy.port).address(prefix), KEYS, tmp_path, patience=QUICK)
    put(store)
    assert put(store, OTHER_HEAD) == Stored(SUM, len(FILE), len(FILE) - len(BODY))
    assert got(store) == FILE


# Secrets ----------------------------------------------------------------------------------------------------


def test_no_key_is_in_any_error_nor_in_what_led_to_it(store: S3Store, proxy: Proxy) -> None:
    def tell(asked: Asked, forward: Callable[[], Answer]) -> Answer:
        answer = refuse(403, "SignatureDoesNotMatch")(asked, forward)
        assert answer is not None
        answer.content += KEYS.access_key_id.encode() + KEYS.secret_access_key.encode()
        return answer

    proxy.always = tell
    for attempt in (put, got, lambda store: list(store.walk()), lambda store: store.require_usable()):
        with pytest.raises(TolmachError) as raised:
            attempt(store)
        told: list[str] = []
        error: BaseException | None = raised.value
        while error is not None:
            told += [str(error), repr(error)]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        assert all(KEYS.secret_access_key not in one and KEYS.access_key_id not in one for one in told)
    assert KEYS.secret_access_key not in repr([KEYS, store, store._bucket, store._bucket._connection])
