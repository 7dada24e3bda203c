"""The proposed profile and watch of each device as TOML, every choice with its reason in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tolmach.apps.passport_sections import name_of
from tolmach.apps.toml_text import comment, setting, toml_value
from tolmach.apps.translations import Translator
from tolmach.base import N_
from tolmach.journeys.passport import DevicePassport
from tolmach.journeys.proposal import Proposal, ProposedRule, propose

_HEAD = N_("Proposed by tolmach passport from sample files. Read the reasons, change what you know better.")
_DEVICE = N_("{device}; files: {files}")
_NOT_SAFE = N_("Not in use until you take the # away:")
_FOLDER = N_("change this: the folder the machine writes its files into")
_TO = N_("name your PACS here and describe it in a [[peer]]; until then images stay in the archive of tolmach")


def proposals(passports: Sequence[DevicePassport]) -> list[Proposal]:
    """Give a proposal for each device, with names of their own."""
    made: list[Proposal] = []
    for passport in passports:
        made.append(propose(passport, [one.name for one in made]))
    return made


def toml_file(passports: Sequence[DevicePassport], translator: Translator) -> str:
    """Give the text of a file with the proposals for all devices; `tolmach config check` takes it as it is."""
    parts = [comment(translator.gettext(_HEAD))]
    for passport, proposal in zip(passports, proposals(passports), strict=True):
        parts += ["", toml_of(passport, proposal, translator)]
    return "\n".join(parts) + "\n"


def toml_of(passport: DevicePassport, proposal: Proposal, translator: Translator) -> str:
    """Give the profile and the watch proposed for one device."""
    return "\n".join(_lines(passport, proposal, translator))


def _lines(passport: DevicePassport, proposal: Proposal, translator: Translator) -> Iterator[str]:
    yield comment(translator.gettext(_DEVICE, device=name_of(passport), files=passport.files))
    yield "[[profile]]"
    yield setting("name", proposal.name)
    for choice in proposal.profile:
        yield setting(choice.key, choice.value, translator.translate(choice.why))
    for rule in proposal.rules:
        yield ""
        yield from _rule(rule, translator)
    yield ""
    yield "[[watch]]"
    yield setting("name", f"{proposal.name}-folder")
    yield setting("folder", f"D:/Export/{proposal.name}", translator.gettext(_FOLDER))
    for choice in proposal.watch:
        yield setting(choice.key, choice.value, translator.translate(choice.why))
    yield setting("profile", proposal.name)
    yield setting("to", ["pacs"], translator.gettext(_TO), active=False)


def _rule(rule: ProposedRule, translator: Translator) -> Iterator[str]:
    mark = "" if rule.is_safe else "# "
    yield comment(translator.translate(rule.why))
    if not rule.is_safe:
        yield comment(translator.gettext(_NOT_SAFE))
    yield f"{mark}[[profile.rule]]"
    if rule.when:
        yield f"{mark}when = {toml_value(rule.when)}"
    yield f"{mark}do = {toml_value(list(rule.do))}"
