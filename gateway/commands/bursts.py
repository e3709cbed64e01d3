"""`opposition bursts|undo`: opt-outs that machines made, seen and undone as a batch."""

import click

from gateway import clock
from gateway.commands.common import Shell, Verb, confirm, pass_shell, yes_option
from gateway.commands.contact import advertiser_option
from gateway.commands.found import advertiser_named
from gateway.errors import Misuse, NotFound
from gateway.flow import bursts as flow
from gateway.flow.consent import Saying
from gateway.store import bursts as rows


@click.command("bursts", cls=Verb)
@advertiser_option
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@pass_shell
def bursts(shell: Shell, advertiser: str | None, limit: int) -> None:
    """List opt-outs that came within seconds of delivery from one network: probably a mail system that tries links.

    They are honoured like any other. `undo` takes one burst back; details are kept for thirty days.
    """
    with shell.context() as context, context.store.read() as tx:
        found = rows.listing(tx, advertiser_named(tx, advertiser).id, limit)
        table = [
            {"id": one.id, "first_at": one.first_at, "last_at": one.last_at, "people": one.people,
             "undone_at": one.undone_at, "actor": one.actor}
            for one in found
        ]  # fmt: skip
    shell.out.table(["id", "first_at", "last_at", "people", "undone_at"], table)


@click.command("undo", cls=Verb)
@click.argument("burst", type=int)
@click.option("--reason", default="", help="Why you are sure that it was a machine.")
@yes_option
@pass_shell
def undo(shell: Shell, burst: int, reason: str, yes: bool) -> None:
    """Undo the opt-outs of a burst: what was true before each is true again, and nothing more.

    People who said it again in any other way (on the page, by mail, to you) stay opted out.
    """
    with shell.context() as context:
        with context.store.read() as tx:
            row = rows.get(tx, burst)
        if row is None:
            raise NotFound(f"there is no burst {burst}; `consentgate opposition bursts` lists them")
        if row.undone_at is not None:
            raise Misuse(f"burst {burst} was undone already")
        if clock.now() - row.last_at > flow.KEPT:
            raise Misuse(f"burst {burst} is older than {flow.KEPT.days} days: who was in it is no longer kept")
        confirm(shell, yes, "ask-undo-burst", people=row.people)
        evidence = {"burst": burst, **({"reason": reason} if reason else {})}
        done = flow.undo(context, row, Saying(clock.now(), "cli", shell.actor, evidence=evidence))
    shell.out.record(
        {"burst": burst, "restored": done.restored, "said_again": done.said_again, "erased_since": done.gone}
    )
