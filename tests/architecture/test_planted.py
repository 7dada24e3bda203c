"""Every gate is shown a fault and must see it: a gate that cannot bite is not a gate.

A small house in order is built in a temporary folder; each test spoils one place of it.
"""

from pathlib import Path

import pytest

from tests.architecture.test_gates import GATES

PYDICOM = "pydicom==3.0.2 \\\n    --hash=sha256:00\n"
HOUSE = {
    "src/tolmach/__init__.py": '"""A small house."""\n\n__version__ = "0"\n',
    "src/tolmach/base/__init__.py": (
        '"""The ground floor."""\n\nfrom tolmach.base.words import N_, Fault\n\n__all__ = ["N_", "Fault"]\n'
    ),
    "src/tolmach/base/words.py": '"""Words."""\n',
    "src/tolmach/dicom/__init__.py": '"""PS3."""\n',
    "src/tolmach/dicom/uids.py": '"""UIDs."""\n\nVerification = "1.2.840.10008.1.1"\nNAME = (0x0010, 0x0010)\n',
    "src/tolmach/dicom/faults.py": (
        '"""Faults."""\n\nfrom tolmach.base import N_, Fault\n\n'
        'CUT = Fault("TLM-DCM-001", N_("{path} is cut."), N_("Export it again."))\n'
    ),
    "src/tolmach/repair/__init__.py": '"""Repair. Never a guess."""\n',
    "src/tolmach/journeys/__init__.py": '"""The stories."""\n',
    "src/tolmach/adapters/__init__.py": '"""The outside."""\n',
    "src/tolmach/adapters/sql/__init__.py": '"""SQL."""\n',
    "src/tolmach/apps/__init__.py": '"""Programs."""\n',
    "src/tolmach/apps/main.py": (
        '"""Start."""\n\nimport os\nfrom pathlib import Path\n\n\ndef main() -> None:\n'
        '    """Read the environment and a file."""\n    Path(os.environ["HOME"]).read_text()\n'
    ),
    "docs/errors.md": "| TLM-DCM-001 | {path} is cut. | Export it again. |\n",
    "pyproject.toml": ('[project]\ndependencies = ["pydicom>=3"]\n\n[dependency-groups]\ndev = ["ruff[all]>=1"]\n'),
    "requirements/runtime.txt": PYDICOM,
    "requirements/dev.txt": PYDICOM + "ruff==1.0 \\\n    --hash=sha256:00\n",
    "tests/architecture/supervisors.toml": "",
    "tests/architecture/size_waivers.toml": "",
}


def function(name: str = "plan", *, body: str = "    pass\n") -> str:
    return f'"""A module."""\n\n\ndef {name}() -> None:\n    """Say something."""\n{body}'


CATCHES = "    try:\n        pass\n    except {0}:\n        {1}\n"
DOMAIN = "src/tolmach/repair/planted.py"
OUTSIDE = "src/tolmach/adapters/planted.py"
WAIVER = "tests/architecture/size_waivers.toml"

# Each gate with the faults it must see: file, content.
PLANTS: dict[str, list[tuple[str, str]]] = {
    "size": [
        (DOMAIN, '"""Long."""\n' + "# a line\n" * 400),
        (DOMAIN, function(body="    pass\n" * 49)),
        ("scripts/planted.py", function(body="    pass\n" * 49)),
        (WAIVER, '["src/tolmach/base/words.py"]\nreason = "it was long once"\n'),
    ],
    "refused_names": [
        ("src/tolmach/repair/utils.py", '"""Bits."""\n'),
        ("src/tolmach/repair/_helpers.py", '"""Bits."""\n'),
        ("src/tolmach/common/__init__.py", '"""Bits."""\n'),
    ],
    "refused_verbs": [
        (DOMAIN, function("process")),
        (DOMAIN, function("handle_association")),
        (
            OUTSIDE,
            '"""A."""\n\n\nclass A:\n    """A."""\n\n    async def manage_it(self) -> None:\n        """Do."""\n',
        ),
    ],
    "folder_docstrings": [
        ("src/tolmach/repair/__init__.py", ""),
        ("src/tolmach/repair/__init__.py", '"""Repair.\n\nAnd a long story.\n"""\n'),
        ("src/tolmach/edit/operations.py", '"""A folder without __init__."""\n'),
    ],
    "offered_names": [
        (
            "src/tolmach/base/__init__.py",
            '"""Base."""\n\nfrom tolmach.base.words import N_, Fault\n\n__all__ = ["N_"]\n',
        ),
        ("src/tolmach/repair/__init__.py", '"""Repair."""\n\n__all__ = ["plan"]\n'),
        ("src/tolmach/repair/__init__.py", '"""Repair."""\n\n\ndef plan() -> None:\n    """Plan."""\n'),
    ],
    "broad_except": [
        (DOMAIN, function(body=CATCHES.format("Exception", "pass"))),
        (OUTSIDE, function(body=CATCHES.format("(OSError, BaseException) as error", "print(error)"))),
        (OUTSIDE, function(body="    try:\n        pass\n    except:\n        pass\n")),
        (OUTSIDE, '"""S."""\n\nimport contextlib\n\nwith contextlib.suppress(Exception):\n    pass\n'),
        ("tests/architecture/supervisors.toml", '["src/tolmach/apps/main.py::main"]\nreason = "it catches nothing"\n'),
    ],
    "tags": [
        (OUTSIDE, '"""T."""\n\nNAME = (0x0010, 0x0010)\n'),
        (DOMAIN, '"""T."""\n\nNAME = 0x00100020\n'),
    ],
    "uids": [
        (OUTSIDE, '"""U."""\n\nECHO = "1.2.840.10008.1.1"\n'),
        (OUTSIDE, '"""U."""\n\nECHO = b"\\x10\\x00\\x00\\x111.2.840.10008.1.1"\n'),
        (
            "src/tolmach/apps/planted.py",
            '"""U."""\n\n\ndef root(n: int) -> str:\n    """U."""\n    return f"1.2.840.{n}.1.2.840.1"\n',
        ),
    ],
    "environment": [
        (DOMAIN, '"""E."""\n\nimport os\n\nHOME = os.environ["HOME"]\n'),
        (OUTSIDE, '"""E."""\n\nimport os\n\nHOME = os.getenv("HOME")\n'),
        (OUTSIDE, '"""E."""\n\nfrom os import environ\n\nHOME = environ["HOME"]\n'),
        (OUTSIDE, '"""E."""\n\nfrom pathlib import Path\n\nHOME = Path("~").expanduser()\n'),
    ],
    "domain_io": [
        (DOMAIN, '"""I."""\n\nimport socket\n'),
        (DOMAIN, '"""I."""\n\nfrom urllib.request import urlopen\n'),
        (DOMAIN, function(body='    open("a")\n')),
        (DOMAIN, function(body='    Path("a").write_bytes(b"")\n')),
        (DOMAIN, function(body='    os.replace("a", "b")\n')),
        ("src/tolmach/journeys/planted.py", function(body='    Path("a").read_bytes()\n')),
        ("src/tolmach/journeys/planted.py", '"""I."""\n\nimport subprocess\n'),
    ],
    "domain_libraries": [
        (DOMAIN, '"""L."""\n\nimport requests\n'),
        (DOMAIN, '"""L."""\n\nfrom pydicom import dcmread\n'),
        ("src/tolmach/journeys/planted.py", '"""L."""\n\nimport watchdog.observers\n'),
    ],
    "faults": [
        (DOMAIN, '"""F."""\n\nA = Fault("TLM-DCM-001", N_("Twice."), N_("Do."))\n'),
        (DOMAIN, '"""F."""\n\nA = Fault("TLM-DCM-1", N_("Odd code."), N_("Do."))\n'),
        (DOMAIN, '"""F."""\n\nA = Fault("TLM-DCM-002", N_("No advice."), N_(""))\n'),
        (DOMAIN, '"""F."""\n\nA = Fault("TLM-DCM-002", "Not marked.", N_("Do."))\n'),
        (DOMAIN, '"""F."""\n\nA = Fault("TLM-DCM-002", N_("Nameless {}."), N_("Do."))\n'),
        (DOMAIN, '"""F."""\n\nCODE = "TLM-DCM-002"\nA = Fault(CODE, N_("Hidden code."), N_("Do."))\n'),
    ],
    "faults_documented": [
        (DOMAIN, '"""F."""\n\nA = Fault("TLM-DCM-002", N_("New."), N_("Do."))\n'),
        ("docs/errors.md", "Nothing.\n"),
    ],
    "public_docstrings": [
        (DOMAIN, function(body='    """Say.\n\n    Args:\n        a: a letter.\n    """\n')),
        (DOMAIN, '"""P."""\n\n\ndef plan(a: str) -> None:\n    """Plan.\n\n    :param a: a letter\n    """\n'),
    ],
    "private_words": [
        ("docs/planted.md", "Look into /home/anna/pictures.\n"),
        (DOMAIN, '"""W."""\n\nA = "/root/x"\n'),
        ("Makefile", "x:\n\tpip install --index-url http://example.org/simple x\n"),
        ("scripts/planted.sh", "cd /work/somewhere\n"),
    ],
    "locks": [
        ("requirements/runtime.txt", "pydicom==3.0.2\n"),
        ("requirements/runtime.txt", "pydicom>=3 \\\n    --hash=sha256:00\n"),
        (
            "requirements/runtime.txt",
            "--extra-index-url https://example.org/simple\npydicom==3 \\\n    --hash=sha256:00\n",
        ),
        ("requirements/runtime.txt", PYDICOM + "rich @ https://example.org/rich.whl\n"),
        ("requirements/dev.txt", PYDICOM),
        ("requirements/dev.txt", "ruff==1.0 \\\n    --hash=sha256:00\n"),
    ],
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for path, content in HOUSE.items():
        put(tmp_path, path, content)
    return tmp_path


def put(root: Path, path: str, content: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content, encoding="utf-8")


def test_every_gate_has_its_fault() -> None:
    assert set(PLANTS) == set(GATES)


@pytest.mark.parametrize("gate", GATES)
def test_a_house_in_order_passes(house: Path, gate: str) -> None:
    assert GATES[gate](house) == []


@pytest.mark.parametrize(
    ("gate", "path", "content"),
    [
        pytest.param(gate, path, content, id=f"{gate}-{number}")
        for gate, plants in PLANTS.items()
        for number, (path, content) in enumerate(plants)
    ],
)
def test_a_planted_fault_is_found(house: Path, gate: str, path: str, content: str) -> None:
    put(house, path, content)
    assert GATES[gate](house), f"{gate} did not see the fault in {path}"


# What looks like a fault and is none: a gate that cries wolf is soon switched off.
INNOCENT: dict[str, list[tuple[str, str]]] = {
    "tags": [
        (
            OUTSIDE,
            (
                '"""T."""\n\nREFUSED = (0xA700, 0xA7FF)\nDUPLICATE = (0x0111, 0x0111)\nOK = (0x0000, 0x0000)\n'
                "GROUPS = (0x0000, 0x0002, 0x0008)\n"
            ),
        )
    ],
    "uids": [(OUTSIDE, '"""Answers 1.2.840.10008.1.1."""\n')],
    "broad_except": [
        (OUTSIDE, function(body=CATCHES.format("BaseException", "raise"))),
        (OUTSIDE, function(body=CATCHES.format("(OSError, ValueError)", "pass"))),
    ],
    "domain_io": [(DOMAIN, function(body='    files("tolmach.text").joinpath("table.txt").read_bytes()\n'))],
    "refused_verbs": [(DOMAIN, function("_process")), (DOMAIN, function("processed"))],
    "private_words": [("docs/planted.md", "Try `http://host/root/x`, `./work/in` and `${HOME}/work/x`.\n")],
}


@pytest.mark.parametrize(
    ("gate", "path", "content"),
    [(gate, path, content) for gate, innocents in INNOCENT.items() for path, content in innocents],
)
def test_the_innocent_pass(house: Path, gate: str, path: str, content: str) -> None:
    put(house, path, content)
    assert GATES[gate](house) == []


LONG = function("scan", body="    pass\n" * 60)


def test_a_waiver_with_a_reason_is_heard(house: Path) -> None:
    put(house, DOMAIN, LONG)
    put(house, WAIVER, f'["{DOMAIN}::scan"]\nreason = "one loop, measured"\n')
    assert GATES["size"](house) == []


@pytest.mark.parametrize(("lines", "reason"), [(60, ""), (90, "very important")])
def test_a_waiver_without_reason_or_beyond_the_end_is_not(house: Path, lines: int, reason: str) -> None:
    put(house, DOMAIN, function("scan", body="    pass\n" * lines))
    put(house, WAIVER, f'["{DOMAIN}::scan"]\nreason = "{reason}"\n')
    assert GATES["size"](house)


def test_a_supervisor_with_a_reason_may_catch_everything(house: Path) -> None:
    put(house, OUTSIDE, function("serve", body=CATCHES.format("Exception", "pass")))
    put(house, "tests/architecture/supervisors.toml", f'["{OUTSIDE}::serve"]\nreason = "one job, not all"\n')
    assert GATES["broad_except"](house) == []
