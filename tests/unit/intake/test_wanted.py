"""Which names, sizes and ages are meant."""

from __future__ import annotations

import pytest

from tolmach.intake.stability import Manner
from tolmach.intake.wanted import Wanted, extension_of

DAY_NS = 86_400_000_000_000


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (b"1.dcm", True),
        (b"1.DCM", True),
        (b"sub/folder/1.dic", True),
        (b"IM000001", True),
        (b"1.2.840.113619.2.55.3", True),  # a UID is no extension
        (b"CT.1.2.3", True),
        (b"\xd1\xed\xe8\xec\xee\xea.dcm", True),  # Снимок in cp1251
        (b"new\nline.dcm", True),
        (b"1.jpg", False),
        (b"1.dcm.txt", False),
        (b"1.tmp", False),
        (b"x.TMP", False),
        (b"~1.dcm", False),
        (b"1.dcm.part", False),
        (b"DICOMDIR", False),
        (b"sub/dicomdir", False),
        (b"Thumbs.db", False),
        (b".DS_Store", False),
        (b"._1.dcm", False),
        (b"1.dcm.tolmach-original", False),
    ],
)
def test_the_usual_names(name: bytes, wanted: bool) -> None:
    assert Wanted.of(Manner(), (".tolmach-original",)).wants_name(name) is wanted


@pytest.mark.parametrize(
    ("pattern", "name", "ignored"),
    [
        ("*.bak", b"a.BAK", True),
        ("exact.dcm", b"exact.dcm", True),
        ("exact.dcm", b"inexact.dcm", False),
        ("*preview*", b"a-Preview-1.dcm", True),
        ("*превью*", "a-ПРЕВЬЮ.dcm".encode(), True),
        ("old/*", b"old/1.dcm", True),
        ("old/*", b"new/1.dcm", False),
        ("old*", b"old/1.dcm", False),  # without a slash it is the name that counts
        ("t[0-9].dcm", b"t5.dcm", True),
    ],
)
def test_patterns_to_ignore(pattern: str, name: bytes, ignored: bool) -> None:
    wanted = Wanted.of(Manner(extensions=("*",), ignore=(pattern,)))
    assert wanted.wants_name(name) is not ignored


def test_any_extension_and_only_one() -> None:
    assert Wanted.of(Manner(extensions=("*",))).wants_name(b"picture.xyz")
    only = Wanted.of(Manner(extensions=(".IMA",)))
    assert only.wants_name(b"1.ima")
    assert not only.wants_name(b"1")


def test_sizes_and_ages() -> None:
    wanted = Wanted.of(Manner(ignore_smaller=100, ignore_larger=200, ignore_older_days=2))
    now = 100 * DAY_NS
    assert [wanted.wants_state(size, now, now) for size in (99, 100, 200, 201)] == [False, True, True, False]
    assert wanted.wants_state(150, now - 2 * DAY_NS, now)
    assert not wanted.wants_state(150, now - 2 * DAY_NS - 1, now)
    assert wanted.wants_state(150, now + 5 * DAY_NS, now)  # a clock that is ahead makes nothing old
    assert Wanted.of(Manner()).wants_state(0, 0, now)


@pytest.mark.parametrize(
    ("name", "extension"), [("a.b", ".b"), (".hidden", ""), ("a.", "."), ("a", ""), ("1.2.3", ""), ("a.1b", ".1b")]
)
def test_extensions(name: str, extension: str) -> None:
    assert extension_of(name) == extension
