"""Where the configuration is. What it says is read by `settings`, which plain calls need not pay for."""

from __future__ import annotations

from pathlib import Path

FILE_NAME = "tolmach.toml"
ENVIRONMENT_PREFIX = "TOLMACH_"


def configuration_file(named: Path | None) -> Path | None:
    """Give the file to read: the one named, else `./tolmach.toml`, else the user's own, if there is one."""
    if named is not None:
        return named
    return next((path for path in (Path(FILE_NAME), user_folder() / FILE_NAME) if path.is_file()), None)


def user_folder() -> Path:
    """Give the folder of the user's own configuration."""
    from platformdirs import user_config_path

    return user_config_path("tolmach", appauthor=False)
