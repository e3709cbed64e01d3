"""What the tests of what comes back share: a house with the inbound door, and what mail servers say to it."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from sqlmodel import select

from gateway import clock, sample
from gateway.courier.courier import Letter, Outcome
from gateway.flow.context import Context, open_context
from gateway.flow.inbound import Inbox, Incoming
from gateway.mail.address import parse
from gateway.mail.reply import Reply
from gateway.store import ledger, people
from gateway.store.tables import Account, Event, Parcel, Submission
from tests.flow.rig import Says, rig, settings_for
from tests.support.waiting import until

TAKEN = Outcome("delivered", Reply(250, "2.0.0", "taken"))
ADMIN = "admin@gate.example"


def house(store_url: str, folder: Path) -> Iterator[Context]:
    plain = settings_for(store_url, folder, complaint_minimum=2)
    chosen = plain.model_dump(exclude={"gateway", "inbound"}, mode="python") | {
        "gateway": {"hostname": "gate.example", "secrets": {1: f"file:{folder / 'secret'}"}},
        "inbound": {"domain": "back.gate.example", "listen": "127.0.0.1:0", "postmaster": ADMIN},
    }
    opened = open_context(type(plain).model_validate(chosen))
    sample.fill(opened, clock.now())
    yield opened
    opened.close()


async def delivered(context: Context, *recipients: str, outcome: Outcome = TAKEN) -> list[Letter]:
    """Send the sample campaign and return what the next hop was handed, in the order of `recipients`."""
    hop = Says(outcome)
    async with rig(context, courier=hop, delivering=True) as house:
        replies = await house.send(*recipients)
        assert replies[-1].code == 250
        await until(lambda: not [row for row in house.parcels() if row.state in {"leased", "waiting"}])
    return sorted(hop.letters, key=lambda letter: recipients.index(letter.recipient))


def take(context: Context, to: str, content: bytes, mail_from: str = "") -> bool:
    """Hand one message to the inbox, as the door does."""
    inbox = Inbox(context)
    target = inbox.target(parse(to))
    assert target, to
    try:
        return inbox.take(Incoming(mail_from, [target]), content, "mx.example (192.0.2.1)")
    finally:
        inbox.close()


def mailto(letter: Letter) -> str:
    """Return the opt-out address in a copy."""
    return str(message_from_bytes(letter.content)["List-Unsubscribe"]).partition("mailto:")[2].strip("> ")


def events(context: Context, address: str, kind: str) -> list[Event]:
    with context.store.read() as tx:
        contact = tx.exec(select(Account)).first()
        assert contact
        person = people.find(tx, contact.advertiser_id, parse(address).key)
        assert person
        return [event for event in ledger.of_contact(tx, person.id) if event.kind == kind]


def letters(context: Context) -> list[tuple[str, EmailMessage]]:
    """Return recipient and message of the gateway's own letters in the spool."""
    with context.store.read() as tx:
        rows = tx.exec(select(Parcel, Submission).where(Parcel.submission_id == Submission.id)).all()
    own = [(parcel.recipient, row.content) for parcel, row in rows if row.account_id == 0]
    return [(to, message_from_bytes(content, policy=policy.default)) for to, content in own]  # type: ignore[misc]


def text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body
    return str(body.get_content())


async def refused(context: Context, address: str) -> str:
    async with rig(context) as house:
        return (await house.send(address))[1].text
