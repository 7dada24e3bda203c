"""What is let into the built program: the lists against names as PyInstaller gives them, and against our own code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts import bundle_contents as contents
from scripts.native_libraries import LIBRARIES, TAKEN_FROM_SYSTEM, is_bundled_by_a_wheel, library_of, word_of
from tests.conftest import ROOT
from tests.packaging.starting import CHILDREN
from tolmach.apps.demo import SAMPLES

SOURCES = sorted((ROOT / "src" / "tolmach").rglob("*.py"))
QT_LIBRARY = "PySide6/Qt/lib/lib{}.so.6"

KEPT = """
PySide6/Qt/lib/libQt6Core.so.6 PySide6/Qt/lib/libQt6Widgets.so.6 PySide6/Qt/lib/libicudata.so.73 PySide6/__init__.py
PySide6/QtCore.abi3.so PySide6/QtSvg.abi3.so PySide6/libpyside6.abi3.so.6.11 shiboken6/Shiboken.abi3.so
PySide6/Qt/plugins/platforms/libqxcb.so PySide6/Qt/plugins/platforms/libqoffscreen.so
PySide6/Qt/plugins/imageformats/libqsvg.so PySide6/Qt/translations/qtbase_uk.qm PySide6/Qt/translations/qtbase_ru.qm
libQt6Core.so.6 libQt6Svg.so.6 libpython3.11.so.1.0 libssl.so.3 libsqlite3.so.0 libxcb-cursor.so.0 libicuuc.so.73
libscipy_openblas64_-32a4b2a6.so numpy.libs/libgfortran-040039e1-0352e75f.so.5.0.0 _CharLS.cpython-311.so
tolmach/adapters/sql/migrations/versions/v0004_tokens.py tolmach/text/language.bin
pydicom/data/test_files/CT_small.dcm pydicom/data/palettes/hotiron.dcm python311.dll VCRUNTIME140.dll libcrypto-3.dll
PySide6/Qt6Core.dll PySide6/Qt6Widgets.dll PySide6/QtCore.pyd PySide6/pyside6.abi3.dll PySide6/MSVCP140.dll
PySide6/plugins/platforms/qwindows.dll PySide6/plugins/styles/qmodernwindowsstyle.dll PySide6/translations/qtbase_uk.qm
""".split()
DROPPED = """
PySide6/Qt/lib/libQt6Quick.so.6 PySide6/Qt/lib/libQt6Qml.so.6 PySide6/Qt/lib/libQt6Pdf.so.6 PySide6/QtSql.abi3.so
PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboardplugin.so PySide6/Qt/plugins/platforms/libqwayland.so
PySide6/Qt/plugins/platformthemes/libqgtk3.so PySide6/Qt/plugins/sqldrivers/libqsqlite.so PySide6/assistant
PySide6/Qt/plugins/vectorimageformats/libqlottievectorimage.so PySide6/Qt/translations/qtbase_de.qm PySide6/designer
PySide6/Qt/plugins/tls/libqopensslbackend.so PySide6/Qt/translations/assistant_uk.qm PySide6/Qt/qml/builtins.qmltypes
libQt6VirtualKeyboard.so.6 libreadline.so.8 libgdbm.so.6 libtinfo.so.6 libgtk-3.so.0 libglib-2.0.so.0 libstdc++.so.6
libX11.so.6 libGL.so.1 PySide6/opengl32sw.dll PySide6/d3dcompiler_47.dll PySide6/Qt6Quick.dll PySide6/lupdate.exe
PySide6/plugins/platforminputcontexts/qtvirtualkeyboardplugin.dll pydicom/data/test_files/693_J2KR.dcm numpy/tests/a.py
pydicom/data/charset_files/chrRuss.dcm click-8.5.1.dist-info/RECORD tolmach/apps/translations/uk/LC_MESSAGES/tolmach.po
""".split()


@pytest.mark.parametrize("name", KEPT)
def test_what_is_needed_is_kept(name: str) -> None:
    assert contents.is_kept(name)
    assert contents.is_kept(name.replace("/", "\\"))


@pytest.mark.parametrize("name", DROPPED)
def test_what_is_not_needed_stays_out(name: str) -> None:
    assert not contents.is_kept(name)
    assert not contents.is_kept(name.replace("/", "\\"))


@pytest.mark.parametrize("module", sorted(contents.QT_GPL))
def test_nothing_of_qt_that_is_under_the_gpl_alone_comes_in(module: str) -> None:
    assert module not in contents.QT_MODULES
    for name in (
        f"PySide6/Qt/lib/libQt6{module}.so.6",
        f"libQt6{module}.so.6",
        f"PySide6/Qt{module}.abi3.so",
        f"PySide6/Qt6{module}.dll",
        f"PySide6/Qt{module}.pyd",
    ):
        assert not contents.is_kept(name), name


def test_every_module_of_qt_that_the_window_imports_is_kept() -> None:
    imported = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("PySide6.Qt"):
                imported.add((node.module or "").removeprefix("PySide6.Qt"))
    assert {"Core", "Gui", "Widgets", "Svg"} <= imported
    assert imported <= contents.QT_MODULES


def test_the_formats_that_style_sheets_name_are_kept() -> None:
    text = (ROOT / "src/tolmach/apps/desktop/theme.py").read_text("utf-8")
    named = set(re.findall(r"url\([^)]*\.(\w+)\)", text))
    assert named == {"svg"}
    assert "qsvg" in contents.QT_PLUGINS["imageformats"]


def test_all_data_files_of_the_package_go_in_at_their_place() -> None:
    package = ROOT / "src" / "tolmach"
    there = {
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".po", ".pot"} and path.name != "py.typed"
    }
    there |= set((package / "adapters/sql/migrations").rglob("*.py"))
    given = contents.data_files(ROOT)
    assert {Path(path) for path, _ in given} == there
    for path, folder in given:
        assert Path(path).parent == ROOT / "src" / folder


def test_the_samples_of_the_demonstration_go_in() -> None:
    assert {sample.image for sample in SAMPLES} == contents.DEMO_SAMPLES


def test_every_module_is_named_though_it_is_imported_late() -> None:
    hidden = contents.hidden_imports(ROOT)
    assert {"tolmach", "tolmach.apps.desktop.preview_child", "tolmach.adapters.sql.migrations.versions"} <= set(hidden)
    assert set(hidden) >= CHILDREN
    assert len(hidden) == len(set(hidden))
    assert "win32serviceutil" not in hidden
    assert "win32serviceutil" in contents.hidden_imports(ROOT, is_windows=True)


def test_what_is_excluded_is_nothing_we_import() -> None:
    imported = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported |= {node.module or ""} | {f"{node.module}.{name.name}" for name in node.names}
    assert not imported & set(contents.EXCLUDED_MODULES)
    assert {"readline", "_gdbm", "libjpeg"} <= set(contents.EXCLUDED_MODULES)


@pytest.mark.parametrize(
    ("file", "word"),
    [
        ("libkrb5-f18b4d11.so.3.3", "krb5"),
        ("libgfortran-040039e1-0352e75f.so.5.0.0", "gfortran"),
        ("libxcb-render-util.so.0", "xcb-render-util"),
        ("libstdc++.so.6", "stdc++"),
        ("libXau-154567c4.so.6.0.0", "xau"),
        ("VCRUNTIME140_1.dll", "vcruntime"),
        ("api-ms-win-crt-math-l1-1-0.dll", "api-ms-win"),
        ("libcrypto-3-x64.dll", "crypto"),
        ("sqlite3.dll", "sqlite3"),
    ],
)
def test_a_library_is_known_by_its_word(file: str, word: str) -> None:
    assert word_of(file) == word
    assert library_of(f"somewhere/{file}") is not None


def test_each_word_belongs_to_one_library() -> None:
    words = [word for library in LIBRARIES for word in library.words]
    assert len(words) == len(set(words))
    assert set(words) >= TAKEN_FROM_SYSTEM
    assert is_bundled_by_a_wheel("libpq-e9b5c9ac.so.5.18")
    assert not is_bundled_by_a_wheel("libpq.so.5")
