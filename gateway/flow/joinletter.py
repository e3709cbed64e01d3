"""The letter that asks a mailbox to confirm a sign-up: what was asked, by whom, until when. It promotes nothing."""

from gateway.flow import letters
from gateway.flow.context import Context
from gateway.law.facts import MessageClass
from gateway.mail.address import Address
from gateway.mail.compose import Button
from gateway.store.signups import SignUp
from gateway.store.tables import Advertiser, List
from gateway.store.tx import Tx
from gateway.text import local, say
from gateway.tokens import Link, Purpose


def send(context: Context, tx: Tx, owner: Advertiser, found: List, row: SignUp, to: Address, link: Link) -> int:
    """Write the letter into the spool, inside `tx`, and return its reference.

    It is a SERVICE message: the answer to what was asked for. Its return path is the null one, so that a mistyped
    address comes back to nobody's mailbox.
    """
    lang = row.asked["language"]
    return letters.send(
        context,
        tx,
        owner,
        MessageClass.SERVICE,
        to=to.spelled,
        subject=say("join.letter.subject", lang, list=found.title or found.name),
        body=_body(context, owner, found, row, link, lang),
        lang=lang,
        list_id=found.id,
    )


def _body(context: Context, owner: Advertiser, found: List, row: SignUp, link: Link, lang: str) -> list[str | Button]:
    who, zone = owner.legal_name or owner.name, context.policy.timezone
    token = context.tokens.seal(Purpose.JOIN, link)
    names = {"advertiser": who, "list": found.title or found.name}
    identity = ", ".join(part for part in (who, owner.office, owner.email or owner.phone) if part)
    privacy = [say("join.letter.privacy", lang, url=owner.privacy_url)] if owner.privacy_url else []
    return [
        say("join.letter.hello", lang),
        say(
            "join.letter.child" if link.parcel else "join.letter.asked",
            lang,
            **names,
            day=local.day_of(row.created_at, lang, zone),
        ),
        say("join.letter.choices", lang),
        *(f"– {box['label']}" for box in row.asked["boxes"] if box["ticked"]),
        Button(say("join.letter.button", lang), f"{context.settings.web.public_url}/join/{found.name}/{token}"),
        say("join.letter.until", lang, day=local.day_of(row.expires_at, lang, zone)),
        say("join.letter.not_me", lang),
        say("join.letter.sender", lang, identity=identity),
        *privacy,
    ]
