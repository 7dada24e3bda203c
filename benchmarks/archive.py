"""Questions to the archive's index at 20,000 and at 200,000 instances, and whom a search by name finds.

The larger archive is an older one: as many studies a day, of more days. Each size is asked the same mixed set of
questions, in turns; medians count, and their ratio. Then the plans are shown: none may walk through a table, so that
what holds for ten times holds on. The last part makes 10,000 patients with names in three scripts and asks for them.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from tolmach.adapters.sql.engine import Database, open_database
from tolmach.adapters.sql.index import SqlIndex
from tolmach.adapters.sql.index_finding import explained
from tolmach.adapters.sql.index_writing import ToIndex, index_all
from tolmach.adapters.sql.schema import objects
from tolmach.archive.interfaces import Entry, Level
from tolmach.archive.questions import question
from tolmach.text.translit import transliterate

SIZES = (20_000, 200_000)
A_STUDY, A_DAY = 20, 40  # instances in a study, studies in a day
ROUNDS = 40
BAR, PRECISION = 1.3, 0.99
WORDS = Path(__file__).parents[1] / "tests" / "data" / "text"
ROOT = "1.2.826.0.1.3680043.10.1234"
CT = "1.2.840.10008.5.1.4.1.1.2"
FIRST_DAY = datetime(2006, 1, 1, tzinfo=UTC)


def main() -> int:
    """Print the ratios, the plans and the precision; 1 when one of them is below its bar."""
    scratch = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # the questions are measured, not the disk
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        is_quick = _ask_both(Path(folder))
        is_precise = _precision(Path(folder))
    return 0 if is_quick and is_precise else 1


# Speed ------------------------------------------------------------------------------------------------------


@dataclass
class Asked:
    """One kind of question; the values come by chance from what is there."""

    name: str
    level: Level
    make: Callable[[random.Random, int], dict[str, str]]


def _study(number: int) -> str:
    return f"{ROOT}.{number}"


def _day(number: int) -> str:
    return f"{FIRST_DAY + timedelta(days=number // A_DAY):%Y%m%d}"


def _family(chance: random.Random, studies: int) -> str:
    """Give the family of somebody who is there: whoever asks has the person before him."""
    return patient_name(random.Random(chance.randrange(studies) // 2))[1]


MIXED = (
    Asked(
        "name, folded", "study", lambda chance, studies: {"PatientName": transliterate(_family(chance, studies), "ru")}
    ),
    Asked("name, beginning", "study", lambda chance, studies: {"PatientName": _family(chance, studies)[:5] + "*"}),
    Asked("patient ID", "study", lambda chance, studies: {"PatientID": f"P{chance.randrange(studies) // 2}"}),
    Asked("accession", "study", lambda chance, studies: {"AccessionNumber": f"A{chance.randrange(studies)}"}),
    Asked("study UID", "study", lambda chance, studies: {"StudyInstanceUID": _study(chance.randrange(studies))}),
    Asked("a day", "study", lambda chance, studies: {"StudyDate": _day(chance.randrange(studies))}),
    Asked(
        "three days, CT",
        "study",
        lambda chance, studies: {
            "StudyDate": f"{_day(day := chance.randrange(studies))}-{_day(day + 2 * A_DAY)}",
            "ModalitiesInStudy": "CT",
        },
    ),
    Asked("newest of a modality", "study", lambda _chance, _studies: {"ModalitiesInStudy": "DX"}),
    Asked(
        "series of a study", "series", lambda chance, studies: {"StudyInstanceUID": _study(chance.randrange(studies))}
    ),
    Asked(
        "instances of a series",
        "instance",
        lambda chance, studies: {"SeriesInstanceUID": f"{_study(chance.randrange(studies))}.1"},
    ),
    Asked("patient by name", "patient", lambda chance, studies: {"PatientName": _family(chance, studies)}),
)


def _ask_both(folder: Path) -> bool:
    databases = []
    for size in SIZES:
        database = open_database(folder / str(size), "NORMAL", create=True)
        began = time.perf_counter()
        fill(database, _entries(size))
        print(f"{size:>8,} instances indexed at {size / (time.perf_counter() - began):,.0f}/s")
        databases.append(database)
    took: dict[tuple[str, int], list[float]] = {}
    for turn in range(ROUNDS):
        for size, database in zip(SIZES, databases, strict=True):
            index, chance = SqlIndex(database), random.Random(turn)
            for asked in MIXED:
                query = question(asked.level, asked.make(chance, size // A_STUDY), limit=100)
                began = time.perf_counter()
                index.find(query)
                took.setdefault((asked.name, size), []).append(time.perf_counter() - began)
    ratio = _print_times(took)
    print(f"\nHow they are answered at {SIZES[1]:,} (SQLite's words):")
    walks = [walk for asked in MIXED for walk in _print_plan(databases[1], asked)]
    for database in databases:
        database.close()
    return ratio <= BAR and not walks


def _print_times(took: dict[tuple[str, int], list[float]]) -> float:
    print(f"\n{'question, p50 in ms':<24}" + "".join(f"{size:>10,}" for size in SIZES) + f"{'ratio':>8}")
    for asked in MIXED:
        _print_line(asked.name, [statistics.median(took[asked.name, size]) for size in SIZES])
    mixed = [
        statistics.median([one for (_, known), some in took.items() if known == size for one in some]) for size in SIZES
    ]
    return _print_line(f"all of them (bar {BAR})", mixed)


def _print_line(name: str, medians: Sequence[float]) -> float:
    ratio = medians[1] / medians[0]
    print(f"{name:<24}" + "".join(f"{1000 * one:>10.2f}" for one in medians) + f"{ratio:>8.2f}")
    return ratio


def _print_plan(database: Database, asked: Asked) -> Iterator[str]:
    """Print how a question is answered, and give the steps that walk through a table."""
    query = question(asked.level, asked.make(random.Random(1), SIZES[1] // A_STUDY), limit=100)
    with database.reading() as connection:
        steps = explained(connection, query)
    print(f"  {asked.name}: {'; '.join(steps)}")
    for step in steps:
        if step.startswith("SCAN") and "USING INDEX" not in step and "COVERING INDEX" not in step:
            yield step


# Filling ----------------------------------------------------------------------------------------------------


def fill(database: Database, entries: Iterator[Entry]) -> None:
    """Bring entries into the index without receipts or journeys, a thousand in a commit."""
    number = 0
    while some := list(islice(entries, 1000)):
        numbers = range(number + 1, number + 1 + len(some))
        number += len(some)
        rows = [
            {
                "id": one,
                "sha256": f"{one:064x}",
                "size": 1,
                "data_set_offset": 0,
                "sop_instance_uid": entry.instance["SOPInstanceUID"][0],
                "received_at": one,
                "last_arrived_at": one,
                "ended_at": one,
                "is_indexed": 1,
            }
            for one, entry in zip(numbers, some, strict=True)
        ]
        to_index = [ToIndex(one, entry) for one, entry in zip(numbers, some, strict=True)]

        def write(connection: sa.Connection, rows=rows, to_index=to_index) -> None:  # type: ignore[no-untyped-def]
            connection.execute(objects.insert(), rows)
            index_all(connection, to_index, FIRST_DAY, "newest")

        database.write(write)


def _entries(size: int) -> Iterator[Entry]:
    chance = random.Random(size)
    for number in range(size // A_STUDY):
        patient = number // 2
        name = patient_name(random.Random(patient))[0]
        modality = chance.choices(("DX", "CT", "MR", "US"), (70, 15, 5, 10))[0]
        study = {
            "StudyInstanceUID": (_study(number),),
            "StudyDate": (_day(number),),
            "StudyTime": (f"{chance.randrange(8, 18):02}{chance.randrange(60):02}00",),
            "AccessionNumber": (f"A{number}",),
            "StudyID": (str(number),),
            "StudyDescription": (f"Дослідження {number % 37}",),
            "ReferringPhysicianName": (patient_name(random.Random(number % 50))[0],),
        }
        person = {
            "PatientName": (name,),
            "PatientID": (f"P{patient}",),
            "PatientBirthDate": (f"19{patient % 80 + 20:02}0101",),
            "PatientSex": ("M",),
        }
        for one in range(A_STUDY):
            series = 1 + one % 2
            instance = {
                "SOPInstanceUID": (f"{_study(number)}.{series}.{one}",),
                "SOPClassUID": (CT,),
                "InstanceNumber": (str(one),),
                "Rows": ("512",),
                "Columns": ("512",),
            }
            uid = {"SeriesInstanceUID": (f"{_study(number)}.{series}",), "SeriesNumber": (str(series),)}
            yield Entry(person, study, uid | {"Modality": (modality,)}, instance)


# Precision --------------------------------------------------------------------------------------------------


def _words(name: str) -> list[str]:
    lines = (WORDS / name).read_text("utf-8").splitlines()
    return sorted({word for line in lines if not line.startswith("#") for word in line.split()})


RU = [*_words("holdout_ru_surnames.txt"), *_words("holdout_ru_fresh.txt"), "Щербаков", "Иванов", "Щербакова"]
UK = [*_words("holdout_uk_surnames.txt"), *_words("holdout_uk_fresh.txt"), "Щербаков", "Іванов", "Щербань"]
GIVEN = {"ru": _words("holdout_ru_given.txt"), "uk": _words("holdout_uk_given.txt")}
FAMILIES = sorted({*RU, *UK})
RULES = {"ru": ("ru-icao9303", "ru-gost52535"), "uk": ("uk-kmu55", "uk-dstu9112b")}
# The same family in two languages.
SAME = {"Іванов": "Иванов"}


def patient_name(chance: random.Random) -> tuple[str, str]:
    """Give a name as somebody may have typed it, and the family it is of."""
    language = chance.choice(("ru", "uk"))
    family = chance.choice(RU if language == "ru" else UK)
    name = f"{family}^{chance.choice(GIVEN[language])}"
    if chance.random() < 1 / 3:
        name = transliterate(name, chance.choice(RULES[language]))
    return (name.upper() if chance.random() < 0.5 else name), SAME.get(family, family)


def _precision(folder: Path) -> bool:
    """Ask for families by every spelling, and count who was found rightly."""
    people = [patient_name(random.Random(number)) for number in range(10_000)]
    with _index_of(folder, [name for name, _ in people]) as index:
        print(f"\n{'asked':<14}{'found':>7}{'right':>7}{'missed':>8}   of 10,000 patients")
        for asked in ("Shcherbakov*", "ЩЕРБАКОВ", "Щербаков^*", "Іванов", "Иванов", "Ivanov"):
            begins = SAME.get(family := asked.strip("^*").capitalize(), family)
            begins = {"Shcherbakov": "Щербаков", "Ivanov": "Иванов"}.get(begins, begins)
            fits = str.startswith if asked.endswith("v*") else str.__eq__
            _print_found(asked, _found(index, asked), {n for n, (_, known) in enumerate(people) if fits(known, begins)})
        found = right = wanted = 0
        for family in FAMILIES:
            mine = {n for n, (_, known) in enumerate(people) if known == SAME.get(family, family)}
            for asked in (family.upper(), transliterate(family, "uk-kmu55" if family in UK else "ru-icao9303")):
                got = _found(index, asked)
                found, right, wanted = found + len(got), right + len(got & mine), wanted + len(mine)
    print(f"all {len(FAMILIES)} families, in Cyrillic and in Latin: precision {right / found:.4f} (bar {PRECISION})")
    print(f"and of those who bear them were found {right / wanted:.4f}")
    return right / found >= PRECISION


def _print_found(asked: str, got: set[int], mine: set[int]) -> None:
    print(f"{asked:<14}{len(got):>7}{len(got & mine):>7}{len(mine - got):>8}")


def _found(index: SqlIndex, asked: str) -> set[int]:
    entities, more = index.find(question("patient", {"PatientName": asked}, ["PatientID"], limit=10_000))
    assert not more
    return {int(str(one.values["PatientID"][0])) for one in entities}


@contextmanager
def _index_of(folder: Path, names: Sequence[str]) -> Iterator[SqlIndex]:
    database = open_database(folder / "names", "NORMAL", create=True)
    fill(
        database,
        (
            Entry(
                {"PatientName": (name,), "PatientID": (str(number),)},
                {"StudyInstanceUID": (_study(number),)},
                {"SeriesInstanceUID": (f"{_study(number)}.1",)},
                {"SOPInstanceUID": (f"{_study(number)}.1.1",)},
            )
            for number, name in enumerate(names)
        ),
    )
    yield SqlIndex(database)
    database.close()


if __name__ == "__main__":
    sys.exit(main())
