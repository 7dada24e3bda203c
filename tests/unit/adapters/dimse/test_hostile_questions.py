"""What is asked by C-FIND, C-MOVE and N-ACTION to do harm, or is merely odd: answered or refused, and nobody hurt.

Rows of the fault list (docs/reliability-rows.md), each met over a real association.
"""

from __future__ import annotations

import logging
import random
import time
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.filereader import read_dataset

from tests.archive_double import ROOT, ArchiveDouble, entry
from tests.builders import EXPLICIT, even
from tests.unit.adapters.dimse.archives import ENCODING
from tests.unit.adapters.dimse.asking import PATIENT_FIND, STUDY_FIND, STUDY_MOVE, Asker, Heard, identifier
from tests.unit.adapters.dimse.test_storage_commitment_scp import NOW
from tolmach.adapters.dimse import Association, OutgoingInstance, PeerAddress, PresentationContext, store_all
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import (
    ACTION_TYPE_ID,
    C_FIND_RQ,
    C_MOVE_RQ,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    MESSAGE_ID,
    N_ACTION_RQ,
    REQUESTED_SOP_CLASS_UID,
    REQUESTED_SOP_INSTANCE_UID,
    STATUS,
    CommandSet,
)
from tolmach.adapters.dimse.commitment import PUSH_MODEL_INSTANCE, encode_request
from tolmach.adapters.dimse.commitment_scu import COMMITMENT_CONTEXT
from tolmach.adapters.dimse.errors import AssociationAborted
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.storage_commitment_scp import storage_commitment_scp
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.sql import open_records
from tolmach.dicom import uids

STUDIES = {"QueryRetrieveLevel": "STUDY", "PatientName": "", "StudyInstanceUID": ""}
LEVEL = EXPLICIT.element(0x00080052, "CS", b"STUDY ")
HOSTILE = [
    "<script>alert(1)</script>",
    "' OR 1=1; DROP TABLE patients; --",
    "%\x1b[2J\r\nERROR forged",
    "RTL\N{RIGHT-TO-LEFT OVERRIDE}gpj",
    "\N{PILE OF POO}",
    "../../../etc/passwd",
    "_%[^a]*?",
    "x" * 60_000,
]


@pytest.fixture
def index() -> ArchiveDouble:
    double = ArchiveDouble()
    double.add(entry(1, PatientName="Ґудзь^Остап", PatientID="Ж-17"), entry(2, PatientName="Smith^John"))
    return double


@pytest.fixture
def asker(tmp_path: Path, index: ArchiveDouble) -> Iterator[Asker]:
    def nothing(_held: object) -> Any:
        raise AssertionError("nothing is opened")

    services = query_retrieve_services(index, nothing, lambda *_: None, QuerySettings("TOLMACH"))
    policy = AcceptancePolicy(None, (Caller("asker", "ASKER", ("127.0.0.1",)),))
    settings = StorageScpSettings(port=0, policy=policy)
    with StorageScp(settings, tmp_path, lambda _: 0, services=services) as scp:
        one = Asker(scp.port, [STUDY_FIND, PATIENT_FIND, STUDY_MOVE])
        yield one
        one.assoc.close()
        with Asker(scp.port, [STUDY_FIND]) as other:  # whatever was asked, the next one is answered
            assert other.find(STUDIES).status == 0


def ask(asker: Asker, data: bytes) -> Heard:
    """Ask; what is larger than any question ends the association, which counts as refused."""
    try:
        return asker.ask(STUDY_FIND, C_FIND_RQ, data)
    except AssociationAborted:
        assert len(data) > 1 << 20
        return Heard(status=0xA900)


@pytest.mark.parametrize("depth", [63, 64, 65, 5_000, 100_000])
def test_questions_nested_to_any_depth_are_answered_or_refused(depth: int, asker: Asker) -> None:
    """F-05: an identifier of sequences within sequences."""
    began = time.process_time()
    heard = ask(asker, LEVEL + EXPLICIT.nested(depth, undefined=True))
    assert heard.status in ((0, 0xFF01) if depth <= 64 else (0xA900,))
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "more",
    [
        b"".join(EXPLICIT.element(0x00091000 + n % 0xEFFF, "LO", b"") for n in range(250_000)),
        EXPLICIT.head(0x00400275, "SQ", 8 * 300_000) + EXPLICIT.item(b"") * 300_000,
        b"".join(EXPLICIT.element(tag, "LO", b"") for tag in range(0x00100020, 0x00107000)),
    ],
    ids=["elements", "items", "keys"],
)
def test_questions_of_more_than_anybody_asks_are_refused(more: bytes, asker: Asker) -> None:
    """F-08, N-07: 250,000 elements, 300,000 items, thousands of keys."""
    began = time.process_time()
    heard = ask(asker, LEVEL + more)
    assert heard.status in (0, 0xA900)
    assert len(heard.raws) <= 2
    assert time.process_time() - began < 10


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber", "StudyDate"])
def test_hostile_values_are_looked_for_as_they_are(
    keyword: str, value: str, asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    """F-19, F-20, H-09: no pattern, no path, no statement of a database; and no line of the log is forged."""
    with caplog.at_level(logging.DEBUG):
        heard = asker.find({**STUDIES, keyword: value.encode()})
    assert heard.status in (0, 0xA900, 0xC001)
    if keyword != "PatientName":
        assert len(heard.raws) <= (2 if set(value) & set("*?") else 0)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("tolmach")]
    assert not [line for line in said if not line.isprintable()]
    assert heard.comment.isascii()
    assert len(heard.comment) <= 64


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("Ґудзь^Остап".encode("cp1251"), None),
        ("Ґудзь^Остап".encode("cp1251"), "ISO_IR 100"),
        ("Ґудзь^Остап".encode("cp1251"), "ISO 2022 IR 6\\IS"),
        ("Ґудзь^Остап".encode(), "ISO_IR 144"),
        ("Ґудзь^Остап".encode(), None),
        ("ҐУДЗЬ^ОСТАП".encode("koi8-u"), None),
        ("Ґудзь^Остап".encode("cp1251").decode("latin-1").encode(), "ISO_IR 192"),
        ("Ґyдзь^Ocтaп".encode(), "ISO_IR 192"),
    ],
    ids=["bare", "latin", "cut", "utf8-as-144", "utf8-bare", "koi8", "double", "twins"],
)
def test_questions_under_the_wrong_label_find_whom_they_mean(raw: bytes, label: str | None, asker: Asker) -> None:
    """F-12: the letters of the question are read by evidence, as those of files are."""
    heard = asker.find({**STUDIES, "PatientName": raw}, label=label)
    assert heard.status == 0
    assert heard.values("StudyInstanceUID") == [f"{ROOT}.1"]


@pytest.mark.parametrize(
    ("keyword", "raw"),
    [
        ("PatientID", "Ж-17".encode()),
        ("ModalitiesInStudy", "РЕНТГЕН".encode()),
        ("StudyInstanceUID", "1.2.ж".encode("cp1251")),
        ("StudyDate", "вчора".encode()),
        ("StudyTime", b"25:99"),
        ("RetrieveAETitle", "АПАРАТ".encode("cp1251")),
        ("PatientSex", "Ч".encode()),
    ],
)
def test_cyrillic_where_it_may_not_be_is_asked_for_without_harm(keyword: str, raw: bytes, asker: Asker) -> None:
    """F-13: in CS, UI, DA, TM and AE; a patient's id in Cyrillic letters is one like any other."""
    heard = asker.find({**STUDIES, keyword: raw}, label="ISO_IR 192")
    assert heard.status in (0, 0xA900)
    if keyword == "PatientID":
        assert heard.values("StudyInstanceUID") == [f"{ROOT}.1"]


def test_answers_longer_than_their_field_are_never_cut(asker: Asker, index: ArchiveDouble) -> None:
    """F-14: transliterated or in UTF-8 a value may be longer than 16 or 64 letters: it is whole, and of even length."""
    name, number, city = "Щ" * 70 + "^Ї", "Ж" * 33, "Ґ" * 65
    index.add(entry(3, PatientName=name, PatientID=number, AccessionNumber="№" * 17, InstitutionName=city))
    keys = {**STUDIES, "PatientID": "", "AccessionNumber": "", "StudyInstanceUID": f"{ROOT}.3"}
    for label, expected in ((None, name), ("ISO_IR 192", name), ("ISO_IR 144", name)):
        heard = asker.find(keys, label=label)
        (raw,) = heard.raws
        assert len(raw) % 2 == 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is longer than it should be, which is what is wanted
            ds = read_dataset(BytesIO(raw), is_implicit_VR=False, is_little_endian=True)
            ds.decode()
        assert str(ds.PatientName) == expected
        assert ds.PatientID == number
        assert str(ds.AccessionNumber) == "№" * 17
        assert b"?" not in raw


@pytest.mark.parametrize("level", ["STUDY", "SERIES", "IMAGE", "PATIENT"])
def test_every_letter_goes_out_as_it_is_at_every_level(level: str, asker: Asker) -> None:
    """F-15: Ґ is not in ISO 8859-5; the answer is in UTF-8 then, whatever was asked in."""
    keys = {"QueryRetrieveLevel": level, "PatientName": "", "PatientID": "Ж-17" if level == "PATIENT" else ""}
    keys |= {"StudyInstanceUID": f"{ROOT}.1", "SeriesInstanceUID": f"{ROOT}.1.1"} if level != "PATIENT" else {}
    sop_class = PATIENT_FIND if level == "PATIENT" else STUDY_FIND
    heard = asker.find(keys, label="ISO_IR 144" if level != "PATIENT" else "ISO_IR 192", sop_class=sop_class)
    assert heard.status == 0
    for answer in heard.answers:
        if str(answer.get("PatientName", "")):
            assert str(answer.PatientName) == "Ґудзь^Остап"
            assert answer.SpecificCharacterSet == "ISO_IR 192"


def mutant(raw: bytes, chance: random.Random) -> bytes:
    wrong = bytearray(raw)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = chance.randrange(len(wrong) or 1)
        match chance.randrange(5):
            case 0:
                wrong[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                wrong[at : at + 4] = chance.choice([b"\xff" * 4, bytes(4), chance.randbytes(4)])
            case 2:
                del wrong[at : at + chance.randrange(1, 30)]
            case 3:
                wrong[at:at] = wrong[at : at + chance.randrange(1, 100)]
            case _:
                wrong[at:at] = chance.randbytes(chance.randrange(1, 20))
    return bytes(wrong)


def test_two_thousand_mutated_questions(asker: Asker) -> None:
    """F-24: C-FIND and C-MOVE, over one association: each is answered within its time."""
    chance = random.Random(20_261_122)
    seeds = [
        identifier({**STUDIES, "PatientName": "Ґудзь*".encode(), "StudyDate": "20260101-"}, label="ISO_IR 192"),
        identifier({**STUDIES, "RequestAttributesSequence": EXPLICIT.item(even(b"x"))}),
        LEVEL + EXPLICIT.nested(3),
    ]
    statuses = set()
    for number in range(2_000):
        data = mutant(chance.choice(seeds), chance)
        began = time.process_time()
        if not data:
            continue
        if number % 2:
            heard = asker.ask(STUDY_FIND, C_FIND_RQ, data)
        else:
            heard = asker.ask(STUDY_MOVE, C_MOVE_RQ, data, destination="NOWHERE")
        statuses.add(heard.status)
        assert time.process_time() - began < 10, number
    assert statuses <= {0, 0xFF01, 0xA700, 0xA801, 0xA900, 0xC001}, {hex(one) for one in statuses}
    assert {0, 0xA801, 0xA900} <= statuses


def test_a_thousand_mutated_requests_for_commitment(tmp_path: Path) -> None:
    """F-24, N-09: Storage Commitment: each request is answered, and none makes the SCP promise anything."""
    chance = random.Random(20_261_122)
    with open_records(tmp_path / "data") as records:
        service = storage_commitment_scp(records.commitment_requests, lambda *_: None, lambda: NOW)
        callers = (Caller("ct-1", "MODALITY", ("127.0.0.1",), frozenset({"commit"})),)
        settings = StorageScpSettings(port=0, policy=AcceptancePolicy(None, callers))
        with (
            StorageScp(settings, tmp_path, lambda _: 0, services=[service]) as scp,
            Association.open(PeerAddress("T", "127.0.0.1", scp.port), [COMMITMENT_CONTEXT], "MODALITY") as assoc,
        ):
            statuses = set()
            for number in range(1_000):
                good = encode_request(
                    f"1.2.{number}", [(uids.CTImageStorage, "1.2.3"), (uids.CTImageStorage, "1")], ENCODING
                )
                data = mutant(good, chance) or b"\0\0"
                command = CommandSet(
                    {
                        REQUESTED_SOP_CLASS_UID: uids.StorageCommitmentPushModel,
                        COMMAND_FIELD: N_ACTION_RQ,
                        MESSAGE_ID: number % 60_000 + 1,
                        COMMAND_DATA_SET_TYPE: 1,
                        REQUESTED_SOP_INSTANCE_UID: PUSH_MODEL_INSTANCE,
                        ACTION_TYPE_ID: 1,
                    }
                )
                assoc.send_message(COMMITMENT_CONTEXT.context_id, command, data)
                statuses.add(assoc.await_message().command.number(STATUS))
            assert statuses <= {0, 0x0110, 0x0115, 0x0131, 0x0213}, {hex(one) for one in statuses}
            assert {0, 0x0115} <= statuses


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.111", "1.2.840.113619.5.2", "1.2.3.4.99"])
def test_what_nobody_registered_is_taken_byte_for_byte(syntax: str, tmp_path: Path) -> None:
    """F-10, F-11: JPEG XL, a private syntax, one nobody knows; and a SOP class that is in no table."""
    sop_class, taken = "1.2.826.0.1.3680043.10.9.9", []
    data = EXPLICIT.element(0x00080016, "UI", even(sop_class.encode(), b"\0"))
    data += EXPLICIT.element(0x00080018, "UI", b"1.2.3.9\0") + EXPLICIT.fragments(0x7FE00010, [b"", b"\xff\x0a??"])

    def take(received: ReceivedInstance) -> int:
        with received.path.open("rb") as file:
            file.seek(received.data_set_offset)
            taken.append((received.sop_class_uid, received.transfer_syntax_uid, file.read()))
        return 0

    settings = StorageScpSettings(port=0, policy=AcceptancePolicy(None, (Caller("ct-1", "ASKER", ("127.0.0.1",)),)))
    context = PresentationContext(1, sop_class, (syntax,))
    with (
        StorageScp(settings, tmp_path, take) as scp,
        Association.open(PeerAddress("T", "127.0.0.1", scp.port), [context], "ASKER") as assoc,
    ):
        instance = OutgoingInstance(sop_class, "1.2.3.9", syntax, len(data), lambda: [data])
        (outcome,) = store_all(assoc, iter([instance]))
    assert outcome.stored
    assert taken == [(sop_class, syntax, data)]
