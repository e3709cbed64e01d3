"""The one letter that tells a person they were opted out, with a link to undo it (`[web] acknowledge`).

A forwarded message lets a stranger opt somebody out; it is honoured, and the person may learn of it in this way. An
opt-out by mail is answered in any case, because it is a message (`flow.inbound`).
"""

from datetime import timedelta

from gateway import clock
from gateway.flow import letters, scene
from gateway.flow.consent import Person
from gateway.flow.context import Context
from gateway.law.facts import MessageClass
from gateway.law.standing import OPT_OUTS
from gateway.mail.compose import Button
from gateway.store import ledger
from gateway.store.tx import Tx
from gateway.text import say
from gateway.tokens import Link, Purpose

ONCE = timedelta(days=30)
WHEN = {"never": frozenset[str](), "page": frozenset({"page"}), "always": frozenset({"page", "one-click"})}


def due(context: Context, tx: Tx, person: Person, origin: str) -> bool:
    """Return whether an opt-out of that origin is told: the settings ask for it and no letter went out this month.

    Whoever tells writes `told` into the evidence of the opt-out.
    """
    return origin in WHEN[context.settings.web.acknowledge] and not lately(tx, person)


def lately(tx: Tx, person: Person) -> bool:
    """Return whether a letter about an opt-out went out this month."""
    since = clock.now() - ONCE
    events = ledger.of_contact(tx, person.id)
    return any(one.kind in OPT_OUTS and one.evidence.get("told") and one.at > since for one in events)


def post(context: Context, tx: Tx, link: Link) -> None:
    """Put the letter into the spool, in the transaction of the opt-out; its button leads to the person's page."""
    found = scene.find(tx, link)
    contact = found.contact if found else None
    if found is None or contact is None:
        return
    lang, advertiser = found.imprint.lang, found.imprint.advertiser
    url = f"{context.settings.web.public_url}/p/{context.tokens.seal(Purpose.LINK, link)}"
    body: list[str | Button] = [
        say("rights.told", lang, advertiser=advertiser),
        say("rights.told-stranger", lang),
        Button(say("rights.told-button", lang), url),
        say("rights.told-once", lang),
    ]
    subject = say("rights.told-subject", lang, advertiser=advertiser)
    letters.send(
        context, tx, found.advertiser, MessageClass.RIGHTS, to=contact.address, subject=subject, body=body, lang=lang,
        list_id=found.list.id if found.list else None, contact_id=contact.id,
    )  # fmt: skip
