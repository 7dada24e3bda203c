"""Write the generated parts of the documentation from the code, so that they cannot lie.

    python scripts/generate_docs.py            write them
    python scripts/generate_docs.py --check    write nothing; exit 1 and name the stale pages

A generated part stands between `<!-- generated: name -->` and `<!-- end of name -->`; everything around it is written
by hand and stays.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path

import click

from tolmach.adapters.dimse import status
from tolmach.adapters.dimse.context_plan import alternatives_to
from tolmach.adapters.dimse.query_retrieve_scp import FIND_CLASSES, GET_CLASSES, MOVE_CLASSES
from tolmach.adapters.dimse.timeouts import Timeouts
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.program import build
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.sections import (
    ArchiveSettings,
    DeliverySettings,
    DicomSettings,
    NoticeSettings,
    PeerSettings,
    ProfileSettings,
    RouteSettings,
    Settings,
    StorageSettings,
    TlsSettings,
    WatchSettings,
)
from tolmach.apps.translations import translator
from tolmach.archive.attributes import COUNTED, KEPT, MATCHED_COUNTS, UNIQUE
from tolmach.archive.interfaces import LEVELS
from tolmach.dicom import character_sets, uids
from tolmach.text import code_pages

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from scripts.fault_list import written_faults  # noqa: E402

AREAS = {
    "CFG": "Settings",
    "CLI": "The command line",
    "ARC": "The archive",
    "DLV": "Delivery",
    "DSK": "The desktop program",
    "DCM": "DICOM files",
    "EDT": "Rules and edits",
    "FIL": "Files and folders",
    "INT": "What arrives",
    "NET": "The network",
    "OBJ": "The data folder",
    "SQL": "The records",
    "SRV": "The running station",
    "TXT": "Text and its repair",
}
ALPHABETS = {
    "Russian": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "Ukrainian": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "Belarusian": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "Kazakh": "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
    "typographic signs": "«»–—’„№",
}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Lay out a Markdown table; a bar inside a cell is escaped."""
    lines = [list(head), ["---"] * len(list(head)), *[[str(cell).replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def errors(root: Path = ROOT) -> str:
    """List every fault, area by area."""
    faults = {fault.code: fault for fault in written_faults(root)}
    parts = []
    for area in sorted({code.split("-")[1] for code in faults}):
        rows = [
            (f"`{code}`", fault.what or "", fault.todo or "")
            for code, fault in sorted(faults.items())
            if code.split("-")[1] == area
        ]
        parts.append(f"## {AREAS.get(area, area)}\n\n{table(('code', 'what happened', 'what to do'), rows)}")
    return "\n\n".join(parts)


def sop_classes() -> str:
    """List what the Storage and Verification services can carry."""
    rows = [("Verification", uids.Verification, "SCU, SCP")]
    storage = sorted((name, uid) for uid, name in uids.SOP_CLASSES.items() if _is_storage(name))
    rows += [(name, uid, "SCU, SCP") for name, uid in storage]
    return table(("SOP class", "UID", "role"), rows)


def _is_storage(name: str) -> bool:
    """Tell objects that travel by C-STORE from the directory of a disc and from Storage Commitment."""
    return (
        bool(re.search(r"Storage(ForPresentation|ForProcessing|Trial|Retired|Legacy)?$", name)) and "Media" not in name
    )


def archive_classes() -> str:
    """List what the archive answers besides Storage, and the right that a peer needs for it."""
    commit = frozenset({uids.StorageCommitmentPushModel})
    known = {"find": FIND_CLASSES, "get": GET_CLASSES, "move": MOVE_CLASSES, "commit": commit}
    rows = [
        (uids.name_of(uid), uid, "SCP" if right == "move" else "SCU, SCP", f"`{right}`")
        for right, classes in known.items()
        for uid in sorted(classes)
    ]
    return table(("SOP class", "UID", "role", "right of the caller"), rows)


def query_keys() -> str:
    """List what questions may ask at each level, and whether it is matched or only told."""
    rows = []
    for level in LEVELS:
        counted = COUNTED[level]
        rows += [(level, keyword, "unique" if keyword == UNIQUE[level] else "matched") for keyword in KEPT[level]]
        rows += [(level, keyword, "matched" if keyword in MATCHED_COUNTS else "told") for keyword in counted]
    return table(("level", "attribute", "key"), rows)


def transfer_syntaxes() -> str:
    """List every transfer syntax, what is read in it, and what may be proposed beside it."""
    rows = []
    for uid, name in uids.TRANSFER_SYNTAXES.items():
        others = [uids.name_of(other) for other in alternatives_to(uid) if other != uid]
        rows.append((name, uid, _pixels(uid), ", ".join(others) or "none: sent as it is or not at all"))
    return table(("transfer syntax", "UID", "pixel data", "may be sent instead"), rows)


def _pixels(uid: str) -> str:
    if uid in uids.UNCOMPRESSED:
        return "uncompressed, never touched"
    if uid == uids.DeflatedExplicitVRLittleEndian:
        return "inflated within limits, never touched"
    return "compressed, never touched"


def character_set_terms() -> str:
    """List the defined terms of Specific Character Set that are read, with the codec that reads them."""
    terms = sorted(character_sets._CODECS.items())  # noqa: SLF001 - the page shows exactly what the code has
    rows = [(f"`{term}`" if term else "(absent)", codec.replace("_", "-"), _written(term)) for term, codec in terms]
    return table(("defined term", "read as", "written"), rows)


def _written(term: str) -> str:
    if term == character_sets.UTF_8:
        return "yes, the default"
    if term == character_sets.CYRILLIC:
        return "when the destination asks for it"
    return "kept where the text needs no repair"


def repaired_code_pages() -> str:
    """List the code pages text is repaired from, and the letters each of them lacks."""
    rows = []
    for page in code_pages.CYRILLIC_CODE_PAGES:
        lacks = [code_pages.missing(letters, page).upper() for letters in ALPHABETS.values()]
        rows.append((f"`{page}`", *(f"lacks {' '.join(letters)}" if letters else "whole" for letters in lacks)))
    return table(("code page", *ALPHABETS), rows)


def store_statuses() -> str:
    """List what each C-STORE status makes tolmach do."""
    rows = []
    for row in status.STORE_STATUSES:
        first, last = f"{row.first:04X}", f"{row.last:04X}"
        rows.append((first if first == last else f"{first}–{last}", row.outcome.value, f"`{row.fault.code}`"))
    rows.append(("any other", status.meaning_of(0x0001).outcome.value, f"`{status.meaning_of(0x0001).fault.code}`"))
    return table(("status", "taken as", "told as"), rows)


def association_limits() -> str:
    """List the deadlines of an association with their defaults."""
    defaults = Timeouts()
    return table(
        ("setting", "default"),
        [(f"`{field.name}`", f"{getattr(defaults, field.name):g}") for field in fields(Timeouts)],
    )


def commands() -> str:
    """List every command with its arguments and options, in English."""
    program = build(Run(translator("en")))
    return "\n\n".join(_command(f"tolmach {name}", command) for name, command in sorted(_leaf_commands(program)))


def _leaf_commands(group: click.Group, before: str = "") -> Iterable[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaf_commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def _command(name: str, command: click.Command) -> str:
    with click.Context(command, info_name=name) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        rows = [record for one in command.get_params(context) if (record := one.get_help_record(context))]
    options = table(("option", "does"), [(f"`{flags}`", text) for flags, text in rows])
    return f"## {name}\n\n`{name} {usage}`\n\n{command.help}\n\n{options}"


def settings() -> str:
    """List every setting of every table, with its default and what it means."""
    tables = (
        ("", Settings),
        ("[dicom]", DicomSettings),
        ("[dicom.tls]", TlsSettings),
        ("[delivery]", DeliverySettings),
        ("[storage]", StorageSettings),
        ("[archive]", ArchiveSettings),
        ("[http]", HttpSettings),
        ("[[peer]]", PeerSettings),
        ("[[profile]]", ProfileSettings),
        ("[[watch]]", WatchSettings),
        ("[[route]]", RouteSettings),
        ("[notice]", NoticeSettings),
    )
    parts = []
    for heading, model in tables:
        rows = [
            (f"`{field.alias or name}`", "required" if field.is_required() else f"`{field.default}`", field.description)
            for name, field in model.model_fields.items()
            if field.description
        ]
        title = f"## `{heading}`" if heading else "## At the top"
        parts.append(f"{title}\n\n{model.__doc__}\n\n{table(('key', 'default', 'means'), rows)}")
    return "\n\n".join(parts)


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "docs/commands.md": {"commands": commands},
    "docs/errors.md": {"errors": errors},
    "docs/settings.md": {"settings": settings},
    "docs/conformance/dicom.md": {
        "sop classes": sop_classes,
        "archive classes": archive_classes,
        "query keys": query_keys,
        "transfer syntaxes": transfer_syntaxes,
        "character sets": character_set_terms,
        "code pages": repaired_code_pages,
        "statuses": store_statuses,
        "limits": association_limits,
    },
}


def renewed(page: str, parts: dict[str, Callable[[], str]], text: str) -> str:
    """Give the page with its generated parts as they should be; raises LookupError when a part has lost its place."""
    for name, write in parts.items():
        place = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not place.search(text):
            raise LookupError(f"{page} has no place for “{name}”")
        content = write()
        text = place.sub(lambda match, content=content: f"{match[1]}\n{content}\n\n{match[2]}", text)  # type: ignore[misc]
    return text


def stale(root: Path = ROOT) -> list[str]:
    """Name the pages whose generated parts are not what the code says."""
    texts = {page: (root / page).read_text(encoding="utf-8") for page in PAGES}
    return [page for page, parts in PAGES.items() if renewed(page, parts, texts[page]) != texts[page]]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        for page in stale():
            print(f"{page} is stale; run: make docs", file=sys.stderr)
        return 1 if stale() else 0
    for page in stale():
        path = ROOT / page
        path.write_text(renewed(page, PAGES[page], path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
        print(f"written: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
