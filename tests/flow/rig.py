"""What the tests of the use cases share: settings, drafts, messages, and the rooms of one process put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from sqlmodel import select

from gateway import sample
from gateway.courier.courier import Courier, Letter, Outcome
from gateway.courier.maildir import Maildir
from gateway.demo import campaign
from gateway.flow import intake
from gateway.flow.accept import Accept
from gateway.flow.commit import Committer
from gateway.flow.context import Context
from gateway.flow.deliver import Deliverer
from gateway.flow.facts import Reader
from gateway.flow.gate import Draft, Login, Peer
from gateway.flow.handover import Handover
from gateway.mail.address import parse
from gateway.mail.reply import Reply
from gateway.settings import Settings
from gateway.store import accounts, advertisers, spool
from gateway.store.tables import Parcel, Receipt
from tests.support.waiting import until

PEER = Peer("tool.example", "192.0.2.7", "ESMTPSA")
CAMILLE = "camille.durand@mailbox.example"
JOHN = "john.smith@mailbox.example"
OBJECTED = "opposee@mailbox.example"
UNKNOWN = "inconnu@mailbox.example"


def settings_for(store_url: str, folder: Path, **limits: Any) -> Settings:
    """Return settings with a fresh secret, all files in `folder`."""
    (folder / "secret").write_text("s" * 64)
    return Settings.model_validate(
        {
            "gateway": {"hostname": "gate.example", "secrets": {1: f"file:{folder / 'secret'}"}},
            "store": {"url": store_url},
            "upstream": {"url": f"maildir:{folder / 'outgoing'}"},
            "web": {"public_url": "https://gate.example"},
            "inbound": {"domain": "back.gate.example"},
            "limits": limits,
        }
    )


class Rig:
    """The rooms of one process, and what a door would ask of them."""

    def __init__(self, context: Context, accept: Accept, deliverer: Deliverer | None) -> None:
        self.context = context
        self.accept = accept
        self.deliverer = deliverer

    def draft(
        self, list_name: str | None = "lettre", sender: str = "lettre@maison-lavande.example", **account: Any
    ) -> Draft:
        """Return a transaction of the sample's account, changed as `account` says."""
        with self.context.store.begin() as tx:
            row = accounts.by_login(tx, sample.LOGIN)
            assert row
            for name, value in account.items():
                setattr(row, name, value)
            accounts.save(tx, row)
            owner = advertisers.get(tx, row.advertiser_id)
            assert owner
        return Draft(Login(row, list_name, intake.allowed_domains(row, owner)), sender)

    async def send(self, *recipients: str, content: bytes | None = None, draft: Draft | None = None) -> list[Reply]:
        """Do MAIL, RCPT for each, DATA; return the replies in order; DATA is left out when nobody was accepted."""
        draft = draft or self.draft()
        replies = [await self.accept.sender(draft)]
        replies += [await self.accept.recipient(draft, parse(recipient), "", "") for recipient in recipients]
        if draft.recipients:
            replies.append(await self.accept.message(draft, content or campaign("lettre"), PEER))
        return replies

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let couriers look for parcels for the time of a `with`."""
        assert self.deliverer
        work = asyncio.create_task(self.deliverer.run())
        try:
            yield
        finally:
            await self.deliverer.stop(10)
            await work

    async def emptied(self) -> None:
        """Wait until nothing is in the spool."""
        await until(lambda: not self.parcels())

    def parcels(self) -> list[Parcel]:
        """Return the spool."""
        with self.context.store.read() as tx:
            return spool.listing(tx, None, 0, 1000)

    def receipts(self) -> list[Receipt]:
        """Return every receipt in the order of writing."""
        with self.context.store.read() as tx:
            return sorted(tx.exec(select(Receipt)), key=lambda row: row.id)


@asynccontextmanager
async def rig(
    context: Context, *, courier: Courier | None = None, reader: Reader | None = None, delivering: bool = False
) -> AsyncIterator[Rig]:
    """Put the rooms together; without `delivering` parcels stay in the spool."""
    reader, committer = reader or Reader(context), Committer(context, "test/1")
    hop = courier or Maildir(outgoing(context))
    deliverer = Deliverer(context, Handover(context, reader, hop), committer, "test/1") if delivering else None
    try:
        yield Rig(context, Accept(context, reader, committer, deliverer), deliverer)
    finally:
        if deliverer:
            await deliverer.stop(10)
        await hop.close()
        await committer.close()
        await reader.close()


class Says(Courier):
    """A next hop that answers as told; it keeps what it was handed."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.letters: list[Letter] = []

    async def hand(self, letter: Letter) -> Outcome:
        """Answer with the next outcome; the last one repeats."""
        self.letters.append(letter)
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    async def close(self) -> None:
        """Have nothing to close."""


def outgoing(context: Context) -> Path:
    """Return the Maildir of the next hop."""
    return Path(context.settings.upstream.url.partition(":")[2])


def delivered(context: Context) -> dict[str, EmailMessage]:
    """Return the delivered copies by recipient."""
    found = {}
    for file in (outgoing(context) / "new").glob("*"):
        message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
        found[str(message["Delivered-To"]).strip("<>")] = message
    return found


def plain(message: EmailMessage, subtype: str) -> str:
    """Return the text of one alternative."""
    body = message.get_body((subtype,))
    assert body
    return str(body.get_content())
