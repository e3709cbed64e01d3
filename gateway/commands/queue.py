"""`queue`: the spool."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from gateway import clock
from gateway.commands.common import Noun, Shell, confirm, no, pass_shell, yes_option
from gateway.commands.found import list_named, shown
from gateway.errors import Misuse, NotFound
from gateway.flow import campaigns
from gateway.flow.context import Context
from gateway.store import receipts, spool, trails
from gateway.store.tables import Parcel
from gateway.store.tx import Tx

STATES = ("waiting", "leased", "held", "failed")
_refs = click.argument("refs", nargs=-1, type=int)
_all = click.option("--all", "every", is_flag=True, help="All that this can be done to.")


@click.group(cls=Noun)
def queue() -> None:
    """Look after the spool: copies that wait, are held, or have failed."""


@queue.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@click.option("--after", type=int, default=0, help="Only references above this one.")
@pass_shell
def list_(shell: Shell, state: str | None, limit: int, after: int) -> None:
    """List copies by reference, and say how many there are in each state."""
    with shell.context() as context, context.store.read() as tx:
        rows = [described(row) for row in spool.listing(tx, state, after, limit)]
        counts = spool.counts(tx, clock.now())
        paused = [campaigns.described(tx, row) for row in trails.pauses(tx)]
    if shell.out.json:
        known = {"parcels": rows, "counts": dict(counts.states), "oldest_due": counts.oldest_due}
        shell.out.data({**known, "paused": paused})
        return
    shell.out.table(["ref", "state", "recipient", "due_at", "attempts", "reason"], rows)
    shell.out.note("queue-counts", counts=", ".join(f"{name} {n}" for name, n in counts.states.items()))
    for one in paused:
        shell.out.note("queue-paused", **one)


@queue.command()
@click.argument("ref", type=int)
@pass_shell
def show(shell: Shell, ref: int) -> None:
    """Show one copy with its receipts; also one that has left or was refused."""
    with shell.context() as context, context.store.read() as tx:
        row = spool.get(tx, ref)
        told = [_receipt(one) for one in receipts.of_ref(tx, ref)]
    if row is None and not told:
        raise NotFound(f"there is no copy with the reference {ref}")
    if shell.out.json:
        shell.out.data({"parcel": described(row) if row else None, "receipts": told})
        return
    if row:
        shell.out.record(described(row))
        shell.out.text("")
    shell.out.table(["at", "stage", "fate", "code", "outcome", "reply"], told)


@queue.command()
@_refs
@_all
@pass_shell
def retry(shell: Shell, refs: tuple[int, ...], every: bool) -> None:
    """Try waiting or failed copies again now. The law is asked again before they leave."""
    _apply(shell, refs, every, ("waiting", "failed"), spool.retry)


@queue.command()
@_refs
@_all
@click.option("--list", "list_name", help="Paused campaigns of this list, with their copies.")
@click.option("--campaign", help="With --list: this campaign only.")
@pass_shell
def release(shell: Shell, refs: tuple[int, ...], every: bool, list_name: str | None, campaign: str | None) -> None:
    """Let held copies go on. The law is asked again: what it still refuses does not leave.

    Copies of a campaign that is paused for complaints are held again until the campaign itself is released: by --list,
    or with everything else by --all.
    """
    if list_name is None and campaign is not None:
        raise Misuse("--campaign goes with --list")
    if list_name is not None and (refs or every):
        raise Misuse("name references, or --list, or say --all")
    if list_name is not None:
        resumed, copies = _resume(shell, list_name, campaign)
        shell.out.record({"campaigns": resumed, "done": copies})
        if not resumed:
            shell.out.note("queue-none-paused")
            no()
        return
    if every:
        _resume(shell, None, None)
    _apply(shell, refs, every, ("held",), spool.release)


def _resume(shell: Shell, list_name: str | None, campaign: str | None) -> tuple[int, int]:
    """Let paused campaigns go on; return how many, and how many of their copies are due now."""
    now = clock.now()
    with shell.context() as context, context.store.begin() as tx:
        owner = list_named(tx, list_name).id if list_name else None
        rows = [row for row in trails.pauses(tx) if owner in (None, row.list_id) and campaign in (None, row.campaign)]
        return len(rows), sum(campaigns.release(tx, row, now, shell.actor) for row in rows)


@queue.command()
@_refs
@_all
@yes_option
@pass_shell
def drop(shell: Shell, refs: tuple[int, ...], every: bool, yes: bool) -> None:
    """Delete copies that no courier holds. Their receipts stay."""
    confirm(shell, yes, "ask-drop-all" if every else "ask-drop", refs=", ".join(map(str, refs)))
    _apply(shell, refs, every, ("waiting", "held", "failed"), lambda tx, ids, _now: spool.drop(tx, ids))


def _apply(
    shell: Shell,
    refs: tuple[int, ...],
    every: bool,
    states: tuple[str, ...],
    change: Callable[[Tx, Collection[int], datetime], int],
) -> None:
    """Change the copies and say how many; exit code 1 when one of those named was not in such a state."""
    if bool(refs) == every:
        raise Misuse("name references, or say --all")
    done = 0
    with shell.context() as context:
        for ids in [refs] if refs else _pages(context, states):
            with context.store.begin() as tx:
                done += change(tx, ids, clock.now())
    shell.out.record({"done": done, "asked": len(refs) if refs else None})
    if refs and done < len(set(refs)):
        shell.out.note("queue-some-not", states=", ".join(states))
        no()


def _pages(context: Context, states: tuple[str, ...]) -> Iterator[Sequence[int]]:
    for state in states:
        after = 0
        while ids := _page(context, state, after):
            yield ids
            after = ids[-1]


def _page(context: Context, state: str, after: int) -> list[int]:
    with context.store.read() as tx:
        return [row.id for row in spool.listing(tx, state, after, 500)]


def described(row: Parcel) -> dict[str, Any]:
    """Return a copy as commands show it; `ref` is the reference in replies and logs."""
    return {"ref": row.id, "submission": row.submission_id, **shown(row, "id", "contact_id", "node", "submission_id")}


def _receipt(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of the receipts
    names = ("at", "stage", "fate", "code", "rule", "outcome", "reply", "klass", "evidence")
    return {name: getattr(row, name) for name in names}
