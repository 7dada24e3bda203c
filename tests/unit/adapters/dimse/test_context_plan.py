"""Which presentation contexts are proposed."""

from hypothesis import given
from hypothesis import strategies as st

from tolmach.adapters.dimse import alternatives_to, plan_contexts
from tolmach.adapters.dimse.pdu import PresentationContext
from tolmach.dicom import uids

CT, MR = uids.CTImageStorage, uids.MRImageStorage
IMPLICIT, EXPLICIT = uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian


def test_nothing_to_send_needs_no_association() -> None:
    assert plan_contexts([]) == []


def test_each_syntax_has_a_context_of_its_own_and_uncompressed_ones_offer_the_default_too() -> None:
    (plan,) = plan_contexts([(CT, EXPLICIT), (CT, EXPLICIT), (MR, IMPLICIT), (CT, uids.JPEGBaseline8Bit)])
    assert plan.contexts == (
        PresentationContext(1, CT, (EXPLICIT,)),
        PresentationContext(3, CT, (IMPLICIT,)),
        PresentationContext(5, MR, (IMPLICIT,)),
        PresentationContext(7, CT, (uids.JPEGBaseline8Bit,)),
    )
    assert plan.pairs == {(CT, EXPLICIT), (MR, IMPLICIT), (CT, uids.JPEGBaseline8Bit)}


def test_deflated_can_be_inflated() -> None:
    deflated = uids.DeflatedExplicitVRLittleEndian
    assert alternatives_to(deflated) == (deflated, EXPLICIT)


pairs = st.tuples(
    st.integers(0, 200).map(lambda n: f"1.2.{n}"),
    st.sampled_from([IMPLICIT, EXPLICIT, uids.ExplicitVRBigEndian, uids.JPEGBaseline8Bit, uids.JPEGLosslessSV1]),
)


@given(st.lists(pairs, max_size=400))
def test_every_pair_is_planned_once_with_its_alternatives_and_within_128_contexts(
    wanted: list[tuple[str, str]],
) -> None:
    plans = plan_contexts(wanted)
    planned = [pair for plan in plans for pair in plan.pairs]
    assert sorted(planned) == sorted(set(wanted))
    for plan in plans:
        assert len(plan.contexts) <= 128
        assert [context.context_id for context in plan.contexts] == list(range(1, 2 * len(plan.contexts), 2))
        proposed = [(context.abstract_syntax, *context.transfer_syntaxes) for context in plan.contexts]
        assert len(set(proposed)) == len(proposed)
        assert all((sop_class, syntax) in proposed for sop_class, own in plan.pairs for syntax in alternatives_to(own))
