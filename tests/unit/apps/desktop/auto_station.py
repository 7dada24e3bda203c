"""Records as a running agent leaves them, and an agent that is what a test says; synthetic names only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from tests.builders import CT_IMAGE, EXPLICIT_LE
from tests.contracts.records_values import arrival
from tests.unit.apps.desktop.conftest import WAIT
from tolmach.adapters.sql import Records, open_records
from tolmach.apps.desktop.agent import AgentState
from tolmach.apps.desktop.auto_view import AutoView
from tolmach.apps.desktop.mailbox import PAUSE_MILLISECONDS
from tolmach.apps.desktop.panels import ElidedLabel
from tolmach.apps.desktop.program import application
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.holding import records_by
from tolmach.apps.sections import PeerSettings, Settings, StorageSettings, WatchSettings
from tolmach.base import N_, Fault, Phrase, Problem, TolmachError
from tolmach.delivery.interfaces import Conclusion, Detected, Edition, Ending, NewDelivery
from tolmach.edit.changes import Change
from tolmach.intake.interfaces import Dealing, FileMark, Provenance
from tolmach.journeys.faults import SHADOW

NO_ANSWER = Fault(
    "TLM-NET-001",
    N_("{name} does not answer at {address}: {why}."),
    N_("Look whether it runs and whether host and port are right."),
)
AWAY = Problem(NO_ANSWER, {"name": "pacs", "address": "10.0.0.5:104", "why": "Connection refused"})


class FakeAgent(QObject):
    """An agent that runs nothing."""

    changed = Signal(AgentState)
    followed = Signal()

    def __init__(self, settings: Settings, state: AgentState | None = None) -> None:
        super().__init__()
        self.given = settings
        self.state = state or AgentState("running")
        self.asked: list[str] = []
        self.awaited: tuple[str, ...] = ()
        self.trouble: TolmachError | None = None

    def settings(self) -> Settings:
        if self.trouble is not None:
            raise self.trouble
        return self.given

    @contextmanager
    def records(self) -> Iterator[Records]:
        with records_by(self.settings(), create=False) as records:
            yield records

    def start(self) -> None:
        self.asked.append("start")

    def stop(self) -> None:
        self.asked.append("stop")

    def tell(self, state: AgentState) -> None:
        self.state = state
        self.changed.emit(state)


def settings_of(folder: Path, *names: str, **more: object) -> Settings:
    """Give settings with these watched folders, all for one PACS."""
    watches = tuple(
        WatchSettings(name=name, folder=folder / f"in {name}", to=("pacs",), **more)  # type: ignore[arg-type]
        for name in names
    )
    peers = (
        PeerSettings(name="pacs", ae_title="PACS", host="10.0.0.5", port=104),
        PeerSettings(name="ris", ae_title="RIS", host="10.0.0.6", port=104),
    )
    return Settings(data_dir=folder / "data", peer=peers, watch=watches, storage=StorageSettings(reserve="0"))


@dataclass
class Keeper:
    """Writes records as `tolmach serve` does."""

    records: Records
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    number: int = 0
    clock: list[datetime] = field(default_factory=lambda: [datetime.now(UTC)])

    def take(
        self,
        watch: str = "room-1",
        name: str = "Щербаков^Иван^Петрович",
        *,
        minutes: float = 5,
        to: tuple[str, ...] = ("pacs",),
        held: Problem | None = None,
        quarantine: Problem | None = None,
        verdict: str = "repairable",
        before: str = "Ùåðáàêîâ^Èâàí^Ïåòðîâè÷",
        modality: str = "DX",
        version: int = 1,
        number: int | None = None,
        changes: bool = True,
    ) -> int:
        """Take one image some minutes ago; gives its number."""
        self.number += 1
        at = self.now - timedelta(minutes=minutes)
        self.clock[0] = at
        came = arrival(self.number if number is None else number, version, Provenance("folder", watch), at)
        one = self.records.receipts.record(came).object_id
        change = Change("00100010", "PatientName", "PN", before, name, "character-set")
        part = Change("00180015", "BodyPartExamined", "CS", "ГР КЛЕТКА", "GR KLETKA", "code-string")
        edition = Edition(b"\x01", CT_IMAGE, came.sop_instance_uid, (change, part) if changes else ())
        facts = {"PatientName": name, "PatientID": "17-А", "StudyDate": f"{at:%Y%m%d}", "Modality": modality,
                 "StudyDescription": "Органы грудной клетки"}  # fmt: skip
        ending = Ending(
            object_id=one,
            sop_class_uid=CT_IMAGE,
            sop_instance_uid=came.sop_instance_uid,
            transfer_syntax_uid=EXPLICIT_LE,
            study_instance_uid=f"1.{self.number}",
            verdict=verdict,
            facts=facts,
            editions=() if quarantine else (edition,),
            deliveries=() if quarantine else [NewDelivery(one_to, 0, held) for one_to in to],
            quarantine=quarantine,
            detected=Detected("cp1251", 0.9987, Phrase("the letters fit")),
        )
        self.records.ends.finish([ending])
        path = f"2026/{name[:40]} {self.number}.dcm".encode("utf-8", "replace")
        mark = FileMark(path, 1, self.number, 500_000, self.number)
        self.records.watched.note(watch, [Dealing(mark, came.sha256, one)])
        self.clock[0] = self.now
        return one

    def deliver(self, to: str = "pacs", count: int = 1) -> None:
        """Let a destination confirm its oldest lines."""
        for _ in range(count):
            (line,) = self.records.outbox.claim(to, "w", 1, self.now + timedelta(days=1), 60)
            said = Conclusion(line.delivery_id, "delivered", status="0000", proof="response")
            self.records.outbox.conclude([said], self.now)

    def fail(self, to: str = "pacs", problem: Problem = AWAY, count: int = 1, *, held: bool = False) -> None:
        """Let a destination refuse, or not answer for, its oldest lines."""
        again = None if held else self.now + timedelta(minutes=7)
        for _ in range(count):
            (line,) = self.records.outbox.claim(to, "w", 1, self.now, 60)
            said = Conclusion(line.delivery_id, "held" if held else "queued", again, problem=problem)
            self.records.outbox.conclude([said], self.now)

    def look(self, *watches: str, problem: Problem | None = None) -> None:
        """Let folders have been looked at just now."""
        for watch in watches:
            self.records.watched.note_state(watch, problem, self.now)


def shadow(watch: str) -> Problem:
    """Give why shadow mode holds a line."""
    return Problem(SHADOW, {"watch": watch})


@contextmanager
def kept(folder: Path) -> Iterator[Keeper]:
    """Open the records of `settings_of`."""
    (folder / "data").mkdir(exist_ok=True)
    clock = [datetime.now(UTC)]
    with open_records(folder / "data", clock=lambda: clock[0]) as records:
        yield Keeper(records, clock=clock)


MakeView = Callable[[FakeAgent], AutoView]


def views(qtbot: QtBot) -> Iterator[MakeView]:
    """Give a function that shows the view of an agent, in English; closed at the end."""
    shown: list[AutoView] = []

    def make(agent: FakeAgent) -> AutoView:
        app = application()
        words, theme = Words("en"), Theme(app, "light")
        view = AutoView(agent, words, theme)
        words.setParent(view)
        theme.setParent(view)
        agent.setParent(view)
        shown.append(view)
        view.resize(1100, 760)
        view.show()
        settle(view, qtbot)
        return view

    yield make
    for view in shown:
        view.close_down()
        view.close()
        view.deleteLater()


def settle(view: AutoView, qtbot: QtBot) -> None:
    """Wait until everything that was asked is answered and shown."""
    desk, models = view.desk, (view.history.model, view.queue.model)

    def is_idle() -> bool:
        return not (
            desk.is_working
            or any(one.is_asked for one in desk._known.values())
            or any(model._missing or model._soon.isActive() or model._is_asking for model in models)
            or view.history.filters._soon.isActive()
            or view.history._look_soon.isActive()
        )

    for _ in range(2):  # what is shown may ask for more
        qtbot.waitUntil(is_idle, timeout=WAIT)
        qtbot.wait(2 * PAUSE_MILLISECONDS)
    qtbot.waitUntil(is_idle, timeout=WAIT)


def shown_text(widget: QWidget) -> list[str]:
    """Give all texts of labels and buttons that are seen."""
    seen = (one for one in widget.findChildren(QWidget) if one.isVisible())
    return [one.text() for one in seen if isinstance(one, QLabel | QAbstractButton | ElidedLabel)]


def in_dialog(does: Callable[[QWidget], None]) -> None:
    """Do something in the dialog that opens next, whenever it does; it is gone afterwards, whatever happened."""
    timer = QTimer(application())
    timer.setInterval(30)

    def act() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QDialog):
            return
        timer.stop()
        timer.deleteLater()
        try:
            does(dialog)
        finally:
            if dialog.isVisible():
                dialog.reject()

    timer.timeout.connect(act)
    timer.start()
