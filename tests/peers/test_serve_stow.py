"""`tolmach serve` before a real DICOMweb archive: stored over STOW-RS, and delivered only when QIDO-RS finds it."""

import ssl
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest

from tests.calling import IVANOV, start
from tests.peers.certificates import Authority
from tests.peers.conftest import RunningOrthanc, StartOrthancWeb, reserved_port
from tests.peers.test_serve import SECONDS, Station, expected, images, store
from tests.peers.tls_front import tls_front

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

# Lets Orthanc say "stored" to everything and keep nothing; what it is asked goes into its log.
LIE = """
function ReceivedInstanceFilter(dicom, origin)
  return false
end
function IncomingHttpRequestFilter(method, uri, ip, username, httpHeaders)
  print(method .. ' ' .. uri)
  return true
end
"""


def station_before(folder: Path, url: str, more: str = "", files: str = "") -> Station:
    """Give a station whose one destination is a DICOMweb server that has to prove."""
    station = Station(folder, {})
    text = station.config.read_text("utf-8")
    station.config.write_text(
        text.replace("[storage]", f"{files}[storage]")
        + f'[[peer]]\nname = "web"\nkind = "stow"\nurl = "{url}"\nproof = "query"\n{more}\n[[route]]\nto = ["web"]\n',
        "utf-8",
    )
    return station


def lines(station: Station) -> list[dict[str, Any]]:
    return [line for row in station.command("history", "--json").objects for line in row["deliveries"]]


def await_lines(station: Station, is_wanted: Callable[[list[dict[str, Any]]], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_wanted(found := lines(station)):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def await_fault(station: Station, said: str) -> None:
    """Wait until people are told what is wrong with the destination."""
    deadline = time.monotonic() + SECONDS
    while said not in (report := station.command("queue", "list", "--json")).out:
        assert time.monotonic() < deadline, report
        time.sleep(0.2)


def test_what_qido_finds_is_delivered(tmp_path: Path, orthanc_web: RunningOrthanc) -> None:
    with station_before(tmp_path, f"http://127.0.0.1:{orthanc_web.http_port}/dicom-web") as station:
        assert store(station, *images(tmp_path / "in", *range(30))) == 0
        assert station.await_audit(taken=30, delivered=30)["holds"] is True
        assert set(orthanc_web.instances()) == expected(*range(30))
        found = lines(station)
        assert {(line["state"], line["status"], line["proof"]) for line in found} == {("delivered", "200", "query")}
        for uid in expected(0, 29):
            assert pydicom.dcmread(BytesIO(orthanc_web.file_of(uid))).PatientName == IVANOV


def test_an_archive_that_only_says_that_it_stores_is_not_believed(
    tmp_path: Path, start_orthanc_web: StartOrthancWeb
) -> None:
    script, port = tmp_path / "lie.lua", reserved_port()
    script.write_text(LIE)
    with station_before(tmp_path, f"http://127.0.0.1:{port}/dicom-web") as station:
        with start_orthanc_web(port, LuaScripts=[str(script)]) as liar:
            assert store(station, *images(tmp_path / "in", 1, 2, 3)) == 0
            await_lines(station, lambda found: [line["status"] for line in found] == ["200"] * 3)
            log = tmp_path / "orthanc-web-1.log"
            await_lines(station, lambda _: log.read_text("utf-8", "replace").count("GET /dicom-web/studies/") > 3)
            assert liar.instances() == {}
            assert station.audit()["delivered"] == 0
        with start_orthanc_web(port) as honest:  # what was not found is sent again when the time to find it is over
            await_lines(station, lambda found: [line["state"] for line in found] == ["delivered"] * 3, 180)
            assert set(honest.instances()) == expected(1, 2, 3)
            assert station.audit()["holds"] is True


def test_over_https_with_certificates_and_a_password(
    tmp_path: Path, start_orthanc_web: StartOrthancWeb, peer_program: Callable[[str], Path]
) -> None:
    # Orthanc 1.10.1 of Debian 12 falls over at the first HTTPS request; most stand behind a proxy anyway.
    authority = Authority(peer_program("openssl"), tmp_path, "clinic")
    server, own = authority.issue("server"), authority.issue("tolmach")
    assert server.certificate is not None
    assert own.certificate is not None
    assert own.key is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    believing = f'[dicom.tls]\nca = "{authority.certificate.as_posix()}"\n'
    known = f'certificate = "{own.certificate.as_posix()}"\nkey = "{own.key.as_posix()}"\n'
    with (
        start_orthanc_web(AuthenticationEnabled=True, RegisteredUsers={"tolmach": "s3cret"}) as orthanc,
        tls_front(orthanc.http_port, context) as port,
    ):
        url = f"https://localhost:{port}/dicom-web"
        station = station_before(tmp_path, url, 'user = "tolmach"\npassword = "wrong"', believing + known)
        with_both = station.config.read_text("utf-8")
        with station:
            assert store(station, *images(tmp_path / "in", 1, 2, 3)) == 0
            await_fault(station, "TLM-DLV-034")
        for missing, said in ((believing + known, "self-signed certificate"), (known, "alert certificate required")):
            station.config.write_text(with_both.replace(missing, ""), "utf-8")
            with station:
                await_fault(station, said)
                assert station.audit()["delivered"] == 0
        station.config.write_text(with_both.replace('"wrong"', '"s3cret"'), "utf-8")
        with station:
            assert station.await_audit(taken=3, delivered=3)["holds"] is True
            assert {line["proof"] for line in lines(station)} == {"query"}


def test_a_password_sent_openly_is_remarked_at_the_start(tmp_path: Path) -> None:
    station = station_before(tmp_path, "http://192.0.2.7/dicom-web", 'token = "s3cret"')
    process = start("serve", "--config", station.config, "--lang", "en")
    try:
        assert process.stdout is not None
        assert b"listening" in process.stdout.readline()
    finally:
        process.terminate()
        _out, err = process.communicate(timeout=15)
    assert process.returncode == 0
    assert b"TLM-SRV-003" in err
    assert b"s3cret" not in err
