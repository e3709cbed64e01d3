"""`request`: what people asked for, and until when it must be answered."""

import sys
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway import clock
from gateway.commands.common import Noun, Shell, no, pass_shell
from gateway.commands.found import advertiser_named, shown
from gateway.errors import NotFound
from gateway.flow import requests as flow
from gateway.flow.importrow import moment
from gateway.mail.address import parse
from gateway.store import requests
from gateway.store.records import Request


@click.group(cls=Noun)
def request() -> None:
    """Keep the requests of people about their data, and their deadlines."""


@request.command("list")
@click.option("--advertiser", help="Only those to this advertiser.")
@click.option("--all", "closed", is_flag=True, help="Closed ones too.")
@click.option("--overdue", is_flag=True, help="Only those that are late; exit code 1 when there are any.")
@pass_shell
def list_(shell: Shell, advertiser: str | None, closed: bool, overdue: bool) -> None:
    """List open requests, the most urgent first (GDPR 12(3): one month)."""
    now = clock.now()
    with shell.context() as context, context.store.read() as tx:
        owner = advertiser_named(tx, advertiser) if advertiser else None
        found = requests.listing(
            tx, advertiser_id=owner.id if owner else None, closed=closed, due_before=now if overdue else None
        )
    rows = [_row(row, now) for row in found]
    if not shell.out.json and any(row["overdue"] for row in rows) and sys.stderr.isatty():
        click.secho(shell.out.say("requests-late", count=sum(row["overdue"] for row in rows)), fg="red", err=True)
    shell.out.table(
        ["id", "right", "received_at", "due_at", "overdue", "outcome"],
        rows,
        lambda row: "red" if row["overdue"] else None,
    )
    if overdue and rows:
        no()


@request.command()
@click.argument("number", type=int)
@pass_shell
def show(shell: Shell, number: int) -> None:
    """Show one request."""
    with shell.context() as context, context.store.read() as tx:
        row = requests.get(tx, number)
        if row is None:
            raise NotFound(f"there is no request {number}")
    shell.out.record(_row(row, clock.now()))


@request.command("open")
@click.argument("address")
@click.option("--right", type=click.Choice(flow.RIGHTS), required=True, help="What is asked for.")
@click.option("--advertiser", help="Whom it was sent to.")
@click.option("--received", help="When it arrived: ISO 8601 or day/month/year; now unless given.")
@click.option("--origin", default="cli", show_default=True, help="How it arrived.")
@pass_shell
def open_(shell: Shell, address: str, right: str, advertiser: str | None, received: str | None, origin: str) -> None:
    """Write down a request; the month runs from its arrival. The person need not be known."""
    with shell.context() as context, context.store.begin() as tx:
        owner = advertiser_named(tx, advertiser)
        at: datetime | None = moment(received, ZoneInfo(context.policy.timezone)) if received else None
        row = flow.open_(context, tx, owner.id, parse(address), right, origin=origin, actor=shell.actor, received_at=at)
        found = _row(row, clock.now())
    shell.out.record(found)


@request.command()
@click.argument("number", type=int)
@pass_shell
def extend(shell: Shell, number: int) -> None:
    """Take two more months for a complex request; tell the person why within the first (GDPR 12(3))."""
    with shell.context() as context, context.store.begin() as tx:
        found = _row(flow.extend(context, tx, number), clock.now())
    shell.out.record(found)


@request.command()
@click.argument("number", type=int)
@click.option("--outcome", type=click.Choice(flow.OUTCOMES), default="done", show_default=True, help="How it ended.")
@click.option("--answer", default="", help="What was answered; name nobody. Needed for a refusal.")
@pass_shell
def close(shell: Shell, number: int, outcome: str, answer: str) -> None:
    """Close a request that was answered."""
    with shell.context() as context, context.store.begin() as tx:
        found = _row(flow.close(tx, number, outcome, answer), clock.now())
    shell.out.record(found)


def _row(row: Request, now: datetime) -> dict[str, Any]:
    """Return a request as it is shown; `due_at` as people say it, the end of the last day."""
    late = row.closed_at is None and now >= row.due_at
    return {
        **shown(row, "subject", "contact_id", "advertiser_id"),
        "due_at": row.due_at - timedelta(seconds=1),
        "overdue": late,
    }
