"""The gate of licences, held against planted packages and against what really is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest

from scripts.licence_notices import Component, Refused, components, inner_works, licence_of, main, notices, work_of
from scripts.spdx import Verdict, judge, normal

Plant = Callable[..., Distribution]
TEXT = "Permission is granted to test with this text."


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


@pytest.fixture
def plant(packages: Path) -> Plant:
    """Give a function that installs a package with one module, its licence told as the lines say."""

    def made(name: str, *lines: str, text: str | None = TEXT) -> Distribution:
        info = packages / f"{name}-1.0.dist-info"
        info.mkdir()
        module = packages / f"{name}.py"
        module.write_text("", "utf-8")
        (info / "METADATA").write_text("\n".join(("Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines)))
        files = [f"{name}.py", f"{info.name}/METADATA"]
        if text is not None:
            (info / "LICENSE").write_text(text)
            files.append(f"{info.name}/LICENSE")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        return next(iter(distributions(path=[str(packages)], name=name)))

    return made


def manifest(packages: Path, *names: str) -> list[tuple[str, str, str]]:
    return [(name, str(packages / f"{name}.py"), "module") for name in names]


def refusal(packages: Path, *names: str) -> str:
    with pytest.raises(Refused) as refused:
        components(manifest(packages, *names), distributions(path=[str(packages)]))
    return "\n".join(refused.value.reasons)


def test_a_free_package_is_told_with_its_text(packages: Path, plant: Plant) -> None:
    plant("free", "License-Expression: MIT")
    (work,) = components(manifest(packages, "free"), distributions(path=[str(packages)]))
    assert work == Component("free", "1.0", "MIT", (TEXT,))
    told = notices([work], [])
    assert "free 1.0: MIT" in told
    assert told.count(TEXT) == 1


@pytest.mark.parametrize(
    "line",
    [
        "License-Expression: GPL-3.0-or-later",
        "License-Expression: AGPL-3.0-only",
        "License-Expression: MIT AND GPL-2.0-only",
        "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
        "Classifier: License :: OSI Approved :: GNU Affero General Public License v3 or later (AGPLv3+)",
        "License: GPL-3.0",
    ],
)
def test_a_planted_gpl_package_is_refused(packages: Path, plant: Plant, line: str) -> None:
    plant("free", "License-Expression: MIT")
    plant("viral", line)
    assert refusal(packages, "free", "viral").endswith("may not be in the program")
    assert "viral" in refusal(packages, "viral")


def test_a_package_that_is_not_in_the_program_is_nobodys_concern(packages: Path, plant: Plant) -> None:
    plant("free", "License-Expression: MIT")
    plant("viral", "License-Expression: GPL-3.0-only")
    assert [work.name for work in components(manifest(packages, "free"), distributions(path=[str(packages)]))] == [
        "free"
    ]


@pytest.mark.parametrize(
    "lines",
    [(), ("License: see the file",), ("License-Expression: LicenseRef-Ours",), ("License-Expression: MIT OR (",)],
)
def test_a_licence_nobody_knows_is_refused(packages: Path, plant: Plant, lines: tuple[str, ...]) -> None:
    plant("odd", *lines)
    assert "its licence is not known" in refusal(packages, "odd")


def test_the_lgpl_needs_the_place_of_the_source(packages: Path, plant: Plant) -> None:
    plant("weak", "License-Expression: LGPL-3.0-only")
    assert "needs the place of its source" in refusal(packages, "weak")


def test_a_licence_without_text_is_refused_unless_we_keep_it(packages: Path, plant: Plant) -> None:
    plant("silent", "License-Expression: BSD-3-Clause", text=None)
    assert "the text of its licence (BSD-3-Clause) is nowhere" in refusal(packages, "silent")
    work = work_of(plant("plain", "License-Expression: MIT", text=None))
    assert "Permission is hereby granted" in work.texts[0]


def test_a_file_without_an_owner_is_refused(packages: Path) -> None:
    stray = packages / "libmystery.so.1"
    stray.write_bytes(b"\x7fELF")
    with pytest.raises(Refused, match="nobody knows whose this is"):
        components([("libmystery.so.1", str(stray), "library")], [])


def test_everything_that_is_wrong_is_told_at_once_and_nothing_written(
    packages: Path, plant: Plant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant("viral", "License-Expression: GPL-3.0-only")
    plant("odd")
    file, out = tmp_path / "manifest.json", tmp_path / "notices.txt"
    file.write_text(json.dumps(manifest(packages, "viral", "odd")))
    assert main(["--manifest", str(file), "--packages", str(packages), "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "viral" in told
    assert "odd" in told
    assert not out.exists()


def test_what_is_compiled_in_is_told_and_judged(packages: Path, plant: Plant) -> None:
    plant("rusty", "License-Expression: MIT")
    folder = packages / "rusty-1.0.dist-info" / "sboms"
    folder.mkdir()
    parts = [
        {"name": "crate", "version": "2", "licenses": [{"expression": "MIT OR Apache-2.0"}]},
        {"name": "not-in-it", "scope": "optional", "licenses": [{"license": {"id": "GPL-3.0-only"}}]},
    ]
    (folder / "rusty.json").write_text(json.dumps({"components": parts}))
    found = list(inner_works(packages))
    assert found == [("rusty-1.0.dist-info", "crate", "2", "MIT OR Apache-2.0")]
    assert "crate 2: MIT OR Apache-2.0" in notices([], found)
    with pytest.raises(Refused, match="not-in-it"):
        notices([], [("rusty-1.0.dist-info", "not-in-it", "", "GPL-3.0-only")])


def test_qt_is_used_under_the_lgpl_and_its_source_is_named() -> None:
    work = work_of(distribution("PySide6_Essentials"))
    assert judge(work.licence) == (Verdict.WITH_SOURCE, "LGPL-3.0-only")
    assert "code.qt.io" in work.source
    assert any("GNU LESSER GENERAL PUBLIC LICENSE" in text for text in work.texts)
    assert any("GNU GENERAL PUBLIC LICENSE" in text for text in work.texts)  # the LGPL 3 is a supplement to it
    told = notices([work], [])
    assert "(used under LGPL-3.0-only)" in told
    assert "How to replace what is under the LGPL" in told


def test_the_bootloader_is_the_one_exception() -> None:
    work = work_of(distribution("pyinstaller"))
    assert judge(work.licence)[0] is Verdict.FREE
    assert judge(licence_of(distribution("pyinstaller")))[0] is Verdict.REFUSED
    assert any("special exception" in text.lower() or "bootloader" in text.lower() for text in work.texts)


def test_what_tolmach_needs_at_run_time_may_be_shipped() -> None:
    names = "alembic click fastapi numpy obstore pillow platformdirs psycopg psycopg-binary pydantic pydicom pyjpegls"
    names += " pylibjpeg pylibjpeg-openjpeg pynetdicom python-multipart shiboken6 sqlalchemy urllib3 uvicorn watchdog"
    for name in names.split():
        work = work_of(distribution(name))
        assert judge(work.licence)[0] >= Verdict.WITH_SOURCE, name
        assert work.texts, name


@pytest.mark.parametrize(
    ("expression", "verdict", "chosen"),
    [
        ("MIT", Verdict.FREE, "MIT"),
        ("GPL-2.0-only OR MIT", Verdict.FREE, "MIT"),
        ("MIT OR Apache-2.0", Verdict.FREE, "MIT"),
        ("(GPL-3.0-only OR LGPL-3.0-only) AND MIT", Verdict.WITH_SOURCE, "LGPL-3.0-only AND MIT"),
        ("MIT AND AGPL-3.0-only", Verdict.REFUSED, "MIT AND AGPL-3.0-only"),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", Verdict.FREE, "GPL-3.0-or-later WITH GCC-exception-3.1"),
        ("GPL-3.0-or-later WITH Some-exception", Verdict.UNKNOWN, "GPL-3.0-or-later WITH Some-exception"),
        ("Apache-2.0 WITH LLVM-exception", Verdict.FREE, "Apache-2.0 WITH LLVM-exception"),
        ("MIT Apache-2.0", Verdict.UNKNOWN, "MIT Apache-2.0"),
        ("", Verdict.UNKNOWN, ""),
        ("(MIT", Verdict.UNKNOWN, "(MIT"),
        ("MIT AND", Verdict.UNKNOWN, "MIT AND"),
    ],
)
def test_expressions_are_judged(expression: str, verdict: Verdict, chosen: str) -> None:
    assert judge(expression) == (verdict, chosen)


def test_old_words_for_licences_are_understood() -> None:
    assert judge(normal("The MIT License"))[0] is Verdict.FREE
    assert judge(normal("GNU General Public License v2 (GPLv2)"))[0] is Verdict.REFUSED
    assert judge(normal("something else"))[0] is Verdict.UNKNOWN
