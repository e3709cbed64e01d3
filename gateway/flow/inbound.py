"""What comes back by mail: opt-outs, bounces and complaints become events; the rest goes to whom it is for.

Only addresses of our own making are taken, so that this is no relay: `stop+TOKEN` (the address in List-Unsubscribe),
`b+TOKEN` (the return path of one copy), and postmaster, abuse and feedback for people and mailbox providers. Whose
message it is about is what our token says, never what the mail says. An opt-out is durable, and in force, before the
reply; nobody is answered who is not the person concerned, and no machine ever.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import Message
from email.utils import format_datetime
from typing import Literal

from gateway import clock, journal, meters
from gateway.errors import TryLater
from gateway.flow import acknowledge, campaigns, consent, letters, scene
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.law.facts import MessageClass
from gateway.mail import feedback
from gateway.mail.address import Address, parse
from gateway.mail.compose import Button
from gateway.mail.rewrite import Unfit, plain
from gateway.store import accounts, advertisers, ledger, people, receipts, trails
from gateway.store import bursts as marks
from gateway.store.tables import Advertiser, Contact
from gateway.store.trails import Trail
from gateway.store.tx import Tx
from gateway.text import say
from gateway.tokens import Link, Purpose

POSTBOXES = frozenset({"postmaster", "abuse", "feedback"})
STOP, RETURN = "stop+", "b+"
OBJECTIONS = frozenset({"abuse", "opt-out"})  # kinds of complaints (RFC 5965 7.3) that are a no
THREADS = 4
HOPS_MOST = 50  # Received fields of mail that runs in circles (RFC 5321 6.3)


@dataclass(frozen=True, slots=True)
class Target:
    """What an address of ours stands for; `link` is that of its token."""

    kind: Literal["stop", "return", "post"]
    link: Link | None = None


@dataclass(slots=True)
class Incoming:
    """One mail transaction in the making (RFC 5321 3.3)."""

    mail_from: str  # "" is the null sender
    recipients: list[Target] = field(default_factory=list)


class Inbox:
    """Takes what comes back, for one process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.domain = context.settings.inbound.domain
        # threads of its own: it may wait for couriers, and logins and signatures must not wait for it
        self.pool = ThreadPoolExecutor(THREADS, "inbound")

    def target(self, address: Address) -> Target | None:
        """Return what the address stands for, or None when it is none of ours."""
        local = address.local.lower()
        if address.domain != self.domain:
            return None
        if local in POSTBOXES:
            return Target("post")
        if local.startswith(STOP):
            link = self._context.tokens.open(Purpose.MAILTO, local.removeprefix(STOP))
            return Target("stop", link) if link else None
        link = (
            self._context.tokens.open(Purpose.BOUNCE, local.removeprefix(RETURN)) if local.startswith(RETURN) else None
        )
        return Target("return", link) if link else None

    def take(self, incoming: Incoming, content: bytes, peer: str) -> bool:
        """Do what the message is for; everything is durable, and in force, on return. False for mail in circles.

        `peer` says in words who handed it in. Blocks; raise `errors.TryLater`. Twice is once, but for mail passed on.
        """
        message = feedback.read(content)
        targets = list(dict.fromkeys(incoming.recipients))
        for target in targets:
            if target.kind == "stop" and target.link:  # whatever the message looks like
                self._stop(target.link, message, incoming.mail_from)
        others = [target for target in targets if target.kind != "stop"]
        if not others:
            return True
        if message is None or len(message.get_all("received", ())) > HOPS_MOST:
            return False
        complaint = feedback.complaint(message)
        for target in others:
            if complaint is not None and self._complain(complaint):
                continue
            if target.kind == "return" and target.link:
                self._returned(target.link, message, content, incoming.mail_from)
            else:
                self._pass_on(content, peer)
        return True

    # Opt-outs by mail.

    def _stop(self, link: Link, message: Message | None, mail_from: str) -> None:
        """Record the objection, also when a machine asked; confirm it once, to the person concerned."""
        with self._context.store.begin() as tx:
            contact = people.get(tx, link.contact)
            if contact is None:
                return
            answered = message is not None and bool(mail_from) and not feedback.automatic(message)
            tells = answered and not acknowledge.lately(tx, contact)
            evidence = {"ref": link.parcel, **({"told": True} if tells else {})}
            said = Saying(clock.now(), "mailto", evidence=evidence)
            fresh = consent.refuse(self._context, tx, contact, None, Kind.OBJECTED, said)
            marks.said_again(tx, contact.id)
            if fresh and tells and message is not None:
                self._confirm(tx, contact, link, message, mail_from)
        meters.count("opt_outs", "mailto")
        journal.note("objected", origin="mailto", ref=link.parcel)
        consent.settle(self._context, link.contact)

    def _confirm(self, tx: Tx, contact: Contact, link: Link, message: Message, mail_from: str) -> None:
        """Write to the person, whoever asked: somebody to whom a copy was forwarded may have (docs/flow.md)."""
        found = scene.find(tx, link)
        if found is None:
            return
        context, own = self._context, _same(mail_from, contact)
        lang, named = found.imprint.lang, found.imprint.advertiser
        undo = f"{context.settings.web.public_url}/p/{context.tokens.seal(Purpose.LINK, link)}"
        body: list[str | Button] = [
            say("inbound.stopped" if own else "inbound.stopped-by-another", lang, advertiser=named),
            say("inbound.undo", lang),
            Button(say("inbound.undo-button", lang), undo),
        ]
        letters.send(
            context,
            tx,
            found.advertiser,
            MessageClass.RIGHTS,
            to=contact.address,
            subject=say("inbound.subject", lang, advertiser=named),
            body=body,
            lang=lang,
            contact_id=contact.id,
            in_reply_to=feedback.message_id(message) if own else "",
            automatic="auto-replied",
        )

    # Complaints.

    def _complain(self, complaint: feedback.Complaint) -> bool:
        """Record a complaint; return False when it is for people to read."""
        if complaint.kind == "not-spam":
            return True
        link = next((link for token in complaint.tokens if (link := self._opened(token))), None)
        if link is None or complaint.kind not in OBJECTIONS:
            return False
        with self._context.store.begin() as tx:
            contact = people.get(tx, link.contact)
            if contact is None:
                return True
            said = Saying(clock.now(), "complaint", evidence={"ref": link.parcel, "kind": complaint.kind})
            # also when they had said no before: it was a copy too many all the same, and counts as one
            consent.oppose(self._context, tx, contact.advertiser_id, parse(contact.address), None, said)
            if not _recorded(tx, contact, Kind.COMPLAINED, link.parcel):
                consent.record(self._context, tx, contact, None, Kind.COMPLAINED, said)
                self._count(tx, link.parcel)
            marks.said_again(tx, contact.id)
        meters.count("opt_outs", "complaint")
        journal.note("complained", kind=complaint.kind, ref=link.parcel)
        consent.settle(self._context, link.contact)
        return True

    def _opened(self, token: str) -> Link | None:
        found = (
            self._context.tokens.open(purpose, token) for purpose in (Purpose.LINK, Purpose.MAILTO, Purpose.BOUNCE)
        )
        return next((link for link in found if link), None)

    def _count(self, tx: Tx, ref: int) -> None:
        if trail := _trail(tx, ref):
            campaigns.complained(self._context, tx, trail)

    # Bounces.

    def _returned(self, link: Link, message: Message, content: bytes, mail_from: str) -> None:
        """Record an address that does not exist; pass a bounce on to the tool's own return path."""
        failures = feedback.failures(message, content)
        with self._context.store.begin() as tx:
            contact = people.get(tx, link.contact)
            invalid = next((one for one in failures if one.invalid), None)
            if contact and invalid and contact.address_key in invalid.addresses:
                said = Saying(clock.now(), "inbound", evidence={"ref": link.parcel, "status": invalid.status})
                if not _recorded(tx, contact, Kind.BOUNCED, link.parcel):
                    consent.record(self._context, tx, contact, None, Kind.BOUNCED, said)
            if failures or not mail_from:
                self._hand_back(tx, link.parcel, content)
        journal.note("returned", ref=link.parcel, statuses=sorted({one.status for one in failures}))

    def _hand_back(self, tx: Tx, ref: int, content: bytes) -> None:
        """Send what came to our return path to the one the tool had given, so that its own reading of bounces works."""
        trail = _trail(tx, ref)
        account = accounts.get(tx, trail.account_id) if trail else None
        if trail is None or account is None or not trail.mail_from or account.report == "none":
            return
        self._forward(tx, account.advertiser_id, trail.mail_from, content)

    # Mail for people.

    def _pass_on(self, content: bytes, peer: str) -> None:
        """Send a message to the administrator (RFC 5321 4.5.1, RFC 2142)."""
        inbound, host = self._context.settings.inbound, self._context.settings.gateway.hostname
        came = f"Received: from {peer} by {host}; {format_datetime(clock.now())}\r\n".encode()
        with self._context.store.begin() as tx:
            owners: Sequence[Advertiser] = advertisers.all(tx)
            if not owners:
                raise TryLater("there is no advertiser yet, in whose name mail could be passed on")
            self._forward(tx, owners[0].id, inbound.postmaster, came + content)

    def _forward(self, tx: Tx, advertiser_id: int, recipient: str, content: bytes) -> None:
        if isinstance(plain(content, b""), Unfit):
            journal.warn("inbound-unreadable", bytes=len(content))
            return
        letter = letters.Letter(advertiser_id, recipient, content, MessageClass.NOTICE, foreign=True)
        letters.post(self._context, tx, letter)

    def close(self) -> None:
        """Finish what is in hand."""
        self.pool.shutdown()


def _same(mail_from: str, contact: Contact) -> bool:
    return parse(mail_from).key == contact.address_key


def _trail(tx: Tx, ref: int) -> Trail | None:
    """Return what is remembered of the submission that a copy belonged to."""
    told = receipts.of_ref(tx, ref)
    return trails.get(tx, told[0].submission_id) if told else None


def _recorded(tx: Tx, contact: Contact, kind: Kind, ref: int) -> bool:
    """Return whether that was recorded about that very copy already."""
    return any(event.kind == kind and event.evidence.get("ref") == ref for event in ledger.of_contact(tx, contact.id))
