"""A gate for the tests of the door: a small real one, which keeps what it was handed."""

import asyncio
from dataclasses import dataclass, field

from gateway.clock import now
from gateway.errors import TryLater
from gateway.flow.gate import Draft, Login, Peer, Recipient
from gateway.mail.address import Address
from gateway.mail.reply import Reply
from gateway.store.tables import Account

USER, PASSWORD = "tool", "s3cret-pässword"


@dataclass
class RecordingGate:
    """Lets `tool` in; what it answers depends on the names used.

    Sender `stranger@…` is refused. Recipient, and first word of the message: `refused`, `later` (something cannot be
    reached), `bug` (raises), `slow` (takes half a second).
    """

    handed: list[tuple[Draft, bytes, Peer]] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    login_takes: float = 0.0
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def login(self, username: str, password: bytes) -> Login | None:
        if username == "later":
            raise TryLater
        await asyncio.sleep(self.login_takes)
        name, _, listed = username.partition("+")
        if (name, password) != (USER, PASSWORD.encode()):
            return None
        account = Account(id=1, login=name, password_hash="", advertiser_id=1, created_at=now())
        return Login(account, listed or None)

    async def sender(self, draft: Draft) -> Reply:
        self.drafts.append(draft)
        if draft.mail_from.startswith("stranger@"):
            return Reply(550, "5.7.1", "not your sender")
        return await self._do(draft.mail_from.partition("@")[0], Reply(250, "2.1.0", "sender taken"))

    async def recipient(self, draft: Draft, address: Address, notify: str, orcpt: str) -> Reply:
        reply = await self._do(address.local, Reply(250, "2.1.5", "recipient taken"))
        if reply.ok:
            draft.recipients.append(Recipient(address, notify, orcpt))
        return reply

    async def message(self, draft: Draft, content: bytes, peer: Peer) -> Reply:
        self.started.set()
        word = content.split(maxsplit=1)[0].decode("ascii", "replace") if content.strip() else ""
        reply = await self._do(word, Reply(250, "2.6.0", "kept"))
        if reply.ok:
            self.handed.append((draft, content, peer))
        return reply

    async def _do(self, word: str, reply: Reply) -> Reply:
        if word == "refused":
            return Reply(550, "5.7.1", "R-OBJECTED ref=1 recipient has objected")
        if word == "later":
            raise TryLater("the store is away")
        if word == "bug":
            raise ValueError("inner secret: 42")
        if word == "slow":
            await asyncio.sleep(0.5)
        return reply
