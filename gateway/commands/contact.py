"""`contact`: one person."""

from typing import Any

import click

from gateway import clock
from gateway.commands import rights
from gateway.commands.common import Noun, Shell, Verb, no, pass_shell
from gateway.commands.evidence import check_notice, evidence_of, evidence_options
from gateway.commands.found import advertiser_named, contact_named, list_named, owner_of, shown
from gateway.commands.told import answer
from gateway.errors import Misuse
from gateway.flow import consent, importer, recipients
from gateway.flow.consent import CHANNEL, Saying
from gateway.flow.importrow import RowError
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import ledger, lists
from gateway.store.tx import Tx

advertiser_option = click.option("--advertiser", help="Whose contact it is.")


@click.group(cls=Noun)
def contact() -> None:
    """Look at one person, correct, restrict and erase."""


@contact.command()
@click.argument("address")
@advertiser_option
@pass_shell
def show(shell: Shell, address: str, advertiser: str | None) -> None:
    """Show a person: what is known, what they said and were told, what they oppose."""
    with shell.context() as context, context.store.read() as tx:
        owner = advertiser_named(tx, advertiser)
        row = contact_named(tx, owner, address)
        events = [_event(tx, one) for one in ledger.of_contact(tx, row.id)]
        noes = consent.each_once(consent.noes(context, tx, owner.id, parse(address)))
        opposed = [_opposition(tx, one) for one in noes]
    known = shown(row, "id", "advertiser_id", "address_key")
    if shell.out.json:
        shell.out.data({**known, "advertiser": owner.name, "events": events, "oppositions": opposed})
        return
    shell.out.record(known)
    shell.out.text("")
    shell.out.table(["at", "event", "list", "evidence", "actor"], events)
    if opposed:
        shell.out.text("")
        shell.out.table(["at", "list", "channel", "origin", "reason"], opposed)


@click.command(cls=Verb)
@click.argument("address")
@click.option("--list", "list_name", required=True, help="List the consent is for.")
@pass_shell
def grant(shell: Shell, /, address: str, list_name: str, **options: Any) -> None:  # noqa: ANN401 - the columns
    """Record a consent, or what the regime of the list rests on, with its evidence.

    Exit code 1 when the person opposed: only they can undo that. Whether the evidence is enough says `check`.
    """
    kind = Kind(options["kind"]) if options["kind"] else None
    values = {**evidence_of(shell, options), "address": address}
    with shell.context() as context:
        with context.store.read() as tx:
            row = list_named(tx, list_name)
            check_notice(shell, tx, row, values)
        try:
            entry = importer.one(context, row, values, shell.actor, kind)
        except RowError as error:
            sentence = shell.out.say(f"refused.{error.code}", detail=error.detail)
            if error.code != "opposed":
                raise Misuse(sentence) from error
            shell.out.record({"address": address, "list": list_name, "recorded": False, "reason": sentence})
            shell.out.note("opposed-cure", address=address)
            no()
    shown = {"address": entry.address.spelled, "list": list_name, "event": entry.kind.value, "at": entry.at}
    shell.out.record({**shown, "evidence": dict(entry.evidence), "recorded": True})


contact.add_command(evidence_options(grant))
for right in rights.ALL:
    contact.add_command(right)


@contact.command("object")
@click.argument("address")
@advertiser_option
@click.option("--list", "list_name", help="Only to this list; else to everything of the advertiser.")
@click.option("--all-channels", is_flag=True, help="On every channel, not only e-mail.")
@click.option("--reason", default="", help="How it reached you.")
@pass_shell
def object_(
    shell: Shell, address: str, advertiser: str | None, list_name: str | None, all_channels: bool, reason: str
) -> None:
    """Record an objection; done means that nothing more leaves. Twice is once. The person need not be known."""
    said = Saying(clock.now(), "cli", shell.actor, reason, channel=None if all_channels else CHANNEL)
    _say_no(shell, address, advertiser, list_name, Kind.OBJECTED, said)


@contact.command()
@click.argument("address")
@click.option("--list", "list_name", required=True, help="List the consent was given for.")
@click.option("--reason", default="", help="How it reached you.")
@pass_shell
def withdraw(shell: Shell, address: str, list_name: str, reason: str) -> None:
    """Record that a person took a consent back; done means that nothing more leaves."""
    said = Saying(clock.now(), "cli", shell.actor, reason)
    _say_no(shell, address, None, list_name, Kind.WITHDRAWN, said)


def _say_no(
    shell: Shell, address: str, advertiser: str | None, list_name: str | None, kind: Kind, said: Saying
) -> None:
    parsed = parse(address)
    with shell.context() as context:
        with context.store.begin() as tx:
            told: tuple[recipients.Recipient, ...] = ()
            row = list_named(tx, list_name) if list_name else None
            owner = owner_of(tx, advertiser, row)
            fresh, person = consent.say_no(context, tx, owner.id, parsed, row, kind, said)
            if person:
                told = recipients.of_contact(tx, person.id, row.id if row else None)
        if person:
            consent.settle(context, person.id)
    shown: dict[str, Any] = {"address": parsed.spelled, "advertiser": owner.name, "list": list_name}
    answer(shell.out, {**shown, "channel": said.channel, "known": person is not None, "recorded": fresh}, told)
    shell.out.note("no-recorded" if fresh else "no-standing")


def _event(tx: Tx, event: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of the ledger
    row = lists.get(tx, event.list_id) if event.list_id else None
    hidden = ("id", "contact_id", "advertiser_id", "list_id", "kind")
    return {"event": event.kind, "list": row.name if row else None, **shown(event, *hidden)}


def _opposition(tx: Tx, one: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of the oppositions
    row = lists.get(tx, one.list_id) if one.list_id else None
    return {
        "at": one.at,
        "list": row.name if row else None,
        "channel": one.channel,
        "origin": one.origin,
        "actor": one.actor,
        "reason": one.reason,
    }
