"""The mould: the shape of one file, so that the next of the same shape need not be scanned.

The images of one series have the same elements in the same places and differ in a few values. When every byte outside
the values is the same, and the size too, a scan would find the same elements: so they are taken over, and the check
costs a tenth of the scan. The values of text elements are compared as well, because where they are the same, too, so is
their repair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter

from tolmach.dicom.data_set import MARKED_VRS, PLAIN_VRS, DataSet
from tolmach.dicom.pixels import EXTENT_OF_PIXELS
from tolmach.dicom.scanner import WINDOW, Element
from tolmach.dicom.source import Source

_MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
# What a data set knows of itself by its shape alone, and may hand on to others of that shape.
_OF_SHAPE = ("index", "root_index", "labels")

Cut = Callable[[bytes], tuple[bytes, ...]]


class Mould:
    """The shape of one data set: all bytes that are not inside a value; the largest value, the pixels, is left out.

    Only data sets whose identifiers, dates and numbers are plain ASCII have one: that too is compared.
    """

    def __init__(self, data_set: DataSet, largest: Element) -> None:
        """Take the shape; use `of`, which knows whether there is one to take."""
        self._model = data_set
        self._hole = (largest.value, largest.value + largest.length)
        leaves = [element for element in _leaves(data_set) if element is not largest]
        values = sorted(self._place(element) for element in leaves)
        around = self._around(data_set.source)
        self._shape = _cutter(_gaps(values, len(around)))
        self._text = _cutter(self._place(element) for element in leaves if _is_looked_at(element))
        self._plain = _cutter(self._place(element) for element in leaves if element.vr in PLAIN_VRS)
        self._expected = self._shape(around)

    @classmethod
    def of(cls, data_set: DataSet) -> Mould | None:
        """Take the shape of a data set; None where the quick check would not prove it.

        That is where data is deflated or encapsulated, where lengths were set right, or where more than `WINDOW` bytes
        stand before or behind the largest value.
        """
        if data_set.source is not data_set.file or data_set.illegal_strings or data_set.recounted:
            return None
        if any(one.undefined and one.vr not in ("SQ", "UN", "") for one in data_set.elements):
            return None
        largest = max(_leaves(data_set), key=lambda element: element.length, default=None)
        if largest is None or largest.value > WINDOW or largest.vr in MARKED_VRS | PLAIN_VRS:
            return None
        if data_set.source.size - largest.value - largest.length > WINDOW:
            return None
        return cls(data_set, largest)

    def fit(self, source: Source) -> tuple[DataSet, tuple[bytes, ...]] | None:
        """Give the data set in a source of this shape, and the raw values of its text; None when the shape differs.

        Proves as much as a scan: every byte that is not inside a value is compared.
        """
        model = self._model
        if source.size != model.source.size:
            return None
        around = self._around(source)
        if self._shape(around) != self._expected or not b"".join(self._plain(around)).isascii():
            return None
        data_set = DataSet(
            file=source,
            source=source,
            meta=model.meta,
            meta_end=model.meta_end,
            start=model.start,
            end=model.end,
            elements=model.elements,
            encoding=model.encoding,
            encodings=model.encodings,
            transfer_syntax_uid=model.transfer_syntax_uid,
            problems=model.problems,
        )
        data_set.__dict__.update({name: model.__dict__[name] for name in _OF_SHAPE if name in model.__dict__})
        return data_set, self._text(around)

    def _around(self, source: Source) -> bytes:
        """Give the bytes before and behind the largest value."""
        start, end = self._hole
        return bytes(source.read(0, start)) + bytes(source.read(end, source.size - end))

    def _place(self, element: Element) -> tuple[int, int]:
        """Give where a value stands in the bytes around the largest one."""
        start, end = self._hole
        at = element.value if element.value < end else element.value - (end - start)
        return at, at + element.length


def _is_looked_at(element: Element) -> bool:
    """Tell whether a repair depends on a value: text, and the length of a group that may grow."""
    return element.vr in MARKED_VRS or (element.vr == "UL" and element.tag & 0xFFFF == 0)


def _leaves(data_set: DataSet) -> Iterator[Element]:
    """Give the elements whose values may differ: no containers, and of the meta information only the instance's UID."""
    containers = {element.parent for element in data_set.elements}
    for index, element in enumerate(data_set.elements):
        if element.tag in EXTENT_OF_PIXELS:
            continue  # part of the shape: whether pixels are missing follows from it
        if element.length and index not in containers and element.vr not in ("SQ", ""):
            yield element
    for element in data_set.meta:
        if element.tag == _MEDIA_STORAGE_SOP_INSTANCE_UID:
            yield element


def _gaps(values: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Give what lies between values, up to `size`."""
    position = 0
    for start, end in values:
        if start > position:
            yield position, start
        position = max(position, end)
    if position < size:
        yield position, size


def _cutter(ranges: Iterable[tuple[int, int]]) -> Cut:
    """Give a function that cuts all the ranges out of bytes, in one call of the interpreter's own code."""
    slices = [slice(start, end) for start, end in ranges]
    if len(slices) < 2:
        return lambda around: tuple(around[one] for one in slices)
    cut: Cut = itemgetter(*slices)
    return cut
