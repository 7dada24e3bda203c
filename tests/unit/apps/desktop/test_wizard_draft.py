"""The settings of a new watch: what is proposed, what the loader makes of them, and trying the destination out."""

from datetime import date
from pathlib import Path

import pytest

from tests.builders import body, part10
from tests.calling import CLEAN, UNSURE, numbered
from tests.unit.apps.desktop.conftest import closed_port, receiver
from tolmach.adapters.dimse.status import OUT_OF_RESOURCES
from tolmach.adapters.folder import inflate
from tolmach.apps.desktop.watch_fields import listed
from tolmach.apps.desktop.watch_words import (
    ABOUT_COMPLETENESS,
    ABOUT_FOLDER,
    ABOUT_TIDYING,
    ABOUT_WAYS,
    CHOICES,
    DESCRIPTIONS,
    LABELS,
    MORE,
    PROFILE,
)
from tolmach.apps.desktop.wizard_draft import Judged, Plan, judge, proposed
from tolmach.apps.desktop.wizard_passport import DONE_HERE
from tolmach.apps.desktop.wizard_samples import Sampled, take_samples
from tolmach.apps.desktop.wizard_sending import try_echo, try_image
from tolmach.apps.sections import PeerSettings, ProfileSettings, Settings, WatchSettings
from tolmach.apps.settings import load_settings
from tolmach.base import Phrase
from tolmach.journeys.passport import PassportMaker
from tolmach.journeys.proposal import ProposedRule, next_steps

PACS = PeerSettings(name="pacs", ae_title="PACS", host="127.0.0.1", port=104)
CONFIG = '[[peer]]\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = 104\n[[profile]]\nname = "usual"\n'


def test_forms_know_every_key_and_say_what_the_schema_says() -> None:
    watch = {field.alias or name: field.description for name, field in WatchSettings.model_fields.items()}
    profile = {field.alias or name: field.description for name, field in ProfileSettings.model_fields.items()}
    told = [one for name, one in [*watch.items(), *profile.items()] if name != "rule"]
    assert sorted({str(one) for one in told}) == sorted(DESCRIPTIONS)
    assert set(LABELS) == {*watch, *profile} - {"rule"}
    shown = {*ABOUT_FOLDER, *ABOUT_COMPLETENESS, *ABOUT_WAYS, *ABOUT_TIDYING, *MORE}
    assert shown | {"folder", "profile", "shadow"} == set(watch)
    assert set(PROFILE) | {"rule"} == set(profile)
    for name in ("after", "unsure", "code_string"):
        model = WatchSettings if name == "after" else ProfileSettings
        assert f"Literal[{', '.join(map(repr, CHOICES[name]))}]" in str(model.model_fields[name].annotation)


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (".dcm", [".dcm"]),
        (" .dcm , .dic,", [".dcm", ".dic"]),
        ('.dcm, ""', [".dcm", ""]),
        ('"a, b", *.tmp', ["a, b", "*.tmp"]),
        ('"', ['"']),
        (",,", []),
    ],
)
def test_lists_as_people_write_them(text: str, entries: list[str]) -> None:
    assert listed(text) == entries


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "tolmach.toml"
    file.write_text(f'data_dir = "{(tmp_path / "data").as_posix()}"\n{CONFIG}', "utf-8")
    return file


def judged(file: Path, plan: Plan) -> Judged:
    before = file.read_bytes() if file.is_file() else None
    verdict = judge(plan, file, {}, str)
    assert (file.read_bytes() if file.is_file() else None) == before
    return verdict


def watch(tmp_path: Path, **values: object) -> dict[str, object]:
    return {"name": "room", "folder": tmp_path / "in", "to": ["pacs"], "shadow": True, **values}


def test_a_right_plan_gives_the_whole_new_content(config: Path, tmp_path: Path) -> None:
    table = [{"map": "Laterality", "table": "no.csv"}]
    rules = (
        ProposedRule({"Modality": "XX"}, [{"upper": "BodyPartExamined"}], Phrase("small letters")),
        ProposedRule({}, table, Phrase("no legal form"), is_safe=False),
    )
    plan = Plan(
        watch(tmp_path, profile="room", settle_seconds="2.5"),
        {"name": "room", "from": "cp1251"},
        rules,
        (PACS, PeerSettings(name="unused", ae_title="X", host="h", port=1)),
        {"from": Phrase("sure")},
    )
    verdict = judged(config, plan)
    assert verdict.is_right, verdict.problem
    assert verdict.content.startswith(config.read_bytes())
    assert '"cp1251"' in verdict.text
    assert "# sure" in verdict.text
    assert '# do = [{ map = "Laterality", table = "no.csv" }]' in verdict.text
    assert "unused" not in verdict.text
    assert verdict.settings is not None
    assert verdict.settings.watch == (verdict.watch,)
    assert verdict.settings.profile[1].rule == ({"when": {"Modality": "XX"}, "do": [{"upper": "BodyPartExamined"}]},)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"name": ""}, ("watch", "name")),
        ({"name": "pacs"}, ("watch", "name")),
        ({"preset": "none"}, ("watch", "preset")),
        ({"to": ["nobody"]}, ("watch", "to")),
        ({"profile": "nothing"}, ("watch", "profile")),
        ({"settle_seconds": "soon"}, ("watch", "settle_seconds")),
        ({"patience_seconds": "0"}, ("watch", "patience_seconds")),
        ({"ignore_larger": "-1"}, ("watch", "ignore_larger")),
        ({"after": "move"}, ("watch", "move_to")),
        ({"after": "move", "move_to": "{in}/done"}, ("watch", "move_to")),
        ({"export_folder": "out"}, ("watch", "export_folder")),
        ({"export_folder": "{in}/out"}, ("watch", "export_folder")),
        ({"export_template": "/{PatientID}"}, ("watch", "export_template")),
        ({"folder": "{data}/in"}, ("watch", "folder")),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    config: Path, tmp_path: Path, values: dict[str, object], place: tuple[str, str]
) -> None:
    for name, value in values.items():
        if isinstance(value, str) and value.startswith(("{in}", "{data}")):
            values[name] = Path(value.replace("{in}", f"{tmp_path}/in").replace("{data}", f"{tmp_path}/data"))
    verdict = judged(config, Plan(watch(tmp_path, **values)))
    assert list(verdict.errors) == [place]
    assert str(verdict.errors[place])
    assert not verdict.is_right


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"name": ""}, "name"),
        ({"name": "usual"}, "name"),
        ({"from": "cp437"}, "from"),
        ({"text": "nonsense"}, "text"),
        ({"transliteration": "klingon"}, "transliteration"),
        ({"unsure": "perhaps"}, "unsure"),
    ],
)
def test_what_is_wrong_with_the_profile_stands_at_its_field(
    config: Path, tmp_path: Path, values: dict[str, object], key: str
) -> None:
    profile = {"name": "room", **values}
    verdict = judged(config, Plan(watch(tmp_path, profile=profile["name"] or None), profile))
    assert list(verdict.errors) == [("profile", key)]


def test_a_broken_file_is_a_problem_of_its_own(config: Path, tmp_path: Path) -> None:
    config.write_text("[dicom]\nprot = 1\n", "utf-8")
    verdict = judged(config, Plan(watch(tmp_path, to=())))
    assert verdict.problem is not None
    assert "prot" in str(verdict.problem)
    config.unlink()
    assert judged(config, Plan(watch(tmp_path, to=["pacs"]), peers=(PACS,))).is_right


def sampled(folder: Path) -> Sampled:
    said: list[object] = []
    take_samples(folder, 50, date(2026, 11, 22), said.append, lambda: True, lambda: False)
    assert isinstance(said[-1], Sampled)
    return said[-1]


def test_what_is_proposed_is_right_as_it_is(config: Path, files: Path) -> None:
    (files / "clean.dcm").rename(files / "clean.IMA")
    settings = load_settings(config, {})
    made = proposed(files, settings, sampled(files), 0, is_network=False)
    assert made.makes_profile
    assert made.watch["extensions"] == [".dcm", ".ima"]
    assert ("profile", "from") in made.reasons
    watching = {**made.watch, "to": ["pacs"], "profile": made.profile["name"]}
    reasons = {key: why for (table, key), why in made.reasons.items() if table == "profile"}
    verdict = judged(config, Plan(watching, made.profile, made.rules, (), reasons, made.head))
    assert verdict.is_right, (verdict.errors, verdict.problem)


def test_names_and_manners_are_proposed(config: Path, files: Path, tmp_path: Path) -> None:
    settings = load_settings(config, {})
    folder = tmp_path / "pacs"
    assert proposed(folder, settings, None, 0, is_network=False).watch["name"] == "pacs-2"
    far = proposed(folder, settings, None, 0, is_network=True)
    assert far.watch["preset"] == "slow-share"
    assert not far.makes_profile
    assert proposed(Path("/"), settings, None, 0, is_network=False).watch["name"] == "folder-1"
    named = [(0x00080070, "LO", b"INTEGRIS "), (0x00081010, "SH", b"ROOM7 "), (0x00100010, "PN", b"A^B ")]
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "1.dcm").write_bytes(part10(body(*named)))
    made = proposed(folder, settings, sampled(tmp_path / "named"), 0, is_network=False)
    assert (made.watch["preset"], made.watch["name"], made.profile["name"]) == ("integris", "room7", "room7")


@pytest.mark.parametrize(
    ("station", "model", "maker", "folder", "name"),
    [
        (b"000000000 ", b"12345 ", b"ACME Medical", "in", "acme-medical"),
        (b"000000000 ", b"Ray 7 ", b"ACME", "in", "ray-7"),
        (b"000000000 ", b"7 ", b"15", "X-ray room", "X-ray room"),
        (b"000000000 ", b"7 ", b"15", "000000000", "folder-1"),
        (b"", b"", b"", "2026-11", "folder-1"),
    ],
)
def test_a_number_alone_is_no_name(
    config: Path, tmp_path: Path, station: bytes, model: bytes, maker: bytes, folder: str, name: str
) -> None:
    texts = ((0x00080070, "LO", maker), (0x00081010, "SH", station), (0x00081090, "LO", model))
    elements = [(tag, vr, text if len(text) % 2 == 0 else text + b" ") for tag, vr, text in texts if text]
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "1.dcm").write_bytes(part10(body(*elements, (0x00100010, "PN", b"A^B "))))
    settings, found = load_settings(config, {}), sampled(samples)
    made = proposed(tmp_path / folder, settings, found, 0, is_network=False)
    assert (made.watch["name"], made.profile["name"]) == (name, name)
    taken = settings.model_copy(update={"watch": (WatchSettings(name=name, folder=tmp_path / "b", to=("pacs",)),)})
    again = proposed(tmp_path / folder, taken, found, 0, is_network=False)
    assert again.watch["name"] == ("folder-2" if name == "folder-1" else f"{name}-2")


def test_the_steps_the_wizard_does_itself_are_known(files: Path) -> None:
    maker = PassportMaker(inflate, date(2026, 11, 22))
    from tolmach.adapters.folder import FileReader

    with FileReader().open(files / "clean.dcm") as source:
        maker.add(source, "clean")
    assert set(DONE_HERE) <= {one.msgid for one in next_steps(maker.passports()[0])}


def settings_for(port: int, folder: Path, **watching: object) -> tuple[PeerSettings, Settings]:
    peer = PeerSettings(name="pacs", ae_title="PACS", host="127.0.0.1", port=port)
    values = {"name": "room", "folder": folder, "to": ("pacs",), **watching}
    return peer, Settings(peer=(peer,), watch=(WatchSettings.model_validate(values),))


def test_one_image_is_sent_as_the_watch_would(tmp_path: Path) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(numbered(1))
    with receiver(tmp_path / "scp") as (port, taken):
        peer, settings = settings_for(port, tmp_path)
        assert (try_echo(peer, settings, "ROOM").seconds or 9) < 5
        assert try_image(file, peer, settings, "room", "ROOM", tmp_path / "x.toml").is_good
        (content,) = taken.values()
        assert b"ISO_IR 192" in content
        peer, settings = settings_for(port, tmp_path, original=True)
        assert try_image(file, peer, settings, "room", "ROOM", tmp_path / "x.toml").is_good
        assert b"ISO_IR 100" in next(iter(taken.values()))


def test_what_keeps_a_test_from_going_well_is_told(tmp_path: Path) -> None:
    file, doubtful = tmp_path / "a.dcm", tmp_path / "b.dcm"
    file.write_bytes(CLEAN)
    doubtful.write_bytes(UNSURE)
    peer, settings = settings_for(closed_port(), tmp_path)
    for trial in (try_echo(peer, settings, "ROOM"), try_image(file, peer, settings, "room", "ROOM", tmp_path)):
        assert trial.problem is not None
        assert trial.problem.code == "TLM-NET-011"
    with receiver(tmp_path / "scp", OUT_OF_RESOURCES) as (port, _):
        peer, settings = settings_for(port, tmp_path)
        refused = try_image(file, peer, settings, "room", "ROOM", tmp_path)
        assert not refused.is_good
        gone = try_image(tmp_path / "gone.dcm", peer, settings, "room", "ROOM", tmp_path)
        assert gone.problem is not None
        assert gone.problem.code == "TLM-FIL-001"
