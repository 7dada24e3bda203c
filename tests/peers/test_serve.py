"""`tolmach serve` between DCMTK's tools: what is acknowledged arrives everywhere, whatever happens in between."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest

from tests.builders import CT_IMAGE, EXPLICIT_LE, INSTANCE
from tests.calling import IVANOV, Called, call, numbered, start
from tests.peers.conftest import StartStorescp, reserved_port
from tolmach.adapters.dimse import Association, OutgoingInstance, PeerAddress, PresentationContext, store_all

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

SECONDS = 60.0


class Station:
    """A configured `tolmach serve`, started and killed at will."""

    def __init__(self, folder: Path, destinations: dict[str, int]) -> None:
        self.folder, self.port = folder, reserved_port()
        peers = "".join(
            f'[[peer]]\nname = "{name}"\nae_title = "{name.upper()}"\nhost = "127.0.0.1"\nport = {port}\n'
            for name, port in destinations.items()
        )
        self.config = folder / "tolmach.toml"
        self.config.write_text(
            f'data_dir = "{(folder / "data").as_posix()}"\n'
            f'[dicom]\nport = {self.port}\n[storage]\nreserve = "0"\n[delivery]\nbackoff_cap_seconds = 2\n'
            f'[[peer]]\nname = "ct-1"\nae_title = "CT1"\nhost = "127.0.0.1"\nrights = ["echo", "store"]\n'
            f"{peers}{f'[[route]]{chr(10)}to = {list(destinations)}' if destinations else ''}\n",
            "utf-8",
        )
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Station":
        self.process = start("serve", "--config", self.config, "--lang", "en")
        assert self.process.stdout is not None
        assert b"listening as TOLMACH@127.0.0.1" in self.process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=15)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def command(self, *arguments: str) -> Called:
        return call(*arguments, "--config", self.config, "--lang", "en")

    def audit(self) -> dict[str, Any]:
        (report,) = self.command("audit", "--json").objects
        return report

    def await_lines(self, count: int) -> None:
        """Wait until the journeys have ended that lead to so many lines in the queue."""
        deadline = time.monotonic() + SECONDS
        while len([one for one in self.command("queue", "list", "--json").objects if one["id"] is not None]) < count:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def await_audit(self, **wanted: int) -> dict[str, Any]:
        """Wait until the audit shows these numbers; they must come."""
        deadline = time.monotonic() + SECONDS
        while True:
            report = self.audit()
            if all(report[key] == number for key, number in wanted.items()):
                return report
            assert time.monotonic() < deadline, report
            time.sleep(0.2)


def store(station: Station, *files: Path, tool: str = "storescu", calling: str = "CT1") -> int:
    arguments = ["-aet", calling, "-aec", "TOLMACH", "127.0.0.1", str(station.port), *map(str, files)]
    return subprocess.run([tool, *arguments], capture_output=True, check=False, timeout=SECONDS).returncode


def images(folder: Path, *numbers: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for number in numbers:
        path = folder / f"{number}.dcm"
        path.write_bytes(numbered(number))
        paths.append(path)
    return paths


def uids(folder: Path) -> set[str]:
    return {str(pydicom.dcmread(file).SOPInstanceUID) for file in folder.iterdir()}


def expected(*numbers: int) -> set[str]:
    return {f"{INSTANCE}.{1000 + number}" for number in numbers}


@contextmanager
def stopped(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Freeze a peer: it neither answers nor refuses."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_two_destinations_get_what_came_repaired(tmp_path: Path, storescp: StartStorescp) -> None:
    one, two = storescp(ae_title="ONE"), storescp(ae_title="TWO")
    with Station(tmp_path, {"one": one.port, "two": two.port}) as station:
        first, second, third = images(tmp_path / "in", 1, 2, 3)
        assert store(station, first, second) == 0
        assert store(station, third, tool="dcmsend") == 0
        report = station.await_audit(taken=3, delivered=3)
        assert report["holds"] is True
        assert [(row["to"], row["delivered"]) for row in report["destinations"]] == [("one", 3), ("two", 3)]
        for peer in (one, two):
            assert uids(peer.folder) == expected(1, 2, 3)
            assert {str(pydicom.dcmread(file).PatientName) for file in peer.files()} == {IVANOV}
        rows = station.command("history", "--json").objects
        assert [row["verdict"] for row in rows] == ["repairable"] * 3
        assert {line["state"] for row in rows for line in row["deliveries"]} == {"delivered"}
        assert {line["status"] for row in rows for line in row["deliveries"]} == {"0000"}
        assert rows[0]["received"]["source"] == "ct-1"
        assert rows[0]["patient_name"] == IVANOV
    assert station.process is not None
    assert station.process.returncode == 0


def test_killed_in_between_nothing_is_lost_and_nothing_is_shown_twice(tmp_path: Path, storescp: StartStorescp) -> None:
    one, away = storescp(ae_title="ONE"), reserved_port()
    station = Station(tmp_path, {"one": one.port, "two": away})
    with station:
        assert store(station, *images(tmp_path / "in", *range(10))) == 0
        station.kill()
    with station:
        assert store(station, *images(tmp_path / "in", *range(5, 15))) == 0  # half of them came before
        station.await_audit(taken=15, queued=15)
        station.kill()
    two = storescp(ae_title="TWO", port=away)
    with station:
        assert station.await_audit(taken=15, delivered=15)["holds"] is True
        assert uids(one.folder) == uids(two.folder) == expected(*range(15))
        rows = station.command("history", "--json").objects
        assert [row["arrivals"] for row in rows] == [1] * 5 + [2] * 5 + [1] * 5


def test_a_dead_and_a_frozen_destination_do_not_slow_a_live_one(tmp_path: Path, storescp: StartStorescp) -> None:
    live, frozen = storescp(ae_title="LIVE"), storescp(ae_title="FROZEN")
    with (
        stopped(frozen.process),
        Station(tmp_path, {"live": live.port, "frozen": frozen.port, "dead": reserved_port()}) as station,
    ):
        assert store(station, *images(tmp_path / "in", *range(20))) == 0
        deadline = time.monotonic() + SECONDS
        while {row["to"] for row in station.command("queue", "list", "--json").objects} != {"frozen", "dead"}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert uids(live.folder) == expected(*range(20))


def test_an_operator_holds_drops_retries_and_resends(tmp_path: Path, storescp: StartStorescp) -> None:
    port = reserved_port()
    with Station(tmp_path, {"one": port}) as station:
        assert store(station, *images(tmp_path / "in", 1, 2, 3)) == 0
        station.await_lines(3)
        assert station.command("queue", "hold").status == 0
        station.await_audit(held=3)
        one = storescp(ae_title="ONE", port=port)
        numbers = [str(row["id"]) for row in station.command("queue", "list", "--json").objects]
        assert station.command("queue", "drop", numbers[0]).status == 0
        assert station.command("queue", "retry", numbers[1], numbers[2]).status == 0
        assert station.await_audit(delivered=2, deleted=1)["holds"] is True
        assert uids(one.folder) == expected(2, 3)
        dropped = station.command("history", "--json").objects[0]["id"]
        assert station.command("resend", str(dropped)).status == 0
        assert station.await_audit(delivered=3)["holds"] is True
        assert uids(one.folder) == expected(1, 2, 3)


def test_strangers_are_refused_and_listed(tmp_path: Path) -> None:
    with Station(tmp_path, {}) as station:
        assert store(station, *images(tmp_path / "in", 1), calling="NOBODY") != 0
        assert station.audit()["taken"] == 0
        (peer,) = station.command("peers", "--json").objects
        assert (peer["ae_title"], peer["host"]) == ("NOBODY", "127.0.0.1")


def test_a_second_serve_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    """M-09."""
    with Station(tmp_path, {}) as station:
        other = Station(tmp_path, {})
        process = start("serve", "--config", other.config, "--lang", "en")
        _out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 2
        assert str(station.process.pid if station.process else 0) in err.decode()


def test_what_is_damaged_waits_in_quarantine_until_released(tmp_path: Path, storescp: StartStorescp) -> None:
    one = storescp(ae_title="ONE")
    with Station(tmp_path, {"one": one.port}) as station:
        content = numbered(1)[132 + 12 + int.from_bytes(numbered(1)[140:144], "little") :]
        instance = OutgoingInstance(CT_IMAGE, f"{INSTANCE}.1099", EXPLICIT_LE, len(content), lambda: (content,))
        context = PresentationContext(1, CT_IMAGE, (EXPLICIT_LE,))
        with Association.open(PeerAddress("TOLMACH", "127.0.0.1", station.port), [context], "CT1") as assoc:
            (outcome,) = store_all(assoc, iter([instance]))
        assert outcome.stored
        station.await_audit(quarantined=1)
        (row,) = station.command("queue", "list", "--json").objects
        assert row["state"] == "quarantined"
        assert row["last_error"].startswith("TLM-INT-020")
        assert station.command("queue", "retry", str(row["id"])).status == 0
        assert station.await_audit(delivered=1)["holds"] is True


def test_the_records_can_be_rebuilt_backed_up_and_restored(tmp_path: Path, storescp: StartStorescp) -> None:
    one = storescp(ae_title="ONE")
    station = Station(tmp_path, {"one": one.port})
    backup = str(tmp_path / "backup.tar")
    with station:
        assert store(station, *images(tmp_path / "in", 1, 2)) == 0
        station.await_audit(delivered=2)
        assert station.command("backup", backup).status == 0
        assert station.command("verify").status == 0
        assert station.command("rebuild").status == 2  # serve has the folder
    for file in (tmp_path / "data").glob("tolmach.sqlite*"):
        file.unlink()
    assert station.command("audit").status == 2
    assert station.command("rebuild").status == 0
    with station:
        assert station.await_audit(taken=2, held=2)["holds"] is True
        assert station.command("queue", "retry").status == 0
        station.await_audit(delivered=2)
    assert station.command("restore", backup).status == 0
    report = station.audit()
    assert (report["taken"], report["delivered"], report["holds"]) == (2, 2, True)


def test_a_flipped_byte_is_found_and_not_delivered(tmp_path: Path, storescp: StartStorescp) -> None:
    port = reserved_port()
    with Station(tmp_path, {"one": port}) as station:
        assert store(station, *images(tmp_path / "in", 1)) == 0
        station.await_lines(1)
        (stored,) = (tmp_path / "data" / "objects").rglob("*.dcm")
        raw = bytearray(stored.read_bytes())
        raw[-3] ^= 1
        stored.write_bytes(raw)
        one = storescp(ae_title="ONE", port=port)
        station.await_audit(held=1)
        assert one.files() == []
        assert station.command("verify").status == 1
        assert store(station, *images(tmp_path / "in", 1)) == 0  # the machine sends it again: it is healed
        assert station.command("verify").status == 0
        assert station.command("queue", "retry").status == 0
        station.await_audit(delivered=1)
        assert uids(one.folder) == expected(1)
