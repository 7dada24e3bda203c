"""One [[watch]] table changed or taken out: everything else stays byte for byte, or nothing is done."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.apps.adding import TOO_UNUSUAL, NotChanged, Original
from tolmach.apps.sections import WatchSettings
from tolmach.apps.watch_tables import with_watch, without_watch

FILE = Path("tolmach.toml")
TEXT = '''# head
note = """
[[watch]]
name = "no table"
"""

[[watch]]   # the first
name = "one"      # never change
folder = "D:/One" # of room 1

# what is ignored
ignore = [
    "*.tmp",  # temporary
    "[[watch]]",
]
shadow = true
# behind

[[peer]]
name = "pacs"

  [[ watch ]]
  name = "two"
  folder = 'D:\\Two'
'''


def original(text: str) -> Original:
    return Original(FILE, text.encode("utf-8"))


def watch(text: str, name: str) -> WatchSettings:
    return next(WatchSettings.model_validate(one) for one in tomllib.loads(text)["watch"] if one["name"] == name)


def changed(text: str, name: str, **values: object) -> str:
    wanted = WatchSettings.model_validate({**watch(text, name).model_dump(), **values})
    after = with_watch(original(text), name, wanted).decode("utf-8")
    assert watch(after, name) == wanted
    others = [one for one in tomllib.loads(after)["watch"] if one["name"] != name]
    assert others == [one for one in tomllib.loads(text)["watch"] if one["name"] != name]
    return after


def test_only_what_changes_is_written_anew() -> None:
    after = changed(TEXT, "one", folder="E:/Один", shadow=False, polling=True)
    assert after == TEXT.replace('"D:/One" # of', '"E:/Один" # of').replace("shadow = true\n", "polling = true\n")
    assert changed(TEXT, "one") == TEXT
    assert changed(TEXT, "two", settle_seconds=2.0) == f"{TEXT}settle_seconds = 2.0\n"


def test_a_list_over_several_lines_is_replaced_whole() -> None:
    after = changed(TEXT, "one", ignore=("~*",))
    assert 'ignore = ["~*"]\nshadow = true\n# behind\n' in after
    assert '"*.tmp"' not in after
    assert after.startswith(TEXT[: TEXT.index("ignore = [")])


def test_a_hash_in_a_text_is_no_comment() -> None:
    text = '[[watch]]\nname = "a"\nfolder = "D:/#1 # 2" # real\n'
    assert changed(text, "a", folder="D:/#3") == '[[watch]]\nname = "a"\nfolder = "D:/#3" # real\n'


def test_a_table_is_taken_out_and_nothing_else() -> None:
    after = without_watch(original(TEXT), "one").decode("utf-8")
    gone = TEXT[TEXT.index("[[watch]]   # the first") : TEXT.index("# behind")]
    assert after == TEXT.replace(gone, "")
    assert without_watch(original(TEXT), "two").decode("utf-8") == TEXT[: TEXT.index("  [[ watch ]]")]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_the_mark_at_the_beginning_stay(mark: str) -> None:
    text = f"{mark}{TEXT}".replace("\n", "\r\n")
    after = with_watch(original(text), "one", watch(TEXT, "one").model_copy(update={"polling": True}))
    assert after == text.replace("shadow = true\r\n", "shadow = true\r\npolling = true\r\n").encode("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        'watch = [{ name = "a", folder = "D:/A" }]\n',
        '[[watch]]\n"name" = "a"\nfolder = "D:/A"\n',
        '[[watch]]\nname = "a"\nfolder = "D:/A"\n[watch.profile]\nx = 1\n',
        '[["watch"]]\nname = "a"\nfolder = "D:/A"\n',
        '[[watch]]\nname = "a"\nfolder = "D:/A"\n[[watch]]\nname = "a"\nfolder = "D:/B"\n',
        '[[watch]]\nname = "b"\nfolder = "D:/B"\n',
        "",
    ],
)
def test_what_is_too_unusual_is_refused(text: str) -> None:
    with pytest.raises(NotChanged) as caught:
        without_watch(original(text), "a")
    assert caught.value.problem.fault is TOO_UNUSUAL
    with pytest.raises(NotChanged) as caught:
        with_watch(original(text), "a", WatchSettings(name="a", folder=Path("D:/A")))
    assert caught.value.problem.fault is TOO_UNUSUAL


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).filter(str.strip)


@given(folder=texts, ignore=st.lists(texts, max_size=3), seconds=st.none() | st.floats(0.1, 3600))
def test_whatever_is_written_reads_back(folder: str, ignore: list[str], seconds: float | None) -> None:
    once = changed(TEXT, "one", folder=folder, ignore=ignore, settle_seconds=seconds)
    before = watch(TEXT, "one").model_dump(exclude={"name"})
    assert changed(once, "one", **before).startswith(TEXT[: TEXT.index("folder")])
