"""Sign-up with double opt-in: what somebody asks on a form becomes a consent once the mailbox has confirmed it.

    signup ──letter──▶ the mailbox ──its link──▶ confirm ──▶ contact, informed, granted (pending), confirmed
       └── nothing within `[limits] unconfirmed`: deleted, as if it had never been

Until then there is no contact, no event and no consent; the answer of `signup` is the same whoever is known. A consent
confirmed in this way was given to the advertiser itself, so it lifts earlier objections to that list.
Of a child under 15 the child and a parent confirm, each in their own mailbox (GDPR 8; LIL 45).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway import clock
from gateway.errors import Misuse, NotFound
from gateway.flow import joinform, joinletter, scene
from gateway.flow.context import Context
from gateway.flow.joinform import Box, JoinForm
from gateway.flow.joinrecord import complete
from gateway.flow.scene import Scene
from gateway.law.notices import Collection
from gateway.mail.address import Address, parse
from gateway.store import advertisers, lists, signups
from gateway.store.signups import SignUp
from gateway.store.tables import Advertiser, List
from gateway.store.tx import Tx
from gateway.tokens import Link

AGES = ("adult", "15-17", "under15")
PERSON, PARENT = 0, 1  # who a link speaks for
LETTERS = 3  # that one mailbox is sent a day by one advertiser, whoever fills in the form and how often
DAY = timedelta(days=1)
NUMBER_MOST = 40


@dataclass(frozen=True, slots=True)
class Wish:
    """What was filled in.

    `boxes`: the names of the notices whose box is ticked. `shown`: name → version ("name/version") that was shown; what
    is left out counts as the newest. `age`: one of `AGES`, "" when not asked. `parent`: a parent's address for a child,
    and `joint` the box by which the parent joins in. `numbers`: channel → number. `form`: the form or page, for the
    mention; "" is the hosted one. `network`: that of the browser, only where the installation records it.
    """

    address: str
    lang: str
    boxes: frozenset[str]
    shown: Mapping[str, str] = field(default_factory=dict)
    age: str = ""
    parent: str = ""
    joint: bool = False
    numbers: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    network: str = ""


class Refused(Misuse):
    """A sign-up that cannot be taken as it is; `code` says what to change, and is a key of `join.error`."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ask:
    """What the page behind the link of a letter shows: what was chosen, and how far it has come.

    `state`: "open" until the mailbox has confirmed, "waiting" for the other of child and parent, "done".
    """

    advertiser: Advertiser
    list: List
    lang: str
    choices: tuple[str, ...]
    state: str
    parent: bool
    contact: int | None

    @property
    def scene(self) -> Scene:
        """Return what every page shows of the advertiser."""
        return Scene(self.advertiser, self.list, None)


def form(context: Context, list_name: str, lang: str) -> JoinForm | None:
    """Return the sign-up form of a list, or None when it has none. Blocks, as everything here."""
    with context.store.read() as tx:
        return joinform.of(tx, list_name, lang)


def signup(context: Context, list_name: str, wish: Wish) -> None:
    """Take a sign-up and send the letter that asks to confirm it; durable on return.

    Raises `errors.NotFound` when the list has no form, `Refused` for what has to be filled in otherwise, and
    `errors.TryLater`. The answer is the same for every address, whatever is known of it.
    """
    with context.store.begin() as tx:
        found = joinform.of(tx, list_name, wish.lang)
        if found is None:
            raise NotFound(f"the list {list_name} has no sign-up form (list edit {list_name} --join)")
        address, parent = check(found, wish)
        now = clock.now()
        signups.expire(tx, now)
        to = [address] if parent is None else [address, parent]
        if any(_often(tx, found.list, one) for one in to):
            return
        row = SignUp(
            id=context.store.take(1)[0],
            advertiser_id=found.advertiser.id,
            list_id=found.list.id,
            address=address.spelled,
            address_key=address.key,
            parent=parent.spelled if parent else "",
            parent_key=parent.key if parent else "",
            asked=_asked(context, found, wish),
            created_at=now,
            expires_at=now + context.settings.limits.unconfirmed,
        )
        links = [Link(row.id, found.list.id, who) for who in range(len(to))]
        row.asked["letters"] = [
            joinletter.send(context, tx, found.advertiser, found.list, row, one, link)
            for one, link in zip(to, links, strict=True)
        ]
        signups.add(tx, row)


def check(found: JoinForm, wish: Wish) -> tuple[Address, Address | None]:
    """Return the address, and that of a parent who has to confirm too; raise `Refused`. Pure."""
    if stale := [box.text for box in found.boxes if wish.shown.get(box.name, box.text) != box.text]:
        raise Refused("stale", f"the text shown has a newer version: {', '.join(stale)}")
    address = _address("address", wish.address)
    if unknown := sorted(wish.boxes - {box.name for box in found.boxes}):
        raise Refused("nothing", f"there is no box {', '.join(unknown)} on this form")
    ticked = [box for box in found.boxes if box.name in wish.boxes]
    if all(box.collection == Collection.TRACKING for box in ticked):
        raise Refused("nothing", "no box is ticked, so there is nothing to confirm")
    for box in ticked:
        number = wish.numbers.get(box.channel, "").strip()
        if box.numbered and not 4 <= sum(character.isdigit() for character in number) <= len(number) <= NUMBER_MOST:
            raise Refused("number", f"numbers: the box {box.name} needs a number for {box.channel}")
    return address, _parent(found, wish, address)


def _parent(found: JoinForm, wish: Wish, address: Address) -> Address | None:
    if not found.asks_age:
        return None
    if wish.age not in AGES:
        raise Refused("age", f"age: this form asks for one of {', '.join(AGES)}")
    if wish.age != "under15":
        return None
    if not found.child:
        raise Refused("young", "nobody under 15 can sign up to this list")
    if not (wish.parent.strip() and wish.joint):
        raise Refused("parent", "parent: a child under 15 signs up together with a parent, whose address is needed")
    parent = _address("parent", wish.parent)
    if parent.key == address.key:
        raise Refused("parent", "parent: the parent confirms in a mailbox of their own")
    return parent


def _address(field_name: str, text: str) -> Address:
    try:
        return parse(text)
    except Misuse as error:
        raise Refused(field_name, f"{field_name}: {error}") from error


def _often(tx: Tx, row: List, address: Address) -> bool:
    """Return whether a mailbox was written to often enough today. Nobody is told: it would be a way to find out."""
    return signups.lately(tx, row.advertiser_id, address.key, clock.now() - DAY) >= LETTERS


def _asked(context: Context, found: JoinForm, wish: Wish) -> dict[str, Any]:
    """Return what was shown and chosen, frozen: the evidence of what may become a consent."""
    here = context.settings.web.public_url.partition("://")[2]
    return {
        "form": wish.form or f"{here}/join/{found.list.name}",
        "language": found.lang,
        "age": wish.age if found.asks_age else "",
        "boxes": [_chosen(found, box, wish) for box in found.boxes],
        **({"network": wish.network} if wish.network else {}),
    }


def _chosen(found: JoinForm, box: Box, wish: Wish) -> dict[str, Any]:
    ticked = box.name in wish.boxes
    number = wish.numbers.get(box.channel, "").strip() if box.numbered and ticked else ""
    return {
        "name": box.name,
        "text": box.text,
        "language": box.lang,
        "collection": box.collection,
        "channel": box.channel,
        "label": box.label,
        "controllers": list(box.controllers),
        "families": list(found.list.families) if box.collection == Collection.OPT_IN else [],
        "ticked": ticked,
        **({"number": number} if number else {}),
    }


def scene_of(context: Context, link: Link) -> Scene | None:
    """Return the list that the link of a letter is about and whose it is, also when nothing waits there any more."""
    with context.store.read() as tx:
        return scene.find(tx, Link(0, link.list, 0))


def pending(context: Context, link: Link) -> Ask | None:
    """Return what the link of a letter is about, or None when its time is over. Changes nothing."""
    with context.store.read() as tx:
        row = signups.get(tx, link.contact)
        return _ask(tx, row, link) if row and _alive(row, link) else None


def confirm(context: Context, link: Link) -> Ask | None:
    """Take the confirmation of one mailbox; with the last one needed the consents are recorded. Twice is once."""
    now = clock.now()
    with context.store.begin() as tx:
        row = signups.get(tx, link.contact, hold=True)
        if row is None or not _alive(row, link):
            return None
        if link.parcel == PARENT:
            row.parent_at = row.parent_at or now
        else:
            row.confirmed_at = row.confirmed_at or now
        if row.contact_id is None and row.confirmed_at and (row.parent_at or not row.parent):
            complete(context, tx, row, now)
        signups.save(tx, row)
        return _ask(tx, row, link)


def decline(context: Context, link: Link) -> bool:
    """Delete a sign-up that was not confirmed: the person did not want it. Return whether there was one."""
    with context.store.begin() as tx:
        row = signups.get(tx, link.contact, hold=True)
        if row is None or not _alive(row, link) or row.contact_id is not None:
            return False
        signups.remove(tx, row.id)
        return True


def _alive(row: SignUp, link: Link) -> bool:
    return row.list_id == link.list and row.expires_at > clock.now()


def _ask(tx: Tx, row: SignUp, link: Link) -> Ask | None:
    owner, found = advertisers.get(tx, row.advertiser_id), lists.get(tx, row.list_id)
    if owner is None or found is None:
        return None
    said = row.parent_at if link.parcel == PARENT else row.confirmed_at
    return Ask(
        advertiser=owner,
        list=found,
        lang=row.asked["language"],
        choices=tuple(box["label"] for box in row.asked["boxes"] if box["ticked"]),
        state="done" if row.contact_id is not None else "waiting" if said else "open",
        parent=link.parcel == PARENT,
        contact=row.contact_id if link.parcel == PERSON else None,
    )
