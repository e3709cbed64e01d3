"""Opt-outs that machines make: honoured, marked, told, and undone together without touching what people said."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlmodel import select

from gateway import clock
from gateway.flow import bursts, check, consent, retention
from gateway.flow.bursts import KEPT, PEOPLE
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.flow.optout import Desk
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import advertisers, ledger, people
from gateway.store import bursts as rows
from gateway.store.records import Burst, Swift
from gateway.store.tables import Submission
from gateway.tokens import Link
from tests.support.pressing import pressed

HERE, THERE = "203.0.113.0/24", "198.51.100.0/24"


def scan(context: Context, links: Sequence[Link], network: str = HERE) -> None:
    """Press the links as a scanner does."""
    for link in links:
        pressed(context, link, network=network)


def found(context: Context) -> list[Burst]:
    with context.store.read() as tx:
        owner = advertisers.by_name(tx, "lavande")
        assert owner
        return rows.listing(tx, owner.id, 10)


def undo(context: Context) -> bursts.Undone:
    [burst] = found(context)
    return bursts.undo(context, burst, Saying(clock.now(), "cli", "anna", evidence={"burst": burst.id}))


def verdicts(context: Context) -> list[str]:
    addresses = [parse(f"person{number}@corp.example") for number in range(PEOPLE + 1)]
    return [verdict.code for _, verdict in check.check(context, "lettre", addresses)]


def test_a_burst_is_honoured_marked_and_told(context: Context, crowd: list[Link]) -> None:
    scan(context, crowd[: PEOPLE - 1])
    assert found(context) == []
    scan(context, crowd[PEOPLE - 1 :])

    [burst] = found(context)
    assert burst.people == PEOPLE + 1
    assert verdicts(context) == ["R-OBJECTED"] * (PEOPLE + 1)
    with context.store.read() as tx:
        [event] = [one for one in ledger.of_contact(tx, crowd[0].contact) if one.kind == Kind.OBJECTED]
        [letter] = tx.exec(select(Submission)).all()
        swift = tx.exec(select(Swift)).all()
    assert event.evidence["after_delivery"] in range(3, 60)
    assert b"opposition undo" in letter.content.replace(b"=\r\n", b"")
    assert letter.klass == "notice"
    assert {len(one.network) for one in swift} == {32}
    assert not any(b"203.0.113" in one.network for one in swift)


def test_undoing_a_burst_restores_what_was_and_leaves_who_said_it_again(context: Context, crowd: list[Link]) -> None:
    scan(context, crowd)
    scan(context, crowd)  # scanners try twice; that is nobody's word
    pressed(context, crowd[0], "page", THERE)
    Desk(context).explain(crowd[1], "too-many")
    with context.store.begin() as tx:
        contact = people.get(tx, crowd[2].contact)
        assert contact
        consent.refuse(context, tx, contact, None, Kind.OBJECTED, Saying(clock.now(), "cli", "anna"))

    done = undo(context)
    assert (done.restored, done.said_again, done.gone) == (PEOPLE + 1 - 3, 3, 0)
    assert verdicts(context) == ["R-OBJECTED"] * 3 + ["A-CONSENT"] * (PEOPLE - 2)
    [burst] = found(context)
    assert burst.undone_at
    assert burst.actor == "anna"


def test_an_undo_that_was_cut_off_and_run_again_leaves_a_later_no_alone(context: Context, crowd: list[Link]) -> None:
    scan(context, crowd)
    undo(context)
    pressed(context, crowd[0], "page")
    done = undo(context)
    assert done.restored == 0
    assert verdicts(context)[0] == "R-OBJECTED"


@pytest.mark.parametrize("case", ["slow", "scattered", "unknown"])
def test_people_are_no_burst(context: Context, crowd: list[Link], case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if case == "slow":
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=2))
    for number, link in enumerate(crowd):
        network = {"slow": HERE, "scattered": f"203.0.{number}.0/24", "unknown": ""}[case]
        pressed(context, link, network=network)
    assert found(context) == []
    assert verdicts(context) == ["R-OBJECTED"] * (PEOPLE + 1)


def test_networks_are_forgotten_after_a_month(
    context: Context, crowd: list[Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(context, crowd)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + KEPT + timedelta(days=1))
    retention.run(context)
    with context.store.read() as tx:
        assert tx.exec(select(Swift)).all() == []
