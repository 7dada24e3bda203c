"""What the lines of an older program's INI file mean for tolmach. Nothing is guessed: what is not known is listed.

A value that contradicts another, or that tolmach cannot use, is listed with the reason and not taken over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PureWindowsPath

from tolmach.adapters.dimse import is_ae_title
from tolmach.apps.consistency import AE_TITLE
from tolmach.apps.ini_file import Entry
from tolmach.apps.ini_words import BY_SERVER, REPEATABLE, code_page_of, field_of, language_of, list_of, truth_of
from tolmach.base import N_, Phrase, Refused, TolmachError
from tolmach.dicom.paths import parse_path
from tolmach.edit.operations import TEMPLATE
from tolmach.edit.rules import parse_rules
from tolmach.text.translit import rule_named

_CONTRADICTS = N_("line {line} says “{other}”")
_EMPTY = N_("it is empty")
_NOT_NEEDED = {
    "work_folder": N_("tolmach keeps its own copies in data_dir"),
    "minimised": N_("tolmach serve has no window"),
}
_NO_PORT = N_("a port is a number from 1 to 65535")
_NO_TRUTH = N_("neither yes nor no")
_NO_LANGUAGE = N_("tolmach speaks ru, uk and en")
_NO_PAGE = N_("no such code page is known")
_NO_ELEMENT = N_("an element and its value are expected, as in (0008,0080)=…")
_NO_LIST = N_("elements are expected, as in (0010,4000);(0032,4000)")
_FILLED = N_("tolmach takes a name in braces for an attribute that is to be filled in")
_INCOMPLETE = N_("a server needs an AE title, a host and a port")
_IN_ITSELF = N_("the export folder lies in the watched folder, or around it, and results would be taken for new files")

_TAG = r"\(?[0-9A-Fa-f]{4},\s?[0-9A-Fa-f]{4}\)?|[0-9A-Fa-f]{8}"
_ELEMENT = re.compile(rf"\s*({_TAG}|[A-Z][A-Za-z0-9]+)\s*=(.*)", re.DOTALL)
_ELEMENTS = re.compile(rf"(?:{_TAG}|[A-Z][A-Za-z0-9]+)")
_SEPARATORS = re.compile(r"[;|,\s]*")
_AMBIGUOUS_PAGES = frozenset({"utf-8", "iso-8859-5", "auto"})  # an unnamed encoding of these may be that of the result


class _Unusable(Exception):
    """A value cannot be taken over, for a reason."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(frozen=True, slots=True)
class Server:
    """A destination, complete."""

    ae_title: str
    host: str
    port: int


@dataclass(slots=True)
class Meaning:
    """What a file says, as far as it is understood, and what is left over."""

    values: dict[str, object] = field(default_factory=dict)
    servers: list[Server] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    extensions: list[str] = field(default_factory=list)
    steps: list[Mapping[str, str]] = field(default_factory=list)
    unknown: list[Entry] = field(default_factory=list)
    unusable: list[tuple[Entry, Phrase]] = field(default_factory=list)
    left_out: list[tuple[Entry, Phrase]] = field(default_factory=list)


def meaning_of(entries: Iterable[Entry]) -> Meaning:
    """Understand the entries of a file. Pure; may be repeated with the same result."""
    return _Reader().read(entries)


class _Reader:
    """Goes through the entries once; what was said first is what a later line may contradict."""

    def __init__(self) -> None:
        self.meaning = Meaning()
        self.single: dict[str, tuple[Entry, object]] = {}
        self.contradicted: set[str] = set()
        self.servers: dict[str, dict[str, tuple[Entry, object]]] = {}

    def read(self, entries: Iterable[Entry]) -> Meaning:
        for entry in entries:
            listed = list_of(entry.section)
            name = listed or field_of(entry.section, entry.key)
            if name is None:
                self.meaning.unknown.append(entry)
            elif not entry.value and not listed:
                self.meaning.left_out.append((entry, Phrase(_EMPTY)))
            else:
                self._take(name, entry, is_listed=listed is not None)
        for name, (entry, value) in self.single.items():
            if name not in self.contradicted:
                self._settle(name, entry, value)
        self._settle_servers()
        self._require_apart()
        return self.meaning

    def _take(self, name: str, entry: Entry, *, is_listed: bool) -> None:
        try:
            if name in REPEATABLE:
                _LISTS[name](self.meaning, entry, is_listed)
            elif name in BY_SERVER:
                known = self.servers.setdefault(folded_section(entry), {})
                self._say(known, name, entry, _value_of(name, entry.value))
            elif name == "some_encoding" and code_page_of(entry.value) in _AMBIGUOUS_PAGES:
                self.meaning.unknown.append(entry)
            else:
                name = "source_encoding" if name == "some_encoding" else name
                self._say(self.single, name, entry, _value_of(name, entry.value))
        except _Unusable as error:
            self.meaning.unusable.append((entry, error.why))

    def _say(self, known: dict[str, tuple[Entry, object]], name: str, entry: Entry, value: object) -> None:
        earlier = known.setdefault(name, (entry, value))
        if earlier[1] == value:
            return
        for one, other in ((earlier[0], entry), (entry, earlier[0])):
            why = Phrase(_CONTRADICTS, {"line": other.line, "other": other.value})
            if (one, why) not in self.meaning.unusable:
                self.meaning.unusable.append((one, why))
        self.contradicted.add(name if known is self.single else f"{folded_section(entry)}/{name}")

    def _settle(self, name: str, entry: Entry, value: object) -> None:
        if name in _NOT_NEEDED:
            self.meaning.left_out.append((entry, Phrase(_NOT_NEEDED[name])))
        else:
            self.meaning.values[name] = value

    def _settle_servers(self) -> None:
        for section, said in self.servers.items():
            whole = {name: value for name, (_entry, value) in said.items()}
            clear = not any(f"{section}/{name}" in self.contradicted for name in whole)
            if len(whole) == len(BY_SERVER) and clear:
                server = Server(*(whole[name] for name in BY_SERVER))  # type: ignore[arg-type]
                if server not in self.meaning.servers:
                    self.meaning.servers.append(server)
                continue
            known = {id(entry) for entry, _why in self.meaning.unusable}
            for entry, _value in said.values():
                if id(entry) not in known:
                    self.meaning.unusable.append((entry, Phrase(_INCOMPLETE)))

    def _require_apart(self) -> None:
        """Leave out an export folder whose files would be taken for new ones. Paths are those of Windows."""
        values = self.meaning.values
        watched, export = (PureWindowsPath(str(values.get(one, ""))) for one in ("watch_folder", "export_folder"))
        if not (values.get("watch_folder") and values.get("export_folder")):
            return
        if watched.is_relative_to(export) or export.is_relative_to(watched):
            del values["export_folder"]
            self.meaning.unusable.append((self.single["export_folder"][0], Phrase(_IN_ITSELF)))


def folded_section(entry: Entry) -> str:
    """Give the section of an entry, in which a server is described; the number in it tells servers apart."""
    return entry.section.casefold()


def _value_of(name: str, text: str) -> object:
    """Give what a value means for its field; raises `_Unusable`."""
    known = _CHECKS.get(name)
    return text if known is None else known(text)


def _checked(found: object, why: str) -> object:
    if found is None:
        raise _Unusable(Phrase(why))
    return found


def _port(text: str) -> object:
    is_port = text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535 and len(text) <= 6
    return _checked(int(text) if is_port else None, _NO_PORT)


def _rule(text: str) -> object:
    try:
        return rule_named(language_of(text) or text.strip().lower()).id
    except Refused as error:
        raise _Unusable(error.problem.what) from error


_CHECKS: Mapping[str, Callable[[str], object]] = {
    "server_ae": lambda text: _checked(text if is_ae_title(text) else None, AE_TITLE),
    "own_ae": lambda text: _checked(text if is_ae_title(text) else None, AE_TITLE),
    "server_port": _port,
    "recursive": lambda text: _checked(truth_of(text), _NO_TRUTH),
    "original": lambda text: _checked(truth_of(text), _NO_TRUTH),
    "code_string": lambda text: "transliterate" if _checked(truth_of(text), _NO_TRUTH) else "leave",
    "language": lambda text: _checked(language_of(text), _NO_LANGUAGE),
    "source_encoding": lambda text: _checked(code_page_of(text), _NO_PAGE),
    "transliteration": _rule,
}


def _parts(entry: Entry) -> Sequence[str]:
    """Give the parts of a list; a line of a list section without a value is its own part."""
    return [part.strip() for part in re.split("[;|,]", entry.value or entry.key) if part.strip()]


def _literal(part: str) -> str:
    """Give a part as a pattern that means itself, unless a person wrote a pattern."""
    return part if re.search(r"[*?]", part) else part.replace("[", "[[]")


def _ignore_extensions(meaning: Meaning, entry: Entry, _is_listed: bool) -> None:
    meaning.ignore += [f"*.{_literal(part.lstrip('*.'))}" for part in _parts(entry) if part.lstrip("*.")]


def _ignore_names(meaning: Meaning, entry: Entry, _is_listed: bool) -> None:
    meaning.ignore += map(_literal, _parts(entry))


def _ignore_fragments(meaning: Meaning, entry: Entry, _is_listed: bool) -> None:
    meaning.ignore += [_literal(part) if "*" in part else f"*{_literal(part)}*" for part in _parts(entry)]


def _extensions(meaning: Meaning, entry: Entry, _is_listed: bool) -> None:
    parts = [part.removeprefix("*") for part in _parts(entry)]
    meaning.extensions += [f".{part.lstrip('.')}" if part.strip(".") else "*" for part in parts]


def _set(verb: str) -> Callable[[Meaning, Entry, bool], None]:
    def take(meaning: Meaning, entry: Entry, is_listed: bool) -> None:
        text = f"{entry.key}={entry.value}" if is_listed and _ELEMENT.match(f"{entry.key}=") else entry.value
        found = _ELEMENT.fullmatch(text)
        if found is None:
            raise _Unusable(Phrase(_NO_ELEMENT))
        value = found[2].strip()
        if TEMPLATE.search(value):
            raise _Unusable(Phrase(_FILLED))
        meaning.steps.append(_usable({verb: found[1].replace(" ", ""), "value": value}))

    return take


def _delete(meaning: Meaning, entry: Entry, is_listed: bool) -> None:
    text = entry.key if is_listed and _ELEMENTS.fullmatch(entry.key) else entry.value
    names = _ELEMENTS.findall(text)
    if not names or not _SEPARATORS.fullmatch(_ELEMENTS.sub("", text)):
        raise _Unusable(Phrase(_NO_LIST))
    meaning.steps += [_usable({"delete": name.replace(" ", "")}) for name in names]


def _usable(step: Mapping[str, str]) -> Mapping[str, str]:
    try:
        parse_path(next(iter(step.values())))
        parse_rules([{"do": [step]}], lambda _table: {}, "")
    except TolmachError as error:
        why = error.problem.facts.get("why")
        raise _Unusable(why if isinstance(why, Phrase) else error.problem.what) from error
    return step


_LISTS: Mapping[str, Callable[[Meaning, Entry, bool], None]] = {
    "ignore_extensions": _ignore_extensions,
    "ignore_names": _ignore_names,
    "ignore_fragments": _ignore_fragments,
    "extensions": _extensions,
    "add": _set("set_if_missing"),
    "edit": _set("set"),
    "delete": _delete,
}
