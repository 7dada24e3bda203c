"""Machines as they write their files, step by step: every image is taken once, whole, and the folder stays theirs.

Each script says what the machine does and how long it takes; time is told, so that nothing depends on this one's speed.
After every step the folder must be just what the machine made of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.watch_double import Scene, image, listing
from tolmach.adapters.folder.watch_presets import PRESETS, preset

Step = tuple[Callable[[Path], object], float]  # what is done in the folder, and how long it is before the next

WHOLE = {number: image(number, pixels=bytes([number, 7]) * 3000) for number in range(1, 40)}


def write(name: str, content: bytes) -> Callable[[Path], object]:
    def step(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return step


def append(name: str, content: bytes) -> Callable[[Path], object]:
    def step(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.write(content)

    return step


def overwrite(name: str, offset: int, content: bytes) -> Callable[[Path], object]:
    def step(folder: Path) -> None:
        with (folder / name).open("r+b") as file:
            file.seek(offset)
            file.write(content)

    return step


def rename(name: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).rename(folder / new)


def delete(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


@dataclass(frozen=True)
class Vendor:
    """A machine: its preset, what it does, and which of its files are images in the end."""

    preset: str
    steps: Sequence[Step]
    images: dict[str, bytes]
    ignore: tuple[str, ...] = field(default=())


def slowly(name: str, content: bytes, parts: int, seconds: float) -> list[Step]:
    size = -(-len(content) // parts)
    return [(append(name, content[at : at + size]), seconds) for at in range(0, len(content), size)]


def integris(number: int) -> list[Step]:
    draft = WHOLE[number].replace("Шевченко".encode("cp1251"), b"--------")
    return [
        (write(f"{number}.tmp", draft), 3.0),
        (overwrite(f"{number}.tmp", 0, WHOLE[number]), 2.0),
        (rename(f"{number}.tmp", f"{number}.dcm"), 0.4),
    ]


def titan(number: int) -> list[Step]:
    """Three whole images appear at once; two are deleted, the third gets the name it keeps."""
    a, b, c = (f"{number}{letter}.dcm" for letter in "abc")
    return [
        (write(a, image(100 + number)), 0.0),
        (write(b, image(200 + number)), 0.0),
        (write(c, WHOLE[number]), 6.0),
        (delete(a), 1.0),
        (delete(b), 4.0),
        (rename(c, f"Study{number}.dcm"), 0.0),
    ]


VENDORS = {
    "generic, at once": Vendor(
        "generic",
        [step for number in (1, 2, 3) for step in [(write(f"st/{number}.dcm", WHOLE[number]), 0.1)]],
        {f"st/{number}.dcm": WHOLE[number] for number in (1, 2, 3)},
    ),
    "generic, slowly and with pauses": Vendor(
        "generic",
        [
            *slowly("1", WHOLE[1][:4000], 8, 0.3),
            (lambda _: None, 30.0),
            *slowly("1", WHOLE[1][4000:], 5, 2.0),
            (write("2.part", WHOLE[2]), 5.0),
            (rename("2.part", "2.dcm"), 0.0),
        ],
        {"1": WHOLE[1], "2.dcm": WHOLE[2]},
    ),
    "generic, with what systems leave behind": Vendor(
        "generic",
        [
            (write("DICOMDIR", WHOLE[9]), 0.0),
            (write("Thumbs.db", b"x" * 300), 0.0),
            (write("~1.dcm", WHOLE[9]), 0.0),
            (write("film.avi", b"RIFF" * 200), 0.0),
            (write("1.dcm", WHOLE[1]), 0.0),
        ],
        {"1.dcm": WHOLE[1]},
    ),
    "integris": Vendor(
        "integris",
        [step for number in (1, 2, 3) for step in integris(number)],
        {f"{number}.dcm": WHOLE[number] for number in (1, 2, 3)},
    ),
    "copy-then-delete": Vendor(
        "copy-then-delete",
        [
            step
            for number in (1, 2)
            for step in [
                (write(f"{number}.tmp", WHOLE[number]), 1.0),
                *slowly(f"{number}.dcm", WHOLE[number], 3, 0.4),
                (delete(f"{number}.tmp"), 0.2),
            ]
        ],
        {f"{number}.dcm": WHOLE[number] for number in (1, 2)},
    ),
    "titan-2000": Vendor(
        "titan-2000",
        [step for number in (1, 2) for step in titan(number)],
        {f"Study{number}.dcm": WHOLE[number] for number in (1, 2)},
    ),
    "titan-2000, temporaries known by name and left for long": Vendor(
        "titan-2000",
        [
            (write("scan_raw.dcm", image(100)), 0.0),
            (write("scan_pre.dcm", image(200)), 0.0),
            (write("x1.dcm", WHOLE[1]), 120.0),
            (delete("scan_raw.dcm"), 0.0),
            (delete("scan_pre.dcm"), 0.0),
        ],
        {"x1.dcm": WHOLE[1]},
        ignore=("scan_*",),
    ),
    "alfaplus": Vendor(
        "alfaplus", [(write("Петренко/1.dcm", WHOLE[1]), 0.0), (write("IM2", WHOLE[2]), 0.0)],
        {"Петренко/1.dcm": WHOLE[1], "IM2": WHOLE[2]},
    ),
    "slow-share": Vendor(
        "slow-share",
        [*slowly("1.dcm", WHOLE[1], 10, 8.0), (lambda _: None, 30.0), (write("2.dcm", WHOLE[2]), 0.0)],
        {"1.dcm": WHOLE[1], "2.dcm": WHOLE[2]},
    ),
}  # fmt: skip


def test_every_preset_has_a_machine() -> None:
    assert {vendor.preset for vendor in VENDORS.values()} == set(PRESETS)


@pytest.mark.parametrize("with_events", [False, True], ids=["scans alone", "with events"])
@pytest.mark.parametrize("name", VENDORS)
def test_every_image_is_taken_once_and_the_folder_stays_as_it_is(tmp_path: Path, name: str, with_events: bool) -> None:
    vendor = VENDORS[name]
    manner = preset(vendor.preset)
    manner = replace(manner, ignore=manner.ignore + vendor.ignore)
    scene = Scene(tmp_path, manner)
    for act, seconds in vendor.steps:
        before = listing(scene.root)
        act(scene.root)
        made = listing(scene.root)
        if with_events and not manner.polling:
            for path in made.keys() - before.keys() | {path for path in made if made[path] != before.get(path)}:
                scene.close(path)  # the system says so whenever a writer closes a file, finished or not
        scene.during(seconds)
        assert listing(scene.root) == made
    scene.during(60)
    assert listing(scene.root) == made
    assert sorted(scene.taken()) == sorted(path.encode() for path in vendor.images)
    sums = {one.mark.path: one.sha256 for one in scene.records.words if one.object_id is not None}
    assert sums == {path.encode(): hashlib.sha256(content).hexdigest() for path, content in vendor.images.items()}
    assert scene.stored() == set(vendor.images.values())
    assert scene.records.states[-1] is None
