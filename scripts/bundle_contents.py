"""What goes into the built program and what stays out, as lists that have tests. Used by packaging/tolmach.spec.

Of Qt only what is named here is let in; everything else stays out, whatever a hook of PyInstaller collects. So nothing
that is under the GPL alone can come in by itself: see QT_GPL.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from scripts.native_libraries import TAKEN_FROM_SYSTEM, is_bundled_by_a_wheel, word_of

# Modules of Qt, as in libQt6Core.so.6, Qt6Core.dll and QtCore.abi3.so. DBus and XcbQpa are what Gui's plugins need.
QT_MODULES = frozenset({"Core", "Gui", "Widgets", "Svg", "Network", "DBus", "XcbQpa"})
# Never let in: tools, and what is or was under the GPL alone in some Qt 6, as its pages of licences say of each module.
# This is a second lock; the first is that only QT_MODULES come in, which are all under the LGPL too.
QT_GPL = frozenset(
    "Charts DataVisualization Graphs GraphsWidgets Grpc HttpServer Lottie Mqtt Coap OpcUa NetworkAuth Protobuf Quick3D"
    " Quick3DPhysics QuickTimeline ShaderTools StateMachine VirtualKeyboard WaylandCompositor CanvasPainter"
    " InsightTracker LottieVectorImageGenerator QmlCompiler Designer DesignerComponents".split()
)
# Plugins, by their folder; of other folders nothing is kept.
QT_PLUGINS = {
    "platforms": frozenset({"qxcb", "qoffscreen", "qwindows"}),
    "imageformats": frozenset({"qsvg", "qico"}),
    "iconengines": frozenset({"qsvgicon"}),
    "platforminputcontexts": frozenset({"composeplatforminputcontextplugin", "ibusplatforminputcontextplugin"}),
    "platformthemes": frozenset({"qxdgdesktopportal"}),
    "styles": frozenset({"qmodernwindowsstyle", "qwindowsvistastyle"}),
}
QT_TRANSLATIONS = frozenset({"qtbase_ru.qm", "qtbase_uk.qm", "qtbase_en.qm"})
# Libraries that come with Qt for Python beside Qt's own modules.
QT_BESIDE = re.compile(r"(lib)?(icu(data|i18n|uc)\.|pyside6\.|shiboken6\.|Shiboken\.)")

# Python modules that something names and tolmach never needs.
EXCLUDED_MODULES = [
    *("tkinter", "_tkinter", "idlelib", "turtle", "lib2to3", "ensurepip", "pydoc_data", "doctest", "unittest"),
    # Libraries of the system under the GPL would come with these.
    *("readline", "rlcompleter", "dbm.gnu", "_gdbm", "dbm.ndbm", "_dbm"),
    *("curses", "_curses", "_curses_panel"),
    # Plugins and libraries that are not ours to ship, were they in the environment.
    *("libjpeg", "pylibjpeg_libjpeg", "gdcm", "PyQt5", "PyQt6", "PySide2", "matplotlib", "pandas", "scipy", "IPython"),
    *("pytest", "_pytest", "hypothesis", "mypy", "setuptools", "pip", "wheel", "pkg_resources", "distutils", "Cython"),
    *("PIL.ImageTk", "PIL._imagingtk", "PIL.ImageQt", "PIL._avif", "PIL.AvifImagePlugin"),
    *("numpy.f2py", "numpy.distutils", "numpy.testing", "numpy.tests", "numpy._core.tests"),
    *("sqlalchemy.dialects.mysql", "sqlalchemy.dialects.oracle", "sqlalchemy.dialects.mssql"),
    *("pydicom.data.test_files", "pynetdicom.tests", "pynetdicom.apps.tests", "watchfiles", "websockets", "httptools"),
    *("uvloop", "rich", "typer"),
]

# Loaded by name, so that no import statement shows them.
_HIDDEN = (
    *("openjpeg", "jpeg_ls", "pylibjpeg", "obstore", "psycopg", "psycopg_binary", "psycopg_pool"),
    *("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.postgresql.psycopg"),
)
_HIDDEN_ON_WINDOWS = ("win32serviceutil", "win32service", "win32event", "servicemanager", "pywintypes", "win32timezone")

# Data files of the package. Migrations are programs that alembic reads from the disk.
_DATA = (
    "apps/desktop/icons/*.svg",
    "apps/translations/*/LC_MESSAGES/*.mo",
    "adapters/folder/presets/*.toml",
    "adapters/sql/migrations/**/*.py",
    "text/*.bin",
)
_LIBRARY = re.compile(r"(?:lib)?Qt6?([A-Z]\w*?)(?:\.abi3)?(?:\.so(?:\.\d+)*|\.dll|\.pyd)$")
_MICROSOFT = re.compile(r"(msvcp|vcruntime|concrt)\d+\w*\.dll$", re.IGNORECASE)
_OF_QT = ("PySide6", "shiboken6")
# Of pydicom's sample files only those that `tolmach demo` shows.
DEMO_SAMPLES = frozenset(
    "CT_small.dcm MR_small.dcm MR_small_implicit.dcm MR_small_bigendian.dcm JPEG2000.dcm SC_rgb_small_odd.dcm"
    " image_dfl.dcm".split()
)
DEMO_FILES = [f"data/test_files/{name}" for name in sorted(DEMO_SAMPLES)]
_DROPPED = re.compile(
    r".*/tests?/|.*\.(pyi|pxd|h|c|cpp|a|lib|po|pot|pyx)$|.*/RECORD$|.*/INSTALLER$"
    r"|(?:.*/)?(?:direct_url\.json|REQUESTED)$|PIL/_avif"
)


def data_files(root: Path) -> list[tuple[str, str]]:
    """Give the data files of the package, each with the folder it goes to."""
    package = root / "src" / "tolmach"
    found = [path for pattern in _DATA for path in sorted(package.glob(pattern))]
    return [(str(path), str(path.parent.relative_to(package.parent))) for path in found]


def hidden_imports(root: Path, *, is_windows: bool = False) -> list[str]:
    """Give every module of the package, for many are imported late, and what others load by name."""
    source = root / "src"
    ours = [
        ".".join(path.relative_to(source).with_suffix("").parts) for path in sorted(source.rglob("tolmach/**/*.py"))
    ]
    return [name.removesuffix(".__init__") for name in ours] + list(_HIDDEN + _HIDDEN_ON_WINDOWS * is_windows)


def is_kept(destination: str) -> bool:
    """Whether a file belongs into the program, by where it would lie in it."""
    path = PurePosixPath(destination.replace("\\", "/"))
    if _DROPPED.match(str(path)):
        return False
    if "test_files" in path.parts or "charset_files" in path.parts:
        return path.name in DEMO_SAMPLES
    if any(part in _OF_QT for part in path.parts[:1]):
        return _is_kept_of_qt(path)
    library = _LIBRARY.match(path.name)
    if library is not None:
        return library[1] in QT_MODULES
    if len(path.parts) == 1 and path.name.startswith("lib") and ".so" in path.name:
        return _is_kept_of_system(path.name)
    return True


def _is_kept_of_system(name: str) -> bool:
    """Whether a shared library beside everything else stays: Python's own, a wheel's, or one that is on the list."""
    is_other = name.startswith("libpython") or is_bundled_by_a_wheel(name) or QT_BESIDE.match(name) is not None
    return is_other or word_of(name) in TAKEN_FROM_SYSTEM


def _is_kept_of_qt(path: PurePosixPath) -> bool:
    parts = path.parts
    if "plugins" in parts:
        folder, name = parts[parts.index("plugins") + 1], path.name.split(".")[0].removeprefix("lib")
        return name in QT_PLUGINS.get(folder, frozenset())
    if "translations" in parts:
        return path.name in QT_TRANSLATIONS
    if parts[0] == "shiboken6":
        return True
    library = _LIBRARY.match(path.name)
    if library is not None:
        return library[1] in QT_MODULES
    return path.suffix == ".py" or bool(QT_BESIDE.match(path.name) or _MICROSOFT.match(path.name))
