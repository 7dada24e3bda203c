"""Where the built program begins. It has no `python -m`; it is its own children and, on Windows, its own service.

tolmach …                         the command line
tolmach-desktop [PATH…]           (Windows) the window, without a console
… [-P] -m MODULE ARGUMENTS…       one of CHILDREN, as `python -m` would run it
"""

import multiprocessing
import os
import sys
from pathlib import Path

CHILDREN = (
    "tolmach.adapters.dicomweb.pixel_child",
    "tolmach.apps.cli.main",
    "tolmach.apps.desktop.preview_child",
    "tolmach.apps.windows_service",
)
_LIBRARY_PATH = "LD_LIBRARY_PATH"


def main() -> None:
    """Run what was asked for; a module that is not among CHILDREN is no option of ours and goes to the command line."""
    multiprocessing.freeze_support()
    _leave_the_libraries_of_others_alone()
    arguments = [argument for argument in sys.argv[1:2] if argument != "-P"] + sys.argv[2:]
    if arguments[:1] == ["-m"] and arguments[1:2] and arguments[1] in CHILDREN:
        sys.argv[1:] = arguments[2:]
        import runpy

        runpy.run_module(arguments[1], run_name="__main__", alter_sys=False)
        return
    if _is_window() and sys.argv[1:3] != ["desktop", "--decode"]:
        sys.argv[1:1] = ["desktop"]
    from tolmach.apps.cli.main import main as command_line

    command_line()


def _is_window() -> bool:
    return Path(sys.executable).stem.lower() == "tolmach-desktop"


def _leave_the_libraries_of_others_alone() -> None:
    """Let programs that we start find their own libraries: the bootloader pointed all of us to those in our folder."""
    before = os.environ.pop(f"{_LIBRARY_PATH}_ORIG", None)
    if before is not None:
        os.environ[_LIBRARY_PATH] = before
    elif sys.platform.startswith("linux"):
        os.environ.pop(_LIBRARY_PATH, None)


if __name__ == "__main__":
    main()
