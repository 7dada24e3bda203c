"""What the keys of [[watch]] and [[profile]] are called in forms, and what may stand in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tolmach.adapters.folder.watch_presets import DESCRIPTIONS as PRESETS
from tolmach.base import N_
from tolmach.text.code_pages import CYRILLIC_CODE_PAGES
from tolmach.text.translit import RULES

# The keys of a watch in the order forms show them, by what they are about; those behind “more” come last.
ABOUT_FOLDER = ("name", "preset", "extensions", "ignore", "recursive")
ABOUT_COMPLETENESS = ("settle_seconds", "patience_seconds", "polling", "scan_seconds")
ABOUT_WAYS = ("to", "export_folder", "original")
ABOUT_TIDYING = ("after", "move_to", "silent_after_hours")
MORE = (
    *("ignore_smaller", "ignore_larger", "ignore_older_days", "same_file_system"),
    *ABOUT_COMPLETENESS[1:],
    "export_template",
)
PROFILE = ("name", "from", "code_string", "transliteration", "unsure", "text", "original_attributes")

# Short names for keys; a test holds them to the schema.
LABELS: Mapping[str, str] = {
    "name": N_("Name"),
    "folder": N_("Folder"),
    "preset": N_("How it writes"),
    "extensions": N_("Endings of names"),
    "ignore": N_("Ignore"),
    "recursive": N_("Folders inside it"),
    "ignore_smaller": N_("Smallest file, bytes"),
    "ignore_larger": N_("Largest file, bytes"),
    "ignore_older_days": N_("Oldest file, days"),
    "same_file_system": N_("Not what is mounted"),
    "settle_seconds": N_("Rest before taking, seconds"),
    "patience_seconds": N_("Wait for the rest, seconds"),
    "polling": N_("Look regularly only"),
    "scan_seconds": N_("Look every, seconds"),
    "profile": N_("Repair by"),
    "to": N_("Send to"),
    "export_folder": N_("Write copies to"),
    "export_template": N_("Names of copies"),
    "original": N_("Send untouched"),
    "after": N_("Afterwards"),
    "move_to": N_("Move to"),
    "shadow": N_("Shadow mode"),
    "silent_after_hours": N_("Silent after, hours"),
    "from": N_("Code page"),
    "text": N_("Write text as"),
    "unsure": N_("Doubtful text"),
    "code_string": N_("Coded values (CS)"),
    "transliteration": N_("Latin letters by"),
    "original_attributes": N_("Record changes"),
}
# The schema's own descriptions, marked for translation; a test holds them to the schema.
DESCRIPTIONS: Sequence[str] = (
    N_("The name used in commands, rules and routes."),
    N_("The folder to watch."),
    N_("How the device writes: what is ignored, when a file is whole."),
    N_("What to ignore beside what the preset does: *.tmp, ~*, *preview*, old/*."),
    N_('Take files with these; "" is none, "*" is any; absent: as the preset says.'),
    N_("Ignore files of more bytes than this."),
    N_("Ignore files of fewer bytes than this."),
    N_("Ignore files that were changed longer ago."),
    N_("Whether folders inside it are watched too."),
    N_("Leave out what is mounted inside the folder."),
    N_("Only look regularly, as for a share that tells of no changes."),
    N_("Look through the whole folder so often; absent: as the preset says."),
    N_("A file is finished when unchanged so long; absent: as the preset says."),
    N_("Tell of files not whole after so long; absent: as the preset says."),
    N_("The profile objects are mended with."),
    N_("Where a mended copy of each file is written."),
    N_("Path of each file in the export folder."),
    N_("Destinations: peers by name."),
    N_("Deliver the untouched file; the export folder gets mended ones."),
    N_("What becomes of a file in the folder once every destination has confirmed it."),
    N_("Where files are moved to with after = move."),
    N_("Do everything but deliver, and tell what would be changed."),
    N_("Give notice when no file came for so long; absent: never."),
    N_("The name used with --profile."),
    N_("Code page of the text: auto, or its name."),
    N_("How text is written."),
    N_("What happens to files whose text is doubtful."),
    N_("Cyrillic in CS elements."),
    N_("Rule for CS elements."),
    N_("Record changed attributes in the Original Attributes Sequence."),
)
# What may stand in a key, in words.
CHOICES: Mapping[str, Mapping[str, str]] = {
    "preset": PRESETS,
    "after": {
        "keep": N_("Leave the file where it is"),
        "move": N_("Move it to another folder"),
        "delete": N_("Delete it"),
    },
    "unsure": {
        "pass": N_("Let it pass, and tell"),
        "hold": N_("Hold the image until somebody has looked at it"),
        "fail": N_("Take the image for damaged"),
    },
    "code_string": {
        "transliterate": N_("Write them in Latin letters"),
        "map": N_("By tables in rules only"),
        "leave": N_("Leave them as they are"),
    },
    "profile": {},
}
# What may stand in a key where other things may stand as well.
SUGGESTIONS: Mapping[str, Sequence[str]] = {
    "from": ("auto", *CYRILLIC_CODE_PAGES),
    "transliteration": tuple(RULES),
    "text": ("", "utf-8", "iso_ir_144", "as-is", *(f"transliterate:{one}" for one in ("ru-icao9303", "uk-kmu55"))),
}
