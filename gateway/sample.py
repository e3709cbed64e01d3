"""Sample data for a first look: one advertiser, three lists, and people with different fates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.flow import consent, dkimkeys, notices, passwords
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.law.notices import Collection
from gateway.mail.address import is_freemail, is_role, parse
from gateway.store import accounts, advertisers, lists, people, signups
from gateway.store.signups import JoinForm
from gateway.store.tables import Account, Advertiser, Contact, List
from gateway.store.tx import Tx

DOMAIN = "maison-lavande.example"
SENDER = f"Maison Lavande <lettre@{DOMAIN}>"
SIREN = "552100554"
LOGIN = "atelier"


@dataclass(frozen=True, slots=True)
class PastEvent:
    """One event of a sample person: what, how many days ago, with which evidence."""

    kind: Kind
    days: int
    evidence: Mapping[str, Any] = field(default_factory=dict)
    channel: str = "email"


@dataclass(frozen=True, slots=True)
class Person:
    """One recipient of the sample campaign; without a past, nobody we know."""

    address: str
    list: str
    situation: str  # key of `demo.situation`, for the reader
    past: tuple[PastEvent, ...] = ()
    traits: Mapping[str, Any] = field(default_factory=dict)


def _agreed(days: int, **changes: Any) -> PastEvent:  # noqa: ANN401 - evidence is free-form
    evidence = {
        "mode": "unticked-box",
        "purpose": ["prospecting"],
        "channel": ["email"],
        "controllers": ["Maison Lavande SAS"],
        "text": "optin-2026-1",
        "form": f"www.{DOMAIN}/lettre",
        "proof": f"form-{days}",
    }
    channel = changes.pop("on", "email")
    return PastEvent(Kind.GRANTED, days, evidence | {"channel": [channel]} | changes, channel)


_SALE = {
    "entity": SIREN,
    "families": ["savons"],
    "from_person": True,
    "at_sale": True,
    "refusal_offered": True,
    "nature": "sale",
}
_TOLD = {"article": 13, "refusal_offered": True, "functions": ["gifts"], "families": ["gifts"]}

PEOPLE = (
    Person("camille.durand@mailbox.example", "lettre", "consent", (_agreed(200),), {"language": "fr"}),
    Person("john.smith@mailbox.example", "lettre", "english", (_agreed(90),), {"language": "en"}),
    Person("inconnu@mailbox.example", "lettre", "nobody"),
    Person("sans.accord@mailbox.example", "lettre", "never-asked", (PastEvent(Kind.ACTED, 40),)),
    Person("opposee@mailbox.example", "lettre", "objected", (_agreed(300), PastEvent(Kind.OBJECTED, 20))),
    Person("retrait@mailbox.example", "lettre", "withdrew", (_agreed(300), PastEvent(Kind.WITHDRAWN, 10))),
    Person("cochee@mailbox.example", "lettre", "pre-ticked", (_agreed(50, mode="pre-ticked-box"),)),
    Person("sms.seulement@mailbox.example", "lettre", "sms-only", (_agreed(50, on="sms"),)),
    Person("oubliee@mailbox.example", "lettre", "silent", (_agreed(4 * 366),)),
    Person("cliente@mailbox.example", "clients", "customer", (PastEvent(Kind.SOLD, 120, _SALE),)),
    Person(
        "client.force@mailbox.example",
        "clients",
        "no-refusal",
        (PastEvent(Kind.SOLD, 120, _SALE | {"refusal_offered": False}),),
    ),
    Person(
        "p.martin@acme.example",
        "pros",
        "professional",
        (PastEvent(Kind.INFORMED, 60, _TOLD),),
        {"subject": "professional", "company": "Acme", "function": "responsable des cadeaux d’entreprise"},
    ),
    Person(
        "contact@acme.example",
        "pros",
        "role",
        (PastEvent(Kind.INFORMED, 60, _TOLD),),
        {"subject": "organisation", "company": "Acme"},
    ),
)

LISTS: dict[str, dict[str, Any]] = {
    "lettre": {"title": "La lettre de la Maison Lavande", "regime": "opt-in", "families": ["savons"]},
    "clients": {"title": "Nos clients", "regime": "customer", "families": ["savons"]},
    "pros": {"title": "Cadeaux d’entreprise", "regime": "professional", "families": ["gifts"]},
}
OFFERS = {"lettre": "savons", "clients": "savons", "pros": "gifts"}


def fill(context: Context, now: datetime, signed: Sequence[str] = ("ed25519",)) -> str:
    """Write the sample into an empty database; return the fresh password of the account `LOGIN`.

    `signed`: the kinds of DKIM keys to make, "rsa" or "ed25519".
    """
    password = passwords.generate()
    with context.store.begin() as tx:
        advertiser = advertisers.add(tx, _advertiser(context, now))
        dkimkeys.make(context, tx, advertiser, DOMAIN, signed, active=True)
        rows = {name: lists.add(tx, _list(context, advertiser, name, now)) for name in LISTS}
        accounts.add(tx, _account(context, advertiser, password, now))
        for person in PEOPLE:
            _person(context, tx, advertiser, rows[person.list], person, now)
    return password


def _advertiser(context: Context, now: datetime) -> Advertiser:
    return Advertiser(
        id=context.store.take(1)[0],
        name="lavande",
        legal_name="Maison Lavande SAS",
        legal_form="société par actions simplifiée au capital de 10 000 €",
        siren=SIREN,
        registered="552 100 554 RCS Grasse",
        vat="FR38552100554",
        office="4 place aux Herbes, 06130 Grasse",
        phone="+33 4 93 00 00 00",
        email=f"bonjour@{DOMAIN}",
        privacy_url=f"https://www.{DOMAIN}/donnees",
        domains=[DOMAIN],
        color="#6b4f9e",
        created_at=now,
    )


def _list(context: Context, advertiser: Advertiser, name: str, now: datetime) -> List:
    return List(
        id=context.store.take(1, "list")[0],
        advertiser_id=advertiser.id,
        name=name,
        channels=["email"],
        state="active",
        created_at=now,
        activated_at=now,
        **LISTS[name],
    )


def _account(context: Context, advertiser: Advertiser, password: str, now: datetime) -> Account:
    return Account(
        id=context.store.take(1)[0],
        login=LOGIN,
        password_hash=passwords.hash_password(password),
        advertiser_id=advertiser.id,
        classes=["prospecting"],
        created_at=now,
    )


def _person(context: Context, tx: Tx, advertiser: Advertiser, row: List, person: Person, now: datetime) -> None:
    if not person.past:
        return
    address = parse(person.address)
    contact = people.add(
        tx,
        Contact(
            id=context.store.take(1)[0],
            advertiser_id=advertiser.id,
            address=person.address,
            address_key=address.key,
            kind="role" if is_role(address) else "named",
            freemail=is_freemail(address),
            age="adult",
            created_at=now,
            **({"subject": "consumer"} | dict(person.traits)),
        ),
    )
    for past in person.past:
        said = Saying(now - timedelta(days=past.days), "sample", channel=past.channel, evidence=past.evidence)
        if past.kind in (Kind.OBJECTED, Kind.WITHDRAWN):
            consent.refuse(context, tx, contact, row, past.kind, said)
        else:
            consent.record(context, tx, contact, row, past.kind, said)


def invite(context: Context, now: datetime) -> None:
    """Open the public sign-up form of the list `lettre`, with its text in French and English."""
    with context.store.begin() as tx:
        row = lists.by_name(tx, "lettre")
        owner = advertisers.get(tx, row.advertiser_id) if row else None
        if row is None or owner is None:
            raise LookupError("the sample is not there")
        wish = notices.Wish("lettre-form", Collection.OPT_IN, "email", ("fr", "en"))
        notices.make(context, tx, owner, row, wish)
        signups.open_form(tx, JoinForm(list_id=row.id, created_at=now))
