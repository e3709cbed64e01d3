"""The rights of the person behind a link, each confirmed through the mailbox (GDPR 12(6), 15-18, 20).

    asked on the page ── letter with a link ──► confirmed ──► acted: copy shown, data corrected, restricted, erased
          └── nobody confirms: deleted when the link ends

The link in a message proves that somebody holds the message; the link in the letter, that they read the mailbox. Only
the second one shows data or changes any. Every method blocks and raises `errors.TryLater` when the store is away;
twice is once.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from gateway import clock
from gateway.errors import Misuse
from gateway.flow import access, certificate, consent, letters, privacy, requests, scene
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.flow.held import TRAITS, Held, held
from gateway.flow.scene import Imprint, Scene
from gateway.law.facts import MessageClass
from gateway.mail.address import parse
from gateway.mail.compose import Button
from gateway.store import advertisers, people
from gateway.store import requests as rows
from gateway.store.records import Request
from gateway.store.tables import Contact
from gateway.store.tx import Tx
from gateway.text import local, say
from gateway.tokens import Link, Purpose

RIGHTS = ("access", "rectification", "restriction", "erasure")  # access includes the copy of GDPR 20
LIFE = timedelta(days=3)  # of the link in the letter: a weekend
AGAIN = timedelta(hours=1)  # before the same letter goes out once more
LONGEST = 200  # characters of a corrected value
State = Literal["waiting", "confirmed", "done", "over"]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the page behind the link in a letter may show; data only where `Rights.copy` and `Rights.open` give them."""

    imprint: Imprint
    timezone: str
    right: str
    state: State  # over: the link has ended, or the request was taken back
    at: datetime
    until: datetime  # the link's end
    due: datetime
    restricted: bool = False
    certificate: Mapping[str, Any] = field(default_factory=dict)


class Rights:
    """Answers the holders of links and of letters. None means what it does in `optout.Desk`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def held(self, link: Link) -> Held | None:
        """Return what is held and why, without the data."""
        return held(self._context, link)

    def ask(self, link: Link, right: str) -> bool | None:
        """Write down what is asked for and send the letter that confirms it; False for somebody who was erased.

        While a letter is fresh none is sent again: a stranger with a forwarded message must not be able to flood.
        """
        if right not in RIGHTS:
            raise Misuse(f"{right!r} is not asked for here; the page offers {', '.join(RIGHTS)}")
        now = clock.now()
        with self._context.store.begin() as tx:
            found = scene.find(tx, link)
            if found is None or found.contact is None:
                return None if found is None else False
            row = rows.waiting(tx, found.contact.id, right)
            if row and row.link_until and row.link_until > now + LIFE - AGAIN:
                return True
            row = row or requests.open_(
                self._context, tx, found.advertiser.id, parse(found.contact.address), right, origin="page", actor="page"
            )
            row.link_until = now + LIFE
            rows.save(tx, row)
            self._send(tx, found, found.contact, row)
        return True

    def look(self, link: Link) -> Confirmation | None:
        """Return what the link in a letter is about; changes nothing."""
        with self._context.store.read() as tx:
            row = rows.get(tx, link.parcel)
            return self._seen(tx, row) if row else None

    def confirm(self, link: Link) -> Confirmation | None:
        """Confirm, and do what was asked: at once, or, for a correction, once the right values are given."""
        acts = {"access": self._close, "restriction": self._restrict, "rectification": self._wait}
        with self._context.store.begin() as tx:
            row = rows.get(tx, link.parcel)
            if row is None or self._state(row) == "over" or row.closed_at is not None:
                return self._seen(tx, row) if row else None
            row.confirmed_at = row.confirmed_at or clock.now()
            rows.save(tx, row)
            if row.right != "erasure":
                acts[row.right](tx, row)
                seen = self._seen(tx, row)
        if row.right == "erasure":
            return self._erase(row.id, link.contact)
        if row.right == "restriction":
            consent.settle(self._context, link.contact)
        return seen

    def cancel(self, link: Link) -> Confirmation | None:
        """Take back what was asked and not yet done: it was somebody else, or a second thought."""

        def act(tx: Tx, row: Request) -> None:
            if row.closed_at is None:
                row.closed_at, row.outcome, row.link_until = clock.now(), "withdrawn", clock.now()
                rows.save(tx, row)

        return self._change(link, act, confirmed=False)

    def copy(self, link: Link, *, machine: bool, lang: str = "") -> str | None:
        """Return everything held, as a page in `lang` or as JSON, while the letter's link works, else None."""
        with self._context.store.read() as tx:
            row = rows.get(tx, link.parcel)
            contact = people.get(tx, link.contact)
            owner = advertisers.get(tx, row.advertiser_id) if row else None
            if not (row and contact and owner and row.right == "access" and self._works(row)):
                return None
            found = access.document(self._context, tx, owner, contact, lang)
        if machine:
            return access.machine(found)
        return access.page(found, lang or access.language(contact), self._context.policy.timezone)

    def open(self, link: Link) -> dict[str, str] | None:
        """Return what may be corrected, with its values; None as `copy`."""
        with self._context.store.read() as tx:
            row = rows.get(tx, link.parcel)
            contact = people.get(tx, link.contact)
            if not (row and contact and row.right == "rectification" and self._works(row)):
                return None
            return {name: getattr(contact, name) or "" for name in TRAITS}

    def correct(self, link: Link, changes: Mapping[str, str]) -> Confirmation | None:
        """Write the right values (of `held.TRAITS`; others are left alone) and close the request."""

        def act(tx: Tx, row: Request) -> None:
            contact = people.get(tx, link.contact)
            if row.right != "rectification" or contact is None:
                return
            given = {name: value for name in TRAITS if (value := _tidy(name, changes.get(name))) is not None}
            fields = privacy.rectify(self._context, tx, contact, given, None, Saying(clock.now(), "page"))
            row.answer = ", ".join(fields)
            self._close(tx, row)

        return self._change(link, act)

    def lift(self, link: Link) -> Confirmation | None:
        """End the restriction that this letter set."""

        def act(tx: Tx, row: Request) -> None:
            contact = people.get(tx, link.contact)
            if row.right == "restriction" and contact is not None:
                privacy.restrict(self._context, tx, contact, Saying(clock.now(), "page"), lifted=True)

        return self._change(link, act)

    def _change(self, link: Link, act: Callable[[Tx, Request], None], *, confirmed: bool = True) -> Confirmation | None:
        with self._context.store.begin() as tx:
            row = rows.get(tx, link.parcel)
            if row is None:
                return None
            if self._state(row) != "over" and (row.confirmed_at or not confirmed):
                act(tx, row)
            return self._seen(tx, row)

    def _wait(self, _tx: Tx, _row: Request) -> None:
        """Leave a correction open until the right values are given."""

    def _close(self, tx: Tx, row: Request) -> None:
        row.closed_at, row.outcome = row.closed_at or clock.now(), "done"
        rows.save(tx, row)

    def _restrict(self, tx: Tx, row: Request) -> None:
        contact = people.get(tx, row.contact_id or 0)
        if contact is not None:
            privacy.restrict(self._context, tx, contact, Saying(clock.now(), "page"), lifted=False)
        self._close(tx, row)

    def _erase(self, number: int, person: int) -> Confirmation | None:
        """Erase and close the request with the certificate; the person may be gone already if we were cut off."""
        with self._context.store.read() as tx:
            contact, row = people.get(tx, person), rows.get(tx, number)
            owner = advertisers.get(tx, row.advertiser_id) if row else None
        if row is None or owner is None:
            return None
        document: dict[str, Any] = {}
        if contact is not None:
            said = Saying(clock.now(), "page", channel=None)
            done = privacy.erase(self._context, contact, owner.legal_name or owner.name, said)
            document = json.loads(certificate.machine(certificate.document(done, owner, number)))
        with self._context.store.begin() as tx:
            row = rows.get(tx, number)
            if row is None:
                return None
            if row.closed_at is None:  # else somebody pressed twice, and the first certificate is the true one
                row.certificate = document
                self._close(tx, row)
            return self._seen(tx, row)

    def _works(self, row: Request) -> bool:
        return row.confirmed_at is not None and self._state(row) != "over"

    def _state(self, row: Request) -> State:
        if row.link_until is None or row.outcome == "withdrawn":
            return "over"
        if row.outcome == "done":
            return "done" if clock.now() < row.link_until or row.right == "erasure" else "over"
        if clock.now() >= row.link_until:
            return "over"
        return "confirmed" if row.confirmed_at else "waiting"

    def _seen(self, tx: Tx, row: Request) -> Confirmation | None:
        owner = advertisers.get(tx, row.advertiser_id)
        contact = people.get(tx, row.contact_id or 0)
        if owner is None or row.link_until is None:
            return None
        return Confirmation(
            Scene(owner, None, contact).imprint,
            self._context.policy.timezone,
            row.right,
            self._state(row),
            at=row.received_at,
            until=row.link_until,
            due=row.due_at,
            restricted=bool(contact and contact.restricted),
            certificate=dict(row.certificate),
        )

    def _send(self, tx: Tx, found: Scene, contact: Contact, row: Request) -> None:
        lang, zone = found.imprint.lang, self._context.policy.timezone
        token = self._context.tokens.seal(Purpose.RIGHT, Link(contact.id, 0, row.id))
        url = f"{self._context.settings.web.public_url}/r/{token}"
        until = local.minute_of(clock.now() + LIFE, lang, zone)
        body: list[str | Button] = [
            say(f"rights.letter-{row.right}", lang, advertiser=found.imprint.advertiser),
            Button(say(f"rights.letter-{row.right}-button", lang), url),
            say("rights.letter-until", lang, until=until),
            say("rights.letter-stranger", lang),
        ]
        subject = say(f"rights.letter-{row.right}-subject", lang)
        letters.send(
            self._context, tx, found.advertiser, MessageClass.RIGHTS, to=contact.address, subject=subject, body=body,
            lang=lang, contact_id=contact.id,
        )  # fmt: skip


def _tidy(name: str, value: str | None) -> str | None:
    """Return a value on one line, codes in their own case; None for one that cannot be."""
    if value is None:
        return None
    tidy = " ".join("".join(char for char in value if char.isprintable() or char.isspace()).split())[:LONGEST]
    if name == "country":
        return tidy.upper() if re.fullmatch(r"[A-Za-z]{2}", tidy) else None
    if name == "language":
        return tidy.lower() if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z]{2})?", tidy) else None
    return tidy
