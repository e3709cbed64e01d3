"""What the holder of a link may do: stop, undo; once or twice; and what the ledger then holds."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway import clock
from gateway.errors import TryLater
from gateway.flow import check, consent
from gateway.flow.context import Context
from gateway.flow.optout import Desk
from gateway.mail.address import parse
from gateway.store import ledger, lists, people, spool
from gateway.store.tables import Contact
from gateway.tokens import Link
from tests.flow.rig import CAMILLE, rig
from tests.support.pressing import pressed


@pytest.fixture
def camille(context: Context) -> Contact:
    """The person of these tests."""
    with context.store.read() as tx:
        [owner] = tx.connection().execute(text("SELECT id FROM advertiser")).scalars()
        found = people.find(tx, owner, CAMILLE)
        assert found
        return found


@pytest.fixture
def link(context: Context, camille: Contact) -> Link:
    """The link in a copy that went to her."""
    with context.store.read() as tx:
        row = tx.connection().execute(text("SELECT id FROM list WHERE name = 'lettre'")).scalar_one()
    return Link(camille.id, row, 1)


def kinds(context: Context, contact: Contact) -> list[str]:
    """Return the kinds of the person's events."""
    with context.store.read() as tx:
        return [event.kind for event in ledger.of_contact(tx, contact.id)]


def verdict(context: Context) -> str:
    """Return what the law says of her now."""
    [(_, found)] = check.check(context, "lettre", [parse(CAMILLE)])
    return found.code


def test_looking_changes_nothing(context: Context, camille: Contact, link: Link) -> None:
    view = Desk(context).page(link)

    assert view
    assert (view.imprint.advertiser, view.stopped_list, view.stopped_all) == ("Maison Lavande SAS", False, False)
    assert kinds(context, camille) == ["granted"]
    assert verdict(context) == "A-CONSENT"


def test_stop_holds_at_once(context: Context, link: Link) -> None:
    assert pressed(context, link)

    view = Desk(context).page(link)
    assert view
    assert (view.stopped_list, view.stopped_all) == (False, True)
    assert verdict(context) == "R-OBJECTED"


def test_stop_twice_is_one_event(context: Context, camille: Contact, link: Link) -> None:
    assert pressed(context, link)
    assert pressed(context, link)

    assert kinds(context, camille) == ["granted", "objected"]


def test_undo_restores_what_was(context: Context, camille: Contact, link: Link) -> None:
    desk = Desk(context)
    desk.choose(link, "list", ())
    pressed(context, link, "page")
    view = desk.undo(link)

    assert view
    assert (view.stopped_list, view.stopped_all) == (False, False)
    assert verdict(context) == "A-CONSENT"


def test_undo_of_nothing_writes_nothing(context: Context, camille: Contact, link: Link) -> None:
    Desk(context).undo(link)

    assert kinds(context, camille) == ["granted"]


def test_undo_does_not_lift_what_an_administrator_recorded(context: Context, camille: Contact, link: Link) -> None:
    """Whoever holds a forwarded message must not undo what the person said on the telephone."""
    with context.store.begin() as tx:
        contact = people.get(tx, camille.id)
        assert contact
        said = consent.Saying(clock.now(), "cli", actor="anna")
        consent.refuse(context, tx, contact, None, consent.Kind.OBJECTED, said)
    view = Desk(context).undo(link)

    assert view
    assert view.stopped_all
    assert verdict(context) == "R-OBJECTED"


def test_a_link_about_nothing_that_is_left_opens_nothing(context: Context) -> None:
    assert Desk(context).page(Link(999_999_999, 0, 1)) is None


@pytest.mark.anyio
async def test_stop_is_acknowledged_only_when_no_courier_holds_a_copy(context: Context, link: Link) -> None:
    async with rig(context) as house:
        await house.send(CAMILLE)
    now = clock.now()
    with context.store.begin() as tx:
        [parcel] = spool.claim(tx, "busy/1", now, timedelta(minutes=10), 1)
    done = threading.Event()
    clicked = threading.Thread(target=lambda: (pressed(context, link), done.set()))
    clicked.start()

    assert not done.wait(0.5)
    assert verdict(context) == "R-OBJECTED"
    with context.store.begin() as tx:
        gone = spool.Settled(parcel.id, parcel.submission_id, "gone", now, 1)
        spool.settle(tx, "busy/1", [gone])
    assert done.wait(5)
    clicked.join()


@pytest.mark.anyio
async def test_stop_that_cannot_be_acknowledged_yet_says_try_later_and_is_recorded(
    context: Context, link: Link, camille: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent, "PATIENCE", 0.1)
    async with rig(context) as house:
        await house.send(CAMILLE)
    with context.store.begin() as tx:
        spool.claim(tx, "busy/1", clock.now(), timedelta(minutes=10), 1)

    with pytest.raises(TryLater):
        consent.settle(context, camille.id)


def agree_again(context: Context, camille: Contact) -> None:
    """Record a new consent, given by herself to the advertiser, as a confirmed sign-up does."""
    with context.store.begin() as tx:
        evidence = next(event.evidence for event in ledger.of_contact(tx, camille.id) if event.kind == "granted")
        said = consent.Saying(clock.now(), "join", evidence=evidence)
        row = lists.by_name(tx, "lettre")
        consent.record(context, tx, camille, row, consent.Kind.GRANTED, said)


def test_a_no_after_a_new_consent_holds_again(context: Context, camille: Contact, link: Link) -> None:
    pressed(context, link)
    agree_again(context, camille)
    assert verdict(context) == "A-CONSENT"

    pressed(context, link)
    assert verdict(context) == "R-OBJECTED"
    pressed(context, link)
    assert kinds(context, camille) == ["granted", "objected", "granted", "objected"]


def test_to_undo_it_gives_back_that_consent_and_no_other(context: Context, camille: Contact, link: Link) -> None:
    desk = Desk(context)
    pressed(context, link)
    agree_again(context, camille)
    pressed(context, link)

    desk.undo(link)
    assert verdict(context) == "A-CONSENT"
    with context.store.read() as tx:
        [standing] = consent.standing(context, tx, camille.advertiser_id, parse(CAMILLE), None, "email")
    assert standing.lifted_at is None  # other lists stay as they were before the new consent
