"""The frame: language, colours, peers, settings, log; one program for each user; hostile names; who imports whom."""

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from tests.architecture.source import ROOT, imported, modules
from tests.builders import body, part10
from tests.calling import start
from tests.unit.apps.desktop.conftest import WAIT, MakeWindow, closed_port, in_dialog, loaded, receiver
from tolmach.apps.configuration import user_folder
from tolmach.apps.desktop.faults import DesktopTrouble
from tolmach.apps.desktop.file_model import Column
from tolmach.apps.desktop.own_peers import load_peers
from tolmach.apps.desktop.peer_dialog import PeerDialog
from tolmach.apps.desktop.remembered import load_remembered
from tolmach.apps.desktop.single_instance import FirstInstance, hand_over, socket_name
from tolmach.apps.desktop.theme import _SCHEMES, Colours
from tolmach.apps.sections import PeerSettings

MARKUP = "<b>Ivan</b><img src=x>"
HOSTILE = {
    "markup": MARKUP.encode(),
    "bidi": "Ivan\u202egnp.exe\u2066".encode(),
    "long": b"A" * 65_534,
    "nul": b"A\0B\x1b[31mC",
    "template": b"{{7*7}}${jndi:ldap}%s{0}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, name: str) -> None:
    value = HOSTILE[name] + b" " * (len(HOSTILE[name]) % 2)
    file = tmp_path / f"{MARKUP[:3]}{name}.dcm"
    name_vr = "UT" if name == "long" else "PN"
    elements = [(0x00080005, "CS", b"ISO_IR 192"), (0x00100010, name_vr, value), (0x00081030, "LO", value[:60])]
    file.write_bytes(part10(body(*elements)))
    window = loaded(make_window(), qtbot, file, count=1)
    window.send_view.table.selectRow(0)
    qtbot.waitUntil(lambda: window.send_view.details.model.rowCount() > 3, timeout=WAIT)
    model = window.desk.model
    text = str(model.data(model.index(0, Column.PATIENT)))
    assert len(text) < 300
    assert text.isprintable()
    assert "\u202e" not in text
    if name == "markup":
        assert text == MARKUP.partition("=")[0]
    window.log.add("bad", value.decode("utf-8", "replace"))
    assert all(one.textFormat().name == "PlainText" for one in window.findChildren(QLabel) if one.objectName() != "qt_")
    window.grab()


def test_the_language_changes_without_a_restart(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    window = loaded(make_window(), qtbot, files, count=5)
    settings = window.settings_view
    english = window.send_view.files.text()
    for language in ("ru", "uk", "en"):
        settings.language.setCurrentIndex(settings.language.findData(language))
        assert window.words.language == language
        assert (window.send_view.files.text() == english) == (language == "en")
        heading = str(
            window.desk.model.headerData(Column.PATIENT, window.send_view.table.horizontalHeader().orientation())
        )
        assert heading == {"ru": "Пациент", "uk": "Пацієнт", "en": "Patient"}[language]
        stock = QCoreApplication.translate("QPlatformTheme", "Cancel")
        assert stock == {"ru": "Отмена", "uk": "Скасувати", "en": "Cancel"}[language]
    window.keeper.wait()
    assert load_remembered(user_folder()).language == "en"


def test_every_view_follows_the_scheme(make_window: MakeWindow) -> None:
    window = make_window()
    settings = window.settings_view
    for scheme in ("dark", "contrast", "light"):
        settings.scheme.setCurrentIndex(settings.scheme.findData(scheme))
        assert window.theme.name == scheme
        assert QApplication.palette().window().color().name() == window.theme.colours.window
    window.keeper.wait()
    assert load_remembered(user_folder()).scheme == "light"


def luminance(text: str) -> float:
    parts = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", _SCHEMES)
def test_text_stands_out_in_every_scheme(scheme: str) -> None:
    colours: Colours = _SCHEMES[scheme]
    for text in (colours.text, colours.muted, colours.good, colours.bad, colours.doubt, colours.accent):
        assert contrast(text, colours.surface) >= 4.5, text
    assert contrast(colours.on_accent, colours.accent) >= 4.5
    assert contrast(colours.on_selection, colours.selection) >= 4.5
    for tone in ("good", "bad", "doubt"):
        assert len(colours.soft(tone)) == 9 or contrast(colours.of(tone), colours.soft(tone)) >= 4.5  # type: ignore[arg-type]


def filled(dialog: PeerDialog, **values: object) -> None:
    dialog.first.put({**dialog.first.values(), **values})


def test_a_destination_is_judged_while_it_is_typed(make_window: MakeWindow) -> None:
    window = make_window(closed_port())
    others = window.station.peers
    dialog = PeerDialog(window.words, others, "TOLMACH", None, window)
    assert not dialog.save.isEnabled()
    filled(dialog, name="two", ae_title="ОРТАНК", host="10.0.0.5")
    assert dialog.first.fields["ae_title"].property("wrong") == "true"
    assert "AE title" in dialog.message.text()
    filled(dialog, ae_title="ORTHANC")
    assert dialog.save.isEnabled()
    filled(dialog, name="pacs")
    assert not dialog.save.isEnabled()
    filled(dialog, name="two", host="")
    assert not dialog.save.isEnabled()
    dialog.first.fields["port"].setValue(0)  # type: ignore[attr-defined]
    assert dialog.first.values()["port"] == 1
    dialog.first.fields["port"].setValue(70_000)  # type: ignore[attr-defined]
    assert dialog.first.values()["port"] == 65_535
    dialog.deleteLater()


def test_destinations_are_added_tried_changed_and_removed(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    with receiver(tmp_path / "scp") as (port, _):
        window = make_window()

        def add(dialog: QWidget) -> None:
            assert isinstance(dialog, PeerDialog)
            filled(dialog, name="pacs", ae_title="PACS", host="127.0.0.1", port=port)
            dialog.test.click()
            qtbot.waitUntil(lambda: "ms" in dialog.message.text(), timeout=WAIT)
            dialog.buttons.button(QDialogButtonBox.StandardButton.Save).click()

        in_dialog(add)
        window.send_view.target.add.click()
    assert [one.name for one in load_peers(user_folder())[0]] == ["pacs"]
    assert window.desk.choice.peer == "pacs"
    window.keep_peer(PeerSettings(name="pacs-2", ae_title="PACS", host="127.0.0.1", port=port), "pacs")
    assert [one.name for one in window.station.peers] == ["pacs-2"]
    window.keeper.wait()
    assert load_remembered(user_folder()).peer == "pacs-2"

    def remove(box: QWidget) -> None:
        assert isinstance(box, QMessageBox)
        next(one for one in box.buttons() if one.text() == "Remove").click()

    in_dialog(remove)
    window.settings_view.remove.click()
    assert window.station.peers == []


def test_configured_peers_and_profiles_are_offered_and_never_rewritten(make_window: MakeWindow, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    text = (
        '# by hand\n[dicom]\nae_title = "ROOM1"\n[[peer]]\nname = "pacs" # ours\nae_title = "PACS"\nhost = "h"\n'
        "port = 104\n"
        '[[peer]]\nname = "web"\nkind = "stow"\nurl = "http://127.0.0.1/dicom-web"\n[[profile]]\nname = "xray"\n'
    )
    config.write_text(text)
    window = make_window(config=config)
    target = window.send_view.target
    assert [target.peer.itemData(n) for n in range(target.peer.count())] == ["pacs"]
    assert [target.profile.itemData(n) for n in range(target.profile.count())] == ["", "xray"]
    assert not target.change.isEnabled()
    assert window.settings_view.ae_title.placeholderText() == "ROOM1"
    window.keep_peer(PeerSettings(name="own", ae_title="X", host="h", port=105))
    assert [one.name for one in window.station.peers] == ["pacs", "own"]
    assert config.read_text() == text


def test_a_broken_configuration_is_told_and_the_window_opens(make_window: MakeWindow, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[dicom]\nprot = 104\n")
    window = make_window(closed_port(), config=config)
    assert "prot" in window.send_view.banner.head.text()
    assert [one.name for one in window.station.peers] == ["pacs"]


def test_our_ae_title_is_judged_and_used(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window(closed_port())
    field = window.settings_view.ae_title
    field.setText("РЕНТГЕН")
    assert window.settings_view.ae_problem.text()
    assert window.remembered.ae_title == ""
    field.setText("ROOM-1")
    assert window.desk.station.destination(window.desk.choice)[0].calling_ae_title == "ROOM-1"


def test_details_and_log_are_hidden_and_remembered(make_window: MakeWindow) -> None:
    window = make_window()
    window.details_button.click()
    window.log_button.click()
    window.close()
    again = make_window()
    assert not again.send_view.details.isVisible()
    assert not again.log.isVisible()


def test_views_are_added_and_chosen(make_window: MakeWindow) -> None:
    window = make_window()
    label = QLabel("auto")
    window.add_view("auto", "auto", "Auto-export", label, "Ctrl+2")
    window.navigation.buttons["auto"].click()
    assert window.stack.currentWidget() is label
    window.show_view("send")
    assert window.navigation.buttons["send"].isChecked()


def test_a_second_start_hands_its_paths_to_the_first(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    folder = user_folder()
    first = FirstInstance(folder)
    assert first.take()
    window = make_window()
    first.brought.connect(window.take_paths)
    with start("desktop", files / "clean.dcm") as second:
        qtbot.waitUntil(lambda: len(window.desk.model.rows) == 1, timeout=WAIT)
        assert second.wait(30) == 0
    assert not FirstInstance(folder).take()
    first.close()
    third = FirstInstance(folder)
    assert third.take()
    third.close()


def test_a_first_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tolmach.apps.desktop.single_instance._MILLISECONDS", 50)
    with pytest.raises(DesktopTrouble):
        hand_over(tmp_path, [Path("a")])


def test_the_socket_is_the_users_own(tmp_path: Path) -> None:
    assert socket_name(Path("/u/a")) != socket_name(Path("/u/b"))
    long = socket_name(Path("/u") / ("x" * 200))
    assert len(long) < 100
    assert "/" not in long


def test_nobody_but_its_command_imports_the_desktop() -> None:
    strangers = [
        module.path
        for module in modules(ROOT)
        if not module.path.startswith("src/tolmach/apps/desktop/") and module.path != "src/tolmach/apps/cli/desktop.py"
        for name, _ in imported(module.tree)
        if f"{name}.".startswith("tolmach.apps.desktop.")
    ]
    assert strangers == []


# What the window may ask adapters for: to find, open and keep files and say what is wrong with a folder, to say whether
# a title or a template of paths is one, to tell what presets do, and to echo, encrypted where the peer wants it; and
# the sentences it says otherwise than a command does.
ASKED = {
    "FileReader", "FoundFile", "inflate", "walk", "write_file", "mapped", "is_ae_title", "PathTemplate",
    "preset", "GENERIC", "DESCRIPTIONS", "verify_peer", "TlsClient", "NO_FILES",
    "CONCLUDED_LINES", "NOT_READY_TO_RESEND", "NOWHERE", "UNKNOWN_LINES", "UNKNOWN_OBJECTS",
}  # fmt: skip


def test_the_window_decides_nothing() -> None:
    """Repair, sending and proof are asked of journeys and apps; no widget talks to an adapter for them."""
    for module in modules(ROOT):
        if not module.path.startswith("src/tolmach/apps/desktop/"):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tolmach.adapters"):
                assert {alias.name for alias in node.names} <= ASKED, module.path


def test_only_the_command_loads_qt() -> None:
    import subprocess
    import sys

    code = "import sys; from tolmach.apps.cli.program import run; run(['--help']); sys.exit('PySide6' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_the_log_is_read_whole_and_in_the_colours_of_now(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    window.theme.choose("dark")
    window.log.add("plain", "begun")
    window.log.add("bad", "what is wrong, and at the end of a long line what to do " * 12)
    qtbot.waitUntil(window.log.text.isVisible, timeout=WAIT)
    assert window.log.text.horizontalScrollBar().maximum() == 0
    window.theme.choose("light")
    first, last = (window.log.text.document().findBlockByNumber(number) for number in (0, 1))
    colours = window.theme.colours
    for block, wanted in ((first, colours.text), (last, colours.bad)):
        assert block.begin().fragment().charFormat().foreground().color() == QColor(wanted)
