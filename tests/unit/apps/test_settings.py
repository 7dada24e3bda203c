"""The configuration: what it says, what the environment says over it, and what is wrong with it, in one line."""

from pathlib import Path

import pytest

from tests.calling import call
from tolmach.apps.faults import BadConfiguration
from tolmach.apps.sections import Settings
from tolmach.apps.settings import address_of, load_settings, peer_named, timeouts_of
from tolmach.base import TolmachError

PEER = '[[peer]]\nname = "pacs"\nae_title = "ORTHANC"\nhost = "10.0.0.5"\nport = 4242\n'
SURFACE = """
data_dir = "./tolmach-data"
language = "uk"
database = "sqlite"
objects  = "folder"
[http]
host = "127.0.0.1"
port = 8080
[dicom]
host = "127.0.0.1"
port = 11112
ae_title = "TOLMACH"
[hl7]
host = "127.0.0.1"
port = 2575
enabled = false
[archive]
enabled = true
[[peer]]
name = "pacs"
ae_title = "ORTHANC"
host = "10.0.0.5"
port = 4242
rights = ["echo", "store", "find", "move", "get", "worklist", "mpps", "commit"]
text = "utf-8"
proof = "response"
associations = 4
kind = "dicom"
[[profile]]
name = "xray-1"
from = "auto"
unsure = "pass"
code_string = "transliterate"
[[profile.rule]]
when = { Modality = "DX", PatientID = { matches = "^0" } }
do = [ { set = "InstitutionName", value = "Міська лікарня №1" }, { replace = "PatientID", pattern = "^0+", with = "" } ]
[[watch]]
name = "room-1"
folder = "D:/Export"
preset = "generic"
ignore = ["*.tmp", "~*"]
recursive = true
profile = "xray-1"
export_folder = "D:/Repaired"
to = ["pacs"]
original = false
after = "keep"
[[route]]
from = ["ct-1"]
to = ["pacs"]
[[legacy]]
name = "alfa"
url = "firebird:///D:/Base/ALFA.FDB?charset=WIN1251"
[[hl7_sender]]
host = "10.0.0.8"
"""


def load(tmp_path: Path, text: str | bytes, **environment: str) -> Settings:
    file = tmp_path / "tolmach.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_settings(file, environment)


def wrong(tmp_path: Path, text: str | bytes, **environment: str) -> str:
    with pytest.raises(BadConfiguration) as caught:
        load(tmp_path, text, **environment)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_a_file_the_defaults_hold() -> None:
    settings = load_settings(None, {})
    assert (settings.dicom.ae_title, settings.dicom.port, settings.language) == ("TOLMACH", 11112, None)


def test_the_whole_configuration_of_the_contract_is_understood(tmp_path: Path) -> None:
    settings = load(tmp_path, SURFACE)
    assert settings.language == "uk"
    assert settings.peer[0].rights[:2] == ("echo", "store")
    assert settings.profile[0].rule[0]["when"]["Modality"] == "DX"
    assert (settings.watch[0].folder, settings.watch[0].ignore) == (Path("D:/Export"), ("*.tmp", "~*"))
    assert [one.name for one in settings.destinations] == ["pacs", "room-1 export"]
    assert settings.destinations[1].folder == Path("D:/Repaired")
    assert str(address_of(peer_named(settings, "pacs"))) == "ORTHANC@10.0.0.5:4242"


def test_an_editors_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbf" + PEER.encode()).peer[0].name == "pacs"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('langage = "uk"', ["TLM-CFG-002", "langage", "language"]),
        ("[http]\nprot = 1", ["TLM-CFG-002", "http.prot", "nearest is port"]),
        ('[http]\ncertificate = "c.pem"', ["TLM-CFG-001", "http", "certificate and key"]),
        (
            'objects = "s3://bucket/p?endpoint=http://h:9"\nstorage.folder="f"',
            ["TLM-CFG-001", "storage.folder", "bucket"],
        ),
        ('[archive]\nversions = "last"', ["TLM-CFG-001", "archive.versions", "newest"]),
        ("[dicom]\nprot = 1", ["TLM-CFG-002", "dicom.prot", "nearest is port"]),
        (PEER + "tekst = 'utf-8'", ["TLM-CFG-002", "peer.0.tekst", "nearest is text"]),
        ('[[profile]]\nname = "x"\nform = "cp1251"', ["TLM-CFG-002", "profile.0.form", "nearest is from"]),
        ("[dicom]\nport = 99999", ["TLM-CFG-001", "dicom.port", "at most 65535"]),
        ('[dicom]\nport = "many"', ["TLM-CFG-001", "dicom.port", "whole number"]),
        ('[dicom]\nae_title = "LONGER-THAN-SIXTEEN"', ["TLM-CFG-001", "dicom.ae_title", "1 to 16"]),
        ('[dicom]\nae_title = "ТОЛМАЧ"', ["TLM-CFG-001", "dicom.ae_title", "English letters"]),
        ('language = "de"', ["TLM-CFG-001", "language", "'ru', 'uk' or 'en'"]),
        ('dicom = "x"', ["TLM-CFG-001", "dicom", "must be a table"]),
        ("peer = 5", ["TLM-CFG-001", "peer", "[[peer]]"]),
        ('[[peer]]\nae_title = "A"\nhost = "h"\nport = 1', ["TLM-CFG-001", "peer.0.name", "must be given"]),
        ('[[peer]]\nname = "p"\nae_title = "A"\nport = 1', ["TLM-CFG-001", "peer.0", "host must be given"]),
        ('[[peer]]\nname = "p"\nhost = "h"\nport = 1', ["TLM-CFG-001", "peer.0", "AE title"]),
        (PEER + "associations = 0", ["TLM-CFG-001", "peer.0.associations", "at least 1"]),
        (PEER + "dimse_timeout_seconds = 0", ["TLM-CFG-001", "dimse_timeout_seconds", "greater than 0"]),
        (PEER + 'rights = ["stor"]', ["TLM-CFG-001", "peer.0.rights.0", "one of"]),
        (PEER + PEER, ["TLM-CFG-001", "[[peer]]", "the name pacs is given twice"]),
        ('[[profile]]\nname = "x"\nunsure = "maybe"', ["TLM-CFG-001", "profile.0.unsure", "'pass', 'hold' or 'fail'"]),
        ("language = \n", ["TLM-CFG-003", "line 1"]),
        ("data_dir = 'Лікарня'".encode("cp1251"), ["TLM-CFG-007", "tolmach.toml is not UTF-8"]),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    said = wrong(tmp_path, text)
    for word in words:
        assert word in said


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"TLM-CFG-003: .*no\.toml cannot be read: No such file or directory\."):
        load_settings(tmp_path / "no.toml", {})
    with pytest.raises(BadConfiguration, match="TLM-CFG-003"):
        load_settings(tmp_path, {})


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        PEER + '[dicom]\nae_title = "FILE"\nport = 1',
        TOLMACH_DICOM__AE_TITLE="ENVIRONMENT",
        TOLMACH_LANGUAGE="ru",
        TOLMACH_PEER__0__PORT="104",
        TOLMACH_PEER__1__NAME="second",
        TOLMACH_PEER__1__AE_TITLE="B",
        TOLMACH_PEER__1__HOST="b",
        TOLMACH_PEER__1__PORT="105",
        OTHER="x",
    )
    assert (settings.dicom.ae_title, settings.dicom.port, settings.language) == ("ENVIRONMENT", 1, "ru")
    assert [(peer.name, peer.port) for peer in settings.peer] == [("pacs", 104), ("second", 105)]


def test_a_peer_can_come_from_the_environment_alone() -> None:
    names = {"NAME": "p", "AE_TITLE": "A", "HOST": "h", "PORT": "7"}
    settings = load_settings(None, {f"TOLMACH_PEER__0__{key}": value for key, value in names.items()})
    assert str(address_of(settings.peer[0])) == "A@h:7"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("TOLMACH_LANGAUGE", "uk", ["TLM-CFG-002", "TOLMACH_LANGAUGE", "language"]),
        ("TOLMACH_DICOM__PORT", "x", ["TLM-CFG-001", "TOLMACH_DICOM__PORT", "whole number"]),
        ("TOLMACH_DICOM__PRT", "1", ["TLM-CFG-002", "TOLMACH_DICOM__PRT", "port"]),
        ("TOLMACH_DICOM", "x", ["TLM-CFG-001", "table"]),
    ],
)
def test_what_is_wrong_in_the_environment_is_named_as_the_variable(
    tmp_path: Path, name: str, text: str, words: list[str]
) -> None:
    said = wrong(tmp_path, "", **{name: text})
    for word in words:
        assert word in said


def test_an_unknown_peer_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="there are: pacs"):
        peer_named(load(tmp_path, PEER), "pax")
    with pytest.raises(BadConfiguration, match="there are: none"):
        peer_named(load(tmp_path, ""), "pacs")


def test_only_dicom_peers_have_a_dicom_address(tmp_path: Path) -> None:
    settings = load(tmp_path, '[[peer]]\nname = "web"\nkind = "stow"\nurl = "https://example.org/studies"')
    with pytest.raises(TolmachError, match="TLM-CFG-008"):
        address_of(settings.peer[0])


def test_timeouts_can_be_set_for_each_peer(tmp_path: Path) -> None:
    peer = load(tmp_path, PEER + "dimse_timeout_seconds = 300\nconnect_timeout_seconds = 2.5").peer[0]
    assert (timeouts_of(peer).dimse_timeout_seconds, timeouts_of(peer).connect_timeout_seconds) == (300, 2.5)


def test_secrets_come_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text('[[peer]]\nname = "s"\nkind = "stow"\nurl = "http://h/"\ntoken = "a${T}b"\n', "utf-8")
    assert load_settings(file, {"T": "secret"}).peer[0].token == "asecretb"
    with pytest.raises(BadConfiguration, match="the variable T is not set"):
        load_settings(file, {})


CALLER = '[[peer]]\nname = "ct"\nae_title = "CT"\nhost = "h"\nrights = ["store"]\n'
ROUTE = PEER + '[[route]]\nto = ["{to}"]\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ROUTE.replace("{to}", "nobody"), "no peer is named nobody; there are: pacs"),
        (ROUTE.replace("{to}", "pacs") + 'profile = "nothing"', "no profile is named nothing"),
        ('[[peer]]\nname = "c"\nae_title = "C"\nhost = "h"\n[[route]]\nto = ["c"]', "port must be given"),
        ('[[peer]]\nname = "s"\nkind = "stow"', "url must be given"),
        ('[[peer]]\nname = "f"\nkind = "folder"', "folder must be given"),
        ("[dicom]\ntls_port = 2762", "certificate and key"),
        ('[storage]\nreserve = "much"', "share such as 5%"),
        ('[[peer]]\nname = "f"\nkind = "folder"\nfolder = "o"\nproof = "query"', "cannot give that proof"),
        (PEER + 'window = "20-06"', "peer.0.window: write a time of day"),
        (PEER + PEER.replace('"pacs"', '"twin"'), "peer twin: it has the AE title and the address of pacs"),
        (
            CALLER + CALLER.replace('"ct"', '"twin"').replace('"store"', '"find"') + "port = 5",
            "peer twin: it has the AE title and the address of ct",
        ),
    ],
)
def test_what_serve_could_not_live_with_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in wrong(tmp_path, text)


def test_two_peers_may_share_what_does_not_confuse_them(tmp_path: Path) -> None:
    other_port = PEER.replace('"pacs"', '"second"').replace("4242", "4243")
    called_back = CALLER.replace('"ct"', '"ct-back"').replace('rights = ["store"]', "port = 104")
    assert len(load(tmp_path, PEER + other_port + CALLER + called_back).peer) == 4
    ports = [CALLER.replace('"ct"', f'"ct-{port}"') + f"port = {port}\n" for port in (104, 105)]
    assert len(load(tmp_path, "".join(ports)).peer) == 2


WATCH = '[[watch]]\nname = "room-1"\nfolder = "in"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WATCH + 'after = "move"', ["TLM-CFG-001", "watch.0: ", "move_to must be given"]),
        (WATCH.replace('"in"', '" "'), ["watch.0.folder: it must be the path of a folder"]),
        (WATCH.replace('"in"', '"a\\u0000b"'), ["watch.0.folder: it must be the path of a folder"]),
        (WATCH + 'export_folder = ""', ["watch.0.export_folder: it must be the path of a folder"]),
        ('data_dir = ""', ["data_dir: it must be the path of a folder"]),
        (WATCH + 'after = "burn"', ["watch.0.after", "'keep', 'move' or 'delete'"]),
        (WATCH + 'to = ["pacs"]', ["watch room-1: no peer is named pacs; there are: -"]),
        (PEER + WATCH + 'to = ["pax"]', ["watch room-1: no peer is named pax; there are: pacs"]),
        (CALLER + WATCH + 'to = ["ct"]', ["watch room-1: port must be given for the peer ct"]),
        (WATCH + 'profile = "x"', ["watch room-1: no profile is named x"]),
        (WATCH + WATCH.replace('"in"', '"other"'), ["the name room-1 is given twice"]),
        (PEER.replace('"pacs"', '"room-1"') + WATCH, ["the name room-1 is given twice"]),
        (
            PEER.replace('"pacs"', '"room-1 export"') + WATCH + 'export_folder = "o"',
            ["the name room-1 export is given"],
        ),
        ("[archive]\nenabled = false\n" + WATCH, ["watch room-1: its images would stay nowhere"]),
        (WATCH + "scan_seconds = 0", ["watch.0.scan_seconds", "greater than 0"]),
        (WATCH + "folders = 1", ["TLM-CFG-002", "watch.0.folders", "nearest is folder"]),
        ('[notice]\nsmtp_host = "mail"', ["notice: mail_from and mail_to must be given"]),
        ('[notice]\nwebhook_url = "mail"', ["notice: url must be given"]),
        ('[notice]\nsmtp_tsl = "none"', ["TLM-CFG-002", "notice.smtp_tsl", "nearest is smtp_tls"]),
    ],
)
def test_a_watch_that_could_not_work_is_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    said = wrong(tmp_path, text)
    for word in words:
        assert word in said


def test_a_watch_may_lead_somewhere_by_a_route_alone(tmp_path: Path) -> None:
    text = "[archive]\nenabled = false\n" + PEER + WATCH + '[[route]]\nfrom = ["room-1"]\nto = ["pacs"]'
    assert load(tmp_path, text).watch[0].to == ()


def test_what_is_wrong_is_told_of_the_file_that_was_read(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    for text in (PEER + 'window = "x"', PEER + PEER, WATCH + 'to = ["x"]'):
        file.write_text(text, "utf-8")
        with pytest.raises(BadConfiguration, match=r"agent\.toml: "):
            load_settings(file, {})


def test_secrets_of_notices_come_from_the_environment_and_stay_hidden(tmp_path: Path) -> None:
    (tmp_path / "tolmach.toml").write_text(
        '[notice]\nsmtp_password = "${P}"\nwebhook_url = "https://h/${P}"\nwebhook_token = "t${P}"\n', "utf-8"
    )
    notice = load_settings(tmp_path / "tolmach.toml", {"P": "xyzzy"}).notice
    assert (notice.smtp_password, notice.webhook_url, notice.webhook_token) == ("xyzzy", "https://h/xyzzy", "txyzzy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("P", "xyzzy")
        shown = call("config", "show")
    assert shown.status == 0
    assert "xyzzy" not in shown.out
    assert '"smtp_password": "…"' in shown.out
