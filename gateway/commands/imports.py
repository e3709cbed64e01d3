"""`import`: people and their evidence from a file."""

import csv
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
from rich.progress import DownloadColumn

from gateway.commands.common import Noun, Shell, Verb, confirm, no, pass_shell, yes_option
from gateway.commands.evidence import check_notice, evidence_of, evidence_options
from gateway.commands.found import list_named, shown
from gateway.commands.output import bar
from gateway.commands.spreadsheet import disarmed
from gateway.errors import Misuse
from gateway.flow import importer
from gateway.flow.importer import Instructions, RefusedRow, Tally
from gateway.flow.importfile import Sheet
from gateway.law.events import Kind
from gateway.store import imports, lists

_REFUSED = ("line", "code", "reason")
_REFUSED_START = ",".join(_REFUSED).encode()  # of a file of refused rows, which the next one may replace


class FileOrVerb(Noun):
    """A group whose first word may be a file: `import people.csv` is `import file people.csv`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the hidden verb in front unless a verb or a call for help is there."""
        if args and args[0] not in {*self.commands, "--help", "-h"}:
            args = ["file", *args]
        return super().parse_args(ctx, args)


@click.group("import", cls=FileOrVerb, subcommand_metavar="FILE --list LIST [OPTIONS] | COMMAND [ARGS]...")
def import_() -> None:
    """Bring people and their evidence into a list.

    \b
    consentgate import people.csv --list newsletter --mode unticked-box --notice v3
    consentgate import file --help     every option
    consentgate import undo 1234       take a whole import back

    Reads CSV (UTF-8 with or without mark, UTF-16, Windows-1252; comma, semicolon, tab or bar) and NDJSON, streamed.
    A row whose address is opposed is refused: an import never turns an objection into a consent. Every refused row
    goes to a file with its reason.
    """  # noqa: D301 (it is click's own sign for lines that stay as they are)


@click.command("file", cls=Verb)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
@click.option("--list", "list_name", required=True, help="List the people go to.")
@click.option("--map", "maps", multiple=True, metavar="COLUMN=HEADER", help="What a column of the file is; repeatable.")
@click.option("--encoding", help="Encoding of the file; else found out.")
@click.option("--separator", help="Separator of a CSV file; else found out.")
@click.option("--header/--no-header", default=None, help="Whether the first row is a header; else found out.")
@click.option(
    "--refused-to",
    "refused_to",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="File for refused rows; else FILE.refused.csv.",
)
@pass_shell
def file_(shell: Shell, /, file: Path, list_name: str, **options: Any) -> None:  # noqa: ANN401 - options above and columns
    """Import FILE (- for standard input) into a list. Exit code 1 when a row was refused.

    Values given as options hold for every row that does not say otherwise.
    """
    chosen = dict(_pair(text) for text in options["maps"])
    kind = Kind(options["kind"]) if options["kind"] else None
    asked = Instructions(str(file), shell.actor, chosen, evidence_of(shell, options), kind)
    target = options["refused_to"] or Path("import" if str(file) == "-" else file).with_suffix(".refused.csv")
    _spare(target, file)
    with shell.context() as context, _opened(file) as stream, ExitStack() as stack:
        with context.store.read() as tx:
            row = list_named(tx, list_name)
            check_notice(shell, tx, row, asked.defaults)
        sheet = Sheet(
            stream,
            encoding=options["encoding"],
            separator=_separator(options["separator"]),
            header=options["header"],
        )
        writer = stack.enter_context(_refusals(shell, target, sheet.columns))
        advance = stack.enter_context(_progress(shell, sheet, stream))
        tally = importer.run(context, row, sheet, asked, on_refused=writer, on_progress=advance)
    _report(shell, tally, target)


import_.add_command(evidence_options(file_))


@import_.command("list")
@click.option("--list", "list_name", help="Only those into this list.")
@pass_shell
def list_(shell: Shell, list_name: str | None) -> None:
    """List the imports, the latest first."""
    with shell.context() as context, context.store.read() as tx:
        only = list_named(tx, list_name).id if list_name else None
        rows = []
        for batch in imports.all(tx, only):
            into = lists.get(tx, batch.list_id)
            rows.append({**shown(batch, "id", "list_id"), "batch": batch.id, "list": into.name if into else ""})
    shell.out.table(["batch", "list", "source", "state", "taken", "refused", "created_at"], rows)


@import_.command()
@click.argument("batch", type=int)
@yes_option
@pass_shell
def undo(shell: Shell, batch: int, yes: bool) -> None:
    """Take an import back: its events count no longer, and people of whom nothing else is known are removed.

    Objections stay.
    """
    confirm(shell, yes, "ask-undo", batch=batch)
    with shell.context() as context:
        events, people = importer.undo(context, batch)
    shell.out.record({"batch": batch, "events": events, "people_removed": people})


def _report(shell: Shell, tally: Tally, target: Path) -> None:
    file = str(target) if tally.refused else None
    row = {"batch": tally.batch, "taken": tally.taken, "same": tally.same, "refused": tally.refused}
    shell.out.record({**row, "reasons": tally.reasons, "refused_file": file, "ignored": list(tally.ignored)})
    if tally.ignored:
        shell.out.note("import-ignored", columns=", ".join(tally.ignored))
    if tally.refused:
        shell.out.note("import-refused", count=tally.refused, file=file)
        no()


def _spare(target: Path, source: Path) -> None:
    """Raise Misuse, before anything is written, when refused rows would overwrite another file or cannot be written."""
    if not target.exists():
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise Misuse(f"{target}: refused rows cannot be written there; name another file with --refused-to")
        return
    if source.exists() and target.samefile(source):
        raise Misuse(f"{target}: refused rows would overwrite what is imported; name another file with --refused-to")
    with target.open("rb") as before:
        start = before.read(len(_REFUSED_START))
    if start and start != _REFUSED_START:
        raise Misuse(f"{target}: there is such a file already; name another one with --refused-to")


def _pair(text: str) -> tuple[str, str]:
    column, sign, header = text.partition("=")
    if not sign or not header:
        raise Misuse(f"--map {text!r}: write COLUMN=HEADER, for example address=Courriel")
    return column.strip(), header.strip()


def _separator(text: str | None) -> str | None:
    if text is None:
        return None
    sign = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(sign) != 1 or sign in '"\r\n':
        raise Misuse(f"--separator {text!r}: it is one sign, or the word tab")
    return sign


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open the file for reading; standard input goes through a temporary file, because it is read twice."""
    if str(path) == "-":
        with tempfile.TemporaryFile() as spooled:
            shutil.copyfileobj(sys.stdin.buffer, spooled)
            spooled.seek(0)
            yield cast("BinaryIO", spooled)
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        raise Misuse(f"{path}: cannot be read ({error.strerror})") from error
    with stream:
        if not stream.seekable():
            raise Misuse(f"{path}: it cannot be read twice; hand it in by standard input as -")
        yield stream


@contextmanager
def _refusals(shell: Shell, target: Path, columns: tuple[str, ...]) -> Iterator[Callable[[RefusedRow], None]]:
    """Give a function that writes refused rows; the file, for its owner only, is made with the first of them."""
    with ExitStack() as stack:
        writers: list[Any] = []

        def write(row: RefusedRow) -> None:
            if not writers:
                opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                stream = stack.enter_context(os.fdopen(opened, "w", encoding="utf-8", newline=""))
                writers.append(csv.writer(stream))
                writers[0].writerow([*_REFUSED, *(columns or ["row"])])
            reason = shell.out.say(f"refused.{row.code}", detail=row.detail)
            writers[0].writerow([row.line, row.code, reason, *_cells(row.values, columns)])

        yield write


def _cells(values: Mapping[str, object], columns: tuple[str, ...]) -> list[str]:
    found = [str(values.get(column, "")) for column in columns] if columns else [json.dumps(values, ensure_ascii=False)]
    return [disarmed(text) for text in found]


@contextmanager
def _progress(shell: Shell, sheet: Sheet, stream: BinaryIO) -> Iterator[Callable[[Tally], None]]:
    size = os.fstat(stream.fileno()).st_size
    with bar(DownloadColumn()) as shown:
        task = shown.add_task(shell.out.say("import-running", taken=0, refused=0), total=size)

        def advance(tally: Tally) -> None:
            text = shell.out.say("import-running", taken=tally.taken, refused=tally.refused)
            shown.update(task, completed=sheet.position(), description=text)

        yield advance
