"""Values and comments as TOML: whatever a text holds, it reads back the same, and no comment can end its line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def toml_value(value: object) -> str:
    """Write a value as TOML has it on one line: texts, numbers, paths, lists and tables of them."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{toml_key(str(key))} = {toml_value(one)}' for key, one in value.items())} }}"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(toml_value, value))}]"
    text = value.as_posix() if isinstance(value, PurePath) else str(value)
    # What JSON writes for a text TOML reads as the same text, but for these.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """Write a key, in quotation marks where it needs them."""
    return key if key and _BARE.issuperset(key) else toml_value(key)


def comment(text: str) -> str:
    """Write a text as a comment of one line; what cannot be printed is shown as an escape."""
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
    return f"# {shown}".rstrip()


def setting(key: str, value: object, why: str = "", *, active: bool = True) -> str:
    """Write one line `key = value`, what it is for behind it; as a comment when it is not `active`."""
    line = f"{'' if active else '# '}{toml_key(key)} = {toml_value(value)}"
    return f"{line:<44} {comment(why)}" if why else line
