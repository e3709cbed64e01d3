"""How commands speak: data on standard output, as tables that fit the terminal or as JSON; talk on standard error."""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import click
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from gateway.text import cited, say

Row = Mapping[str, Any]
_WHOLE = {"code", "fate", "ref", "state"}  # short words that must not be broken
_ENDLESS = 10_000  # columns of a pipe or a file, where nothing is broken into lines
# Rich breaks lines at every blank; these stand for those at which nobody does.
_KEPT = str.maketrans({"\ue000": " ", "\ue001": "\u00a0", "\ue002": "\u202f"})
_KEEP = str.maketrans({"\u00a0": "\ue001", "\u202f": "\ue002"})
_FRENCH = re.compile(r"(?<=«) | (?=[»:;?!](?:\s|$))")


class Output:
    """What a command says. `json` chooses the form of the data, `lang` the language of the talk."""

    def __init__(self, *, as_json: bool, lang: str) -> None:
        self.json = as_json
        self.lang = lang
        self.zone: tzinfo = UTC  # of the moments in tables; JSON is always in UTC

    def table(
        self, columns: Sequence[str], rows: Iterable[Row], style: Callable[[Row], str | None] = lambda _: None
    ) -> None:
        """Print rows: a JSON array of objects with every key, or a table of `columns` no wider than the terminal.

        Where that is too narrow even for the longest words, each row is written as `record` writes it.
        `style` says in which colour a row is shown; only a terminal shows it.
        """
        if self.json:
            self.data(list(rows))
            return
        rows = list(rows)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(self.title(column), overflow="fold", no_wrap=column in _WHOLE)
        for row in rows:
            table.add_row(*(self._cell(column, row.get(column)) for column in columns), style=style(row))
        if not rows:
            self.note("nothing")
        elif _fits(table):
            show(table)
        else:
            show(*(self._lines({column: row.get(column) for column in columns}, style(row)) for row in rows))

    def record(self, row: Row) -> None:
        """Print one thing: a JSON object, or a line for each key that has a value."""
        if self.json:
            self.data(row)
            return
        show(self._lines(row))

    def data(self, value: object) -> None:
        """Print one JSON document."""
        click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=plain))

    def line(self, row: Row) -> None:
        """Print one line of NDJSON."""
        click.echo(json.dumps(row, ensure_ascii=False, default=plain))

    def page(self, lines: Iterable[str]) -> None:
        """Print many lines at once, each ready to be read: harmless text, or one JSON object."""
        click.echo("\n".join(lines))

    def text(self, text: str) -> None:
        """Print data that is text, as it is but for control characters."""
        click.echo(harmless(text, keep="\n\t"))

    def note(self, key: str, **fields: object) -> None:
        """Say a sentence of `commands.toml` to the person."""
        self.talk(self.say(key, **fields))

    def talk(self, sentence: str) -> None:
        """Say something to the person, on standard error."""
        click.echo(harmless(sentence, keep="\n"), err=True)

    def say(self, key: str, **fields: object) -> str:
        """Return a sentence of `commands.toml`."""
        return say(f"commands.{key}", self.lang, **fields)

    def title(self, column: str) -> str:
        """Return the heading of a column; its key when it has no other."""
        try:
            return self.say(f"column.{column}")
        except KeyError:
            return column

    def _lines(self, row: Row, style: str | None = None) -> Table:
        """Return a line for each key that has a value."""
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for key, value in row.items():
            if value not in (None, "", [], {}, ()):
                table.add_row(self.title(key), self._cell(key, value), style=style)
        return table

    def _cell(self, column: str, value: object) -> Text:
        text = cell(value, self.zone)
        return Text(_held(cited(text, self.lang) if column == "article" else text))


def show(*tables: Table) -> None:
    """Print tables, an empty line between them: as wide as the terminal, in a pipe or a file as wide as they are."""
    for place, table in enumerate(tables):
        screen = _screen()
        with screen.capture() as captured:
            screen.print(table)
        click.echo("\n" * (place > 0) + captured.get().translate(_KEPT), nl=False)


def _held(text: str) -> str:
    """Return text whose blanks that do not break are other signs, which `show` puts back."""
    return _FRENCH.sub("\ue000", text.translate(_KEEP))


def _fits(table: Table) -> bool:
    """Return whether every word of a table has its place."""
    screen = _screen()
    return Measurement.get(screen, screen.options.update(width=_ENDLESS), table).minimum <= screen.width


def _screen() -> Console:
    endless = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
    return Console(file=sys.stdout, highlight=False, soft_wrap=False, width=_ENDLESS if endless else None)


def progress(*columns: ProgressColumn) -> Progress:
    """Return how far something has come, on standard error; it shows itself on a terminal only, and goes at the end."""
    console = Console(file=sys.stderr)
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def bar(count: ProgressColumn) -> Progress:
    """Return a bar with a title, `count` and the time that is left, shown as `progress` is."""
    return progress(TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())


quoted = json.encoder.encode_basestring  # a text as JSON has it, in quotes


def plain(value: object) -> object:
    """Return a value as JSON has it: moments in ISO 8601 UTC, sets sorted, bytes in hexadecimal."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def cell(value: object, zone: tzinfo = UTC) -> str:
    """Return a value as people read it in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {cell(item, zone)}" for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(cell(item, zone) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value))
    return harmless(str(value))


def harmless(text: str, keep: str = "") -> str:
    """Return text whose control and direction characters cannot play with a terminal."""
    if text.isprintable():
        return text
    return "".join("�" if unicodedata.category(sign) in {"Cc", "Cf"} and sign not in keep else sign for sign in text)
