"""One destination: its fields from the settings' schema, judged while they are typed, tried out before it is kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pydantic import ValidationError
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from tolmach.adapters.dimse import verify_peer
from tolmach.apps.consistency import AE_TITLE, HOST_MISSING, OWN_WORDS
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.mailbox import Mailbox
from tolmach.apps.desktop.panels import put_tone, text_label
from tolmach.apps.desktop.schema_form import SchemaForm
from tolmach.apps.desktop.words import Words
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.apps.settings import address_of, timeouts_of
from tolmach.base import N_, Phrase, TolmachError
from tolmach.repair.profile import parse_text_policy

FIRST = ("name", "ae_title", "host", "port")
MORE = ("text", "proof", "associations", "tls", "tls_check_name", "connect_timeout_seconds", "dimse_timeout_seconds")
_FIELD_OF = {AE_TITLE: "ae_title", HOST_MISSING: "host"}


class PeerDialog(QDialog):
    """Asks for a peer. `peer` is what was given once it was accepted."""

    def __init__(
        self, words: Words, others: Sequence[PeerSettings], ae_title: str, peer: PeerSettings | None,
        parent: QWidget | None,
    ) -> None:  # fmt: skip
        """Begin with a peer to be changed, or with an empty form; `others` keep their names and addresses."""
        super().__init__(parent)
        self._words, self._others, self._own_title = words, others, ae_title
        self.peer: PeerSettings | None = None
        say = words.gettext
        self.setWindowTitle(say(N_("Change destination")) if peer else say(N_("Add destination")))
        self.setMinimumWidth(460)
        self.first = SchemaForm(words, PeerSettings, FIRST, {"port": 1})
        self.more = SchemaForm(words, PeerSettings, MORE, {})
        values = peer.model_dump() if peer else {**PeerSettings.model_construct(name="").model_dump(), "port": 104}
        self.first.put(values)
        self.more.put(values)
        self.opener = QPushButton(say(N_("&More settings")))
        self.opener.setCheckable(True)
        self.message = text_label("", wraps=True)
        self.message.setMinimumHeight(self.fontMetrics().height() * 2)
        self.test = QPushButton(say(N_("&Echo")))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self.save = self.buttons.button(QDialogButtonBox.StandardButton.Save)
        self.save.setObjectName("primary")
        self._arrange()
        self._echoes: Mailbox[float | TolmachError] = Mailbox(self._echoed, self)
        self.first.changed.connect(self._judge)
        self.more.changed.connect(self._judge)
        self.opener.toggled.connect(self._open)
        self.test.clicked.connect(self._echo)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._judge()

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(12)
        below = QHBoxLayout()
        below.addWidget(self.opener)
        below.addWidget(self.test)
        below.addStretch(1)
        layout.addWidget(self.first)
        layout.addWidget(self.more)
        layout.addLayout(below)
        layout.addWidget(self.message)
        layout.addWidget(self.buttons)
        self.more.hide()

    def _open(self, is_open: bool) -> None:
        self.more.setVisible(is_open)
        self.adjustSize()

    def _judge(self) -> None:
        wrong, why = "", None
        self.peer = None
        try:
            peer = PeerSettings.model_validate({**self.first.values(), **self.more.values()})
            if peer.text is not None:
                parse_text_policy(peer.text, converts=True)
            Settings(peer=(*self._others, peer))
            self.peer = peer
        except ValidationError as error:
            first = error.errors()[0]
            wrong = _FIELD_OF.get(first["type"], str(first["loc"][-1]) if first["loc"] else "name")
            why = self._words_of(first["type"], first.get("ctx", {}))
        except TolmachError as error:
            wrong, why = "text", error.problem.what
        self.first.mark(wrong if self.first.values().keys() - {"port"} else "")
        self.more.mark(wrong)
        self.save.setEnabled(self.peer is not None)
        self.test.setEnabled(self.peer is not None)
        text = self._words.phrase(why) if why is not None else ""
        is_begun = bool(self.first.values().keys() - {"port"})  # an empty form is no mistake yet
        self._say(text[:1].upper() + text[1:] if is_begun else "", "bad")

    def _words_of(self, kind: str, facts: dict[str, object]) -> Phrase:
        return Phrase(kind if kind in OWN_WORDS else N_("it must be given"), facts)

    def _say(self, text: str, tone: str) -> None:
        self.message.setText(text)
        put_tone(self.message, tone)

    def _echo(self) -> None:
        peer, put, title = self.peer, self._echoes.put, self._own_title
        if peer is None:
            return
        if peer.tls:  # certificates stand in the configuration; Echo in the window uses them
            self._say(self._words.gettext(N_("Save it first: encrypted peers are tried from the window.")), "")
            return
        self._say(self._words.gettext(N_("Asking…")), "")
        self.test.setEnabled(False)

        def ask() -> None:
            try:
                put(verify_peer(address_of(peer), title, timeouts_of(peer)).seconds)
            except TolmachError as error:
                put(error)

        threading.Thread(target=ask, name="echo", daemon=True).start()

    def _echoed(self, answers: list[float | TolmachError]) -> None:
        self.test.setEnabled(self.peer is not None)
        answer = answers[-1]
        if isinstance(answer, TolmachError):
            self._say(f"{answer.code}: {self._words.sentence(answer.problem)}", "bad")
        else:
            said = self._words.gettext(N_("It answers, {milliseconds} ms."), milliseconds=shown.milliseconds(answer))
            self._say(said, "good")
