"""Looking at files and writing repaired ones: what `inspect` and `fix` do, one file after another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tolmach.adapters.folder import FileReader, FoundFile, replace_in_place, write_file
from tolmach.adapters.folder.faults import SAME_FOLDER, FileProblem
from tolmach.apps.faults import TWO_FOR_ONE, BadCall
from tolmach.apps.reports import FileReport, change_as_json, printable, report_failure, report_on
from tolmach.base import TolmachError
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.wire import file_parts
from tolmach.edit.conditions import Origin
from tolmach.journeys.file import Mended
from tolmach.journeys.series import SeriesMender
from tolmach.repair.holding import require_passing
from tolmach.repair.profile import Profile

Keep = Callable[[FoundFile, FileReport, DataSet, Mended], None]


def examine(files: Sequence[FoundFile], mender: SeriesMender) -> Iterator[FileReport]:
    """Report on each file; nothing is written."""
    return _each(files, mender, lambda _file, _report, _came, _mended: None)


def write_copies(
    files: Sequence[FoundFile], mender: SeriesMender, out: Path, *, overwrite: bool = False
) -> Iterator[FileReport]:
    """Write a copy of every file that is DICOM, repaired where that is sure, in the same places below `out`.

    Raises `BadCall` before anything is written when two files would get one name.
    """
    _require_targets(files, out)

    def keep(file: FoundFile, report: FileReport, came: DataSet, mended: Mended) -> None:
        target = out / file.relative
        if is_same(target, file.path):
            raise FileProblem(SAME_FOLDER, path=out)
        write_file(target, file_parts(came, mended.result), replace=overwrite, like=file.path)
        report.out = target

    return _each(files, mender, keep)


def _require_targets(files: Sequence[FoundFile], out: Path) -> None:
    """Refuse a call that would write two files to one name, or files over themselves; raises `BadCall`."""
    targets: dict[str, Path] = {}
    for file in files:
        target = out / file.relative
        other = targets.setdefault(os.path.normcase(target), file.path)
        if other != file.path:
            raise BadCall(TWO_FOR_ONE, path=printable(other), out=printable(target))
    if files and is_same(out / files[0].relative, files[0].path):
        raise BadCall(SAME_FOLDER, path=printable(out))


def is_same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to the same file or folder, which is there."""
    try:
        return one.samefile(other)
    except OSError:  # what is not there, or cannot be looked at, is not the same; writing says what is wrong with it
        return False


def fix_in_place(files: Sequence[FoundFile], mender: SeriesMender) -> Iterator[FileReport]:
    """Fix the files themselves, keeping each original beside it; files that need nothing are not touched."""

    def keep(file: FoundFile, report: FileReport, came: DataSet, mended: Mended) -> None:
        if mended.result is came:
            return
        changes = [change_as_json(change) for change in report.changes]
        replace_in_place(file.path, file_parts(came, mended.result), changes, datetime.now(UTC))
        report.out = file.path

    return _each(files, mender, keep)


def _each(files: Sequence[FoundFile], mender: SeriesMender, keep: Keep) -> Iterator[FileReport]:
    """Read and mend each file and let `keep` do what the command is for; one bad file never stops the others."""
    reader = FileReader()
    for file in files:
        try:
            with reader.open(file.path) as source:
                came, mended = mender.mend(source, Origin(), now=datetime.now(UTC))
                report = report_on(file.path, came, mended)
                _keep(file, report, came, mended, mender.profile, keep)
        except TolmachError as error:
            report = report_failure(file.path, error)
        yield report


def _keep(file: FoundFile, report: FileReport, came: DataSet, mended: Mended, profile: Profile, keep: Keep) -> None:
    try:
        require_passing(mended.verdict, profile)
        keep(file, report, came, mended)
    except TolmachError as error:
        report.fail(error)
