"""What the configuration says about moving and committing: destinations by AE title, and their letters."""

from io import BytesIO

import pytest
from pydicom import dcmread

from tests.builders import EXPLICIT_LE, IMPLICIT_LE
from tests.held_archive import HeldArchive
from tests.peers.qr_files import image
from tolmach.apps.query_retrieve import archive_services, commitment_services, converting_opener, move_destinations
from tolmach.apps.sections import Settings
from tolmach.repair.profile import parse_text_policy

PEERS = [
    {"name": "pacs", "ae_title": "PACS", "host": "10.0.0.5", "port": 104, "text": "iso_ir_144"},
    {"name": "plain", "ae_title": "PLAIN", "host": "10.0.0.6", "port": 104},
    {"name": "twin-a", "ae_title": "TWIN", "host": "10.0.0.7", "port": 104},
    {"name": "twin-b", "ae_title": "TWIN", "host": "10.0.0.8", "port": 104},
    {"name": "room", "ae_title": "ROOM", "host": "10.0.0.9", "rights": ["store", "commit"]},
]


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate({"peer": PEERS})


def test_only_configured_peers_with_a_port_are_moved_to(settings: Settings) -> None:
    find = move_destinations(settings, HeldArchive().open)
    assert find("NOBODY", "") is None
    assert find("10.0.0.5", "") is None
    assert find("ROOM", "room") is None
    plain, pacs = find("PLAIN", ""), find("PACS", "")
    assert plain is not None
    assert (plain.name, plain.opener) == ("plain", None)
    assert pacs is not None
    assert pacs.opener is not None


@pytest.mark.parametrize(("caller", "expected"), [("twin-a", "twin-a"), ("twin-b", "twin-b"), ("pacs", "twin-a")])
def test_of_several_with_one_ae_title_the_caller_comes_first(settings: Settings, caller: str, expected: str) -> None:
    found = move_destinations(settings, HeldArchive().open)("TWIN", caller)
    assert found is not None
    assert found.name == expected


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        ("iso_ir_144", "ISO_IR 144", "Щербаков^Семён^Ильич"),
        ("transliterate:ru-icao9303", "ISO_IR 100", "Shcherbakov^Semen^Ilich"),
    ],
)
@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
def test_what_is_moved_is_in_letters_the_destination_reads(text: str, label: str, name: str, syntax: str) -> None:
    archive = HeldArchive()
    held = archive.put(image())
    with converting_opener(archive.open, parse_text_policy(text, converts=True))(held) as content:
        source, _padded = content.in_syntax(syntax)
        wire = bytes(source.read(0, source.size))
        file = b"".join(bytes(chunk) for chunk in content.as_file())
    ds = dcmread(BytesIO(file))
    assert (ds.SpecificCharacterSet, str(ds.PatientName), ds.SOPInstanceUID) == (label, name, held.sop_instance_uid)
    assert ds.PixelData == dcmread(BytesIO(archive.files[held.sop_instance_uid])).PixelData
    own = dcmread(BytesIO(wire), force=True) if syntax == IMPLICIT_LE else None
    assert own is None or str(own.PatientName) == name


def test_the_services_of_a_configuration(settings: Settings) -> None:
    archive = HeldArchive()
    commands = {field for one in archive_services(settings, archive.index, archive.open) for field in one.performs}
    assert commands == {0x0020, 0x0021, 0x0010}
    service, reporter = commitment_services(lambda: settings, archive.index, object())  # type: ignore[arg-type]
    assert set(service.performs) == {0x0130}
    assert reporter.association_to("room") is None
    assert reporter.association_to("nobody") is None
    assert reporter.association_to("pacs") is not None
