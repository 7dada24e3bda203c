"""The page of a passport is one harmless file in the reader's language, whatever stands in the samples."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.builders import body, even, part10
from tests.calling import call, folder_of, spoiled

VOID = {"meta", "br", "hr", "img", "link", "input"}
NAME, STATION, MAKER, COMMENTS = 0x00100010, 0x00081010, 0x00080070, 0x00204000
HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "quotes": '"\' onmouseover="alert(1)',
    "entities": "&lt;b&gt; &amp; &#60;",
    "style": "</style><style>*{display:none}</style>",
    "rule": "</pre></table></body></html>",
    "right to left": "\u202egnp.exe\u2066",
    "control": "a\x1b[2Jb\x07",
    "template": "{name} {0} %s ${x} {{7*7}}",
    "long": "Ж" * 64_000,
    "comment": '*/ --> ]]> """ \\',
}


class Page(HTMLParser):
    """Reads a page strictly: every element that is opened is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.lang = ""
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}
        if tag == "html":
            self.lang = dict(attrs)["lang"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def written(tmp_path: Path, *arguments: str, **files: bytes) -> str:
    folder_of(tmp_path / "in", **files)
    assert call("passport", "in", "--html", "p.html", *arguments).status == 0
    return (tmp_path / "p.html").read_text("utf-8")


@pytest.mark.parametrize("language", ["en", "ru", "uk"])
def test_the_page_is_in_the_language_of_the_reader_and_needs_nothing(tmp_path: Path, language: str) -> None:
    text = written(tmp_path, "--lang", language, a=spoiled())
    page = Page(text)
    assert page.lang == language
    assert text.startswith("<!DOCTYPE html>")
    assert "ИВАНОВ^ПЁТР^СЕРГЕЕВИЧ" in page.text
    assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "a", "form"}
    assert page.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class", "scope", "dir"}
    assert not re.search(r"url\(|@import|https?://", text)
    assert "default-src 'none'" in text
    for rule in ("prefers-color-scheme:dark", "@page{size:A4", "@media print"):
        assert rule in text
    assert "{" not in page.text.replace("{ ", "").replace("{missing", ""), "a fact was not filled in"


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_file_can_break_the_page(tmp_path: Path, name: str) -> None:
    text = HOSTILE[name].encode()
    label = (0x00080005, "CS", b"ISO_IR 192")
    file = part10(
        body(label, (NAME, "PN", even(text)[:65_000]), (MAKER, "LO", even(text[:60])), (STATION, "SH", even(text[:16])))
    )
    page = written(tmp_path, a=file)
    read = Page(page)
    assert not read.tags & {"script", "img"}
    assert "style" in read.tags
    assert page.count("<style>") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", page)
    assert "onerror" not in read.attributes
    assert len(page) < 60_000


def test_marks_that_turn_text_around_are_shown_and_long_names_are_cut_with_a_note(tmp_path: Path) -> None:
    label = (0x00080005, "CS", b"ISO_IR 192")
    turned = part10(body(label, (NAME, "PN", even("Ев\u202eгений".encode()))))
    long = part10(body(label, (NAME, "PN", even(("Ж" * 20_000).encode()))))
    page = Page(written(tmp_path, a=turned, b=long))
    assert "Ев\\u202eгений" in page.text
    assert "… [20000]" in page.text
    assert "their length in characters" in page.text


def test_file_names_are_no_markup_either(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled())
    (tmp_path / "in" / "<b>bad&name.dcm").write_bytes(spoiled()[:-9])
    assert call("passport", "in", "--html", "p.html").status == 1
    page = Page((tmp_path / "p.html").read_text("utf-8"))
    assert "<b>bad&name.dcm" in page.text
    assert "b" not in page.tags


def test_a_page_of_no_devices_is_a_page() -> None:
    from tolmach.apps.passport_page import page
    from tolmach.apps.translations import translator
    from tolmach.journeys.passport import Rejected

    text = page([], Rejected(), translator("uk"), datetime(2026, 11, 22, tzinfo=UTC))
    assert Page(text).lang == "uk"
