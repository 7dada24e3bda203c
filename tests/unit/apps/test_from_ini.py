"""`tolmach init --from-ini`: INI files of any letters become a configuration that is in order, and nothing is lost."""

import codecs
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.calling import Called, call
from tolmach.apps.from_ini import migrate
from tolmach.apps.ini_file import entries_of, read_text
from tolmach.apps.ini_words import code_page_of, field_of, language_of, list_of, truth_of
from tolmach.apps.settings import load_settings
from tolmach.apps.translations import translator

RUSSIAN = """\
; настройки
[Общие]
Входная папка=D:\\Снимки\\100%;готово
Папка экспорта="D:\\Результат=2"
Рабочая папка=C:\\Temp\\%USER%
Язык=русский
Исходная кодировка=win1251
Запускать свернутым=да
[PACS]
AETitle=ORTHANC
Host=10.0.0.5
Port=104
[Клиент]
AETitle=ROOM1
[Игнорировать]
Расширения=tmp;.bak
Имена=Thumbs.db
Фрагменты=~,черновик
[Преобразования]
Правило транслитерации=украинский
Конвертация CS=нет
Отправлять исходный файл=нет
[Добавить]
(0008,0080)=Больница "№1"; корпус 2
[Удалить]
(0010,4000)=
[Изменить]
0008,1010=ROOM=1
"""
ENCODINGS = {
    "cp1251": RUSSIAN.encode("cp1251"),
    "utf-8": RUSSIAN.encode(),
    "utf-8 with its mark": codecs.BOM_UTF8 + RUSSIAN.encode(),
    "utf-16-le with its mark": codecs.BOM_UTF16_LE + RUSSIAN.encode("utf-16-le"),
    "utf-16-be with its mark": codecs.BOM_UTF16_BE + RUSSIAN.encode("utf-16-be"),
    "utf-16-le": RUSSIAN.encode("utf-16-le"),
    "cp866": RUSSIAN.replace("№", "N").encode("cp866"),
    "windows lines": RUSSIAN.replace("\n", "\r\n").encode("cp1251"),
}


def init(tmp_path: Path, content: bytes | str, target: str = "tolmach.toml") -> Called:
    (tmp_path / "old.ini").write_bytes(content if isinstance(content, bytes) else content.encode())
    return call("init", "--from-ini", "old.ini", target)


def values(tmp_path: Path, target: str = "tolmach.toml") -> dict[str, Any]:
    called = call("--config", target, "config", "check")
    assert (called.status, called.err) == (0, "")
    return tomllib.loads((tmp_path / target).read_text("utf-8"))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_everything_is_taken_over_whatever_the_letters_are_in(tmp_path: Path, encoding: str) -> None:
    called = init(tmp_path, ENCODINGS[encoding])
    assert (called.status, called.err) == (0, "")
    made = values(tmp_path)
    assert (made["language"], made["dicom"]["ae_title"]) == ("ru", "ROOM1")
    assert made["peer"] == [{"name": "pacs", "ae_title": "ORTHANC", "host": "10.0.0.5", "port": 104}]
    (watch,) = made["watch"]
    assert watch["folder"] == "D:\\Снимки\\100%;готово"
    assert watch["export_folder"] == "D:\\Результат=2"
    assert watch["ignore"] == ["*.tmp", "*.bak", "Thumbs.db", "*~*", "*черновик*"]
    assert (watch["to"], watch["original"], watch["profile"]) == (["pacs"], False, "room-1")
    (profile,) = made["profile"]
    assert (profile["from"], profile["code_string"], profile["transliteration"]) == ("cp1251", "leave", "uk-kmu55")
    number = "N" if encoding == "cp866" else "№"
    assert profile["rule"][0]["do"] == [
        {"set_if_missing": "(0008,0080)", "value": f'Больница "{number}1"; корпус 2'},
        {"delete": "(0010,4000)"},
        {"set": "0008,1010", "value": "ROOM=1"},
    ]
    text = (tmp_path / "tolmach.toml").read_text("utf-8")
    assert "#   [Общие] Рабочая папка = C:\\Temp\\%USER%" in text
    if os.name != "nt":
        assert (tmp_path / "tolmach.toml").stat().st_mode & 0o077 == 0


def test_ukrainian_and_english_words_mean_the_same(tmp_path: Path) -> None:
    ukrainian = (
        "[Сервер]\nAET=PACS1\nАдреса сервера=pacs.local\nПорт сервера=11112\n[X]\nВхідна папка=D:/A\nМова=українська\n"
    )
    english = "[x]\nWATCH_FOLDER=D:/A\nlang=uk\n[remote server]\naet=PACS1\nip=pacs.local\nport=11112\n"
    assert init(tmp_path, ukrainian.encode("cp1251"), "uk.toml").status == 0
    assert init(tmp_path, english, "en.toml").status == 0
    uk, en = values(tmp_path, "uk.toml"), values(tmp_path, "en.toml")
    assert uk == en
    assert uk["peer"][0]["host"] == "pacs.local"


def test_unknown_keys_are_told_one_by_one_and_kept_as_comments(tmp_path: Path) -> None:
    lines = "".join(f"Чужой ключ {number}=значение {number}\n" for number in range(60))
    called = init(tmp_path, f"WatchFolder=D:/A\n[Разное]\n{lines}".encode("cp1251"))
    assert called.status == 0
    assert called.codes == ["TLM-CFG-041"] * 60
    assert "line 3" in called.lines[0]
    text = (tmp_path / "tolmach.toml").read_text("utf-8")
    assert all(f"#   [Разное] Чужой ключ {number} = значение {number}\n" in text for number in range(60))
    assert values(tmp_path)["watch"][0]["folder"] == "D:/A"


def test_an_encoding_that_may_be_that_of_the_result_is_not_guessed(tmp_path: Path) -> None:
    assert init(tmp_path, "Encoding=win1251\n", "a.toml").codes == []
    assert values(tmp_path, "a.toml")["profile"][0]["from"] == "cp1251"
    assert init(tmp_path, "Encoding=utf-8\n", "b.toml").codes == ["TLM-CFG-041"]
    assert "from" not in values(tmp_path, "b.toml")["profile"][0]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("WatchFolder=D:/A\nWatchFolder=D:/B\n", {"watch": None}),
        ("[PACS]\nAET=A\nHost=h\nPort=104\nPort=105\n", {"peer": None}),
        ("[PACS]\nAET=A\nHost=h\nPort=99999\n", {"peer": None}),
        ("[PACS]\nAET=A\nHost=h\n", {"peer": None}),
        ("[PACS]\nAET=ТИТУЛ\nHost=h\nPort=104\n", {"peer": None}),
        ("WatchFolder=D:/A\nExportFolder=d:\\a\\out\n", {"watch": [{"folder": "D:/A"}]}),
        ("Language=klingon\n", {"language": None}),
        ("[Edit]\nNoSuchKeyword=1\n", {}),
        ("[Edit]\nStudyDate=yesterday\n", {}),
        ("[Edit]\nPatientID={PatientName}\n", {}),
        ("[Delete]\n1=what is this\n", {}),
        ("ConvertCS=perhaps\n", {}),
        ("TranslitRule=gost-1066\n", {}),
    ],
)
def test_what_contradicts_itself_or_cannot_be_used_is_left_out_and_told(
    tmp_path: Path, text: str, kept: dict[str, Any]
) -> None:
    called = init(tmp_path, text)
    assert called.status == 1
    assert set(called.codes) == {"TLM-CFG-042"}
    made = values(tmp_path)
    for key, expected in kept.items():
        if expected is None:
            assert key not in made
        else:
            assert [{inner: one[inner] for inner in expected[0]} for one in made[key]] == expected
            assert "export_folder" not in made[key][0]
    comments = [line for line in (tmp_path / "tolmach.toml").read_text("utf-8").splitlines() if line.startswith("#   ")]
    assert comments, "what was left out stands at the end"


def test_the_same_said_twice_is_no_contradiction(tmp_path: Path) -> None:
    twice = "[PACS]\nAET=A\nHost=h\nPort=104\n[pacs]\nAET=A\nПорт=104\nWatchFolder=D:/A\n[X]\nwatch folder=D:/A\n"
    assert init(tmp_path, twice).status == 0
    made = values(tmp_path)
    assert len(made["peer"]) == len(made["watch"]) == 1


def test_two_servers_are_two_destinations(tmp_path: Path) -> None:
    servers = "WatchFolder=D:/A\n[Server1]\nAET=A\nHost=h\nPort=104\n[Server2]\nAET=B\nHost=h\nPort=105\n"
    assert init(tmp_path, servers).status == 0
    assert values(tmp_path)["watch"][0]["to"] == ["pacs", "pacs-2"]


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tolmach.toml").write_text("# mine")
    called = init(tmp_path, RUSSIAN)
    assert (called.status, called.codes) == (1, ["TLM-CFG-009"])
    assert (tmp_path / "tolmach.toml").read_text() == "# mine"


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\1\2\3" * 100, b"just a note\nof two lines", os.urandom(64) + b"\0" * 9, b"a=b\n" * 300_000],
    ids=["empty", "zeros", "a note", "noise", "too long"],
)
def test_what_is_no_ini_file_gives_no_configuration(tmp_path: Path, content: bytes) -> None:
    called = init(tmp_path, content)
    assert (called.status, called.codes) == (1, ["TLM-CFG-043"])
    assert not (tmp_path / "tolmach.toml").exists()


def test_a_missing_file_is_a_wrong_call(tmp_path: Path) -> None:
    called = call("init", "--from-ini", "nowhere.ini")
    assert (called.status, called.codes) == (2, ["TLM-CFG-003"])
    assert not (tmp_path / "tolmach.toml").exists()
    assert call("init", "--from-ini", str(tmp_path)).status == 2


def test_letters_too_few_to_tell_are_told(tmp_path: Path) -> None:
    called = init(tmp_path, "WatchFolder=D:/Ж\n".encode("cp1251"))
    assert (called.status, called.codes) == (0, ["TLM-CFG-044"])
    assert values(tmp_path)["watch"][0]["folder"] == "D:/Ж"


LINES = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.builds(
            "{}={}".format,
            st.sampled_from(["WatchFolder", "Port", "AET", "Host", "Папка экспорта", "Add1", "Delete", "Ignore", "x"]),
            st.text(max_size=30),
        ),
        st.sampled_from(["[PACS]", "[Client]", "[Edit]", "[Удалить]", "[Ignore]", "[]", "[", "=", "a==b", '"="']),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(LINES, st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
def test_any_file_becomes_a_configuration_in_order_or_none(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], encoding: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.ini"
    file.write_bytes("\n".join(lines).encode(encoding, "surrogatepass" if encoding != "utf-16" else "replace"))
    from tolmach.base import TolmachError

    try:
        made = migrate(file, translator("uk"))
    except TolmachError:
        return
    target = file.with_name("any.toml")
    target.write_text(made.text, "utf-8")
    load_settings(target, {})


@given(st.dictionaries(st.text("abcdж ", min_size=1).map(str.strip).filter(bool), st.text("x;=%\\\"'№ ё", max_size=9)))
def test_keys_and_values_survive_as_they_stand(pairs: dict[str, str]) -> None:
    text = "\n".join(f"{key}={value}" for key, value in pairs.items())
    found = {entry.key: entry.value for entry in entries_of(text)}
    for key, value in pairs.items():
        bare = value.strip()
        assert found[key] in (bare, bare[1:-1]), "only quotation marks around a whole value are taken off"


def test_words_that_could_mean_two_things_mean_nothing() -> None:
    assert field_of("", "AET") is None
    assert field_of("PACS", "AE Title") == "server_ae"
    assert field_of("Клиент", "AE_Title") == "own_ae"
    assert field_of("Client", "Port") is None
    assert field_of("", "Folder") is None
    assert field_of("Watch", "Folder") == "watch_folder"
    assert field_of("Папки", "Выход") == "export_folder"
    assert (list_of("Удалить"), list_of("PACS")) == ("delete", None)
    assert (truth_of("ДА"), truth_of("0"), truth_of("perhaps")) == (True, False, None)
    assert (language_of("1049"), language_of("UKR"), language_of("de")) == ("ru", "uk", None)
    assert (code_page_of("Windows-1251"), code_page_of("DOS"), code_page_of("cp1252")) == ("cp1251", "cp866", None)


def test_bytes_that_are_no_text() -> None:
    assert read_text(codecs.BOM_UTF16_LE + b"a") is None
    assert read_text(b"a\0b") is None
    found = read_text(b"a=b")
    assert found is not None
    assert found.code_page == "ascii"
