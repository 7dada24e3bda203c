"""What every command needs of this run: language, configuration, terminal. Made once, in `main`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.apps.cli.terminal import Terminal
from tolmach.apps.configuration import ENVIRONMENT_PREFIX, configuration_file
from tolmach.apps.faults import BAD_OPTION, NO_VALUE, BadCall
from tolmach.apps.translations import LANGUAGES, Translator, choose_language, translator

if TYPE_CHECKING:
    from tolmach.apps.sections import Settings

_LANGUAGE_VARIABLE = "TOLMACH_LANGUAGE"
_GLOBAL_OPTIONS = ("--lang", "--config")


@dataclass
class Run:
    """One call of the program."""

    translator: Translator
    config: Path | None = None
    wished_language: str | None = None
    option_without_value: str | None = None

    def terminal(self, *, as_json: bool = False) -> Terminal:
        """Give the terminal of this run."""
        return Terminal(self.translator, as_json=as_json)

    def require_usable(self) -> None:
        """Refuse a language we do not speak and a named configuration that cannot be used; raises `NeedsOperator`."""
        if self.option_without_value is not None:
            raise BadCall(NO_VALUE, name=self.option_without_value)
        if self.wished_language is not None and self.wished_language not in LANGUAGES:
            raise BadCall(BAD_OPTION, name="--lang", known=", ".join(LANGUAGES))
        if self.config is not None:
            _ = self.settings

    @property
    def is_configured(self) -> bool:
        """Tell whether there is any configuration to read; reading it costs time that plain calls need not pay."""
        names = (name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX) and name != _LANGUAGE_VARIABLE)
        return configuration_file(self.config) is not None or next(names, None) is not None

    @property
    def memory_file(self) -> Path:
        """Where the memory of devices is kept, unless `--devices` says otherwise."""
        return Path(self.settings.data_dir) / "devices.json"

    @cached_property
    def settings(self) -> Settings:
        """The configuration, read on first use; raises `BadConfiguration`."""
        from tolmach.apps.settings import load_settings

        return load_settings(configuration_file(self.config), os.environ)


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
        position += 1
        if name not in _GLOBAL_OPTIONS:
            rest.append(argument)
        elif equals or position == len(arguments):
            taken[name] = value
        else:
            taken[name] = arguments[position]
            position += 1
    return rest, taken


def start(arguments: Sequence[str]) -> tuple[list[str], Run]:
    """Understand what concerns every command, and give the other arguments."""
    rest, taken = take_global_options(arguments)
    config = Path(taken["--config"]) if taken.get("--config") else None
    configured = os.environ.get(_LANGUAGE_VARIABLE) or _language_in(configuration_file(config))
    wish = taken.get("--lang")
    without_value = next((name for name, value in taken.items() if not value), None)
    return rest, Run(translator(choose_language(wish, configured, os.environ)), config, wish, without_value)


def _language_in(file: Path | None) -> str | None:
    """Give the language a configuration asks for; what is wrong with the file is told when it is really read."""
    if file is None:
        return None
    try:
        language = tomllib.loads(file.read_text("utf-8-sig")).get("language")
    except (OSError, ValueError):
        return None
    return language if isinstance(language, str) else None
