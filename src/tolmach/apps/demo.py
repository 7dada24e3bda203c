"""The demonstration: real sample images with spoiled text, repaired, delivered over real DICOM, read back and proved.

The images are those pydicom brings along; the text is spoiled here, byte by byte, as known machines do it. Every name
is invented.
"""

from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from tolmach.adapters.dimse import PeerAddress
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.folder import FileReader, FoundFile, inflate, write_file
from tolmach.adapters.folder.faults import mapped
from tolmach.apps.cli.terminal import Terminal, visible
from tolmach.apps.faults import DEMO_FAILED
from tolmach.apps.reports import FileReport
from tolmach.apps.sending import Destination, send_files
from tolmach.base import N_, NeedsOperator, Phrase
from tolmach.dicom import character_sets
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET, DataSet
from tolmach.dicom.dictionary import tag_of, vr_of
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.paths import path_of
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.splice import Edits, Insertion, reread, splice
from tolmach.dicom.values import strip_padding
from tolmach.dicom.wire import file_parts
from tolmach.repair.profile import Profile
from tolmach.text.code_pages import codec_of

AE_TITLE = "DEMO"
_NAMESPACE = uuid.UUID("0f2e5a86-3c1b-4ad8-9a0e-6f1f2f6d3c55")


class DemoFailed(NeedsOperator):
    """The demonstration did not end as it must."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image to spoil: the bundled file, the label it gets, the code page its text is really in, and the text.

    `code_page` None means that the text is written honestly under the label.
    """

    name: str
    image: str
    label: str | None
    code_page: str | None
    text: Mapping[str, str]
    code_strings: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # as spoiled, as it must arrive


SAMPLES: Sequence[Sample] = (
    Sample(
        "fluorograph-1.dcm",
        "CT_small.dcm",
        "ISO_IR 100",
        "cp1251",
        {
            "PatientName": "ІВАНЕНКО^ОЛЕНА^ПЕТРІВНА",
            "InstitutionName": "Міська лікарня №1",
            "StudyDescription": "Рентгенографія органів грудної клітки",
        },
        {"BodyPartExamined": ("ГРУДНА КЛІТКА", "CHEST")},
    ),
    Sample(
        "xray-2.dcm",
        "MR_small.dcm",
        None,
        "koi8-r",
        {"PatientName": "ЩЕРБАКОВ^ЮРИЙ^СЕРГЕЕВИЧ", "StudyDescription": "Поясничный отдел позвоночника"},
    ),
    Sample(
        "dos-station.dcm",
        "JPEG2000.dcm",
        "ISO_IR 100",
        "cp866",
        {
            "PatientName": "КУЗНЕЦОВА^ЕЛЕНА",
            "ReferringPhysicianName": "ОРЛОВ^П.С.",
            "StudyDescription": "Тазобедренный сустав",
        },
    ),
    Sample(
        "cut-label.dcm",
        "SC_rgb_small_odd.dcm",
        "ISO 2022 IR 6\\IS",
        "cp1251",
        {"PatientName": "ПЕТРЕНКО^ГАЛИНА", "StudyDescription": "Оглядова рентгенографія черевної порожнини"},
    ),
    Sample(
        "wrong-cyrillic.dcm",
        "MR_small_implicit.dcm",
        "ISO_IR 144",
        "cp1251",
        {"PatientName": "СОКОЛОВ^АНДРЕЙ^ИВАНОВИЧ", "InstitutionName": "Областная клиническая больница"},
    ),
    Sample(
        "utf8-unlabelled.dcm",
        "image_dfl.dcm",
        "ISO_IR 100",
        "utf-8",
        {"PatientName": "Їжакевич^Ґалаґан", "StudyDescription": "Ехокардіографія"},
    ),
    Sample(
        "ukrainian-unix.dcm",
        "MR_small_bigendian.dcm",
        None,
        "koi8-u",
        {"PatientName": "ШЕВЧЕНКО^ІЛЛЯ^ЮРІЙОВИЧ", "StudyDescription": "Магнітно-резонансна томографія"},
    ),
    Sample(
        "right-already.dcm",
        "CT_small.dcm",
        "ISO_IR 144",
        None,
        {"PatientName": "Морозова^Анна", "StudyDescription": "Органы грудной клетки"},
    ),
    Sample(
        "german.dcm", "MR_small.dcm", "ISO_IR 100", None, {"PatientName": "Müller^Jörg", "StudyDescription": "Schädel"}
    ),
)


def show(terminal: Terminal, folder: Path, *, once: bool) -> int:
    """Make the samples, deliver them, prove what arrived; then listen on until interrupted, unless `once`."""
    before, received = folder / "before", folder / "received"
    try:
        received.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise mapped(error, received) from error
    files = [make_sample(sample, before) for sample in SAMPLES]
    for sample in SAMPLES:  # only our own: the folder may be anybody's
        (received / f"{uid_of(sample)}.dcm").unlink(missing_ok=True)
    with StorageScp(StorageScpSettings(port=0), received, lambda instance: _keep(instance, received)) as scp:
        destination = Destination(
            f"{AE_TITLE}@127.0.0.1:{scp.port}", PeerAddress(AE_TITLE, "127.0.0.1", scp.port), "TOLMACH"
        )
        terminal.say(N_("{count} images with spoiled text are in {folder}."), count=len(files), folder=before)
        terminal.say(N_("Repairing and sending them to {to} over DICOM:"), to=destination.name)
        terminal.write()
        reports = list(send_files([FoundFile(file, Path(file.name)) for file in files], destination, Profile()))
        rows = {report.path.name: report for report in reports}
        for sample in SAMPLES:
            _show(terminal, sample, rows[sample.name])
            prove(sample, before / sample.name, received / f"{rows[sample.name].sop_instance_uid}.dcm")
        terminal.write()
        terminal.write(
            terminal.count(
                "{count} image arrived; its text is right to the letter, every other byte is as it came.",
                "{count} images arrived; their text is right to the letter, every other byte is as it came.",
                len(reports),
            ),
            "green",
        )
        terminal.say(N_("What arrived is in {folder}."), folder=received)
        if not once:
            terminal.say(
                N_("The receiver goes on listening. Try in another window: tolmach send FOLDER {to}"),
                to=destination.name,
            )
            terminal.say(N_("Ctrl-C ends it."))
            _wait()
    return 0


def _wait() -> None:
    try:
        Event().wait()
    except KeyboardInterrupt:
        return


def _keep(instance: ReceivedInstance, folder: Path) -> int:
    instance.file.flush()
    name = "".join(one for one in instance.sop_instance_uid if one in "0123456789.")[:64]
    instance.file.close()
    instance.path.replace(folder / f"{name}.dcm")
    return SUCCESS


def make_sample(sample: Sample, folder: Path) -> Path:
    """Write one sample: the bundled image with the label and the spoiled text put in, everything else as it is."""
    specification = importlib.util.find_spec("pydicom")
    if specification is None or specification.origin is None:
        raise DemoFailed(DEMO_FAILED, why=Phrase(N_("the sample images of pydicom are not installed.")))
    image = Path(specification.origin).parent / "data" / "test_files" / sample.image
    with FileReader().open(image) as source:
        came = open_data_set(source, inflate)
        path = folder / sample.name
        write_file(path, file_parts(came, reread(came, splice(came, _spoiling(sample, came)))), replace=True)
    return path


def uid_of(sample: Sample) -> str:
    """Give the SOP Instance UID of a sample, the same on every machine."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, sample.name).int}"


def _spoiling(sample: Sample, came: DataSet) -> Edits:
    """Give the edits that put the label and the raw text into an image, and a UID of its own."""
    raws: dict[str, bytes] = {"SOPInstanceUID": uid_of(sample).encode()}
    for keyword, text in sample.text.items():
        raws[keyword] = _spoilt(text, sample)
    for keyword, (text, _legal) in sample.code_strings.items():
        raws[keyword] = _spoilt(text, sample)
    if sample.label is not None:
        raws["SpecificCharacterSet"] = sample.label.encode()
    replacements: dict[int, bytes] = {}
    insertions: list[Insertion] = []
    for keyword, raw in raws.items():
        tag = tag_of(keyword) or 0
        index = came.index.get((ROOT, tag))
        if index is None:
            insertions.append(Insertion(ROOT, tag, vr_of(tag), raw))
        else:
            replacements[index] = raw
    label = came.index.get((ROOT, SPECIFIC_CHARACTER_SET))
    removals = frozenset({label}) if sample.label is None and label is not None else frozenset()
    return Edits(replacements, removals, insertions)


def _spoilt(text: str, sample: Sample) -> bytes:
    if sample.code_page is not None:
        return text.encode(codec_of(sample.code_page))
    raw = character_sets.encode(text, (sample.label or "",))
    assert raw is not None, sample.name
    return raw


def _show(terminal: Terminal, sample: Sample, report: FileReport) -> None:
    """Show one row: green when it arrived, with what every viewer showed before and shows now."""
    found = report.detection
    said = terminal.phrase(found.evidence) if found is not None and found.code_page is None else ""
    page = f"{found.code_page} {found.confidence:.1%}" if found is not None and found.code_page else said
    terminal.write(f"{sample.name:22} {sample.label or '—':18} {page}", "red" if report.sent is None else "green")
    for change in report.changes:
        if change.before != change.after:
            before = "—" if change.before is None else visible(change.before)
            terminal.write(f"    {change.keyword:24} {before}  →  {visible(change.after or '—')}")
    for problem in report.problems:
        terminal.write(f"    {problem.code} {terminal.sentence(problem)}", "dim")


def prove(sample: Sample, sent: Path, arrived: Path) -> None:
    """Read back what arrived: the true text, and every byte that nothing had to touch; raises `DemoFailed`."""
    if not arrived.exists():
        raise DemoFailed(DEMO_FAILED, why=Phrase(N_("{name} did not arrive."), {"name": sample.name}))
    with FileReader().open(sent) as source, FileReader().open(arrived) as other:
        before, after = open_data_set(source, inflate), open_data_set(other, inflate)
        truth = {**sample.text, **{keyword: legal for keyword, (_spoilt, legal) in sample.code_strings.items()}}
        for keyword, text in truth.items():
            element = after.find(tag_of(keyword) or 0)
            read = None if element is None else character_sets.decode(after.raw(element), after.character_set_at(ROOT))
            if read is None or element is None or strip_padding(read, element.vr) != text:
                facts = {"name": sample.name, "keyword": keyword, "text": read}
                raise DemoFailed(DEMO_FAILED, why=Phrase(N_("{name}: {keyword} reads “{text}”."), facts))
        touched = {tag_of(keyword) for keyword in truth} | {SPECIFIC_CHARACTER_SET}
        if _untouched(before, touched) != _untouched(after, touched):
            raise DemoFailed(DEMO_FAILED, why=Phrase(N_("{name}: other bytes changed."), {"name": sample.name}))


def _untouched(data_set: DataSet, touched: set[int | None]) -> list[tuple[str, bytes]]:
    """Give path and value of everything nothing had to touch; one byte of padding does not count."""
    return [
        (str(path_of(data_set, element)), _even(data_set.raw(element)))
        for element in data_set.elements
        if element.vr not in ("", "SQ") and element.tag not in touched and element.tag & 0xFFFF
    ]


def _even(raw: bytes) -> bytes:
    return raw + b"\0" if len(raw) % 2 else raw
