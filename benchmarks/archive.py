"""Questions to the archive's index at 20,000 and at 200,000 instances, and whom a search by name finds.

The larger archive is an older one: as many studies a day, of more days. Each size is asked the same mixed set of
questions, in turns and in an order that changes, each kind as often as it is asked beside the others: whoever opens a
study asks for it, for its series, and for the instances of each, and people are looked for by name now and then. What
counts is the processor's time, so that others on the machine do not; medians and their ratio are told. A name finds
more people where more have come, and that takes its time: how many answers there are stands beside, and what it would
be were each kind asked as often as the others.

Then what it would be at 10 million is worked out, and the plans are shown: none may walk through a table, so that what
holds for ten times holds on. BENCH_LARGEST=2000000 fills a third archive, to see whether that comes true. The last part
makes 10,000 patients with names in three scripts and asks for them.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
FAR = 10_000_000
A_STUDY, A_DAY = 20, 40  # instances in a study, studies in a day
ROUNDS, PAGE = 60, 100
BAR, PRECISION = 1.3, 0.99
FAR_AND_WIDE = """\
  This holds while what is asked for lies in memory: from a disk each answer waits for some pages more. Pages of answers
  have an end, and so has what is counted behind them. Conditions without a column (descriptions, comments) are looked
  for in every study that the other conditions leave: ten times as many take ten times as long."""
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
    """One kind of question; the values come by chance from what is there. `often` is how often in a turn."""

    name: str
    level: Level
    often: int
    make: Callable[[random.Random, int], dict[str, str]]


def _study(number: int) -> str:
    return f"{ROOT}.{number}"


def _day(number: int) -> str:
    return f"{FIRST_DAY + timedelta(days=number // A_DAY):%Y%m%d}"


def _family(chance: random.Random, studies: int) -> str:
    """Give the family of somebody who is there: whoever asks has the person before him."""
    return patient_name(random.Random(chance.randrange(studies) // 2))[1]


def _person(chance: random.Random, studies: int) -> int:
    return chance.randrange(studies) // 2


def _birth(patient: int) -> str:
    return f"19{patient % 80 + 20:02}{patient // 80 % 12 + 1:02}{patient // 960 % 28 + 1:02}"


def _name_and_birth(chance: random.Random, studies: int) -> dict[str, str]:
    patient = _person(chance, studies)
    return {"PatientName": patient_name(random.Random(patient))[1], "PatientBirthDate": _birth(patient)}


def _three_days(chance: random.Random, studies: int) -> dict[str, str]:
    day = chance.randrange(studies)
    return {"StudyDate": f"{_day(day)}-{_day(day + 2 * A_DAY)}", "ModalitiesInStudy": "CT"}


def _series(chance: random.Random, studies: int) -> dict[str, str]:
    return {"SeriesInstanceUID": f"{_study(chance.randrange(studies))}.{chance.randrange(1, 3)}"}


def _instance(chance: random.Random, studies: int) -> dict[str, str]:
    one = chance.randrange(A_STUDY)
    return {"SOPInstanceUID": f"{_study(chance.randrange(studies))}.{1 + one % 2}.{one}"}


MIXED = (
    Asked("name, folded", "study", 1, lambda chance, n: {"PatientName": transliterate(_family(chance, n), "ru")}),
    Asked("name, beginning", "study", 1, lambda chance, n: {"PatientName": _family(chance, n)[:5] + "*"}),
    Asked("name and birth date", "study", 1, _name_and_birth),
    Asked("patient by name", "patient", 1, lambda chance, n: {"PatientName": _family(chance, n)}),
    Asked("patient by ID", "patient", 2, lambda chance, n: {"PatientID": f"P{_person(chance, n)}"}),
    Asked("studies of a patient", "study", 2, lambda chance, n: {"PatientID": f"P{_person(chance, n)}"}),
    Asked("accession", "study", 2, lambda chance, n: {"AccessionNumber": f"A{chance.randrange(n)}"}),
    Asked("study UID", "study", 3, lambda chance, n: {"StudyInstanceUID": _study(chance.randrange(n))}),
    Asked("series of a study", "series", 3, lambda chance, n: {"StudyInstanceUID": _study(chance.randrange(n))}),
    Asked("instances of a series", "instance", 6, _series),
    Asked("instance UID", "instance", 1, _instance),
    Asked("a day", "study", 2, lambda chance, n: {"StudyDate": _day(chance.randrange(n))}),
    Asked("three days, CT", "study", 1, _three_days),
    Asked("newest of a modality", "study", 1, lambda _chance, _n: {"ModalitiesInStudy": "DX"}),
    Asked("all of a rare modality", "study", 1, lambda _chance, _n: {"ModalitiesInStudy": "XA"}),
)


@dataclass
class Times:
    """What was measured: seconds and answers of each question, by its name and the size of the archive."""

    took: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    answers: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    def of(self, name: str, size: int) -> float:
        return statistics.median(self.took[name, size])

    def of_all(self, size: int, *, as_often: bool = True) -> float:
        return statistics.median(
            [one for asked in MIXED for one in self.took[asked.name, size][: None if as_often else ROUNDS]]
        )


def _ask_both(folder: Path) -> bool:
    largest = os.environ.get("BENCH_LARGEST")
    archives = {}
    for size in (*SIZES, *([int(largest)] if largest else [])):
        archives[size] = open_database(folder / str(size), "NORMAL", create=True)
        began = time.perf_counter()
        fill(archives[size], _entries(size))
        print(f"{size:>10,} instances indexed at {size / (time.perf_counter() - began):,.0f}/s")
    times = _asked(archives)
    is_quick = _print_times(times)
    _print_far(times, list(archives))
    print(f"\nHow they are answered at {SIZES[1]:,} (SQLite's words):")
    walks = [walk for asked in MIXED for walk in _print_plan(archives[SIZES[1]], asked)]
    for database in archives.values():
        database.close()
    return is_quick and not walks


def _asked(archives: Mapping[int, Database]) -> Times:
    times, order = Times(), random.Random(1)
    mixed = [(asked, place) for asked in MIXED for place in range(asked.often)]
    for turn in range(ROUNDS):
        for asked, place in order.sample(mixed, len(mixed)):
            for size in order.sample(list(archives), len(archives)):
                chance = random.Random(f"{turn} {place}")
                query = question(asked.level, asked.make(chance, size // A_STUDY), limit=PAGE)
                index = SqlIndex(archives[size])
                began = time.thread_time()
                found, _ = index.find(query)
                times.took.setdefault((asked.name, size), []).append(time.thread_time() - began)
                times.answers.setdefault((asked.name, size), []).append(len(found))
    return times


def _print_times(times: Times) -> bool:
    print(f"\n{'question, p50 in ms':<24}" + "".join(f"{size:>10,}" for size in SIZES) + f"{'ratio':>8}   answers")
    ratios = []
    for asked in MIXED:
        answers = " → ".join(f"{statistics.mean(times.answers[asked.name, size]):.0f}" for size in SIZES)
        ratios.append(_print_line(asked.name, [times.of(asked.name, size) for size in SIZES], f"   {answers}"))
    ratio = _print_line(f"all of them (bar {BAR})", [times.of_all(size) for size in SIZES], "")
    _print_line("each kind as often", [times.of_all(size, as_often=False) for size in SIZES], "")
    middle = statistics.median(ratios)
    print(f"ratios of the kinds: {middle:.2f} in the middle (bar {BAR}), {max(ratios):.2f} at most")
    return max(ratio, middle) <= BAR


def _print_line(name: str, medians: Sequence[float], more: str) -> float:
    ratio = medians[1] / medians[0]
    print(f"{name:<24}" + "".join(f"{1000 * one:>10.2f}" for one in medians) + f"{ratio:>8.2f}{more}")
    return ratio


def _print_far(times: Times, sizes: Sequence[int]) -> None:
    """Print what follows for larger archives."""
    print("\nWorked out from these two, p50 in ms:")
    for size in (*sizes[2:], FAR):
        steps = math.log10(size / SIZES[1])
        small, large = map(times.of_all, SIZES)
        each = ", ".join(f"{asked.name} {1000 * _far(times, asked.name, size):.2f}" for asked in MIXED)
        print(f"  at {size:,}: all of them {1000 * large * max(1.0, large / small) ** steps:.2f}; {each}")
        if size in sizes:
            each = ", ".join(f"{asked.name} {1000 * times.of(asked.name, size):.2f}" for asked in MIXED)
            print(f"  measured there: all of them {1000 * times.of_all(size):.2f}; {each}")
    print(FAR_AND_WIDE)


def _far(times: Times, name: str, size: int) -> float:
    """Give what a question takes in a larger archive.

    Where ten times as much held more answers, each of them takes its time, up to a page; else each tenfold costs what
    the last one did.
    """
    small, large = (times.of(name, one) for one in SIZES)
    few, some = (statistics.mean(times.answers[name, one]) for one in SIZES)
    if some > 1.5 * few:
        return large + (large - small) / (some - few) * (min(PAGE, some * size / SIZES[1]) - some)
    return float(large * max(1.0, large / small) ** math.log10(size / SIZES[1]))


def _print_plan(database: Database, asked: Asked) -> Iterator[str]:
    """Print how a question is answered, and give the steps that walk through a table."""
    query = question(asked.level, asked.make(random.Random(1), SIZES[1] // A_STUDY), limit=PAGE)
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
        modality = chance.choices(("DX", "CT", "MR", "US", "XA"), (69.8, 15, 5, 10, 0.2))[0]
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
            "PatientBirthDate": (_birth(patient),),
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
