"""The documentation keeps up with the code: generated parts are fresh, links lead somewhere, decisions are listed."""

import re
from pathlib import Path

import pytest

from scripts import generate_docs
from tests.architecture.source import ROOT

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


def test_generated_parts_are_fresh() -> None:
    assert not generate_docs.stale(), "run: make docs"


@pytest.mark.parametrize("page", generate_docs.PAGES)
def test_a_stale_page_is_found(page: str, tmp_path: Path) -> None:
    for name, parts in generate_docs.PAGES.items():
        text = generate_docs.renewed(name, parts, (ROOT / name).read_text(encoding="utf-8"))
        spoilt = (
            re.sub(r"\n\| [^-][^\n]* \|\n\n<!-- end of", "\n\n<!-- end of", text, count=1) if name == page else text
        )
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(spoilt, encoding="utf-8")
    assert generate_docs.stale(tmp_path) == [page]


def test_a_part_that_lost_its_place_is_an_error() -> None:
    with pytest.raises(LookupError, match="errors"):
        generate_docs.renewed("docs/errors.md", generate_docs.PAGES["docs/errors.md"], "# Nothing\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    dead = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_named_make_targets_exist(page: Path) -> None:
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= known


def test_every_decision_is_listed_and_complete() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(folder.glob("[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert page.name in index
        for part in ("**Context.**", "**Choice.**", "**Given up.**", "**Look again**"):
            assert part in text, f"{page.name} has no {part}"


def test_the_readme_fits_on_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 60
