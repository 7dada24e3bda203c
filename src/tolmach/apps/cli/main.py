"""The door of `tolmach`: streams that can be written to, Ctrl-C heard from the first moment, the exit status.

It imports next to nothing, so that hardly any time passes in which Ctrl-C would be told as an error of Python's.
"""

import sys

SOMETHING_FAILED, INTERRUPTED = 1, 130


def main() -> None:
    """Run the program and leave it with the exit status the conventions promise."""
    try:
        _open_what_is_closed()
        from tolmach.apps.cli.program import run

        status = run(sys.argv[1:])
    except BrokenPipeError:  # whoever read our output has seen enough, as in `tolmach inspect … | head`
        status = SOMETHING_FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    _drop_what_cannot_be_written()
    sys.exit(status)


def _open_what_is_closed() -> None:
    """Put nothing in the place of streams we were started without; else `print` takes stdout for a missing stderr."""
    import os

    # In the order of their numbers, so that no file we open later gets the number of one of them.
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - open to the end
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def _drop_what_cannot_be_written() -> None:
    """Leave nothing that Python would try to write once more at the very end, and complain about."""
    import os

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
