"""`dkim`: the keys that sign an advertiser's mail, and the DNS records that publish them."""

from collections.abc import Sequence
from typing import Any

import click

from gateway.commands.advertiser import domain_of
from gateway.commands.common import Noun, Shell, confirm, no, pass_shell, yes_option
from gateway.commands.found import advertiser_named
from gateway.errors import Misuse
from gateway.flow import dkimkeys
from gateway.flow.dkimkeys import Seen
from gateway.flow.lookup import resolver
from gateway.store import dkim as keys
from gateway.store.records import DkimKey
from gateway.store.tx import Tx
from gateway.text import say

KINDS = {"rsa": ("rsa",), "ed25519": ("ed25519",), "both": ("rsa", "ed25519")}
advertiser_option = click.option("--advertiser", help="Whose key; may be left out when there is only one advertiser.")
domain_option = click.option("--domain", help="Domain of the key.")


@click.group(cls=Noun)
def dkim() -> None:
    """Manage the keys that sign mail (DKIM, RFC 6376)."""


@dkim.command()
@advertiser_option
@click.option("--domain", required=True, help="Domain that signs: the From domain, or one above it.")
@click.option("--algorithm", type=click.Choice(list(KINDS)), default="both", show_default=True, help="Kind of key.")
@click.option("--selector", help="Name of the key in DNS; else made of the month.")
@click.option("--activate", is_flag=True, help="Sign at once, without waiting until `dkim check` saw the record.")
@pass_shell
def new(
    shell: Shell, advertiser: str | None, domain: str, algorithm: str, selector: str | None, activate: bool
) -> None:
    """Make a key and print the DNS records to publish.

    It signs once `dkim check` has seen its record; the key before goes on until then.
    """
    with shell.context() as context, context.store.begin() as tx:
        owner = advertiser_named(tx, advertiser)
        rows = dkimkeys.make(
            context, tx, owner, domain_of(domain), KINDS[algorithm], selector=selector, active=activate
        )
        _show(shell, rows)
    _say(shell, "publish-active" if activate else "publish", domain=domain)


@dkim.command()
@advertiser_option
@domain_option
@pass_shell
def show(shell: Shell, advertiser: str | None, domain: str | None) -> None:
    """Show the keys and their DNS records, ready to be copied into a zone."""
    with shell.context() as context, context.store.read() as tx:
        _show(shell, dkimkeys.of(tx, advertiser_named(tx, advertiser), domain and domain_of(domain)))


@dkim.command()
@advertiser_option
@domain_option
@click.option("--nameserver", help="Ask this server, address or address:port, instead of the system's resolver.")
@pass_shell
def check(shell: Shell, advertiser: str | None, domain: str | None, nameserver: str | None) -> None:
    """Ask DNS for the records; a new key that is found there begins to sign. Exit code 1 when one is missing."""
    lookup = resolver(nameserver)
    with shell.context() as context, context.store.begin() as tx:
        rows = dkimkeys.of(tx, advertiser_named(tx, advertiser), domain and domain_of(domain))
        found = dkimkeys.seen(tx, [row for row in rows if row.state != dkimkeys.RETIRED], lookup)
        shell.out.table(["key", "state", "found", "what"], [_found(shell, one) for one in found])
    if not found:
        _say(shell, "none")
    if not found or any(one.found != "published" for one in found):
        no()


@dkim.command()
@click.argument("selector")
@advertiser_option
@domain_option
@yes_option
@pass_shell
def retire(shell: Shell, selector: str, advertiser: str | None, domain: str | None, yes: bool) -> None:
    """Let a key never sign again; its secret is erased. Its record may go a week later."""
    with shell.context() as context:
        with context.store.read() as tx:
            row = _one(tx, advertiser, domain, selector)
            last = row.state == dkimkeys.ACTIVE and len(_same(tx, row)) == 1
        confirm(shell, yes, "ask-retire-last" if last else "ask-retire", name=dkimkeys.host(row))
        with context.store.begin() as tx:
            shell.out.record(_described(dkimkeys.retire(tx, _one(tx, advertiser, domain, selector))))


def _one(tx: Tx, advertiser: str | None, domain: str | None, selector: str) -> DkimKey:
    found = dkimkeys.of(tx, advertiser_named(tx, advertiser), domain and domain_of(domain), selector)
    if len(found) > 1:
        raise Misuse(f"say which domain with --domain: {', '.join(row.domain for row in found)}")
    return found[0]


def _same(tx: Tx, row: DkimKey) -> list[DkimKey]:
    return [other for other in keys.active(tx, row.advertiser_id) if other.domain == row.domain]


def _show(shell: Shell, rows: Sequence[DkimKey]) -> None:
    if shell.out.json:
        shell.out.data([_described(row) for row in rows])
        return
    if not rows:
        _say(shell, "none")
    for row in rows:
        shell.out.text(f"; {row.algorithm}, {say(f'dkim.state-{row.state}', shell.out.lang)}")
        shell.out.text(dkimkeys.zone_line(row))


def _described(row: DkimKey) -> dict[str, Any]:
    return {
        "key": dkimkeys.host(row),
        "domain": row.domain,
        "selector": row.selector,
        "algorithm": row.algorithm,
        "state": row.state,
        "record": dkimkeys.record(row),
        "created_at": row.created_at,
    }


def _found(shell: Shell, one: Seen) -> dict[str, Any]:
    sentence = "begins" if one.begins else one.found
    return {
        "key": dkimkeys.host(one.row),
        "state": one.row.state,
        "found": one.found,
        "record": one.record,
        "what": say(f"dkim.found-{sentence}", shell.out.lang),
    }


def _say(shell: Shell, key: str, **fields: str) -> None:
    shell.out.talk(say(f"dkim.{key}", shell.out.lang, **fields))
