"""Run every benchmark, or the ones that are named: `python -m benchmarks text delivery`."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path


def names() -> list[str]:
    """Name the modules of this folder that can be run."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if not module.name.startswith("_"))


def main(asked: list[str]) -> int:
    """Run them one after another; a benchmark whose `main()` gives something but None or 0 has missed its bar."""
    strangers = set(asked) - set(names())
    if strangers:
        print(f"no such benchmark: {', '.join(sorted(strangers))}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    missed = []
    for name in asked or names():
        module = importlib.import_module(f"benchmarks.{name}")
        if not hasattr(module, "main"):
            continue
        print(f"== {name}: {(module.__doc__ or '').partition(chr(10))[0]}", flush=True)
        if module.main():
            missed.append(name)
    if missed:
        print(f"below their bar: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
