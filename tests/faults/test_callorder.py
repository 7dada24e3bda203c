"""The order of system calls at a receipt: as strace sees it, and the judge of it on orders that are wrong."""

from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.callorder import Call, parse, wrong_order

SPOOL, NAMED = "incoming/1.part", "objects/ab/cd/abcd"
RIGHT = [
    Call("sendto", "socket"),
    Call("openat", SPOOL),
    Call("writev", SPOOL),
    Call("mkdir", "objects/ab/cd"),
    Call("fsync", SPOOL),
    Call("rename", SPOOL, NAMED),
    Call("fsync", "objects/ab/cd"),
    Call("fsync", "objects/ab"),
    Call("pwrite64", "tolmach.sqlite-wal"),
    Call("fdatasync", "tolmach.sqlite-wal"),
    Call("sendto", "socket"),
    Call("sendto", "socket"),
]
LOG = """\
11 openat(AT_FDCWD</>, "/d/incoming/1.part", O_RDWR|O_CREAT|O_EXCL, 0600) = 13</d/incoming/1.part>
11 openat(AT_FDCWD</>, "/d/objects/ab", O_RDONLY) = -1 ENOENT (No such file or directory)
11 fsync(13</d/incoming/1.part> <unfinished ...>
12 sendto(12<socket:[1]>, ""..., 80, 0, NULL, 0 <unfinished ...>
11 <... fsync resumed>)             = 0
12 <... sendto resumed>)            = 80
11 rename("/d/incoming/1.part", "/d/objects/ab/cd/abcd") = 0
11 pwrite64(7</d/tolmach.sqlite-wal>, ""..., 24, 0) = 24
11 fsync(9</elsewhere>) = 0
11 --- SIGTERM {si_signo=SIGTERM} ---
"""


def test_the_right_order_is_right() -> None:
    assert wrong_order(RIGHT) == []


@pytest.mark.parametrize(
    ("forgotten", "words"),
    [
        (Call("fsync", SPOOL), "the bytes are synced"),
        (Call("fsync", "objects/ab/cd"), "its folder is synced"),
        (Call("fsync", "objects/ab"), "objects/ab/cd was made"),
        (Call("fdatasync", "tolmach.sqlite-wal"), "the records are synced"),
        (Call("rename", SPOOL, NAMED), "no spool file was named"),
    ],
)
def test_what_is_forgotten_is_missed(forgotten: Call, words: str) -> None:
    problems = wrong_order([call for call in RIGHT if call != forgotten])
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(("what", "after"), [(4, 5), (6, 9), (9, 10)], ids=["sync", "folder", "records"])
def test_what_comes_too_late_is_missed(what: int, after: int) -> None:
    late = [*RIGHT[:what], *RIGHT[what + 1 : after + 1], RIGHT[what], *RIGHT[after + 1 :]]
    assert wrong_order(late) != []


def test_an_answer_that_left_early_is_noticed() -> None:
    assert "the answer left before the records were synced" in wrong_order([*RIGHT[:5], RIGHT[-2], *RIGHT[5:]])


def test_a_log_is_read_in_the_order_in_which_calls_ended() -> None:
    assert parse(LOG, Path("/d")) == [
        Call("openat", SPOOL),
        Call("sendto", "socket"),
        Call("fsync", SPOOL),
        Call("rename", SPOOL, NAMED),
        Call("pwrite64", "tolmach.sqlite-wal"),
    ]


@pytest.mark.slow
def test_a_receipt_is_durable_before_the_answer_leaves(there: Path) -> None:
    for figure in figures.order(there):
        figure.require()
