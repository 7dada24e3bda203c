"""The gates, held against the package as it is."""

import pytest

from tests.architecture import boundaries, form, texts
from tests.architecture.source import ROOT

GATES = form.GATES | boundaries.GATES | texts.GATES


@pytest.mark.parametrize("gate", GATES)
def test_the_house_keeps_its_rules(gate: str) -> None:
    findings = GATES[gate](ROOT)
    assert not findings, f"{GATES[gate].__doc__}\n" + "\n".join(str(finding) for finding in findings)
