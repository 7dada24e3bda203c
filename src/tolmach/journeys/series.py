"""File after file: what the images of one series have in common is found out once.

The result for each file is the one that `open_data_set` and `mend` give; only the way there is shorter where the file
before it had the same shape, and shorter still where its text was the same. With a memory of devices, such a file gets
the verdict its twin got, and counts as one file with it: it brings no new evidence. What was sure about a file of a
study helps with the later ones of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from tolmach.dicom.data_set import DataSet
from tolmach.dicom.mould import Mould
from tolmach.dicom.part10 import Inflate, open_data_set
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Pieces
from tolmach.edit.conditions import Origin
from tolmach.journeys.file import Mended, mend
from tolmach.repair.memory import DeviceMemory, StudyMemory
from tolmach.repair.profile import Profile

_MOST_MOULDS = 64


@dataclass(slots=True)
class _Known:
    """A shape that was met, and the last repair of a file of that shape with the text it was made for."""

    mould: Mould
    text: tuple[bytes, ...] = ()
    mended: Mended | None = None


@dataclass(slots=True)
class SeriesMender:
    """Opens and mends sources one after another with one profile; one thread at a time."""

    profile: Profile
    inflate: Inflate
    memory: DeviceMemory | None = None
    studies: StudyMemory = field(default_factory=StudyMemory)
    _known: dict[int, _Known] = field(default_factory=dict)  # by the size of the file

    def mend(self, source: Source, origin: Origin, *, now: datetime | None = None) -> tuple[DataSet, Mended]:
        """Give the data set in a source and what became of it; errors are those of `open_data_set` and `mend`."""
        known = self._known.get(source.size)
        fitted = known.mould.fit(source) if known is not None else None
        if known is None or fitted is None:
            data_set = open_data_set(source, self.inflate)
            mended = mend(data_set, self.profile, origin, self.memory, self.studies, now=now)
            self._remember(data_set)
            return data_set, mended
        data_set, text = fitted
        if known.mended is not None and known.text == text:
            return data_set, _again(known.mended, data_set)
        mended = mend(data_set, self.profile, origin, self.memory, self.studies, now=now)
        if self._depends_on_text_alone():
            known.text, known.mended = text, mended
        return data_set, mended

    def _depends_on_text_alone(self) -> bool:
        """Tell whether files of one shape and text are mended alike: rules may look at any value, and at the clock."""
        return not self.profile.rules and not self.profile.original_attributes

    def _remember(self, data_set: DataSet) -> None:
        mould = Mould.of(data_set)
        if mould is None:
            return
        if len(self._known) >= _MOST_MOULDS:
            del self._known[next(iter(self._known))]
        self._known[data_set.source.size] = _Known(mould)


def _again(mended: Mended, data_set: DataSet) -> Mended:
    """Give the same repair of another data set of the same shape and text: the same slices, of its own bytes."""
    before = mended.revision
    pieces = Pieces(data_set.source, before.pieces.parts, before.pieces.ends)
    return Mended(mended.diagnosis, replace(before, data_set=data_set, pieces=pieces), mended.verdict)
