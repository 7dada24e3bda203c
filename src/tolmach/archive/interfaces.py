"""What the archive is asked and what it gives, whoever asks: C-FIND, QIDO-RS, the console, a C-MOVE.

Attributes go by their keywords. Text is as it was repaired; names have their component groups parted by "=".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from tolmach.dicom.data_set import DataSet
from tolmach.dicom.source import Source

Level = Literal["patient", "study", "series", "instance"]
LEVELS: tuple[Level, ...] = ("patient", "study", "series", "instance")
MOST_COUNTED: Final = 1_000
"""Answers behind a page that are counted: in a large archive counting all would take longer than finding the page."""

# An item of a sequence, such as RequestAttributesSequence.
Item = Mapping[str, tuple[str, ...]]
Values = Mapping[str, tuple[str | Item, ...]]


# Questions --------------------------------------------------------------------------------------------------
# A key without a condition (universal matching) is not a condition; it is asked back. Standard: PS3.4 section C.2.2.2.


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of these: single value matching, or a list of UIDs."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """The value fits a pattern of `*` (anything) and `?` (one character), whatever its case."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Between:
    """The date or time lies within, both ends included; an empty end is open."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Named:
    """The name is this one in any script and spelling: what is compared are the folding keys.

    `pattern` is as it was asked, with its wild cards; a bare family name stands for everybody of that family.
    """

    pattern: str


Condition = OneOf | Like | Between | Named


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the index: entities of a level that meet every condition.

    Conditions may be of the level or of those above, by keyword; an attribute of a sequence is "Sequence.Attribute".
    `returned` are the keywords asked back, None for the usual ones of the level. Answers come in an order that stays
    the same between pages: the newest study first, then by UID.
    """

    level: Level
    conditions: Mapping[str, Condition]
    returned: frozenset[str] | None = None
    offset: int = 0
    limit: int = 10_000


@dataclass(frozen=True, slots=True)
class Entity:
    """A patient, study, series or instance with the attributes of its level, of those above, and the usual counts."""

    level: Level
    values: Values


@dataclass(frozen=True, slots=True)
class Held:
    """An instance as it is given back: the stored bytes, and the repair that was made of them.

    `sop_instance_uid` and the others are those after the repair. `delta` is empty where nothing was changed.
    """

    object_id: int
    stored_sha256: str
    data_set_offset: int
    delta: bytes
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    size: int
    received_at: datetime
    frames: int = 1


class Index(Protocol):
    """The index of what is held; any thread may call. Raises `RecordsTrouble`.

    Only the visible version of each instance is found, and nothing that was deleted. What was acknowledged before the
    question was asked is found, except while `missing_since` says otherwise.
    """

    def missing_since(self) -> datetime | None:
        """Give when the oldest acknowledged object was received that no question finds yet; None: all are found.

        To be asked before a question whose answer must not be taken for whole when it is not.
        """
        ...

    def find(self, query: Query) -> tuple[Sequence[Entity], int]:
        """Give the entities that meet the query, at most `limit`, and how many more there are.

        Nobody needs to count beyond `MOST_COUNTED` more: that many then means that many or more.
        """
        ...

    def held(
        self,
        *,
        patient_id: str | None = None,
        studies: Sequence[str] = (),
        series: Sequence[str] = (),
        instances: Sequence[str] = (),
    ) -> Iterator[Held]:
        """Give the visible instances of a patient, of studies, series or instances by UID: those that meet all given.

        In the order of series number and instance number; memory stays flat and no transaction stays open meanwhile.
        """
        ...

    def is_sound(self, sop_class_uid: str, sop_instance_uid: str) -> Literal["sound", "unknown", "other-class", "bad"]:
        """Tell whether an instance is held and its bytes, read and hashed again now, are those that were taken."""
        ...


class Content(Protocol):
    """The bytes of a held instance while it is open, proved to be those that were taken."""

    @property
    def data_set(self) -> DataSet:
        """The data set as it is given, scanned; raises `Damaged`, `NotDicom` or `ObjectRotten`."""
        ...

    def in_syntax(self, transfer_syntax_uid: str) -> tuple[Source, str]:
        """Give the data set's bytes for the wire in an uncompressed syntax or the stored one, and what was padded."""
        ...

    def as_file(self) -> Iterable[memoryview | bytes]:
        """Give the bytes of a whole Part 10 file."""
        ...


class Opener(Protocol):
    """Opens held instances; any thread may call."""

    def __call__(self, held: Held) -> AbstractContextManager[Content]:
        """Give the content until the block ends. Raises `ObjectMissing`, `ObjectRotten` or `StoreTrouble`."""
        ...


# What is indexed --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index keeps of an instance: the attributes of each level, as they are after the repair."""

    patient: Values = field(default_factory=dict)
    study: Values = field(default_factory=dict)
    series: Values = field(default_factory=dict)
    instance: Values = field(default_factory=dict)
