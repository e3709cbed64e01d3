"""`list`: the people collected for one purpose of one advertiser."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import click

from gateway import clock
from gateway.commands import joining
from gateway.commands.common import Noun, Shell, Verb, confirm, no, pass_shell, yes_option
from gateway.commands.findings import show_findings
from gateway.commands.found import advertiser_named, list_named, shown
from gateway.commands.transfer import transfer, transfers
from gateway.errors import Misuse
from gateway.flow import formalities, listcheck
from gateway.law import guarantee as licence
from gateway.law.channels import CHANNELS
from gateway.law.facts import ListState, Origin, Regime
from gateway.store import advertisers, dkim, lists
from gateway.store.tables import List
from gateway.store.tx import Tx
from gateway.text import languages


def _described_by(command: click.Command) -> click.Command:
    """Add the options that describe a list."""
    files = click.Path(path_type=Path, exists=True, dir_okay=False)
    command.params += [
        click.Option(["--title"], help="What people read in their mail and on the page."),
        click.Option(
            ["--channel", "channels"], multiple=True, type=click.Choice(sorted(CHANNELS)), help="May be repeated."
        ),
        click.Option(["--family", "families"], multiple=True, help="Offer family the list was built for; repeatable."),
        click.Option(
            ["--analogous"], multiple=True, help="SUPPLIED=OFFER[,OFFER]: offers analogous to what was supplied."
        ),
        click.Option(
            ["--guarantee"], type=files, help="TOML or JSON file with the record of where the list came from."
        ),
        click.Option(["--language"], type=click.Choice(languages()), help="Language of its people."),
        click.Option(["--child-directed/--not-child-directed"], default=None, help="Collected from children."),
    ]
    return command


@click.group("list", cls=Noun)
def list_() -> None:
    """Manage the lists: the people collected for one purpose of one advertiser (fichiers)."""


@click.command(cls=Verb)
@click.argument("name")
@click.option("--advertiser", help="Whose list it is.")
@click.option("--regime", required=True, type=click.Choice([one.value for one in Regime]), help="Its legal ground.")
@click.option(
    "--origin",
    default="own",
    show_default=True,
    type=click.Choice([one.value for one in Origin]),
    help="Whence it came.",
)
@pass_shell
def create(shell: Shell, /, name: str, advertiser: str | None, regime: str, origin: str, **values: Any) -> None:  # noqa: ANN401
    """Create a list as a draft. `list activate` opens it once nothing is missing.

    NAME is used in commands, in X-Consentgate-List and in List-Id.
    """
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise Misuse(f"{name!r}: a list name has lower-case letters, digits and hyphens, such as newsletter-fr")
    with shell.context() as context, context.store.begin() as tx:
        row = List(
            id=context.store.take(1, of="list")[0],
            advertiser_id=advertiser_named(tx, advertiser).id,
            name=name,
            regime=regime,
            origin=origin,
            channels=["email"],
            created_at=clock.now(),
        )
        lists.add(tx, _changed(row, values))
        shell.out.record(described(tx, row))
    shell.out.note("list-draft", name=name)


list_.add_command(_described_by(create))


@list_.command()
@click.argument("name", required=False)
@pass_shell
def show(shell: Shell, name: str | None) -> None:
    """Show one list, or all of them."""
    with shell.context() as context, context.store.read() as tx:
        if name:
            shell.out.record(described(tx, list_named(tx, name)))
            return
        rows = [described(tx, row) for row in lists.all(tx)]
    shell.out.table(["name", "advertiser", "regime", "origin", "channels", "state"], rows)


@click.command(cls=Verb)
@click.argument("name")
@pass_shell
def edit(shell: Shell, /, name: str, **values: Any) -> None:  # noqa: ANN401 - the options of _described_by
    """Change a list. Options left out change nothing; regime and origin cannot change: create another list."""
    with shell.context() as context, context.store.begin() as tx:
        row = _changed(list_named(tx, name), values)
        lists.save(tx, row)
        joining.change(tx, row, values)
        shell.out.record(described(tx, row))


list_.add_command(joining.join_options(_described_by(edit)))
list_.add_command(joining.form)


@list_.command()
@click.argument("name")
@pass_shell
def activate(shell: Shell, name: str) -> None:
    """Open a list for mail, if neither it nor its advertiser lacks anything. Exit code 1 when something is missing."""
    with shell.context() as context, context.store.begin() as tx:
        row = list_named(tx, name)
        if row.state == ListState.CLOSED:
            raise Misuse(f"the list {name} is closed for ever; create another one")
        found = [finding for finding in _lacking(shell, tx, row) if finding.blocks]
        if not found:
            row.state, row.activated_at = ListState.ACTIVE.value, row.activated_at or clock.now()
            lists.save(tx, row)
            shell.out.record(described(tx, row))
    if found:
        show_findings(shell, found)
        no()


@list_.command()
@click.argument("name")
@yes_option
@pass_shell
def close(shell: Shell, name: str, yes: bool) -> None:
    """Close a list for ever: nobody is mailed or added any more. Its evidence stays."""
    with shell.context() as context:
        with context.store.read() as tx:
            list_named(tx, name)
        confirm(shell, yes, "ask-close", name=name)
        with context.store.begin() as tx:
            row = list_named(tx, name)
            row.state, row.closed_at = ListState.CLOSED.value, row.closed_at or clock.now()
            lists.save(tx, row)
            shell.out.record(described(tx, row))


@list_.command()
@click.argument("name")
@pass_shell
def check(shell: Shell, name: str) -> None:
    """Say what the law still asks for before the list may be mailed. Exit code 1 when something is missing."""
    with shell.context() as context, context.store.read() as tx:
        found = _lacking(shell, tx, list_named(tx, name))
    if show_findings(shell, found):
        no()


def _lacking(shell: Shell, tx: Tx, row: List) -> list[listcheck.Finding]:
    owner = advertisers.get(tx, row.advertiser_id)
    found = listcheck.of_list(row, clock.now(), shell.settings.law.timezone)
    found += formalities.of_list(tx, row, shell.settings.law.policy())
    return found + (listcheck.of_advertiser(owner, signed=bool(dkim.active(tx, owner.id))) if owner else [])


def described(tx: Tx, row: List) -> dict[str, Any]:
    """Return a list as commands show it."""
    owner = advertisers.get(tx, row.advertiser_id)
    return {
        "name": row.name,
        "advertiser": owner.name if owner else "",
        **shown(row, "id", "name", "advertiser_id"),
        **joining.described(tx, row),
    }


def _changed(row: List, values: dict[str, Any]) -> List:
    if values["guarantee"] is not None:
        row.guarantee = _record(values["guarantee"])
    if values["analogous"]:
        row.analogous = dict(_pair(text) for text in values["analogous"])
    for name in ("title", "language", "child_directed"):
        if values[name] is not None:
            setattr(row, name, values[name])
    for name in ("channels", "families"):
        if values[name]:
            setattr(row, name, list(dict.fromkeys(values[name])))
    return row


def _pair(text: str) -> tuple[str, list[str]]:
    supplied, sign, offers = text.partition("=")
    named = [offer.strip() for offer in offers.split(",") if offer.strip()]
    if not sign or not supplied.strip() or not named:
        raise Misuse(f"--analogous {text!r}: write SUPPLIED=OFFER[,OFFER], for example teapots=tea,cups")
    return supplied.strip(), named


def _record(path: Path) -> dict[str, Any]:
    """Return the guarantee record (docs/rules.md, The guarantee of a list) from TOML or JSON, dates as ISO text."""
    try:
        text = path.read_text("utf-8")
        record = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, OSError) as error:
        raise Misuse(f"--guarantee {path}: neither TOML nor JSON: {error}") from error
    if unknown := sorted(set(record) - set(licence.REQUIRED)):
        raise Misuse(f"--guarantee {path}: unknown {', '.join(unknown)}; known are {', '.join(licence.REQUIRED)}")
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in record.items()}


list_.add_command(transfer)
list_.add_command(transfers)
