"""`tolmach serve` with watched folders between scripted machines and real archives: all once, nothing touched."""

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydicom
import pytest

from tests.builders import CT_IMAGE, EXPLICIT_LE, INSTANCE
from tests.calling import IVANOV, KLYMENKO, call, numbered, start
from tests.peers.conftest import RunningOrthanc, RunningStorescp, StartStorescp
from tests.peers.test_serve import SECONDS, Station, expected, images, stopped, store, uids
from tolmach.adapters.dimse import Association, OutgoingInstance, PeerAddress, PresentationContext, store_all
from tolmach.adapters.sql import open_records

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

SHEVCHENKO = "ШЕВЧЕНКО^ТАРАС^ГРИГОРОВИЧ"


class Agent(Station):
    """A `tolmach serve` that watches folders."""

    def __init__(self, folder: Path, destinations: dict[str, int], watches: str) -> None:
        super().__init__(folder, destinations)
        self.destinations = destinations
        self.write(watches)

    def write(self, watches: str, name: str = "tolmach.toml") -> None:
        peers = "".join(
            f'[[peer]]\nname = "{one}"\nae_title = "{one.upper()}"\nhost = "127.0.0.1"\nport = {port}\n'
            for one, port in self.destinations.items()
        )
        data = (self.folder / "data").as_posix()
        text = (
            f'data_dir = "{data}"\n[dicom]\nport = {self.port}\n[storage]\nreserve = "0"\n'
            f"[delivery]\nbackoff_cap_seconds = 1\n{peers}{watches.replace('~', self.folder.as_posix())}"
        )
        (self.folder / name).write_text(text, "utf-8")

    def line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode("utf-8")

    def reload(self) -> list[str]:
        """Tell it to read its configuration anew, and give what it says."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        while True:
            said = self.line()
            assert said
            if said.startswith("The configuration was"):
                return [said]

    def history(self, *arguments: str) -> list[dict[str, Any]]:
        return self.command("history", "--json", *arguments).objects

    def await_taken(self, count: int) -> list[dict[str, Any]]:
        return until(self.history, lambda rows: len(rows) >= count and all(row["verdict"] for row in rows))


T = TypeVar("T")


def until(ask: Callable[[], T], is_so: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + SECONDS
    while not is_so(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def watch(name: str = "room-1", folder: str = "in", to: Sequence[str] = ("one",), more: str = "") -> str:
    return f'[[watch]]\nname = "{name}"\nfolder = "~/{folder}"\nto = {list(to)}\n{more}\n'


def drop(folder: Path, *numbers: int, name: str = IVANOV) -> None:
    """Put files there at once, as a copying machine does."""
    for number in numbers:
        (folder / f"{number}.dcm").write_bytes(numbered(number, name))


def sendings(peer: RunningStorescp) -> list[str]:
    """Give the UIDs that were sent to a peer, each as often as it was."""
    log = peer.folder.with_name(peer.folder.name + ".log").read_text(errors="replace")
    return re.findall(r"C-STORE RQ.*?Affected SOP Instance UID\s*:\s*([0-9.]+)", log, re.DOTALL)


def state_of(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Give what is in a folder, with everything that would show a touch."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (status.st_ino, status.st_mtime_ns, status.st_mode, content)
    return found


# Machines -----------------------------------------------------------------------------------------------------------


def integris(folder: Path, number: int) -> None:
    """Write x.tmp, edit it, rename it."""
    content = numbered(number)
    part = folder / f"{number}.tmp"
    part.write_bytes(content[:-8] + b"\0" * 8)
    time.sleep(0.3)
    with part.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(content[-8:])
    time.sleep(0.2)
    part.rename(folder / f"{number}.dcm")


def copy_then_delete(folder: Path, number: int) -> None:
    """Write a temporary file, copy it to a new one, delete it."""
    part = folder / f"~{number}.dcm"
    part.write_bytes(numbered(number))
    time.sleep(0.2)
    shutil.copy2(part, folder / f"{number}.dic")
    part.unlink()


def slowly(folder: Path, number: int) -> None:
    """Write a file in pieces, pausing longer than a file has to be quiet; it has no extension."""
    content = numbered(number)
    with (folder / f"IM{number}").open("wb", buffering=0) as file:
        for at in range(0, len(content), 100):
            file.write(content[at : at + 100])
            time.sleep(1.5 if at == 200 else 0.05)


def deep_and_old(folder: Path, number: int) -> None:
    """Copy a file of years ago into folders made for it, its name in a code page of its own."""
    inner = folder / "2003" / "01"
    inner.mkdir(parents=True)
    path = inner / os.fsdecode("снимок".encode("cp1251") + b" %d.DCM" % number)
    path.write_bytes(numbered(number))
    os.utime(path, (1_000_000_000, 1_000_000_000))


def titan(folder: Path, number: int) -> None:
    """Write three whole files at once, delete two, rename the third."""
    for place in range(3):
        (folder / f"{number}-{place}.dcm").write_bytes(numbered(number + place * 50))
    time.sleep(0.8)
    (folder / f"{number}-1.dcm").unlink()
    (folder / f"{number}-2.dcm").unlink()
    (folder / f"{number}-0.dcm").rename(folder / f"{number}.dcm")


def test_every_machine_is_understood_and_every_image_arrives_once(
    tmp_path: Path, storescp: StartStorescp, orthanc: RunningOrthanc
) -> None:
    one = storescp("-d", ae_title="ONE")
    machines: dict[str, Sequence[Callable[[Path, int], None]]] = {
        "generic": (copy_then_delete, slowly, deep_and_old),
        "integris": (integris,),
        "titan-2000": (titan,),
    }
    watches = ""
    for preset in machines:
        (tmp_path / preset).mkdir()
        more = f'preset = "{preset}"\n' + ("settle_seconds = 2.5\n" if preset == "titan-2000" else "")
        watches += watch(preset, preset, ("one", "orthanc"), more)
    with Agent(tmp_path, {"one": one.port, "orthanc": orthanc.dicom_port}, watches) as agent:
        threads = [
            threading.Thread(target=machine, args=(tmp_path / preset, number))
            for number, (preset, machine) in enumerate(
                (preset, machine) for preset, several in machines.items() for machine in several
            )
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        before = {preset: state_of(tmp_path / preset) for preset in machines}
        report = agent.await_audit(taken=5, delivered=5)
        assert report["holds"] is True
        assert sorted(sendings(one)) == sorted(expected(*range(5)))
        assert set(orthanc.instances()) == expected(*range(5))
        assert {str(pydicom.dcmread(file).PatientName) for file in one.files()} == {IVANOV}
        assert {row["received"]["source"] for row in agent.history()} == set(machines)
        assert {preset: state_of(tmp_path / preset) for preset in machines} == before


# Once ---------------------------------------------------------------------------------------------------------------


def test_neither_a_restart_nor_a_kill_sends_anything_twice(tmp_path: Path, storescp: StartStorescp) -> None:
    one = storescp("-d", ae_title="ONE")
    (tmp_path / "in").mkdir()
    agent = Agent(tmp_path, {"one": one.port}, watch(more="scan_seconds = 0.2"))
    with agent:
        drop(tmp_path / "in", *range(10))
        agent.await_audit(delivered=10)
    with agent:
        drop(tmp_path / "in", 10)
        agent.await_audit(delivered=11)
        agent.kill()
    os.utime(tmp_path / "in")
    with agent:
        drop(tmp_path / "in", 11)
        agent.await_audit(taken=12, delivered=12)
    assert sorted(sendings(one)) == sorted(expected(*range(12)))
    assert {row["arrivals"] for row in agent.history()} == {1}


def test_a_changed_file_is_a_new_version(tmp_path: Path, storescp: StartStorescp) -> None:
    one = storescp("-d", ae_title="ONE")
    (tmp_path / "in").mkdir()
    with Agent(tmp_path, {"one": one.port}, watch()) as agent:
        drop(tmp_path / "in", 1)
        agent.await_audit(delivered=1)
        drop(tmp_path / "in", 1, name=KLYMENKO)
        agent.await_audit(taken=2, delivered=2)
        assert [row["version"] for row in agent.history()] == [1, 2]
        assert [str(pydicom.dcmread(file).PatientName) for file in one.files()] == [KLYMENKO]
        assert len(sendings(one)) == 2
        (tmp_path / "in" / "1.dcm").rename(tmp_path / "in" / "renamed.dcm")
        drop(tmp_path / "in", 2)
        agent.await_audit(taken=3, delivered=3)
        assert len(sendings(one)) == 3  # another name for the same bytes is no new image


# Afterwards ---------------------------------------------------------------------------------------------------------


def test_files_are_deleted_only_when_everybody_has_confirmed(tmp_path: Path, storescp: StartStorescp) -> None:
    one, two = storescp(ae_title="ONE"), storescp(ae_title="TWO")
    (tmp_path / "in").mkdir()
    agent = Agent(tmp_path, {"one": one.port, "two": two.port}, watch(to=("one", "two"), more='after = "delete"'))
    with agent:
        with stopped(two.process):
            drop(tmp_path / "in", 1, 2, 3)
            until(lambda: uids(one.folder), expected(1, 2, 3).__eq__)
            time.sleep(3)  # longer than it takes to tidy what is confirmed
            assert len(list((tmp_path / "in").iterdir())) == 3
        until(lambda: list((tmp_path / "in").iterdir()), lambda left: not left)
        assert uids(two.folder) == expected(1, 2, 3)
        assert agent.audit()["holds"] is True


def test_files_are_moved_with_the_folders_they_are_in(tmp_path: Path, storescp: StartStorescp) -> None:
    one = storescp(ae_title="ONE")
    (tmp_path / "in" / "deep").mkdir(parents=True)
    more = 'after = "move"\nmove_to = "~/done"'
    with Agent(tmp_path, {"one": one.port}, watch(more=more)):
        drop(tmp_path / "in" / "deep", 1)
        until((tmp_path / "done" / "deep" / "1.dcm").exists, bool)
        assert (tmp_path / "done" / "deep" / "1.dcm").read_bytes() == numbered(1)
        assert not (tmp_path / "in" / "deep" / "1.dcm").exists()
        assert uids(one.folder) == expected(1)


# The folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_may_come_late_go_and_come_back(tmp_path: Path, storescp: StartStorescp) -> None:
    one = storescp("-d", ae_title="ONE")
    with Agent(tmp_path, {"one": one.port}, watch()) as agent:
        with open_records(tmp_path / "data", create=False) as records:
            (state,) = until(records.watched.states, lambda states: bool(states and states[0].trouble))
            assert state.trouble is not None
            assert state.trouble.code == "TLM-FIL-020"
            (tmp_path / "in").mkdir()
            drop(tmp_path / "in", 1)
            agent.await_audit(delivered=1)
            until(records.watched.states, lambda states: states[0].trouble is None)
            (tmp_path / "in").rename(tmp_path / "away")
            until(records.watched.states, lambda states: states[0].trouble is not None)
        drop(tmp_path / "away", 2)
        (tmp_path / "away").rename(tmp_path / "in")
        agent.await_audit(taken=2, delivered=2)
        assert sorted(sendings(one)) == sorted(expected(1, 2))


def test_a_folder_that_another_agent_watches_is_refused(tmp_path: Path) -> None:
    for name in ("in", "a", "b"):
        (tmp_path / name).mkdir()
    first, second = Agent(tmp_path / "a", {}, watch(folder="../in", to=())), Agent(tmp_path / "b", {}, "")
    second.write(watch("other", "../in", ()))
    with first:
        process = start("serve", "--config", second.config, "--lang", "en")
        _out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 2
        assert str(Path("..") / "in") in err.decode()
        drop(tmp_path / "in", 1)
        first.await_audit(taken=1)
    with second:
        second.await_audit(taken=1)


# Where it goes ------------------------------------------------------------------------------------------------------


def test_the_export_folder_gets_the_mended_file_the_archive_the_original(
    tmp_path: Path, storescp: StartStorescp
) -> None:
    one = storescp(ae_title="ONE")
    (tmp_path / "in").mkdir()
    more = 'original = true\nexport_folder = "~/out"\nexport_template = "{PatientName}/{SOPInstanceUID}.dcm"'
    with Agent(tmp_path, {"one": one.port}, watch(more=more)) as agent:
        drop(tmp_path / "in", 1, name=SHEVCHENKO)
        drop(tmp_path / "in", 2)
        agent.await_audit(delivered=2)
        (exported,) = (tmp_path / "out" / "ШЕВЧЕНКО ТАРАС ГРИГОРОВИЧ").iterdir()
        assert str(pydicom.dcmread(exported).PatientName) == SHEVCHENKO
        raw = {pydicom.dcmread(file).get_item("PatientName").value for file in one.files()}  # type: ignore[union-attr]
        assert {value.rstrip() for value in raw} == {SHEVCHENKO.encode("cp1251"), IVANOV.encode("cp1251")}
        (row,) = agent.history("--patient", "Шевченко")
        assert row["patient_name"] == SHEVCHENKO
        assert {line["to"]: line["state"] for line in row["deliveries"]} == {
            "one": "delivered",
            "room-1 export": "delivered",
        }


def test_in_shadow_mode_nothing_is_delivered_and_live_is_one_step(tmp_path: Path, storescp: StartStorescp) -> None:
    one = storescp("-d", ae_title="ONE")
    (tmp_path / "in").mkdir()
    with (
        Agent(tmp_path, {"one": one.port}, watch(more='shadow = true\nexport_folder = "~/out"')) as agent,
        open_records(tmp_path / "data", create=False) as records,
    ):
        drop(tmp_path / "in", 1)
        (row,) = agent.await_taken(1)
        assert row["verdict"] == "repairable"
        assert {change["after"] for change in row["changes"]} >= {IVANOV}
        assert agent.audit()["held"] == 1
        records.watched.set_mode("room-1", "live", "a person")
        drop(tmp_path / "in", 2)
        agent.await_audit(held=1, delivered=1)
        assert sendings(one) == [*expected(2)]
        assert [path.name for path in (tmp_path / "out").rglob("*.dcm")] == [f"{uid}.dcm" for uid in expected(2)]
        records.watched.set_mode("room-1", "paused", "a person")
        time.sleep(1.5)  # what has just been seen may still be taken
        drop(tmp_path / "in", 3)
        time.sleep(3)
        assert agent.audit()["taken"] == 2
        records.watched.resume("room-1", "a person")
        agent.await_audit(held=1, delivered=2)


# Another configuration ----------------------------------------------------------------------------------------------


def test_a_new_configuration_is_followed_while_files_flow(tmp_path: Path, storescp: StartStorescp) -> None:
    one, two = storescp("-d", ae_title="ONE"), storescp("-d", ae_title="TWO")
    (tmp_path / "in").mkdir()
    (tmp_path / "ready").mkdir()
    agent = Agent(tmp_path, {"one": one.port, "two": two.port}, watch())
    with agent:
        assert "Watching" in agent.line()
        flow = threading.Thread(target=_flow, args=(tmp_path / "in", 300))
        flow.start()
        until(one.files, lambda files: len(files) > 50)
        for to in (["two"], ["one", "two"], ["two"]):
            agent.write(watch(to=to))
            assert "read anew" in agent.reload()[0]
        flow.join()
        agent.await_audit(taken=300, delivered=300, queued=0, held=0)
        to_one, to_two = sendings(one), sendings(two)
        assert len(to_one) == len(set(to_one))
        assert len(to_two) == len(set(to_two))
        assert {*to_one, *to_two} == expected(*range(300))
        assert to_two
        assert agent.audit()["holds"] is True


def _flow(folder: Path, count: int) -> None:
    for number in range(count):
        drop(folder, number)
        time.sleep(0.02)


def test_a_frozen_peer_keeps_nobody_from_following(tmp_path: Path, storescp: StartStorescp) -> None:
    live, frozen = storescp(ae_title="LIVE"), storescp("-d", ae_title="FROZEN")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    agent = Agent(tmp_path, {"live": live.port, "frozen": frozen.port}, watch("a", "a", ("live", "frozen")))
    with agent:
        with stopped(frozen.process):
            drop(tmp_path / "a", 1)
            until(lambda: uids(live.folder), expected(1).__eq__)
            until(lambda: agent.command("queue", "list", "--json").objects, lambda rows: len(rows) == 1)
            begun = time.monotonic()
            agent.write(watch("a", "a", ("live", "frozen")) + watch("b", "b", ("live",)))
            assert "read anew" in agent.reload()[0]
            assert time.monotonic() - begun < 3.5  # nobody waited for the lane that the frozen peer keeps
            drop(tmp_path / "b", 2)
            until(lambda: uids(live.folder), expected(1, 2).__eq__)
        agent.await_audit(taken=2, delivered=2)
        assert sendings(frozen) == [*expected(1)]


def test_a_bad_configuration_is_refused_and_the_old_one_goes_on(tmp_path: Path, storescp: StartStorescp) -> None:
    one = storescp(ae_title="ONE")
    for name in ("in", "other"):
        (tmp_path / name).mkdir()
    agent = Agent(tmp_path, {"one": one.port}, watch())
    with agent:
        for bad in (watch(to=("nobody",)), watch(more='export_folder = "~/in/out"'), watch(more='preset = "none"')):
            agent.write(bad)
            assert "was not changed" in agent.reload()[0]
        (tmp_path / "tolmach.toml").write_text("data_dir = 'elsewhere'\n", "utf-8")
        assert "was not changed" in agent.reload()[0]
        drop(tmp_path / "in", 1)
        agent.write(watch() + watch("room-2", "other"))
        assert "read anew" in agent.reload()[0]
        drop(tmp_path / "other", 2)
        agent.await_audit(delivered=2)
    assert agent.process is not None
    assert agent.process.returncode == 0


def test_callers_notice_nothing_of_a_configuration_that_does_not_concern_them(
    tmp_path: Path, storescp: StartStorescp
) -> None:
    one, two = storescp(ae_title="ONE"), storescp(ae_title="TWO")
    caller = '[[peer]]\nname = "{}"\nae_title = "{}"\nhost = "127.0.0.1"\nrights = ["echo", "store"]\n'
    (tmp_path / "in").mkdir()
    agent = Agent(tmp_path, {"one": one.port, "two": two.port}, "")
    agent.write(caller.format("ct-1", "CT1") + '[[route]]\nto = ["one"]\n' + watch())
    with agent:
        context = PresentationContext(1, CT_IMAGE, (EXPLICIT_LE,))
        with Association.open(PeerAddress("TOLMACH", "127.0.0.1", agent.port), [context], "CT1") as assoc:
            assert _store(assoc, 1)
            agent.await_audit(delivered=1)
            agent.write(caller.format("ct-1", "CT1") + '[[route]]\nto = ["two"]\n' + watch(to=("two",)))
            assert "read anew" in agent.reload()[0]
            assert _store(assoc, 2)
            agent.await_audit(taken=2, delivered=2)
            assert (uids(one.folder), uids(two.folder)) == (expected(1), expected(2))
        assert store(agent, *images(tmp_path / "out", 3), calling="CT2") != 0
        agent.write(caller.format("ct-2", "CT2") + '[[route]]\nto = ["two"]\n')
        assert "read anew" in agent.reload()[0]
        assert store(agent, *images(tmp_path / "out", 3), calling="CT2") == 0
        assert store(agent, *images(tmp_path / "out", 4), calling="CT1") != 0
        agent.await_audit(taken=3, delivered=3)


def _store(assoc: Association, number: int) -> bool:
    raw = numbered(number)
    content = raw[132 + 12 + int.from_bytes(raw[140:144], "little") :]
    uid = f"{INSTANCE}.{1000 + number}"
    (outcome,) = store_all(
        assoc, iter([OutgoingInstance(CT_IMAGE, uid, EXPLICIT_LE, len(content), lambda: (content,))])
    )
    return outcome.stored


def test_config_check_knows_the_presets(tmp_path: Path) -> None:
    agent = Agent(tmp_path, {}, watch(to=(), more='preset = "integris"'))
    assert call("config", "check", "--config", agent.config).status == 0
    agent.write(watch(to=(), more='preset = "integres"'))
    called = call("config", "check", "--config", agent.config)
    assert called.status == 2
    assert "integris" in called.err
