"""Reading files: whole, piece by piece, and what is no file at all."""

import errno
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tolmach.adapters.folder import FileProblem, FileReader, FileTrouble, inflate, reading
from tolmach.base import TolmachError
from tolmach.dicom.faults import BROKEN_DEFLATE, Damaged

CONTENT = bytes(range(256)) * 40


@pytest.fixture(params=[0, 1 << 20], ids=["in pieces", "whole"])
def reader(request: pytest.FixtureRequest) -> FileReader:
    return FileReader(whole_file=request.param)


def written(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "image.dcm"
    path.write_bytes(content)
    return path


def test_any_stretch_of_a_file_can_be_read_again_and_again(tmp_path: Path, reader: FileReader) -> None:
    with reader.open(written(tmp_path)) as source:
        assert source.size == len(CONTENT)
        for offset, length in ((0, 4), (9000, 700), (3, 1), (0, len(CONTENT)), (9000, 700)):
            assert bytes(source.read(offset, length)) == CONTENT[offset : offset + length]


def test_beyond_the_end_there_is_less(tmp_path: Path, reader: FileReader) -> None:
    with reader.open(written(tmp_path)) as source:
        assert bytes(source.read(len(CONTENT) - 2, 100)) == CONTENT[-2:]
        assert bytes(source.read(len(CONTENT) + 5, 100)) == b""


def test_a_lying_length_costs_no_memory(tmp_path: Path, reader: FileReader) -> None:
    with reader.open(written(tmp_path)) as source:
        assert bytes(source.read(0, 1 << 60)) == CONTENT


def test_an_empty_file_has_no_bytes(tmp_path: Path, reader: FileReader) -> None:
    with reader.open(written(tmp_path, b"")) as source:
        assert (source.size, bytes(source.read(0, 10))) == (0, b"")


def test_the_buffer_of_one_file_holds_nothing_of_the_next(tmp_path: Path) -> None:
    reader = FileReader()
    with reader.open(written(tmp_path, b"long" * 1_000_000)) as source:
        assert source.size == 4_000_000
    with reader.open(written(tmp_path, b"short")) as source:
        assert bytes(source.read(0, 100)) == b"short"


def test_a_file_that_shrinks_while_it_is_read_is_an_error_and_not_less_image(tmp_path: Path) -> None:
    path = written(tmp_path)
    with FileReader(whole_file=0).open(path) as source:
        os.truncate(path, 100)
        assert bytes(source.read(0, 100)) == CONTENT[:100]
        with pytest.raises(FileTrouble) as caught:
            source.read(0, 101)
    assert caught.value.code == "TLM-FIL-013"
    assert "image.dcm" in str(caught.value)


def test_a_file_that_grows_is_read_as_long_as_it_was(tmp_path: Path, reader: FileReader) -> None:
    path = written(tmp_path)
    with reader.open(path) as source:
        with path.open("ab") as file:
            file.write(b"more")
        assert source.size == len(CONTENT)
        assert bytes(source.read(0, 1 << 20)) == CONTENT


class Trickle:
    """A file of a network drive: every read gives less than asked."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def seek(self, offset: int) -> int:
        self.at = offset
        return offset

    def read(self, length: int) -> bytes:
        block = self.content[self.at : self.at + min(length, 7)]
        self.at += len(block)
        return block


def test_short_reads_of_the_system_are_put_together() -> None:
    source = reading.SeekingSource(Trickle(CONTENT), len(CONTENT), "x")  # type: ignore[arg-type]
    assert source.read(100, 5000) == CONTENT[100:5100]


class Broken:
    """A file on a dying disk."""

    def seek(self, offset: int) -> int:
        return offset

    def read(self, length: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


def test_a_read_error_is_told_with_the_name_of_the_file() -> None:
    with pytest.raises(FileTrouble, match=r"TLM-FIL-005: scan\.dcm: Input/output error\."):
        reading.SeekingSource(Broken(), 100, "scan.dcm").read(0, 10)  # type: ignore[arg-type]


def test_a_missing_file(tmp_path: Path, reader: FileReader) -> None:
    with pytest.raises(FileProblem, match="TLM-FIL-001"), reader.open(tmp_path / "no.dcm"):
        pass


def test_a_folder_is_no_file(tmp_path: Path, reader: FileReader) -> None:
    with pytest.raises(TolmachError, match=r"TLM-FIL-00[35]"), reader.open(tmp_path):
        pass


def test_a_pipe_does_not_hold_the_program_up(tmp_path: Path, reader: FileReader) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = threading.Event()
    codes = []

    def read() -> None:
        try:
            with reader.open(tmp_path / "pipe"):
                pass
        except TolmachError as error:
            codes.append(error.code)
        done.set()

    threading.Thread(target=read, daemon=True).start()
    assert done.wait(10), "opening a pipe waited for a writer"
    assert codes == ["TLM-FIL-003"]


def test_devices_and_sockets_are_no_files(tmp_path: Path, reader: FileReader, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the path of a socket must be short
        listener.bind("s")
        with pytest.raises(TolmachError), reader.open(Path("s")):
            pass
    with pytest.raises(FileProblem, match="TLM-FIL-003"), reader.open(Path(os.devnull)):
        pass


def test_a_name_that_is_too_long_is_an_error_of_ours(tmp_path: Path, reader: FileReader) -> None:
    with pytest.raises(TolmachError, match="TLM-FIL-005"), reader.open(tmp_path / ("x" * 300)):
        pass


def test_a_file_nobody_may_read(tmp_path: Path, reader: FileReader, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(reading.os, "open", refuse)  # root may read everything, so that modes prove nothing
    with pytest.raises(FileProblem, match="TLM-FIL-002"), reader.open(written(tmp_path)):
        pass


def blocks(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * (1 << 20)


def test_what_is_inflated_stays_readable_in_memory_and_on_disk() -> None:
    for count in (2, 40):
        source = inflate(blocks(count))
        assert source.size == count << 20
        assert bytes(source.read((count - 1) << 20, 3)) == bytes([count - 1]) * 3


def test_a_full_disk_while_inflating_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, **_: object) -> None: ...

        def write(self, block: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None: ...

    monkeypatch.setattr(reading.tempfile, "SpooledTemporaryFile", Full)
    with pytest.raises(FileTrouble, match="TLM-FIL-004"):
        inflate(blocks(1))


def test_a_broken_stream_leaves_no_temporary_file_open(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    make = reading.tempfile.SpooledTemporaryFile

    def remember(**how: int) -> object:
        opened.append(make(**how))
        return opened[-1]

    def broken() -> Iterator[bytes]:
        yield from blocks(33)
        raise Damaged(BROKEN_DEFLATE, why="")

    monkeypatch.setattr(reading.tempfile, "SpooledTemporaryFile", remember)
    with pytest.raises(Damaged):
        inflate(broken())
    assert [spool.closed for spool in opened] == [True]
