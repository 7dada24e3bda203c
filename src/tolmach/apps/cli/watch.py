"""`tolmach watch`: how the watched folders fare, pausing them, shadow mode and its report, going live."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.history import moment_of, show_history
from tolmach.apps.cli.names import require_watch
from tolmach.apps.cli.queue import short_time
from tolmach.apps.cli.records import actor, records_of
from tolmach.base import N_

if TYPE_CHECKING:
    from tolmach.adapters.sql import HistoryRow, Records, WatchState
    from tolmach.apps.cli.terminal import Terminal
    from tolmach.apps.overseeing import FolderState

_A_DAY = timedelta(days=1)
_INDENT = " " * 9
_COLOURS = {"live": "green", "shadow": "yellow", "paused": "yellow", "unconfigured": "dim"}


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.group(help=_(N_("Watched folders: how they fare; pause them, try them out in shadow mode, go live.")))
    def watch() -> None:
        """Hold the commands below."""

    name = click.argument("name", metavar="NAME")

    @watch.command("list", help=_(N_("Show each watched folder: state, last file, counters, trouble.")))
    @json_option(run)
    def list_watches(*, as_json: bool) -> int:
        return _list(run, as_json=as_json)

    @watch.command(help=_(N_("Take nothing from this folder until resumed. What is taken goes on.")))
    @name
    def pause(name: str) -> int:
        return _set(run, name, "paused")

    @watch.command(help=_(N_("Go on as before the pause.")))
    @name
    def resume(name: str) -> int:
        return _resume(run, name)

    @watch.command(help=_(N_("Do everything but deliver: what goes out of this folder is held.")))
    @name
    def shadow(name: str) -> int:
        return _set(run, name, "shadow")

    @watch.command(help=_(N_("Deliver what comes from now on.")))
    @click.option("--with-held", is_flag=True, help=_(N_("Deliver also what shadow mode has held.")))
    @name
    def live(name: str, *, with_held: bool) -> int:
        return _set(run, name, "live", with_held=with_held)

    _register_report(watch, run)


def _register_report(watch: click.Group, run: Run) -> None:
    _ = run.translator.gettext

    @watch.command(help=_(N_("What was changed in what came from this folder, or would be.")))
    @click.argument("name", metavar="NAME")
    @click.option("--since", metavar="T", help=_(N_("From this date or time on, or so long ago; else the last day.")))
    @click.option("--csv", "csv_file", metavar="FILE", type=Path, help=_(N_("Write a table for spreadsheets.")))
    @click.option("--html", metavar="FILE", type=Path, help=_(N_("Write a page to print.")))
    @json_option(run)
    def report(name: str, since: str | None, csv_file: Path | None, html: Path | None, *, as_json: bool) -> int:
        now = datetime.now(UTC)
        start = now - _A_DAY if since is None else moment_of(since, now)
        with records_of(run) as records:
            require_watch(run, records, name)
            return _Report(run, records, name, start, now).give(csv_file, html, as_json=as_json)


def _list(run: Run, *, as_json: bool) -> int:
    from tolmach.apps.overseeing import folder_state

    terminal = run.terminal(as_json=as_json)
    with records_of(run) as records:
        known = {state.name: state for state in records.watched.states()}
    folders = {one.name: str(one.folder) for one in run.settings.watch}
    for name in sorted(folders.keys() | known.keys()):
        state, now = known.get(name), folder_state(run.settings, name, known.get(name))
        if as_json:
            own = {"name": name, "folder": folders.get(name), "state": now}
            terminal.result(own | _as_json(state))
        else:
            _show(terminal, name, folders.get(name, "-"), now, state)
    if not folders and not known:
        terminal.say(N_("No folder is watched: there is no [[watch]] in the configuration."))
    return 0


def _as_json(state: WatchState | None) -> dict[str, object]:
    if state is not None:
        return {key: value for key, value in state.as_json().items() if key not in ("name", "mode")}
    empty = dict.fromkeys(("looked_at", "last_taken_at", "last_file"))
    return {**empty, "taken": 0, "passed_over": 0, "trouble": None, "trouble_since": None}


def _show(terminal: Terminal, name: str, folder: str, now: FolderState, state: WatchState | None) -> None:
    from tolmach.apps.overseeing import FOLDER_STATES, is_stale

    _ = terminal.translator.gettext
    terminal.write(f"{name:<16} {_(FOLDER_STATES[now]):<14} {folder}", _COLOURS[now])
    if state is None or state.looked_at is None:
        terminal.write(_INDENT + _(N_("never looked at: is tolmach serve running?")), "yellow")
    else:
        terminal.write(_INDENT + _(N_("looked at {when}"), when=short_time(state.looked_at)), "dim")
        if is_stale((state.looked_at, state.last_taken_at), now, datetime.now(UTC)):
            words = N_("nobody has looked at it since then: is tolmach serve running, and does the drive answer?")
            terminal.write(_INDENT + _(words), "yellow")
    if state is None:
        return
    if state.last_taken_at is not None:
        file = "" if state.last_path is None else state.last_path.decode("utf-8", "backslashreplace")
        terminal.write(_INDENT + _(N_("last file {when}: {file}"), when=short_time(state.last_taken_at), file=file))
    counted = _(N_("taken: {taken}, passed over: {passed_over}"), taken=state.taken, passed_over=state.passed_over)
    terminal.write(_INDENT + counted)
    if state.trouble is not None:
        since = "" if state.trouble_since is None else f" ({short_time(state.trouble_since)})"
        terminal.write(f"{_INDENT}{state.trouble.code}: {terminal.sentence(state.trouble)}{since}", "red")


def _set(run: Run, name: str, mode: Literal["live", "shadow", "paused"], *, with_held: bool = False) -> int:
    from tolmach.apps.overseeing import FOLDER_STATES, say_mode

    terminal = run.terminal()
    with records_of(run) as records:
        require_watch(run, records, name)
        count = say_mode(records, name, mode, actor(), with_held=with_held)
        terminal.say(N_("{name}: {state}"), name=name, state=terminal.translator.gettext(FOLDER_STATES[mode]))
        if with_held:
            terminal.write(terminal.count("{count} line is tried now.", "{count} lines are tried now.", count))
    return 0


def _resume(run: Run, name: str) -> int:
    from tolmach.apps.overseeing import FOLDER_STATES, folder_state

    terminal = run.terminal()
    with records_of(run) as records:
        require_watch(run, records, name)
        records.watched.resume(name, actor())
        state = next((one for one in records.watched.states() if one.name == name), None)
    now = terminal.translator.gettext(FOLDER_STATES[folder_state(run.settings, name, state)])
    terminal.say(N_("{name}: {state}"), name=name, state=now)
    return 0


class _Report:
    """What came from one folder since a moment, in the form that is asked for."""

    def __init__(self, run: Run, records: Records, watch: str, since: datetime, now: datetime) -> None:
        self.run, self.records, self.watch, self.since, self.now = run, records, watch, since, now

    def rows(self) -> Iterable[HistoryRow]:
        """Give the objects; may be asked for again."""
        return self.records.desk.history(self.since, "", self.watch)

    def give(self, csv_file: Path | None, html: Path | None, *, as_json: bool) -> int:
        """Write the files that are asked for, or show it."""
        terminal = self.run.terminal(as_json=as_json)
        if html is not None:
            self._write_page(html)
            terminal.say(N_("{file} is written."), file=html)
        if csv_file is not None:
            return show_history(terminal, iter(self.rows()), csv_file, as_json=as_json)
        if html is None:
            status = show_history(terminal, iter(self.rows()), None, as_json=as_json)
            self._sum_up(terminal)
            return status
        return 0

    def _sum_up(self, terminal: Terminal) -> None:
        from tolmach.apps.watch_report import Sum

        found = Sum.of(self.rows()) if not terminal.as_json else Sum()
        if found.verdicts:
            terminal.write(terminal.phrase(found.words), "bold")

    def _write_page(self, html: Path) -> None:
        from tolmach.adapters.folder import write_private
        from tolmach.apps.overseeing import folder_state
        from tolmach.apps.watch_report import ReportPage

        state = next((one for one in self.records.watched.states() if one.name == self.watch), None)
        is_shadow = folder_state(self.run.settings, self.watch, state) == "shadow"
        page = ReportPage(self.run.translator, self.watch, is_shadow=is_shadow)
        write_private(html, page.parts(self.rows, self.since, self.now))
