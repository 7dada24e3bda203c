"""`tolmach send` and `tolmach echo` where no peer is needed: nobody listens, nobody answers, strange answers."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.builders import EXPLICIT, INSTANCE, body, part10
from tests.calling import CLEAN, IVANOV, UNSURE, Called, call, folder_of, numbered, spoiled
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.folder.reading import SeekingSource

KEYS = ["path", "verdict", "sop_instance_uid", "character_set", "detected", "changes", "problems", "sent"]
CUT = spoiled()[:-7]


@contextmanager
def receiving(folder: Path, status: int = SUCCESS) -> Iterator[tuple[str, list[str]]]:
    """Run our own receiver; gives its address and the UIDs of what it took."""
    taken: list[str] = []

    def keep(instance: ReceivedInstance) -> int:
        instance.file.close()
        instance.path.unlink()
        taken.append(instance.sop_instance_uid)
        return status

    folder.mkdir()
    with StorageScp(StorageScpSettings(port=0), folder, keep) as scp:
        yield f"PACS@127.0.0.1:{scp.port}", taken


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """Take connections and answer with these bytes, whatever is asked; None: never a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                held.append(connection)
                if answer is not None:
                    connection.recv(65536)
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for connection in held:
                connection.close()


def configured(tmp_path: Path, port: int, **more: str) -> str:
    """Write a configuration with one impatient peer; gives its name."""
    keys = {"connect_timeout_seconds": "0.5", "acse_timeout_seconds": "0.5", "dimse_timeout_seconds": "0.5", **more}
    lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
    text = f'[[peer]]\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = {port}\n{lines}\n'
    (tmp_path / "tolmach.toml").write_text(text, "utf-8")
    return "pacs"


def nothing_sent(called: Called) -> None:
    assert called.status == 1
    assert all(one["sent"] is None for one in called.objects)
    assert len(set(called.lines)) == len(called.lines)


def test_json_has_exactly_the_keys_of_the_contract(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1), b=CLEAN)
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--json")
    assert (called.status, called.err, len(taken)) == (0, "", 2)
    assert [list(one) for one in called.objects] == [KEYS] * 2
    for one in called.objects:
        assert list(one["sent"]) == ["to", "status", "seconds"]
        assert (one["sent"]["to"], one["sent"]["status"]) == (to, "0000")
        assert 0 < one["sent"]["seconds"] < 10


def test_rows_are_green_when_sent_and_red_when_not(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1), b=CUT)
    with receiving(tmp_path / "scp") as (to, _):
        shown = call("send", "in", to, watched=True).out
    rows = [line for line in shown.splitlines() if "in/" in line]
    assert any(row.startswith("\x1b[32msent ") and "in/a.dcm" in row for row in rows)
    assert any(row.startswith("\x1b[31mNOT SENT") and "in/b.dcm" in row for row in rows)
    assert "1 sent, 1 NOT SENT" in shown


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = {"b": CUT, "c": b"", "d": b"text", "e": UNSURE}
    folder_of(tmp_path / "in", a=numbered(1), **bad, f=numbered(2))
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--json", "--unsure", "hold")
    assert (called.status, len(taken)) == (1, 2)
    sent = {Path(one["path"]).stem: one["sent"] is not None for one in called.objects}
    assert sent == {"a": True, "b": False, "c": False, "d": False, "e": False, "f": True}
    assert sorted(called.codes) == ["TLM-CLI-006", "TLM-DCM-001", "TLM-DCM-001", "TLM-DCM-002"]


def test_an_unsure_file_travels_and_the_status_says_so(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=UNSURE)
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--json")
    assert (called.status, len(taken), called.objects[0]["verdict"]) == (1, 1, "unsure")
    assert called.objects[0]["sent"]["status"] == "0000"


@pytest.mark.parametrize(
    ("status", "words"), [(0xA700, "A700"), (0xA900, "A900"), (0xC123, "C123"), (0x0122, "SOP class"), (0xFEFE, "FEFE")]
)
def test_a_failure_status_is_never_called_sent(tmp_path: Path, status: int, words: str) -> None:
    folder_of(tmp_path / "in", a=numbered(1), b=numbered(2))
    with receiving(tmp_path / "scp", status) as (to, _):
        called = call("send", "in", to, "--json")
    nothing_sent(called)
    assert len(called.lines) == 1
    assert called.lines[0].startswith("TLM-NET-1")
    assert words in called.err
    assert "  " not in called.err


@pytest.mark.parametrize(("status", "code"), [(0xB000, "101"), (0xB006, "102"), (0xB007, "103")])
def test_a_warning_status_is_sent_and_told(tmp_path: Path, status: int, code: str) -> None:
    folder_of(tmp_path / "in", a=numbered(1))
    with receiving(tmp_path / "scp", status) as (to, _):
        called = call("send", "in", to, "--json")
        shown = call("send", "in", to)
    assert (called.status, called.err, called.objects[0]["sent"]["status"]) == (0, "", f"{status:04X}")
    assert [problem["code"] for problem in called.objects[0]["problems"]] == [f"TLM-NET-{code}"]
    assert f"{to} stored the instance" in called.objects[0]["problems"][0]["message"]
    assert (shown.status, shown.err) == (0, "")
    assert f"TLM-NET-{code}: {to} stored" in shown.out


def test_a_rule_that_could_not_be_carried_out_is_not_everything_asked_for(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1))
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--json", "--set", "AccessionNumber=" + "{PatientID}" * 9)
    assert (called.status, len(taken), called.objects[0]["sent"]["status"]) == (1, 1, "0000")
    assert [problem["code"] for problem in called.objects[0]["problems"]] == ["TLM-EDT-021"]


def test_as_is_asks_for_no_text(tmp_path: Path) -> None:
    """What the peer can read is no matter where the bytes go out as they are."""
    folder_of(tmp_path / "in", a=spoiled(IVANOV + "Є"))
    with receiving(tmp_path / "scp") as (to, taken):
        name = configured(tmp_path, int(to.rpartition(":")[2]), text='"koi8-r"')
        assert call("send", "in", name, "--json").status == 1
        called = call("send", "in", name, "--json", "--as-is")
    assert (called.status, len(taken)) == (0, 2)


@pytest.mark.parametrize("associations", ["1", "4"])
def test_a_folder_for_a_server_that_is_down_is_one_line(tmp_path: Path, associations: str) -> None:
    folder_of(tmp_path / "in", **{f"f{number:03}": numbered(number) for number in range(60)}, bad=CUT)
    called = call("send", "in", "PACS@127.0.0.1:1", "--json", "--associations", associations)
    nothing_sent(called)
    assert sorted(called.codes) == ["TLM-DCM-002", "TLM-NET-011"]
    assert len(called.objects) == 61
    for one in called.objects:
        assert len(one["problems"]) == 1
    shown = call("send", "in", "PACS@127.0.0.1:1").out
    assert shown.count("refused the connection") == 2  # where it was met, and in the sum
    assert "60 × TLM-NET-011" in shown


def test_a_host_that_does_not_exist(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1))
    called = call("send", "in", "PACS@no-such-host.invalid:104", "--json")
    nothing_sent(called)
    assert called.codes == ["TLM-NET-010"]


def test_a_host_that_swallows_packets(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1), b=numbered(2))
    with listening(None) as port:
        to = configured(tmp_path, port)
        called = call("send", "in", to, "--json")
        nothing_sent(called)
        assert called.codes == ["TLM-NET-033"]
        assert call("echo", to).codes == ["TLM-NET-033"]


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x03\x00", b"\x15\x03\x03\x00\x02\x02\x28"]
)
def test_a_port_where_something_else_listens(tmp_path: Path, answer: bytes) -> None:
    folder_of(tmp_path / "in", a=numbered(1), b=numbered(2))
    with listening(answer) as port:
        to = configured(tmp_path, port)
        called = call("send", "in", to, "--json")
        nothing_sent(called)
        assert len(called.codes) == 1
        assert called.codes[0].startswith("TLM-NET-03")
        assert (echo := call("echo", to)).status == 1
        assert len(echo.lines) == 1


def test_as_is_sends_what_is_there_and_reports_no_changes(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1))
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--as-is", "--json")
    assert (called.status, called.objects[0]["changes"]) == (0, [])
    assert taken == [called.objects[0]["sop_instance_uid"]]
    assert taken[0].endswith(".1001")


def test_a_new_uid_is_the_one_that_is_stored(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1))
    (tmp_path / "r.toml").write_text('[[rule]]\ndo = [{ new_uid = "SOPInstanceUID" }]', "utf-8")
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--rules", "r.toml", "--json")
    assert taken == [called.objects[0]["sop_instance_uid"]]
    assert taken[0].startswith("2.25.")


def test_four_associations_bring_every_file_once(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", **{f"f{number:03}": numbered(number) for number in range(80)})
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--associations", "4", "--json")
    assert (called.status, len(called.objects), len(taken), len(set(taken))) == (0, 80, 80, 80)


def test_a_peer_for_one_association_at_a_time_gets_everything(tmp_path: Path) -> None:
    """A lane that finds no place leaves its files to the lane that has one."""
    folder_of(tmp_path / "in", **{f"f{number:03}": numbered(number) for number in range(60)})
    settings = StorageScpSettings(port=0, max_associations=1)
    (tmp_path / "scp").mkdir()
    taken: list[str] = []

    def keep(instance: ReceivedInstance) -> int:
        instance.file.close()
        instance.path.unlink()
        taken.append(instance.sop_instance_uid)
        return SUCCESS

    with StorageScp(settings, tmp_path / "scp", keep) as scp:
        called = call("send", "in", f"PACS@127.0.0.1:{scp.port}", "--associations", "4", "--json")
    assert (called.status, called.err, len(taken)) == (0, "", 60)


def test_echo(tmp_path: Path) -> None:
    with receiving(tmp_path / "scp") as (to, _):
        called = call("echo", to)
        assert (called.status, called.err) == (0, "")
        assert to in called.out
        (answer,) = call("echo", to, "--json").objects
    assert list(answer) == ["to", "status", "seconds", "problems"]
    assert (answer["status"], answer["problems"]) == ("0000", [])
    called = call("echo", to, "--json")
    assert (called.status, called.codes, called.objects[0]["status"]) == (1, ["TLM-NET-011"], None)
    assert called.objects[0]["problems"][0]["code"] == "TLM-NET-011"


def test_a_uid_that_no_peer_can_take_is_told_before_it_breaks_the_association(tmp_path: Path) -> None:
    """DCMTK aborts the association over a UID of more than 64 characters, whatever else was to be sent over it."""
    folder_of(tmp_path / "in", a=numbered(1, own=f"{INSTANCE}.{'1' * 40}"), b=numbered(2))
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--json")
    assert (called.status, called.codes, taken) == (1, ["TLM-CLI-018"], [f"{INSTANCE}.1002"])


@contextmanager
def dropping(port: int, poison: bytes) -> Iterator[int]:
    """Stand between the program and a receiver, and break every connection over which these bytes come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pump(source: socket.socket, target: socket.socket, *, picky: bool) -> None:
            try:
                while data := source.recv(1 << 20):
                    if picky and poison in data:
                        break
                    target.sendall(data)
            except OSError:
                pass
            for end in (source, target):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                far = socket.create_connection(("127.0.0.1", port))
                back = threading.Thread(target=pump, args=(far, near), kwargs={"picky": False}, daemon=True)
                back.start()
                pump(near, far, picky=True)
                back.join(10)
                near.close()
                far.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


@pytest.mark.parametrize("associations", ["1", "3"])
def test_files_a_peer_stumbles_over_do_not_take_the_others_with_them(tmp_path: Path, associations: str) -> None:
    bad = {f"a{number}": numbered(number, own=f"{INSTANCE}.666.{number}") for number in range(1, 5)}
    folder_of(tmp_path / "in", **bad, **{f"b{number:02}": numbered(number) for number in range(20)})
    with (
        receiving(tmp_path / "scp") as (to, taken),
        dropping(int(to.rpartition(":")[2]), f"{INSTANCE}.666.".encode()) as port,
    ):
        called = call("send", "in", f"PACS@127.0.0.1:{port}", "--json", "--associations", associations)
    assert (called.status, len(called.objects)) == (1, 24)
    sent = sorted(Path(one["path"]).stem for one in called.objects if one["sent"] is not None)
    assert sent == [f"b{number:02}" for number in range(20)]
    assert sorted(taken) == sorted(f"{INSTANCE}.{1000 + number}" for number in range(20))
    assert called.codes == ["TLM-NET-031"]


def test_a_file_that_shrinks_while_it_is_sent_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = tmp_path / "in" / "a.dcm"
    large.parent.mkdir()
    pixels = EXPLICIT.element(0x7FE00010, "OW", bytes(24 << 20))
    large.write_bytes(part10(body((0x00100010, "PN", b"SMITH^JO")) + pixels))
    folder_of(tmp_path / "in", b=numbered(2))
    read, calls = SeekingSource.read, 0

    def read_and_cut(source: SeekingSource, offset: int, length: int) -> bytes:
        nonlocal calls
        calls += length >= 1 << 20
        if calls == 5:
            os.truncate(large, 1 << 20)
        return read(source, offset, length)

    monkeypatch.setattr(SeekingSource, "read", read_and_cut)
    with receiving(tmp_path / "scp") as (to, taken):
        called = call("send", "in", to, "--json")
    assert (called.status, taken) == (1, [f"{INSTANCE}.1002"])
    assert called.codes == ["TLM-DCM-002"]  # seen when it is tried again
