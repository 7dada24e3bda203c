"""The plan: from a diagnosis and a profile to changes pencilled into a draft, and the character set to finish it in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tolmach.base import Problem
from tolmach.dicom import character_sets
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.dictionary import keyword_of
from tolmach.dicom.paths import path_of
from tolmach.dicom.values import strip_padding, too_long
from tolmach.dicom.vrs import TEXT_VRS
from tolmach.edit.changes import Change
from tolmach.edit.draft import Draft
from tolmach.edit.finish import UTF_8, Target
from tolmach.repair import faults
from tolmach.repair.diagnose import Diagnosis
from tolmach.repair.profile import Profile
from tolmach.text.code_pages import codec_of, encode
from tolmach.text.code_string import to_code_string
from tolmach.text.substitutes import for_iso_8859_5
from tolmach.text.translit import transliterate

_CYRILLIC = re.compile("[\u0400-\u052f]")
_LATIN_1 = "ISO_IR 100"


def plan(diagnosis: Diagnosis, draft: Draft, profile: Profile) -> Target | None:
    """Pencil the repair of text into a draft and give the character set to finish it in (None: leave it as it is).

    Doubtful values stay as they are and are noted in the draft.
    """
    for problem in diagnosis.problems:
        draft.note(problem)
    target = None if profile.text.writing == "as-is" else _plan_texts(diagnosis, draft, profile)
    _plan_lengths(diagnosis, draft)
    return target


def _plan_texts(diagnosis: Diagnosis, draft: Draft, profile: Profile) -> Target | None:
    draft.readings = diagnosis.readings
    _plan_code_strings(diagnosis, draft, profile)
    if profile.text.writing == "transliterate":
        return _plan_transliteration(diagnosis, draft, profile.text.argument)
    for index, text in diagnosis.readings.items():
        draft.rewrite(index, text, "character-set")
    return _target(diagnosis, draft.data_set, profile)


def _plan_lengths(diagnosis: Diagnosis, draft: Draft) -> None:
    """Let every value whose length counted letters be written anew, even if nothing else is wrong with it."""
    data_set = draft.data_set
    for index, declared in data_set.recounted.items():
        element, vr = data_set.elements[index], draft.vr_at(index)
        path, raw, after = path_of(data_set, element), data_set.raw(element), draft.shown(index)
        known = [change for change in draft.changes if change.path == str(path)]
        if known:
            after = known[-1].after
            draft.changes = [change for change in draft.changes if change not in known]
        elif index in diagnosis.right:
            draft.texts[index] = diagnosis.right[index]
        else:
            draft.values[index] = raw + b" " * (len(raw) % 2)  # text, whatever the VR: NUL would not be padding
        cut, before = raw[:declared], None
        if vr in TEXT_VRS:
            before = strip_padding(character_sets.show(cut, data_set.character_set_at(element.parent)), vr)
        draft.changes.append(Change(str(path), path.keyword, vr, before, after, "length", cut))


def _target(diagnosis: Diagnosis, data_set: DataSet, profile: Profile) -> Target | None:
    convert = profile.text.converts and _has_cyrillic(diagnosis.right)
    if not diagnosis.readings and not convert:
        return None
    if profile.text.writing == "iso_ir_144":
        return Target(character_sets.CYRILLIC, for_iso_8859_5, "iso8859_5")
    if profile.text.writing == "code-page":
        page = profile.text.argument
        return Target(_modest_label(data_set), lambda text: encode(text, page), codec_of(page))
    return UTF_8


def _has_cyrillic(texts: Mapping[int, str]) -> bool:
    return any(_CYRILLIC.search(text) for text in texts.values())


def _modest_label(data_set: DataSet) -> str:
    """Give a label that old receivers do not stumble over: the one there is, if it claims little, else Latin-1.

    Empty means: leave the label, or its absence, alone.
    """
    claimed = set(data_set.character_sets.values())
    return "" if claimed <= {("",), (_LATIN_1,)} else _LATIN_1


def _plan_transliteration(diagnosis: Diagnosis, draft: Draft, rule: str) -> Target | None:
    """Write every Cyrillic value in Latin letters; what is not Cyrillic stays text as it is."""
    for texts, reason in ((diagnosis.readings, "character-set"), (diagnosis.right, "text-policy")):
        for index, text in texts.items():
            latin = transliterate(text, rule)
            if latin == text and reason == "text-policy":
                continue
            draft.rewrite(index, latin, "character-set" if reason == "character-set" else "text-policy")
            element = draft.data_set.elements[index]
            excess = too_long(latin, element.vr)
            if excess is not None:
                facts = {"attribute": keyword_of(element.tag), "length": excess[0], "limit": excess[1]}
                draft.note(Problem(faults.GREW_TOO_LONG, facts))
    if not draft.texts:
        return None
    return Target(_modest_label(draft.data_set), lambda text: character_sets.encode(text, (_LATIN_1,)), "latin_1")


def _plan_code_strings(diagnosis: Diagnosis, draft: Draft, profile: Profile) -> None:
    """Make code strings legal ASCII, or note that no legal form was found.

    Standard: PS3.5 section 6.2 (CS: upper-case letters, digits, blank, underscore; 16 bytes).
    """
    if profile.code_strings == "leave":
        return
    rule = profile.transliteration
    for index, text in diagnosis.code_strings.items():
        element = draft.data_set.elements[index]
        keyword = keyword_of(element.tag)
        codes = [None] if text is None else [_code(value, keyword, rule, profile) for value in text.split("\\")]
        if any(code is None for code in codes):
            shown = text if text is not None else draft.shown(index)
            draft.note(Problem(faults.CODE_STRING, {"attribute": keyword or f"{element.tag:08X}", "text": shown}))
            continue
        draft.rewrite(index, "\\".join(code or "" for code in codes), "code-string")


def _code(value: str, keyword: str, rule: str, profile: Profile) -> str | None:
    value = value.strip(" \0")
    if not value:
        return ""
    code = to_code_string(value, keyword, rule)
    if profile.code_strings == "map" and code is not None and code == to_code_string(value, "", rule):
        return None  # only a defined term of this attribute counts as mapped
    return code
