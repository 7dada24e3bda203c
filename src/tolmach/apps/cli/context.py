"""What every command needs of this run: language, configuration, terminal. Made once, in `main`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.apps.cli.terminal import Terminal
from tolmach.apps.translations import Translator, choose_language, translator

if TYPE_CHECKING:
    from tolmach.apps.settings import Settings

_GLOBAL_OPTIONS = ("--lang", "--config")


@dataclass
class Run:
    """One call of the program."""

    translator: Translator
    config: Path | None = None

    def terminal(self, *, as_json: bool = False) -> Terminal:
        """Give the terminal of this run."""
        return Terminal(self.translator, as_json=as_json)

    @cached_property
    def settings(self) -> Settings:
        """The configuration, read on first use; raises `BadConfiguration`."""
        from tolmach.apps.settings import load_settings

        return load_settings(self.config, os.environ, user_folder())


def user_folder() -> Path:
    """Give the folder of the user's own configuration."""
    from platformdirs import user_config_path

    return user_config_path("tolmach", appauthor=False)


def take_global_options(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Take `--lang` and `--config` out of the arguments wherever they stand; people put them before and after."""
    rest: list[str] = []
    taken: dict[str, str] = {}
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument == "--":
            return [*rest, *arguments[position:]], taken
        name, equals, value = argument.partition("=")
        if name not in _GLOBAL_OPTIONS or (not equals and position + 1 == len(arguments)):
            rest.append(argument)
        elif equals:
            taken[name] = value
        else:
            position += 1
            taken[name] = arguments[position]
        position += 1
    return rest, taken


def start(arguments: Sequence[str]) -> tuple[list[str], Run]:
    """Understand what concerns every command, and give the other arguments."""
    rest, taken = take_global_options(arguments)
    language = choose_language(taken.get("--lang"), os.environ.get("TOLMACH_LANGUAGE"), os.environ)
    config = Path(taken["--config"]) if "--config" in taken else None
    return rest, Run(translator(language), config)
