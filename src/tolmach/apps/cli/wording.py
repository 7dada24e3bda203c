"""What click says by itself, said in the user's language: the headings of help, and calls with too much or too little.

The translator of the run is the `obj` of click's outermost context; without one, as for the generated pages, English.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import click

from tolmach.apps.cli.usage import too_much, unknown_command
from tolmach.apps.translations import Translator
from tolmach.base import N_

_HELP = N_("Show this message and exit.")
_HEADINGS = (N_("Options"), N_("Commands"), N_("Positional arguments"))
# Longer ones first: one may be a part of another.
_PLACEHOLDERS = (N_("COMMAND [ARGS]..."), N_("[OPTIONS]"), N_("INTEGER RANGE"), N_("INTEGER"))
_OWN_WORDS = frozenset((_HELP, *_HEADINGS))


class _Formatter(click.HelpFormatter):
    """Writes help as click does, in another language."""

    translator: Translator | None = None

    def _said(self, word: str) -> str:
        return word if self.translator is None else self.translator.gettext(word)

    def _filled(self, text: str) -> str:
        for word in _PLACEHOLDERS:
            if word in text:
                return text.replace(word, self._said(word))
        return text

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Write a section under its heading."""
        with super().section(self._said(name) if name in _OWN_WORDS else name):
            yield

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that shows how the command is called."""
        usage = self._said(N_("Usage:"))
        super().write_usage(prog, " ".join(map(self._filled, _pieces(args))), prefix or f"{usage} ")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write a list of options or commands."""
        said = [(self._filled(name), self._said(about) if about in _OWN_WORDS else about) for name, about in rows]
        super().write_dl(said, col_max, col_spacing)


def _pieces(arguments: str) -> Sequence[str]:
    """Give the words of a usage line, the placeholder of several words in one piece."""
    several = _PLACEHOLDERS[0]
    before, found, _nothing = arguments.partition(several)
    return [*before.split(), several] if found else arguments.split()


class _Context(click.Context):
    """Knows whom it speaks to."""

    def make_formatter(self) -> click.HelpFormatter:
        """Give a formatter in the language of the run."""
        formatter = _Formatter(width=self.terminal_width, max_width=self.max_content_width)
        translator = self.find_root().obj
        formatter.translator = translator if isinstance(translator, Translator) else None
        return formatter


class Spoken(click.Command):
    """A command whose help and complaints are in the user's language."""

    context_class = _Context

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Understand the arguments; raises `BadCall` for too many, and click's errors with this command in them."""
        ctx.allow_extra_args = True
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        if rest and not isinstance(self, click.Group) and not ctx.resilient_parsing:
            raise too_much(rest, ctx.command_path)
        return rest


class SpokenGroup(Spoken, click.Group):
    """A group of such commands."""

    command_class = Spoken

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called; raises `BadCall` when there is none of that name."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown_command(args[0], ctx.command_path, self.commands)
        return super().resolve_command(ctx, args)
