"""The fourth page: the proposed watch and profile, in forms made from the schema, judged by the loader itself."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from tolmach.adapters.folder.watch_presets import preset
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import Banner, ToolButton, panel, text_label
from tolmach.apps.desktop.peer_dialog import PeerDialog
from tolmach.apps.desktop.watch_fields import ChoiceField, ManyField, WrappedBox
from tolmach.apps.desktop.watch_forms import LABEL_WIDTH, SectionForm
from tolmach.apps.desktop.watch_words import (
    ABOUT_COMPLETENESS,
    ABOUT_FOLDER,
    ABOUT_TIDYING,
    ABOUT_WAYS,
    MORE,
    PROFILE,
)
from tolmach.apps.desktop.wizard_course import Course
from tolmach.apps.desktop.wizard_draft import Judged
from tolmach.apps.desktop.wizard_page import WizardPage
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import printable
from tolmach.apps.sections import PeerSettings, ProfileSettings, WatchSettings
from tolmach.base import N_, Phrase, TolmachError

_STANDARD = ""


class SettingsPage(WizardPage):
    """Asks for the settings of the watch."""

    title = N_("Settings")
    about = N_("This is proposed. Change what you know better; what cannot be so is told at once.")

    def __init__(self, course: Course) -> None:
        """Show nothing yet."""
        super().__init__(course)
        words = self.words
        self.folder_form = SectionForm(words, WatchSettings, [*ABOUT_FOLDER, ABOUT_COMPLETENESS[0]])
        self.ways_form = SectionForm(words, WatchSettings, ABOUT_WAYS)
        self.tidy_form = SectionForm(words, WatchSettings, ABOUT_TIDYING)
        self.more_form = SectionForm(words, WatchSettings, MORE)
        self.repair_form = SectionForm(words, WatchSettings, ["profile"])
        self.profile_form = SectionForm(words, ProfileSettings, PROFILE)
        self.watch_forms = (self.folder_form, self.ways_form, self.tidy_form, self.more_form, self.repair_form)
        self.add_peer = ToolButton(words, self.theme, "plus", N_("Add &destination…"), N_("Add a destination"))
        self.more = QPushButton()
        self.more.setCheckable(True)
        words.bind(self.more.setText, N_("&More settings"))
        self.banner = Banner(words, self.theme)
        self.rules: list[WrappedBox] = []
        self._is_filling = False
        self._shown: object = None  # the proposal the forms were filled from
        self._arrange()
        for form in (*self.watch_forms, self.profile_form):
            form.changed.connect(self._changed)
        self.add_peer.clicked.connect(self._add_peer)
        self.more.toggled.connect(self._show_more)
        course.judged_anew.connect(self._show_verdict)

    def _arrange(self) -> None:
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        body.setObjectName("settingsBody")
        inside = QVBoxLayout(body)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.setSpacing(10)
        self._rules_box = QWidget()
        self._rules_column = QVBoxLayout(self._rules_box)
        self._rules_column.setContentsMargins(0, 4, 0, 4)
        self._rules_column.setSpacing(8)
        add = QHBoxLayout()
        add.setContentsMargins(LABEL_WIDTH + 14, 0, 0, 0)
        add.addWidget(self.add_peer)
        add.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.more)
        row.addStretch(1)
        inside.addWidget(self._group(N_("The folder"), self.folder_form))
        inside.addWidget(self._group(N_("Where images go"), self.ways_form, add))
        inside.addWidget(self._group(N_("What becomes of the files"), self.tidy_form))
        inside.addWidget(self._group(N_("Text repair"), self.repair_form, self.profile_form, self._rules_box))
        inside.addLayout(row)
        self._more_group = self._group(N_("More settings"), self.more_form)
        self._more_group.hide()
        inside.addWidget(self._more_group)
        inside.addStretch(1)
        self.area.setWidget(body)
        self.column.addWidget(self.banner)
        self.column.addWidget(self.area, 1)

    def _group(self, title: str, *parts: QWidget | QHBoxLayout) -> QWidget:
        frame, inside = panel()
        inside.setContentsMargins(16, 12, 16, 12)
        inside.setSpacing(6)
        heading = text_label("", "heading")
        self.words.bind(heading.setText, title)
        inside.addWidget(heading)
        inside.addSpacing(4)
        for one in parts:
            if isinstance(one, QWidget):
                inside.addWidget(one)
            else:
                inside.addLayout(one)
        return frame

    @property
    def may_go_on(self) -> bool:
        """Whether all of it was judged to be right."""
        return self.course.is_right

    def enter(self) -> None:
        """Show the proposal, or what was made of it before."""
        made = self.course.propose()
        self._is_filling = True
        self._offer()
        for form in self.watch_forms:
            form.put(self.course.watch)
            form.explain({key: why for (table, key), why in made.reasons.items() if table == "watch"})
        self.profile_form.put(self.course.profile)
        self.profile_form.explain({key: why for (table, key), why in made.reasons.items() if table == "profile"})
        if self._shown is not made:
            self._offer_rules()
            self._shown = made
            self.area.verticalScrollBar().setValue(0)
        self._is_filling = False
        self._fit()
        self.course.judge_soon()
        self.changed.emit()

    # Offering.

    def _offer(self) -> None:
        to, profile = self.ways_form.fields["to"], self.repair_form.fields["profile"]
        assert isinstance(to, ManyField)
        assert isinstance(profile, ChoiceField)
        to.offer({one.name: _text_of(one) for one in self.course.peers})
        known = [] if self.course.settings is None else [one.name for one in self.course.settings.profile]
        new = self.course.profile.get("name")
        self._new_profile = str(new) if self.course.propose().makes_profile else None
        keys = [*([] if self._new_profile is None else [self._new_profile]), _STANDARD, *known]
        profile.offer(keys, self._profile_text)

    def _profile_text(self, key: str) -> str:
        if key == _STANDARD:
            return self.words.gettext(N_("the usual repair, without a profile"))
        if key == self._new_profile:
            return self.words.gettext(N_("a new profile, as proposed: {name}"), name=shown.label(key))
        return shown.label(key)

    def _offer_rules(self) -> None:
        for box in self.rules:
            self._rules_column.removeWidget(box)
            box.deleteLater()
        self.rules = []
        for number, rule in enumerate(self.course.propose().rules):
            if rule.is_safe:
                box = WrappedBox()
                box.setChecked(number not in self.course.left_out)
                box.setProperty("rule", number)
                box.toggled.connect(self._changed)
                self.rules.append(box)
                self._rules_column.addWidget(box)
        self._say_rules()

    def _say_rules(self) -> None:
        rules = self.course.propose().rules if self._shown is not None or self.rules else ()
        for box in self.rules:
            rule = rules[int(box.property("rule"))]
            text = self.words.gettext(N_("Rule: {why}"), why=self.words.phrase(rule.why))
            box.setText(shown.plain(text, 300))

    # What is typed.

    def _changed(self) -> None:
        if self._is_filling:
            return
        self.gather()
        self._fit()
        self.course.judge_soon()
        self.changed.emit()

    def gather(self) -> None:
        """Take what stands in the forms."""
        course, new_before = self.course, self.course.profile.get("name")
        watch: dict[str, object] = {}
        for form in self.watch_forms:
            watch |= form.values()
        if watch.get("after") != "move":
            watch.pop("move_to", None)  # it cannot be seen, and must not be in the way
        course.profile = self.profile_form.values()
        if self._new_profile is not None and watch.get("profile") == new_before:
            watch["profile"] = self._follow_name(course.profile.get("name"))
        course.watch = watch
        course.left_out = {int(box.property("rule")) for box in self.rules if not box.isChecked()}

    def _follow_name(self, name: object) -> object:
        """Let the choice of the new profile follow when that gets another name."""
        field = self.repair_form.fields["profile"]
        assert isinstance(field, ChoiceField)
        text = str(name or "")
        if text != self._new_profile:
            self._new_profile = text
            field.combo.blockSignals(True)
            field.combo.setItemData(0, text)
            field.combo.setItemText(0, self._profile_text(text))
            field.combo.blockSignals(False)
        return name

    def _fit(self) -> None:
        """Show the fields that mean something with the others as they are, and in empty ones what holds then."""
        hints = _hints(str(self.folder_form.fields["preset"].value()), self.words)
        for form in (self.folder_form, self.more_form):
            form.hint(hints)
        moves = self.tidy_form.fields["after"].value() == "move"
        self.tidy_form.show_only(["after", *(["move_to"] if moves else []), "silent_after_hours"])
        is_new = self._new_profile is not None and self.repair_form.fields["profile"].value() == self._new_profile
        self.profile_form.setVisible(is_new)
        self._rules_box.setVisible(is_new and bool(self.rules))

    def _show_more(self, is_shown: bool) -> None:
        self._more_group.setVisible(is_shown)

    # Destinations.

    def _add_peer(self) -> None:
        others = [one for one in self.course.peers if one.kind == "dicom"]
        settings = self.course.settings
        if settings is not None:
            others = [*settings.peer, *(one for one in others if one not in settings.peer)]
        dialog = PeerDialog(self.words, others, self._own_title, None, self)
        if dialog.exec() and dialog.peer is not None:
            self.take_peer(dialog.peer)
        dialog.deleteLater()

    @property
    def _own_title(self) -> str:
        settings = self.course.settings
        return self.course.station.ae_title if settings is None else settings.dicom.ae_title

    def take_peer(self, peer: PeerSettings) -> None:
        """Offer a new destination, and choose it."""
        self.gather()
        self.course.add_peer(peer)
        self.enter()

    # The verdict.

    def _show_verdict(self) -> None:
        judged = self.course.judged
        if judged is None:
            return
        errors = judged.errors
        for form in self.watch_forms:
            form.mark({key: why for (table, key), why in errors.items() if table == "watch"})
        self.profile_form.mark({key: why for (table, key), why in errors.items() if table == "profile"})
        self._say_banner()
        self.changed.emit()

    def _say_banner(self) -> None:
        judged = self.course.judged
        if judged is None:
            self.banner.hide()
        elif judged.problem is not None:
            self.banner.tell(judged.problem, can_close=False)
        elif judged.errors and (text := self._elsewhere(judged)):
            self.banner.say(text, "", "bad", can_close=False)
        else:
            self.banner.hide()

    def _elsewhere(self, judged: Judged) -> str:
        """Say what is wrong in a field that cannot be seen just now: in the folder itself, or behind a button."""
        shown_keys = {("watch", key) for form in self.watch_forms for key in form.fields}
        if not self._more_group.isVisibleTo(self):
            shown_keys -= {("watch", key) for key in self.more_form.fields}
        shown_keys |= {("profile", key) for key in self.profile_form.fields}
        for place, why in judged.errors.items():
            if place not in shown_keys:
                text = self.words.phrase(why) if isinstance(why, Phrase) else shown.plain(why)
                return f"{place[1]}: {text}"
        return ""

    def say(self) -> None:
        """Say the rules and the verdict anew; the forms do so themselves."""
        if self._shown is not None:
            self._say_rules()
            self._fit()
            self._say_banner()
            self.course.judge_soon()  # the reasons stand in the text


def _hints(name: str, words: Words) -> dict[str, str]:
    """Give what the preset says of keys that are left empty; numbers have little room."""
    try:
        manner = preset(name)
    except TolmachError:
        return {}
    ends = words.gettext(N_("by the preset: {value}"), value=", ".join(one or '""' for one in manner.extensions))
    seconds = {key: f"({getattr(manner, key):g})" for key in ("settle_seconds", "patience_seconds", "scan_seconds")}
    return {"extensions": ends, **seconds}


def _text_of(peer: PeerSettings) -> str:
    """Give what is shown of a destination."""
    if peer.kind == "dicom":
        where = f"{peer.ae_title}@{peer.host}:{peer.port}"
    else:
        where = peer.url or (printable(peer.folder) if peer.folder is not None else f"{peer.host}:{peer.port}")
    return f"{shown.label(peer.name)}   {shown.label(where)}"
