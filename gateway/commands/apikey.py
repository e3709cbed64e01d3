"""`apikey`: the keys of the API."""

from typing import Any

import click

from gateway.commands.common import Noun, Shell, confirm, pass_shell, yes_option
from gateway.commands.found import advertiser_named, lists_named
from gateway.errors import NotFound
from gateway.flow import apikeys
from gateway.store import advertisers, lists
from gateway.store import apikeys as keys
from gateway.store.outward import ApiKey
from gateway.store.tx import Tx


@click.group(cls=Noun)
def apikey() -> None:
    """Manage the keys of the API."""


@apikey.command()
@click.argument("name")
@click.option("--advertiser", help="Whose people it is about.")
@click.option("--list", "list_names", multiple=True, help="List it may use; without one, every list.")
@click.option("--may", "verbs", multiple=True, required=True, type=click.Choice(apikeys.VERBS), help="What it may do.")
@pass_shell
def add(shell: Shell, name: str, advertiser: str | None, list_names: tuple[str, ...], verbs: tuple[str, ...]) -> None:
    """Make a key. It is shown once; only its digest is kept."""
    with shell.context() as context, context.store.begin() as tx:
        owner = advertiser_named(tx, advertiser)
        rows = lists_named(tx, owner, list_names)
        made, token = apikeys.make(context, tx, owner, name, rows, verbs)
        described = _described(tx, made)
    shell.out.record({**described, "key": token})
    shell.out.note("key-once")


@apikey.command("list")
@click.option("--advertiser", help="Only those of this advertiser.")
@pass_shell
def list_(shell: Shell, advertiser: str | None) -> None:
    """List the keys; what their holders send cannot be shown."""
    with shell.context() as context, context.store.read() as tx:
        owner = advertiser_named(tx, advertiser).id if advertiser else None
        rows = [_described(tx, row) for row in keys.all(tx, owner)]
    shell.out.table(["id", "name", "advertiser", "lists", "may", "revoked_at"], rows)


@apikey.command()
@click.argument("number", type=int)
@yes_option
@pass_shell
def revoke(shell: Shell, number: int, yes: bool) -> None:
    """Let a key do nothing more, at once."""
    with shell.context() as context:
        with context.store.read() as tx:
            row = keys.get(tx, number)
            if row is None:
                raise NotFound(f"there is no key with the number {number}; `consentgate apikey list` shows them")
        confirm(shell, yes, "ask-revoke", name=row.name)
        with context.store.begin() as tx:
            shell.out.record(_described(tx, apikeys.revoke(tx, number)))


def _described(tx: Tx, row: ApiKey) -> dict[str, Any]:
    owner = advertisers.get(tx, row.advertiser_id)
    named = [one.name for number in row.list_ids if (one := lists.get(tx, number))]
    return {
        "id": row.id,
        "name": row.name,
        "advertiser": owner.name if owner else "",
        "lists": named,
        "may": row.verbs,
        "created_at": row.created_at,
        "revoked_at": row.revoked_at,
    }
