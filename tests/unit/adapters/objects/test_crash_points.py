"""A process that dies between any two steps of storing leaves nothing half done that anybody would believe."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.builders import body, part10
from tolmach.adapters.objects import FolderStore

# Ends the process, without any clean-up, on entry of the step it is told; a step that is not reached prints "done".
STORE_AND_DIE = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from tolmach.adapters.objects import FolderStore

    folder, content, at = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes(), int(sys.argv[3])
    step = 0

    def deadly(call):
        def counted(*given, **named):
            global step
            step += 1
            if step > at:
                os._exit(9)
            return call(*given, **named)
        return counted

    for name in ("fsync", "replace", "open", "close"):
        setattr(os, name, deadly(getattr(os, name)))
    Path.mkdir, Path.chmod, Path.unlink = deadly(Path.mkdir), deadly(Path.chmod), deadly(Path.unlink)
    store = FolderStore(folder)
    with store.spool([content[:1000], content[1000:]]) as spooled:
        store.place(spooled)
        os.write(1, b"acknowledged ")
    os.write(1, b"done")
    """
)
BODY = body((0x7FE00010, "OW", bytes(range(256)) * 40))
FILE = part10(BODY)
SUM = hashlib.sha256(BODY).hexdigest()


def store_and_die(folder: Path, content: Path, at: int) -> str:
    program = [sys.executable, "-c", STORE_AND_DIE, str(folder), str(content), str(at)]
    return subprocess.run(program, stdout=subprocess.PIPE, text=True, timeout=60, check=False).stdout


@pytest.mark.slow
def test_dying_at_any_step_leaves_nothing_or_everything(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(FILE)
    said, acknowledged_at = "", 0
    for at in range(200):
        data = tmp_path / f"data {at}"
        said = store_and_die(data, content, at)
        store = FolderStore(data)  # the next process
        store.clear_incoming()
        names = list(store.walk())
        assert names in ([], [SUM])
        assert all(store.rehash(name) == name for name in names)
        if said:
            assert names == [SUM]
            acknowledged_at = acknowledged_at or at
        with store.spool([FILE]) as spooled:  # the sender, who heard nothing, sends it again
            store.place(spooled)
        assert list(store.walk()) == [SUM]
        assert store.path_of(SUM).read_bytes() == FILE
        assert list(store.incoming.iterdir()) == []
        if said == "acknowledged done":
            break
    assert said == "acknowledged done"
    assert acknowledged_at > 20
