from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contracts.misbehaving import image
from tests.outbox_double import Objects, line_of
from tolmach.adapters.folder import inflate
from tolmach.adapters.folder.folder_sender import FolderSender
from tolmach.adapters.folder.folder_tree import FolderTree, FolderUnusable
from tolmach.adapters.folder.path_template import PathTemplate
from tolmach.delivery.interfaces import Content, Parcel
from tolmach.delivery.parcel import Unpacker
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource

TEMPLATE = PathTemplate.parse("{PatientID}/{SOPInstanceUID}.dcm")


def parcel_of(file: bytes) -> Parcel:
    objects = Objects()
    offset = open_data_set(MemorySource(file)).meta_end
    return Unpacker(objects.open, inflate).parcel(line_of(1, objects.keep(file, offset), offset))


def written(root: Path, parcel: Parcel) -> bytes:
    (outcome,) = FolderSender(FolderTree(root), TEMPLATE).send([parcel])
    assert outcome.kind == "stored"
    (path,) = root.rglob("*.dcm")
    return path.read_bytes()


@pytest.mark.parametrize("head", [b"MZ\x90", b"\x7fELF\x02", b"#!/bin/sh\n", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"])
def test_a_preamble_that_is_a_program_is_zeroed(head: bytes, tmp_path: Path) -> None:
    file = image(1)
    armed = head + b"\x01" * (128 - len(head)) + file[128:]
    assert written(tmp_path, parcel_of(armed)) == file


@pytest.mark.parametrize("head", [b"II*\0", b"MM\0*", b"", b"SIEMENS", b"GPR TIFF "])
def test_any_other_preamble_stays_byte_for_byte(head: bytes, tmp_path: Path) -> None:
    file = image(1)
    own = head + b"\x01" * (128 - len(head)) + file[128:]
    assert written(tmp_path, parcel_of(own)) == own


@pytest.mark.parametrize("size", [1, 2, 5, 127, 128, 131, 132, 4096])
def test_in_whatever_pieces_the_bytes_come(size: int, tmp_path: Path) -> None:
    file = b"MZ" + image(1)[2:]
    data_set = open_data_set(MemorySource(file))

    class Pieces:
        @property
        def data_set(self) -> DataSet:
            return data_set

        def as_file(self) -> Iterable[bytes]:
            return (file[start : start + size] for start in range(0, len(file), size))

    @contextmanager
    def opened() -> Iterator[Content]:
        yield Pieces()  # type: ignore[misc]

    assert written(tmp_path, Parcel(line_of(1, "", 0), opened)) == image(1)


def test_what_stands_there_already_is_said(tmp_path: Path) -> None:
    sender = FolderSender(FolderTree(tmp_path), TEMPLATE)
    parcel = parcel_of(image(1))
    assert [one.status for one in sender.send([parcel])] == ["written"]
    assert [one.status for one in sender.send([parcel])] == ["present"]


def test_a_missing_folder_is_told_before_anything_is_tried(tmp_path: Path) -> None:
    sender = FolderSender(FolderTree(tmp_path / "share"), TEMPLATE)
    with pytest.raises(FolderUnusable):
        list(sender.send([parcel_of(image(1))]))
    sender.close()


def test_what_is_no_data_set_has_no_place(tmp_path: Path) -> None:
    objects = Objects()
    parcel = Unpacker(objects.open, inflate).parcel(line_of(1, objects.keep(b"MSH|^~\\&|", 0), 0))
    (outcome,) = FolderSender(FolderTree(tmp_path), TEMPLATE).send([parcel])
    assert outcome.kind == "refused"
    assert list(tmp_path.iterdir()) == []


def test_where_each_file_lies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    sender = FolderSender(FolderTree(Path("out")), PathTemplate.parse("{Modality}/{Modality}.dcm"))
    first, other = parcel_of(image(1)), parcel_of(image(2))
    told = [outcome for parcel in (first, first, other, other) for outcome in sender.send([parcel])]
    assert [one.status for one in told] == ["written", "present", "written", "present"]
    assert [one.place for one in told[::2]] == [one.place for one in told[1::2]]
    places = [Path(one.place) for one in told[::2]]
    assert places[0].is_absolute()
    assert sorted(places) == sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert places[0].read_bytes() == image(1)


def test_a_twin_in_other_letters_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    placed = FolderTree(tmp_path).put(("A", "X.dcm"), [b"one"])
    again = FolderTree(tmp_path).put(("a", "x.dcm"), [b"one"])
    assert (placed.is_new, again.is_new) == (True, False)
    assert again.path == placed.path == tmp_path / "A" / "X.dcm"
