"""Keeping `None` alive: PySide6 6.12.0 forgets to count references to it on Python 3.11 and older.

Measured with its wheels on Python 3.11.7: each call that returns None takes one reference away (500 calls: −499; with
6.11.3: none), and after some thousand calls the interpreter ends with “deallocating None”. It is built for Pythons on
which None is immortal, as it is from 3.12 on. So it is made all but immortal here as well.
"""

from __future__ import annotations

import ctypes
import sys

_ENOUGH = 1 << 40  # calls that may forget to count


def keep_constants_alive() -> None:
    """Make None and its like outlive every miscounting; does nothing where they are immortal. Safe to repeat."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return
    for constant in (None, True, False, NotImplemented):
        if sys.getrefcount(constant) < _ENOUGH:
            ctypes.c_ssize_t.from_address(id(constant)).value += _ENOUGH
