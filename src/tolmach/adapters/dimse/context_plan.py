"""Which presentation contexts to propose, so that the peer can accept exactly the syntax each instance is in.

Standard: PS3.8 section 7.1.1.13 and annex B; PS3.5 section 10.1 (default transfer syntax).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tolmach.adapters.dimse.pdu import MAX_CONTEXTS, PresentationContext
from tolmach.dicom import uids

Pair = tuple[str, str]  # SOP Class UID, Transfer Syntax UID


@dataclass(frozen=True, slots=True)
class AssociationPlan:
    """What one association proposes, and the pairs of SOP class and transfer syntax that it is for."""

    contexts: tuple[PresentationContext, ...]
    pairs: frozenset[Pair]


def alternatives_to(transfer_syntax_uid: str) -> tuple[str, ...]:
    """Give the syntaxes worth proposing for an instance: its own first, then those it can be rewritten in losslessly.

    Uncompressed data can always become Implicit VR Little Endian, the one syntax every peer knows; deflated data can be
    inflated. Compressed data has no alternative: pixels are never decoded here.
    """
    alternatives = [transfer_syntax_uid]
    if transfer_syntax_uid in uids.UNCOMPRESSED:
        alternatives.append(uids.ImplicitVRLittleEndian)
    if transfer_syntax_uid == uids.DeflatedExplicitVRLittleEndian:
        alternatives.append(uids.ExplicitVRLittleEndian)
    return tuple(dict.fromkeys(alternatives))


def plan_contexts(pairs: Iterable[Pair]) -> list[AssociationPlan]:
    """Group pairs into as few associations as 128 contexts each allow, in the order of first appearance.

    Each transfer syntax gets a context of its own, because an acceptor picks one syntax for each context and could pick
    one that the instance is not in. A pair and its alternatives always stand on the same association.
    """
    plans: list[AssociationPlan] = []
    contexts: dict[Pair, None] = {}
    planned: list[Pair] = []
    for pair in dict.fromkeys(pairs):
        sop_class_uid, transfer_syntax_uid = pair
        missing = [
            (sop_class_uid, syntax)
            for syntax in alternatives_to(transfer_syntax_uid)
            if (sop_class_uid, syntax) not in contexts
        ]
        if len(contexts) + len(missing) > MAX_CONTEXTS:
            plans.append(_plan(contexts, planned))
            contexts, planned = {}, []
            missing = [(sop_class_uid, syntax) for syntax in alternatives_to(transfer_syntax_uid)]
        contexts.update(dict.fromkeys(missing))
        planned.append(pair)
    if planned:
        plans.append(_plan(contexts, planned))
    return plans


def _plan(contexts: Iterable[Pair], pairs: Iterable[Pair]) -> AssociationPlan:
    proposed = tuple(
        PresentationContext(2 * number + 1, sop_class_uid, (transfer_syntax_uid,))
        for number, (sop_class_uid, transfer_syntax_uid) in enumerate(contexts)
    )
    return AssociationPlan(proposed, frozenset(pairs))
