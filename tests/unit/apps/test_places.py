"""What tolmach writes is never what it watches, by whatever name the folders go."""

from pathlib import Path

import pytest

from tests.calling import call
from tolmach.apps.faults import BadConfiguration
from tolmach.apps.places import require_apart
from tolmach.apps.settings import load_settings


def require(folder: Path, text: str) -> None:
    file = folder / "agent.toml"
    file.write_text(f'data_dir = "{(folder / "data").as_posix()}"\n{text.replace("~", folder.as_posix())}', "utf-8")
    require_apart(load_settings(file, {}), file)


def watch(name: str, folder: str, more: str = "") -> str:
    return f'[[watch]]\nname = "{name}"\nfolder = "~/{folder}"\n{more}\n'


OUT = '[[peer]]\nname = "out"\nkind = "folder"\nfolder = "~/{folder}"\n'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (watch("w", "in", 'export_folder = "~/in/out"'), "watch w: export_folder"),
        (watch("w", "in", 'export_folder = "~/in"'), "watch w: export_folder"),
        (watch("w", "in", 'export_folder = "~/x/../in/out"'), "watch w: export_folder"),
        (watch("w", "in", 'export_folder = "~/link/out"'), "watch w: export_folder"),
        (watch("w", "link", 'export_folder = "~/in/out"'), "watch w: export_folder"),
        (watch("w", "in", 'after = "move"\nmove_to = "~/in/done"'), "watch w: move_to"),
        (watch("w", "in", 'recursive = false\nafter = "move"\nmove_to = "~/in"'), "watch w: move_to"),
        (watch("w", "out/in", 'export_folder = "~/out"'), "watch w: export_folder"),
        (watch("w", "in") + watch("v", "x", 'export_folder = "~/in/out"'), "watch v: export_folder"),
        (watch("w", "in") + OUT.replace("{folder}", "in/pacs"), "peer out: folder"),
        (watch("w", "."), "data_dir"),
        (watch("w", "data"), "data_dir"),
        (watch("w", "shared/objects") + '[storage]\nfolder = "~/shared"\n', "storage: folder"),
        (watch("w", "data/objects"), "data_dir"),
        (watch("w", "in") + watch("v", "in"), "watch v: folder"),
        (watch("w", "in", "recursive = false") + watch("v", "link"), "watch v: folder"),
        (watch("w", "in") + watch("v", "in/deeper"), "watch v: folder"),
        (watch("w", "in/deeper") + watch("v", "in"), "watch v: folder"),
    ],
)
def test_folders_that_would_feed_one_another_are_refused(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(BadConfiguration, match=rf"agent\.toml: {where}: "):
        require(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        watch("w", "in", 'export_folder = "~/in-repaired"'),
        watch("w", "in", 'recursive = false\nafter = "move"\nmove_to = "~/in/done"'),
        watch("w", "in", "recursive = false") + watch("v", "in/deeper"),
        watch("w", "in") + watch("v", "in-2") + OUT.replace("{folder}", "pacs"),
        watch("w", "not-there", 'export_folder = "~/also-not"'),
    ],
)
def test_folders_beside_one_another_are_well(tmp_path: Path, text: str) -> None:
    (tmp_path / "in").mkdir()
    require(tmp_path, text)


def test_config_check_refuses_them(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('[[watch]]\nname = "w"\nfolder = "."\n', "utf-8")
    called = call("config", "check", "--config", "agent.toml")
    assert (called.status, called.codes) == (2, ["TLM-CFG-001"])
    assert "agent.toml: data_dir" in called.err
