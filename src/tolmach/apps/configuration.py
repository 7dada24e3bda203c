"""Where the configuration is. What it says is read by `settings`, which plain calls need not pay for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tolmach.apps.faults import NO_CONFIGURATION, NOT_UTF_8, BadConfiguration

FILE_NAME = "tolmach.toml"
ENVIRONMENT_PREFIX = "TOLMACH_"
TEST_PREFIX = "TOLMACH_TEST_"  # switches for tests of tolmach itself are no settings


def configuration_file(named: Path | None) -> Path | None:
    """Give the file to read: the one named, else `./tolmach.toml`, else the user's own, if there is one."""
    if named is not None:
        return named
    return next((path for path in (Path(FILE_NAME), user_folder() / FILE_NAME) if path.is_file()), None)


def user_folder() -> Path:
    """Give the folder of the user's own configuration."""
    from platformdirs import user_config_path

    return user_config_path("tolmach", appauthor=False)


def read_toml(file: Path) -> tuple[str, dict[str, Any]]:
    """Give a TOML file as text and as values, byte order mark or not; raises `BadConfiguration`."""
    try:
        text = file.read_text("utf-8-sig")
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise BadConfiguration(NOT_UTF_8, file=file) from error
    except OSError as error:
        raise BadConfiguration(NO_CONFIGURATION, file=file, why=f"{error.strerror or error}.") from error
    except ValueError as error:
        raise BadConfiguration(NO_CONFIGURATION, file=file, why=f"{error}.") from error
