"""`tolmach serve` as an archive where something is short or hostile: letters, descriptors, room, words for the log."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_LE, even
from tests.calling import start
from tests.peers.served_archive import NAMES, SECONDS, SHOTS, TITLE, ServedArchive, keys, shot
from tests.web_archive import BOUNDARY, multipart
from tolmach.adapters.dimse import Association, OutgoingInstance, PeerAddress, PresentationContext, store_all

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

FindProgram = Callable[[str], Path]
LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")


class Archive(ServedArchive):
    """One whose environment is the test's, and whose words on stderr are kept; started as often as is wanted."""

    def __init__(self, folder: Path, **environment: str) -> None:
        super().__init__(folder)
        self.environment, self.said = environment, ""

    def reserve(self, text: str) -> None:
        """Keep so much of the disk free from the next start on."""
        known = self.config.read_text("utf-8")
        self.config.write_text(re.sub(r'reserve = "[^"]*"', f'reserve = "{text}"', known), "utf-8")

    def __enter__(self) -> Archive:
        self.process = start("serve", "--config", self.config, "--lang", "en", **self.environment)
        assert self.process.stdout is not None
        assert f"listening as {TITLE}@127.0.0.1:{self.port};".encode() in self.process.stdout.readline()
        told = re.search(rb"DICOMweb is at (http://\S+)/dicom-web", self.process.stdout.readline())
        assert told is not None
        self.url = told.group(1).decode()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        _out, err = self.process.communicate(timeout=15)
        self.said = err.decode("utf-8")
        assert self.process.returncode == 0, self.said

    def stow(self, *files: bytes) -> requests.Response:
        headers = {
            "Authorization": f"Bearer {self.tokens['technician']}",
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        }
        return requests.post(f"{self.url}/dicom-web/studies", data=multipart(*files), headers=headers, timeout=SECONDS)

    def found(self, program: Path, **asked: str) -> str:
        wanted = keys(**{"QueryRetrieveLevel": "STUDY", "PatientName": "", "StudyInstanceUID": "", **asked})
        ended = self.tool(program, "-v", "-S", *wanted, "127.0.0.1", self.port, calling="VIEWER")
        assert "(Success)" in ended.said, ended.said
        return ended.said


def test_letters_are_right_in_a_locale_that_has_none(tmp_path: Path, peer_program: FindProgram) -> None:
    """M-07: LC_ALL=C, as many services are started; names, answers and the log are UTF-8 all the same."""
    archive = Archive(tmp_path, LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    with archive:
        assert archive.store(peer_program("storescu"), *SHOTS[:1]).status == 0
        assert archive.stow(SHOTS[4]).status_code == 200
        assert NAMES[1] in archive.found(peer_program("findscu"), PatientName="ЩЕРБАКОВ")
        (study,) = archive.web("viewer").search_for_studies(search_filters={"PatientName": "Иванов"})
        assert study["00100010"]["Value"][0]["Alphabetic"] == NAMES[2]
    assert all(LOGGED.match(line) for line in archive.said.splitlines())


@contextmanager
def few_descriptors(archive: Archive, more: int) -> Iterator[None]:
    """Leave the program so many descriptors beside those it has."""
    assert archive.process is not None
    pid = archive.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    limit = max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir()) + 1 + more
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_idle_callers_take_every_descriptor_and_images_come_again_when_they_go(
    tmp_path: Path, peer_program: FindProgram
) -> None:
    """M-07: both ports full of callers who say nothing: what was acknowledged is there, and the rest goes by itself."""
    archive = Archive(tmp_path)
    with archive:
        assert archive.store(peer_program("storescu"), *SHOTS[:2]).status == 0
        port = int(archive.url.rpartition(":")[2])
        with few_descriptors(archive, 8):
            idle = [socket.create_connection(("127.0.0.1", one), 5) for one in [archive.port, port] * 30]
            time.sleep(3)  # in which they take what there is
            for one in idle:
                one.close()
        deadline = time.monotonic() + SECONDS
        while archive.store(peer_program("storescu"), SHOTS[3]).status != 0:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert archive.stow(SHOTS[4]).status_code == 200
        assert len(archive.web("viewer").search_for_instances()) == 4
    assert "Too many open files" in archive.said
    assert len(archive.said.splitlines()) < 200


def test_without_room_nothing_is_taken_and_everything_is_given(tmp_path: Path, peer_program: FindProgram) -> None:
    """M-03: A700 and 507 while the reserve is touched; questions are answered all the same."""
    archive = Archive(tmp_path)
    with archive:
        assert archive.store(peer_program("storescu"), *SHOTS[:2]).status == 0
    archive.reserve("99%")
    with archive:
        assert archive.store(peer_program("storescu"), SHOTS[2]).status != 0
        assert archive.stow(SHOTS[3]).status_code == 507
        assert requests.get(f"{archive.url}/health/ready", timeout=SECONDS).status_code == 507
        assert NAMES[1] in archive.found(peer_program("findscu"), PatientName="Щербаков*")
        assert "TLM-INT-001" in archive.command("doctor", "--json").codes
    archive.reserve("0")
    with archive:
        assert archive.stow(*SHOTS[2:4]).status_code == 200
        assert archive.command("audit", "--json").objects[0]["holds"]


HOSTILE = "Иванов\x1b[2J\r\n2026-11-22 10:00:00,000 ERROR forged"


def odd(uid: bytes) -> bytes:
    """Give a data set with a hostile name under a UID."""
    elements = (
        *((0x00080005, "CS", b"ISO_IR 192"), (0x00080016, "UI", CT_IMAGE.encode()), (0x00080018, "UI", uid)),
        *((0x00100010, "PN", HOSTILE.encode()), (0x0020000D, "UI", b"1.2.3"), (0x0020000E, "UI", b"1.2.4")),
    )
    return b"".join(EXPLICIT.element(tag, vr, even(one, b"\0" if vr == "UI" else b" ")) for tag, vr, one in elements)


def test_nobody_writes_a_line_of_the_log_and_no_patient_is_in_it(tmp_path: Path, peer_program: FindProgram) -> None:
    """F-19, F-20: hostile UIDs, names, AE titles and addresses over every entrance; each line is one that we wrote."""
    with Archive(tmp_path) as archive:
        context = PresentationContext(1, CT_IMAGE, (EXPLICIT_LE,))
        bodies = [odd(b"1.2.3.4"), odd(b"../../../tmp/x"), odd(b"1.2\r\nERROR x"), odd(b"1.2.5")[:-7]]
        with Association.open(PeerAddress(TITLE, "127.0.0.1", archive.port), [context], "CT-1") as assoc:
            sent = [
                OutgoingInstance(CT_IMAGE, f"1.2.3.{number}", EXPLICIT_LE, len(one), lambda one=one: (one,))  # type: ignore[misc]
                for number, one in enumerate(bodies)
            ]
            assert len(list(store_all(assoc, iter(sent)))) == len(sent)
        head = bytes(128) + b"DICM"
        assert archive.stow(*(head + one for one in bodies), shot(9, name=HOSTILE, page="utf-8")).status_code in (
            202,
            409,
        )
        base = f"{archive.url}/dicom-web"
        token = {"Authorization": f"Bearer {archive.tokens['viewer']}"}
        for path in (
            "/studies?PatientName=%1b%5b2J%0d%0aERROR",
            "/%0d%0aERROR%20forged",
            "/studies/1.2%0d%0aERROR/series",
        ):
            assert requests.get(base + path, headers=token, timeout=SECONDS).status_code < 500
        archive.found(peer_program("findscu"), PatientID="\x1b[2J")
        assert archive.store(peer_program("storescu"), SHOTS[0], calling="\x1b[31mEVIL").status != 0
        time.sleep(1.5)  # journeys wait for a pause in what arrives
    lines = archive.said.splitlines()
    assert lines
    assert [line for line in lines if not LOGGED.match(line)] == []
    assert [line for line in lines if not line.isprintable()] == []
    assert "forged" not in re.sub(r"\\n.*", "", archive.said)
    assert "Иванов" not in archive.said
    assert not Path("/tmp/x").exists()


def test_doctor_looks_beside_a_running_archive_and_changes_nothing(tmp_path: Path, peer_program: FindProgram) -> None:
    """What is our own port is no other program's; whoever was turned away is named."""
    with Archive(tmp_path) as archive:
        assert archive.store(peer_program("storescu"), *SHOTS[:2]).status == 0
        first = archive.command("doctor", "--json")
        states = {one["check"]: one["state"] for one in first.objects}
        assert (states["records"], states["ports"], states["peers"]) == ("ok", "skipped", "ok"), first.err
        assert archive.store(peer_program("storescu"), SHOTS[2], calling="STRANGER").status != 0
        assert "STRANGER at 127.0.0.1" in archive.command("doctor").err
        security = archive.command("doctor", "--security", "--json")
        found = {one["check"] for one in security.objects if one["state"] == "found"}
        assert found <= {"account"} if os.geteuid() == 0 else not found, security.err
        assert archive.command("audit", "--json").objects[0]["holds"]
