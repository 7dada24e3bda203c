"""The judgement of text values that stand under one label: which are right, which lie and how they really read.

Order of evidence: legal multi-byte text and code extensions are what they say; then the detector judges all values
together and each beside the others; then what reads well as bytes may still be text that an earlier program spoilt, and
is read back along a known chain when that is clear. Pure: the same bytes under the same label always get the same
judgement, and the images of one series, which carry the same text, are judged once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

from tolmach.dicom import character_sets
from tolmach.dicom.character_sets import Terms
from tolmach.text.apart import detect_each
from tolmach.text.code_pages import canonical, decode
from tolmach.text.detect import SURE, Detection, detect
from tolmach.text.lookalikes import has_lookalikes, mend_lookalikes
from tolmach.text.spoil import lost, mend, undo, without_cut_tail

AUTO = "auto"

# Codecs of several bytes a character: text that fits one of them strictly is what it says.
MULTI_BYTE = frozenset({"shift_jis", "iso2022_jp", "iso2022_jp_2", "euc_kr", "gb2312", "gb18030", "gbk"})
_CACHED_BYTES = 4096
_SURE_ALONE = 0.97

Weights = tuple[tuple[str, float], ...]
NO_MEMORY: Mapping[str, float] = MappingProxyType({})

Kind = Literal["right", "lies", "doubtful", "misfit", "left"]


class Ruling(NamedTuple):
    """What one value is: `right` as labelled; `lies`: reads as `text`; `misfit`: not in the page of the other values.

    `left` is text of another script, `doubtful` what nobody can read surely; both stay as they are. `is_cut` says that
    a length limit cut its last character in two, `is_lost` that letters were replaced by question marks before.
    """

    kind: Kind
    text: str | None = None
    is_cut: bool = False
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The rulings, one for each value, and the evidence for them."""

    rulings: tuple[Ruling, ...]
    detection: Detection | None = None


def judge(
    values: Sequence[bytes], terms: Terms | None, code_page: str = AUTO, memory: Mapping[str, float] = NO_MEMORY
) -> Judgement:
    """Judge the values under one label; `code_page` other than `auto` is taken as the operator's word.

    `memory` is how often the machine was found to write each code page: it is asked only about what is doubtful.
    """
    judgement = _judge_quickly(tuple(values), terms, code_page, ())
    if memory and any(ruling.kind == "doubtful" for ruling in judgement.rulings):
        return _judge_quickly(tuple(values), terms, code_page, tuple(sorted(memory.items())))
    return judgement


def _judge_quickly(values: tuple[bytes, ...], terms: Terms | None, code_page: str, memory: Weights) -> Judgement:
    if sum(map(len, values)) > _CACHED_BYTES:
        return _judge(values, terms, code_page, memory)
    return _judge_cached(values, terms, code_page, memory)


def _judge(values: tuple[bytes, ...], terms: Terms | None, code_page: str, memory: Weights) -> Judgement:
    codec, honest = character_sets.codec_of(terms), _page_claimed(terms)
    claimed = [character_sets.decode(raw, terms) for raw in values]
    if code_page != AUTO:
        found = tuple(_in_page(raw, code_page, honest) for raw in values)
        return Judgement(_with_losses(found))
    extended = codec in MULTI_BYTE or any(b"\x1b" in raw for raw in values)
    if extended and all(text is not None for text in claimed):
        return Judgement(tuple(Ruling("right", text) for text in claimed))
    verdicts = _with_strangers(values, detect_each(values, declared=codec, memory=dict(memory)), terms)
    lies = any(verdict.code_page not in (None, honest) for verdict in verdicts)
    trusted = _is_trustworthy(terms) and not lies
    rulings = tuple(
        _ruling(raw, text, verdict, honest, trusted=trusted)
        for raw, text, verdict in zip(values, claimed, verdicts, strict=True)
    )
    main = max(verdicts, key=lambda one: (one.code_page is not None, one.confidence))
    offered = [_for_unspoiling(*one) for one in zip(values, rulings, verdicts, strict=True)]
    return _settled(_unspoilt(Judgement(_with_losses(rulings), main), offered), values, terms)


# The images of one series carry the same text: it is judged once.
_judge_cached = lru_cache(maxsize=1024)(_judge)


def _ruling(raw: bytes, claimed: str | None, verdict: Detection, honest: str | None, *, trusted: bool) -> Ruling:
    if raw.isascii():
        return Ruling("right", claimed)
    if verdict.code_page is not None:
        ruling = _in_page(raw, verdict.code_page, honest)
        return _left_alone(claimed, honest) if _is_no_word(ruling.text) else ruling
    if verdict.outcome == "leave":
        return _left_alone(claimed, honest)
    if trusted and claimed is not None:
        return Ruling("right", claimed)
    return Ruling("doubtful")


def _is_no_word(text: str | None) -> bool:
    """Tell whether a reading mixes alphabets inside a word, and not by look-alike letters: “Kцln” is nobody's word."""
    return text is not None and has_lookalikes(text) and mend_lookalikes(text) == text


def _left_alone(claimed: str | None, honest: str | None) -> Ruling:
    """Rule on text of another script: right when the label fits it, doubtful when the label says otherwise."""
    if claimed is None:
        return Ruling("left") if honest in (None, "ascii") else Ruling("doubtful")
    return Ruling("doubtful") if honest == "iso-8859-5" else Ruling("right", claimed)


def _with_strangers(values: Sequence[bytes], verdicts: Sequence[Detection], terms: Terms | None) -> Sequence[Detection]:
    """Give a Cyrillic value its own verdict where the rest of the file is Latin, as a German maker's name often is.

    Only under labels that machines write without meaning them, and only where the value alone is very sure.
    """
    if any(verdict.outcome != "leave" for verdict in verdicts) or _is_trustworthy(terms):
        return verdicts
    return [
        alone if (alone := detect([raw])).code_page is not None and alone.confidence >= _SURE_ALONE else verdict
        for raw, verdict in zip(values, verdicts, strict=True)
    ]


def _page_claimed(terms: Terms | None) -> str | None:
    """Give the code page the label claims in words the standard knows; None when it claims none so."""
    if not all(character_sets.is_defined(term) for term in terms or ()):
        return None
    codec = character_sets.codec_of(terms)
    return None if codec is None else canonical(codec)


def _in_page(raw: bytes, code_page: str, honest: str | None) -> Ruling:
    """Read a value in a code page, whether the label claims it (`honest`) or not."""
    text = decode(raw, code_page)
    if text is not None:
        return Ruling("right" if code_page == honest else "lies", text)
    whole = without_cut_tail(raw) if code_page == "utf-8" else None
    text = None if whole is None else decode(whole, code_page)
    return Ruling("misfit") if text is None else Ruling("lies", text, is_cut=True)


def _is_trustworthy(terms: Terms | None) -> bool:
    """Tell whether a label is one a machine writes only when it means it: anything legal but Latin-1 and nothing."""
    return bool(terms) and all(character_sets.is_defined(term) for term in terms or ()) and terms != ("ISO_IR 100",)


def _with_losses(rulings: tuple[Ruling, ...]) -> tuple[Ruling, ...]:
    return tuple(
        ruling._replace(is_lost=True) if ruling.text is not None and lost(ruling.text) is not None else ruling
        for ruling in rulings
    )


def _for_unspoiling(raw: bytes, ruling: Ruling, verdict: Detection) -> str | None:
    """Give the text that an earlier program may have spoilt: legal UTF-8, even with the controls no honest text has.

    Bytes of one-byte code pages were spoilt by nobody but the label, and the detector has judged them.
    """
    if raw.isascii() or verdict.code_page not in (None, "utf-8"):
        return None
    if ruling.is_cut:
        return ruling.text
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _unspoilt(judgement: Judgement, offered: Sequence[str | None]) -> Judgement:
    """Read offered texts back that are honest bytes of spoilt letters; only where the model is sure of it."""
    texts = [text for text in offered if text is not None and not text.isascii()]
    found = undo("\n".join(texts)) if texts else None
    if found is None or found.confidence < SURE:
        return judgement
    rulings = tuple(
        _read_back(ruling, text, found.chain) for ruling, text in zip(judgement.rulings, offered, strict=True)
    )
    page = judgement.detection.code_page if judgement.detection is not None else None
    return Judgement(rulings, Detection(page or "utf-8", "cyrillic", found.confidence, found.evidence))


def _settled(judgement: Judgement, values: Sequence[bytes], terms: Terms | None) -> Judgement:
    """Read now what a second look would read, at doubtful values written anew with the rest: fixing twice is idle."""
    kinds = {ruling.kind for ruling in judgement.rulings}
    if "lies" not in kinds or kinds <= {"lies", "right"}:
        return judgement
    texts = [
        character_sets.show(raw, terms) if ruling.text is None else ruling.text
        for raw, ruling in zip(values, judgement.rulings, strict=True)
    ]
    again = _judge(tuple(text.encode() for text in texts), (character_sets.UTF_8,), AUTO, ())
    rulings = tuple(
        later._replace(kind="lies") if earlier.text is None and later.kind == "lies" else earlier
        for earlier, later in zip(judgement.rulings, again.rulings, strict=True)
    )
    return judgement if rulings == judgement.rulings else replace(judgement, rulings=rulings)


def _read_back(ruling: Ruling, offered: str | None, chain: str) -> Ruling:
    text = None if offered is None or offered.isascii() else mend(offered, chain)
    return ruling if text is None or text == ruling.text else ruling._replace(kind="lies", text=text)
