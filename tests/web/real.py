"""The real pages over the real use cases on SQLite, with the sample's people and one long history."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from sqlmodel import select

from gateway import clock, sample
from gateway.flow import consent
from gateway.flow.consent import Saying
from gateway.flow.context import Context, open_context
from gateway.flow.optout import Desk
from gateway.flow.presses import Presses
from gateway.flow.rights import Rights
from gateway.law.events import Kind
from gateway.store import advertisers, lists, notices, people, receipts
from gateway.store.records import Notice
from gateway.store.tables import Contact, List, Parcel, Submission
from gateway.tokens import Link, Purpose
from gateway.web.app import WebOptions, create_app
from tests.flow.joinlist import open_list
from tests.flow.rig import CAMILLE, settings_for
from tests.web.house import Running

TEXT = "Maison Lavande SAS vous enverra sa lettre par e-mail.\nVous pouvez vous désinscrire à tout moment."


class House:
    """A running application and the context behind it; `settings` are changes to `[web]`."""

    def __init__(self, store_url: str, folder: Path, **settings: Any) -> None:
        base = settings_for(store_url, folder)
        web = base.web.model_copy(update=settings)
        self.context: Context = open_context(base.model_copy(update={"web": web}))
        sample.fill(self.context, clock.now())
        self._people = 0
        self._past()
        open_list(self.context, "club")
        open_list(self.context, "kids", child=True, channels=("email", "sms"), more=False)
        self.presses = Presses(self.context)
        options = WebOptions("https://gate.example", guesses=10_000)
        self.app = create_app(
            Desk(self.context), self.presses, self.context.tokens, options, Rights(self.context), self.context
        )
        self.running = Running(self.app)
        self.url = self.running.url

    def close(self) -> None:
        self.running.close(self.presses.close())
        self.context.close()

    def newcomer(self) -> str:
        """Return the address of somebody new who agreed just as Camille did, and whose link is `link` of it."""
        self._people += 1
        address = f"person{self._people}@mailbox.example"
        first = sample.PEOPLE[0]
        with self.context.store.begin() as tx:
            owner, row = advertisers.by_name(tx, "lavande"), lists.by_name(tx, "lettre")
            assert owner
            assert row
            number = self.context.store.take(1)[0]
            contact = Contact(
                id=number, advertiser_id=owner.id, address=address, address_key=address, name="Camille Durand",
                company="Atelier Durand", language="", subject="consumer", age="adult", created_at=clock.now(),
            )  # fmt: skip
            people.add(tx, contact)
            for past in first.past:
                evidence = {**past.evidence, "text": "lettre/1"}
                said = Saying(clock.now() - timedelta(days=past.days), "sample", evidence=evidence)
                consent.record(self.context, tx, contact, row, past.kind, said)
            for _ in range(7):
                receipts.write(tx, [_delivered(self.context, contact, row)])
        return address

    def camille(self) -> Contact:
        found = self.person(CAMILLE)
        assert found
        return found

    def person(self, address: str) -> Contact | None:
        with self.context.store.read() as tx:
            owner = advertisers.by_name(tx, "lavande")
            assert owner
            return people.find(tx, owner.id, address)

    def link(self, address: str = CAMILLE, parcel: int = 1) -> Link:
        found = self.person(address)
        with self.context.store.read() as tx:
            row = lists.by_name(tx, "lettre")
        assert found
        assert row
        return Link(found.id, row.id, parcel)

    def token(self, address: str = CAMILLE, parcel: int = 1) -> str:
        return self.context.tokens.seal(Purpose.LINK, self.link(address, parcel))

    def letters(self) -> list[Any]:
        """Return what the gateway itself has written, oldest first."""
        with self.context.store.read() as tx:
            found = sorted(tx.exec(select(Submission).where(Submission.klass == "rights")), key=lambda row: row.id)
            return [message_from_bytes(row.content, policy=policy.default) for row in found]

    def join_path(self, address: str) -> str:
        """Return the path of the link in the newest letter that asks a mailbox to confirm a sign-up."""
        with self.context.store.read() as tx:
            query = (
                select(Submission)
                .join(Parcel, Parcel.submission_id == Submission.id)
                .where(Parcel.recipient == address)
            )
            content = max(tx.exec(query), key=lambda row: row.id).content
        body = message_from_bytes(content, policy=policy.default).get_body(("plain",)).get_content()
        found = re.search(r"https://gate\.example(/join/[a-z]+/[a-z2-7]{53})", body)
        assert found, body
        return found[1]

    def letter_path(self) -> str:
        """Return the path of the link in the newest letter."""
        body = self.letters()[-1].get_body(("plain",)).get_content()
        found = re.search(r"https://gate\.example(/[rp]/[a-z2-7]{53})", body)
        assert found, body
        return found[1]

    def _past(self) -> None:
        """Give Camille a name, a text she was shown, and another channel to the advertiser."""
        with self.context.store.begin() as tx:
            owner, row = advertisers.by_name(tx, "lavande"), lists.by_name(tx, "lettre")
            assert owner
            assert row
            row.channels = ["email", "sms", "post"]
            lists.save(tx, row)
            contact = people.find(tx, owner.id, CAMILLE)
            assert contact
            contact.name, contact.company = "Camille Durand", "Atelier Durand"
            people.save(tx, contact)
            number = self.context.store.take(1)[0]
            wording = {"text": TEXT, "html": TEXT, "full": TEXT, "regime": "opt-in", "channel": "email"}
            notices.add(
                tx,
                Notice(
                    id=number, advertiser_id=owner.id, name="lettre", version=1, language="fr",
                    created_at=clock.now(), **wording,
                ),
            )  # fmt: skip
            said = Saying(clock.now() - timedelta(days=200), "form", evidence={"article": 13, "text": "lettre/1"})
            consent.record(self.context, tx, contact, row, Kind.INFORMED, said)


def _delivered(context: Context, contact: Contact, row: List) -> dict[str, Any]:
    """Return the receipt of a message that the next hop took long ago."""
    ref, number = context.store.take(2)
    return {
        "id": number, "ref": ref, "submission_id": 1, "account_id": 1, "advertiser_id": contact.advertiser_id,
        "list_id": row.id, "contact_id": contact.id, "klass": "prospecting", "stage": "delivery",
        "at": clock.now() - timedelta(days=30), "fate": "send", "code": "A-CONSENT", "recipient_digest": b"",
        "outcome": "delivered",
    }  # fmt: skip
