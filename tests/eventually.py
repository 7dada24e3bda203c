"""Waiting for what another thread or process will have done."""

import time
from collections.abc import Callable


def eventually(is_so: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Tell whether something became so within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.01)
    return False
