"""Options for what a row, or a whole batch, says about people: one for each column of an import."""

from collections.abc import Mapping
from typing import Any

import click

from gateway.commands.common import Shell
from gateway.errors import Misuse
from gateway.flow import notices
from gateway.flow.importrow import BY_NAME, COLUMNS, KINDS, RowError
from gateway.law.regimes import POSITIVE_ACTS
from gateway.store.tables import List
from gateway.store.tx import Tx
from gateway.text import say

_EXTRA = {"text": ["--notice"]}


def evidence_options(command: click.Command) -> click.Command:
    """Add an option for every column but the address."""
    for column in COLUMNS:
        if column.part == "address" or column.name == "kind":
            continue
        names = [f"--{column.name.replace('_', '-')}", *_EXTRA.get(column.name, []), f"column_{column.name}"]
        command.params.append(click.Option(names, metavar="VALUE", help=f"{column.help[0].upper()}{column.help[1:]}."))
    command.params.append(
        click.Option(
            ["--kind"],
            type=click.Choice(KINDS),
            help="Event to record; else the one that the regime of the list rests on.",
        )
    )
    return command


def evidence_of(shell: Shell, options: dict[str, Any]) -> dict[str, object]:
    """Return the values that were given, by column; raise Misuse for one that cannot be read.

    An act that is no consent may be recorded, and is; whoever only mistyped it is told.
    """
    given = {name.removeprefix("column_"): value for name, value in options.items() if name.startswith("column_")}
    found = {name: value for name, value in given.items() if value is not None}
    for name, value in found.items():
        try:
            BY_NAME[name].read(value)
        except RowError as error:
            said = shell.out.say(f"refused.{error.code}", detail=error.detail)
            raise Misuse(f"--{name.replace('_', '-')}: {said}") from error
    if (mode := found.get("mode", "")) and BY_NAME["mode"].read(mode) not in POSITIVE_ACTS:
        shell.out.note("mode-invalid", mode=mode, acts=", ".join(sorted(POSITIVE_ACTS)))
    return found


def check_notice(shell: Shell, tx: Tx, row: List, values: Mapping[str, object]) -> None:
    """Raise Misuse when the text shown is named as a version of one of our notices that does not exist."""
    text = str(values.get("text", ""))
    if known := notices.named_wrongly(tx, row.advertiser_id, text):
        name, _, version = text.partition("/")
        fields = {"text": text, "name": name, "version": version, "known": ", ".join(known)}
        raise Misuse(f"--notice {say('notice.say.check', shell.out.lang, **fields)}")
