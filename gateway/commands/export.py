"""`export`: the people of a list, with standing and evidence."""

import json
from datetime import datetime
from pathlib import Path

import click

from gateway.commands.common import Shell, Verb, pass_shell
from gateway.commands.found import list_named
from gateway.commands.output import plain
from gateway.commands.spreadsheet import csv_line, written
from gateway.flow import export as flow


@click.command("export", cls=Verb)
@click.option("--list", "list_name", required=True, help="List whose people are wanted.")
@click.option(
    "--format", "form", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True,
    help="CSV has one row a person; NDJSON every event of the list too. --json means ndjson.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="New file; else standard output.")
@click.option(
    "--raw-cells", is_flag=True, help="Leave values that begin like a formula as they are; else they get an apostrophe."
)
@pass_shell
def export(shell: Shell, list_name: str, form: str, out: Path | None, raw_cells: bool) -> None:
    """Write the people of a list: who they are, whether they may be written to now, and on which evidence.

    The file is personal data: it is made for its owner only. `import` reads it back.
    """
    with shell.context() as context:
        with context.store.read() as tx:
            row = list_named(tx, list_name)
        with written(out) as write:
            table = form == "csv" and not shell.out.json
            if table:
                write(csv_line(flow.NAMES))
            for one in flow.rows(context, row):
                if table:
                    write(csv_line((_cell(one[name]) for name in flow.NAMES), raw=raw_cells))
                else:
                    write(json.dumps(one, ensure_ascii=False, default=plain) + "\n")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return str(plain(value))
    return " | ".join(map(str, value)) if isinstance(value, list) else str(value)
