"""What tools are told that SMTP did not say: one report a message, once, to the return path, as they chose."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from flufl.bounce import scan_message
from sqlmodel import select, update

from gateway import clock
from gateway.courier.courier import Letter, Outcome
from gateway.demo import campaign
from gateway.flow import report, retry
from gateway.flow.context import Context
from gateway.flow.report import KINDS, Reporter
from gateway.mail.address import parse
from gateway.mail.reply import Reply
from gateway.store import spool
from gateway.store.tables import Account, Parcel, Report, Submission
from gateway.tokens import Link
from tests.flow.rig import CAMILLE, JOHN, OBJECTED, PEER, UNKNOWN, Rig, Says, rig
from tests.support.pressing import press
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
LISTED = b"X-Consentgate-List: lettre\r\n" + campaign("lettre")
TAKEN = Outcome("delivered", Reply(250, "2.0.0", "taken"))
GONE = Outcome("failed", Reply(550, "5.1.1", "no such user"))
LATER = Outcome("deferred", Reply(451, "4.7.1", "greylisted"))
SOON = timedelta(minutes=5)


def left(context: Context) -> dict[str, int]:
    """Return how many rows wait in outbox and spool."""
    with context.store.read() as tx:
        return {model.__name__: len(tx.exec(select(model)).all()) for model in (Report, Parcel, Submission)}


def told(context: Context) -> list[tuple[Parcel, Message]]:
    """Return the delivery reports in the spool, with their parcels."""
    with context.store.read() as tx:
        rows = [(row, spool.submissions(tx, [row.submission_id])) for row in spool.listing(tx, None, 0, 100)]
    letters = [(row, found[row.submission_id]) for row, found in rows]
    return [(row, message_from_bytes(one.content)) for row, one in letters if one.account_id == 0]


def statuses(message: Message) -> Sequence[Message]:
    """Return the field groups about recipients."""
    [part] = [one for one in message.walk() if one.get_content_type() == "message/delivery-status"]
    groups: Any = part.get_payload()
    return list(groups[1:])


async def carried(context: Context, *outcomes: Outcome, parcels: int = 0) -> list[Letter]:
    """Let a courier carry what is due until `parcels` are left."""
    hop = Says(*outcomes)
    async with rig(context, courier=hop, delivering=True) as house, house.running():
        await until(lambda: sum(row.state in {"waiting", "leased"} for row in house.parcels()) <= parcels)
    return hop.letters


async def sent(house: Rig, *wishes: tuple[str, str], draft: dict[str, Any] | None = None, **account: Any) -> Reply:
    """Hand in one message to recipients with their NOTIFY."""
    begun = house.draft(None, **account)
    for name, value in (draft or {}).items():
        setattr(begun, name, value)
    for address, notify in wishes:
        assert (await house.accept.recipient(begun, parse(address), notify, f"rfc822;{address}")).ok
    return await house.accept.message(begun, LISTED, PEER)


async def test_refused_recipients_of_one_message_are_told_in_one_report(context: Context) -> None:
    async with rig(context) as house:
        await sent(house, (CAMILLE, ""), (OBJECTED, ""), (UNKNOWN, ""), draft={"envid": "QQ1"})
        refused = {row.ref: row.code for row in house.receipts() if row.fate == "refuse"}

    assert report.send(context, clock.now()) == 2
    [(parcel, message)] = told(context)
    assert parcel.recipient == "lettre@maison-lavande.example"
    assert {bytes(one) for one in scan_message(message)} == {OBJECTED.encode(), UNKNOWN.encode()}
    for group, (ref, code) in zip(statuses(message), refused.items(), strict=True):
        assert (group["Action"], group["Status"]) == ("failed", "5.7.1")
        assert f"{code} ref={ref}" in group["Diagnostic-Code"]
    assert b"Original-Envelope-Id: QQ1" in bytes(message)
    assert report.send(context, clock.now() + SOON) == 0
    assert left(context) == {"Report": 0, "Parcel": 2, "Submission": 2}


async def test_the_report_leaves_from_the_null_sender_and_is_never_reported_itself(context: Context) -> None:
    async with rig(context) as house:
        await sent(house, (OBJECTED, ""), block_style="discard")
    report.send(context, clock.now())

    [letter] = await carried(context, GONE)

    assert (letter.sender, letter.recipient) == ("", "lettre@maison-lavande.example")
    assert report.send(context, clock.now() + SOON) == 0
    assert left(context) == {"Report": 0, "Parcel": 0, "Submission": 0}


async def test_final_failures_and_late_refusals_of_one_message_come_together(context: Context) -> None:
    async with rig(context) as house:
        await sent(house, (CAMILLE, ""), (JOHN, ""))
        [first, _] = house.parcels()
    await press(context, Link(first.contact_id or 0, 1, first.id))
    await carried(context, GONE)

    assert report.send(context, clock.now()) == 0  # the others may still follow
    assert report.send(context, clock.now() + SOON) == 2
    [(_, message)] = told(context)
    found = {group["Final-Recipient"].split("; ")[1]: group for group in statuses(message)}
    assert found[CAMILLE]["Status"] == "5.7.1"
    assert "R-OBJECTED" in found[CAMILLE]["Diagnostic-Code"]
    assert found[JOHN]["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"


@pytest.mark.parametrize("notify", ["NEVER", "SUCCESS", "DELAY"])
async def test_who_does_not_want_to_hear_of_failures_does_not(embedded: Context, notify: str) -> None:
    async with rig(embedded) as house:
        await sent(house, (CAMILLE, notify), (OBJECTED, notify))
    await carried(embedded, GONE)

    assert report.send(embedded, clock.now() + SOON) == 0
    assert left(embedded) == {"Report": 0, "Parcel": 0, "Submission": 0}


async def test_nothing_is_reported_to_the_null_sender(embedded: Context) -> None:
    async with rig(embedded) as house:
        await sent(house, (CAMILLE, ""), draft={"mail_from": ""}, klass="service", classes=["service"])
    await carried(embedded, GONE)

    assert left(embedded) == {"Report": 0, "Parcel": 0, "Submission": 0}


async def test_an_account_may_want_to_hear_nothing(embedded: Context) -> None:
    async with rig(embedded) as house:
        await sent(house, (OBJECTED, ""), block_style="discard", report="none")

    assert report.send(embedded, clock.now() + SOON) == 0
    assert left(embedded) == {"Report": 0, "Parcel": 0, "Submission": 0}  # nobody needs the message any more


async def test_what_is_held_is_said_to_be_held(embedded: Context) -> None:
    async with rig(embedded) as house:
        reply = await sent(house, (OBJECTED, ""), block_style="hold")
    assert reply.code == 250

    report.send(embedded, clock.now())

    [(_, message)] = told(embedded)
    [group] = statuses(message)
    assert (group["Action"], group["Status"]) == ("delayed", "4.7.1")
    assert left(embedded) == {"Report": 0, "Parcel": 2, "Submission": 2}


async def test_a_delay_is_told_once_to_who_asked(embedded: Context) -> None:
    async with rig(embedded) as house:
        await sent(house, (CAMILLE, "DELAY,FAILURE"))
    for attempts in range(5, 8):  # the table says: the seventh comes when more than four hours are over
        with embedded.store.begin() as tx:
            tx.exec(update(Parcel).values(attempts=attempts, due_at=clock.now()))
        async with rig(embedded, courier=Says(LATER), delivering=True) as house, house.running():
            await until(lambda: house.parcels()[0].attempts != attempts)  # noqa: B023 - it is awaited at once

    assert report.send(embedded, clock.now() + SOON) == 1
    [(_, message)] = told(embedded)
    [group] = statuses(message)
    assert (group["Action"], group["Status"]) == ("delayed", "4.7.1")


async def test_success_is_told_as_relayed_when_the_next_hop_does_not_report(embedded: Context) -> None:
    async with rig(embedded) as house:
        await sent(house, (CAMILLE, "SUCCESS"), (JOHN, "SUCCESS"))
    await carried(embedded, Outcome("delivered", TAKEN.reply, reports=True), TAKEN)

    assert report.send(embedded, clock.now() + SOON) == 1
    [(_, message)] = told(embedded)
    [group] = statuses(message)
    assert (group["Action"], group["Status"]) == ("relayed", "2.0.0")


async def test_the_whole_message_comes_back_when_it_was_asked_for(embedded: Context) -> None:
    async with rig(embedded) as house:
        await sent(house, (OBJECTED, ""), draft={"ret": "FULL"}, block_style="discard")
    report.send(embedded, clock.now())

    [(_, message)] = told(embedded)
    assert [one.get_content_type() for one in message.walk() if one.is_multipart()].count("message/rfc822") == 1
    assert LISTED.replace(b"\r\n", b"\n") in message.as_bytes()


async def test_two_nodes_tell_everything_once(context: Context) -> None:
    async with rig(context) as house:
        for _ in range(5):
            await sent(house, (CAMILLE, ""), (OBJECTED, ""))
    now = clock.now()

    await asyncio.gather(*(asyncio.to_thread(report.send, context, now) for _ in range(4)))

    assert len(told(context)) == 5
    assert left(context) == {"Report": 0, "Parcel": 10, "Submission": 10}


async def test_the_reporter_works_until_it_is_stopped(embedded: Context) -> None:
    async with rig(embedded) as house:
        await sent(house, (OBJECTED, ""), block_style="discard")
    reporter = Reporter(embedded)
    running = asyncio.create_task(reporter.run())
    await until(lambda: not left(embedded)["Report"])
    await reporter.stop()
    await running

    assert len(told(embedded)) == 1


def test_every_kind_is_told_by_a_sentence() -> None:
    account = Account(id=1, login="x", password_hash="", advertiser_id=1, created_at=clock.now())
    for kind in KINDS:
        notify = "SUCCESS,FAILURE,DELAY"
        assert report.row(account, "b@x.example", notify, kind, clock.now(), {"code": "R-OBJECTED"})


@pytest.mark.parametrize("minutes", [[5], [5, 15, 30, 60, 120, 240], [240], [600], [1, 1000]])
def test_one_attempt_only_is_the_first_one_after_four_hours(minutes: list[int]) -> None:
    table = [timedelta(minutes=one) for one in minutes]

    late = [attempts for attempts in range(200) if retry.delayed(table, attempts)]

    assert len(late) == 1
    assert sum((retry.wait(table, one) for one in range(late[0])), timedelta()) >= retry.DELAYED


async def test_a_report_that_cannot_be_written_keeps_no_other_from_being_told(embedded: Context) -> None:
    async with rig(embedded) as house:
        await sent(house, (OBJECTED, ""), block_style="discard")
        await sent(house, (OBJECTED, ""), block_style="discard")
    with embedded.store.begin() as tx:
        broken = tx.exec(select(Report)).all()[0]
        broken.body = {"code": "R-OF-ANOTHER-VERSION"}
        tx.add(broken)

    assert report.send(embedded, clock.now()) == 2
    assert len(told(embedded)) == 1
    assert left(embedded) == {"Report": 0, "Parcel": 1, "Submission": 1}
