"""The real sign-up pages over the real use cases on SQLite, with the sample's list open to the public."""

import re
from collections.abc import Sequence
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from sqlmodel import delete, select

from gateway import clock, sample
from gateway.flow import check
from gateway.flow.context import open_context
from gateway.flow.optout import Desk
from gateway.flow.presses import Presses
from gateway.flow.rights import Rights
from gateway.law.facts import MessageClass
from gateway.mail.address import parse
from gateway.store.records import Notice
from gateway.store.signups import SignUp
from gateway.store.tables import Contact, Event, Opposition, Parcel, Submission
from gateway.web.app import WebOptions, create_app
from tests.flow.joinlist import open_list
from tests.flow.rig import settings_for
from tests.web.house import Running

SITE = "https://www.maison-lavande.example"
RETURN = f"{SITE}/merci"


class Hall:
    """A running application and the context behind it; `web` are changes to `[web]`."""

    def __init__(self, store_url: str, folder: Path, *, sign_ups: int = 10_000, **web: Any) -> None:
        base = settings_for(store_url, folder)
        self.context = open_context(base.model_copy(update={"web": base.web.model_copy(update=web)}))
        sample.fill(self.context, clock.now())
        self.open()
        self.presses = Presses(self.context)
        options = WebOptions("https://gate.example", guesses=10_000, sign_ups=sign_ups)
        rights = Rights(self.context)
        self.running = Running(
            create_app(Desk(self.context), self.presses, self.context.tokens, options, rights, self.context)
        )
        self.url = self.running.url

    def open(self, **form: Any) -> None:
        """Give the list `lettre` its form, see `open_list`."""
        open_list(self.context, **{"returns": [RETURN], **form})

    def reset(self, **form: Any) -> None:
        """Forget every sign-up and letter, and give the list the form it had at first, or one changed as told."""
        with self.context.store.begin() as tx:
            for table in (SignUp, Parcel, Submission, Notice):
                tx.exec(delete(table))
            known = {person.address for person in sample.PEOPLE}
            tx.exec(delete(Contact).where(Contact.address.not_in(known)))  # type: ignore[attr-defined]
            tx.exec(delete(Opposition).where(Opposition.origin.in_(("page", "one-click"))))  # type: ignore[attr-defined]
            tx.exec(delete(Event).where(Event.actor == "join"))  # type: ignore[arg-type]
        self.open(**form)

    def close(self) -> None:
        self.running.close(self.presses.close())
        self.context.close()

    def letters(self, address: str) -> list[str]:
        """Return the paths of the links in the letters to a mailbox, oldest first."""
        with self.context.store.read() as tx:
            query = select(Submission).join(Parcel, Parcel.submission_id == Submission.id)  # type: ignore[arg-type]
            query = query.where(Parcel.recipient == address, Submission.klass == MessageClass.SERVICE.value)
            rows = sorted(tx.exec(query), key=lambda row: row.id)
        return [_path(row.content) for row in rows]

    def waiting(self) -> Sequence[SignUp]:
        """Return the sign-ups there are, confirmed ones too."""
        with self.context.store.read() as tx:
            return tx.exec(select(SignUp)).all()

    def verdict(self, address: str) -> str:
        """Return what the law says of an address now."""
        [(_, found)] = check.check(self.context, "lettre", [parse(address)])
        return found.code

    def granted(self) -> Sequence[Event]:
        """Return the consents on record that came by a form, oldest first."""
        with self.context.store.read() as tx:
            return sorted(
                tx.exec(select(Event).where(Event.actor == "join", Event.kind == "granted")), key=lambda e: e.id
            )


def _path(content: bytes) -> str:
    body = message_from_bytes(content, policy=policy.default).get_body(("plain",))  # type: ignore[attr-defined]
    found = re.search(r"https://gate\.example(/join/lettre/[a-z2-7]{53})", body.get_content())
    assert found
    return found[1]
