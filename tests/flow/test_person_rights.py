"""The rights behind a link: asked by whoever holds a message, confirmed by whoever reads the mailbox, then done."""

import json
import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlmodel import select

from gateway import clock
from gateway.errors import Misuse
from gateway.flow import check, retention
from gateway.flow.context import Context
from gateway.flow.optout import Desk
from gateway.flow.rights import LIFE, RIGHTS, Rights
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import advertisers, ledger, lists, oppositions, people, requests
from gateway.store.tables import Contact, Submission
from gateway.tokens import Link, Purpose
from tests.flow.rig import CAMILLE
from tests.support.pressing import pressed


def person(context: Context) -> Contact | None:
    with context.store.read() as tx:
        owner = advertisers.by_name(tx, "lavande")
        assert owner
        return people.find(tx, owner.id, CAMILLE)


@pytest.fixture
def link(context: Context) -> Link:
    """The link in a copy that went to her."""
    contact = person(context)
    with context.store.begin() as tx:
        row = lists.by_name(tx, "lettre")
        assert contact
        assert row
        contact.name, contact.function = "Camille Durand", "botaniste"
        people.save(tx, contact)
        return Link(contact.id, row.id, 0)


def letters(context: Context) -> list[EmailMessage]:
    with context.store.read() as tx:
        rows = sorted(tx.exec(select(Submission)), key=lambda row: row.id)
    return [message_from_bytes(row.content, policy=policy.default) for row in rows]


def opened(context: Context) -> Link:
    """Return what the link in the newest letter names."""
    body = letters(context)[-1].get_body(("plain",))
    assert body
    found = re.search(r"https://gate\.example/r/([a-z2-7]{53})", body.get_content())
    assert found
    link = context.tokens.open(Purpose.RIGHT, found[1])
    assert link
    return link


def asked(context: Context, link: Link, right: str) -> Link:
    assert Rights(context).ask(link, right)
    return opened(context)


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + by)


@pytest.mark.parametrize("right", RIGHTS)
def test_asking_changes_nothing_and_sends_one_letter_to_the_mailbox(context: Context, link: Link, right: str) -> None:
    letter = asked(context, link, right)
    Rights(context).ask(link, right)

    [sent] = letters(context)
    assert sent["To"] == CAMILLE
    assert sent["Auto-Submitted"] == "auto-generated"
    with context.store.read() as tx:
        assert requests.listing(tx) == []  # no request of anybody's yet
        assert [event.kind for event in ledger.of_contact(tx, link.contact)] == ["granted"]
    seen = Rights(context).look(letter)
    assert seen
    assert (seen.right, seen.state) == (right, "waiting")
    assert Rights(context).copy(letter, machine=True) is None
    assert Rights(context).open(letter) is None


def test_an_hour_later_the_letter_goes_out_once_more_with_the_same_link(
    context: Context, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(context, link, "access")
    later(monkeypatch, timedelta(minutes=61))
    assert asked(context, link, "access") == first
    assert len(letters(context)) == 2


def test_a_confirmed_access_gives_the_copy_as_a_page_and_as_json(context: Context, link: Link) -> None:
    rights = Rights(context)
    letter = asked(context, link, "access")
    seen = rights.confirm(letter)
    assert seen
    assert seen.state == "done"

    page, machine = rights.copy(letter, machine=False), rights.copy(letter, machine=True)
    assert page
    assert machine
    assert "Camille Durand" in page
    assert json.loads(machine)["data"]["address"] == CAMILLE
    with context.store.read() as tx:
        [row] = requests.listing(tx, closed=True)
    assert (row.right, row.outcome, row.origin) == ("access", "done", "page")
    assert row.confirmed_at


def test_the_link_in_a_letter_ends_and_shows_nothing_any_more(
    context: Context, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    rights = Rights(context)
    letter, other = asked(context, link, "access"), asked(context, link, "erasure")
    rights.confirm(letter)
    later(monkeypatch, LIFE + timedelta(minutes=1))

    assert rights.copy(letter, machine=True) is None
    for one in (letter, other):
        seen = rights.confirm(one)
        assert seen
        assert seen.state == "over"
    assert person(context)


def test_a_correction_waits_for_the_right_values_and_names_no_value_in_the_ledger(context: Context, link: Link) -> None:
    rights = Rights(context)
    letter = asked(context, link, "rectification")
    seen = rights.confirm(letter)
    assert seen
    assert seen.state == "confirmed"
    assert rights.open(letter) == {
        "name": "Camille Durand", "company": "", "function": "botaniste", "language": "fr", "country": "FR",
    }  # fmt: skip
    with context.store.read() as tx:
        [row] = requests.listing(tx)
    assert row.due_at > clock.now() + timedelta(days=27)

    rights.correct(letter, {"name": " Camille  Dupont ", "address": "x@evil.example", "country": "France", "age": "1"})
    contact = person(context)
    assert contact
    assert (contact.name, contact.function, contact.country, contact.age) == (
        "Camille Dupont", "botaniste", "FR", "adult",
    )  # fmt: skip
    with context.store.read() as tx:
        [event] = [one for one in ledger.of_contact(tx, contact.id) if one.kind == Kind.RECTIFIED]
        assert requests.listing(tx) == []
    assert event.evidence == {"fields": ["name"]}


def test_an_unconfirmed_letter_corrects_and_lifts_nothing(context: Context, link: Link) -> None:
    rights = Rights(context)
    rights.correct(asked(context, link, "rectification"), {"name": "Somebody Else"})
    contact = person(context)
    assert contact
    assert contact.name == "Camille Durand"


def test_a_restriction_holds_at_once_and_is_lifted_by_the_same_link(context: Context, link: Link) -> None:
    rights = Rights(context)
    letter = asked(context, link, "restriction")
    rights.confirm(letter)
    assert verdict(context) == "R-RESTRICTED"

    seen = rights.lift(letter)
    assert seen
    assert not seen.restricted
    assert verdict(context) == "A-CONSENT"


def test_an_erasure_leaves_a_certificate_and_a_digest_and_twice_is_once(context: Context, link: Link) -> None:
    rights = Rights(context)
    letter = asked(context, link, "erasure")
    seen = rights.confirm(letter)
    assert seen
    assert (seen.state, seen.certificate["deleted"]["contact"]) == ("done", 1)
    assert CAMILLE not in json.dumps(dict(seen.certificate))
    assert person(context) is None
    assert verdict(context) in {"R-OBJECTED", "R-UNKNOWN"}
    again = rights.confirm(letter)
    assert again == seen

    view = Desk(context).page(link)
    assert view
    assert view.stopped_all
    held = rights.held(link)
    assert held
    assert held.gone
    assert rights.ask(link, "access") is False
    with context.store.read() as tx:
        digests = context.digests.of(1, CAMILLE, CAMILLE)
        assert [one.channel for one in oppositions.of_digests(tx, 1, digests)] == [None]


def test_who_did_not_ask_takes_it_back_and_nothing_happened(context: Context, link: Link) -> None:
    rights = Rights(context)
    letter = asked(context, link, "erasure")
    rights.cancel(letter)
    seen = rights.confirm(letter)
    assert seen
    assert seen.state == "over"
    assert person(context)

    again = rights.look(asked(context, link, "erasure"))  # a second thought about the second thought
    assert again
    assert again.state == "waiting"


def test_requests_that_nobody_confirms_are_forgotten(
    context: Context, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = asked(context, link, "access")
    later(monkeypatch, LIFE + timedelta(minutes=1))
    retention.run(context)
    assert Rights(context).look(letter) is None


def test_a_link_of_a_message_opens_no_letter_and_a_right_that_is_none_is_refused(context: Context, link: Link) -> None:
    with pytest.raises(Misuse, match="access, rectification"):
        Rights(context).ask(link, "everything")
    assert Rights(context).ask(Link(999_999, 0, 0), "access") is None
    assert context.tokens.open(Purpose.RIGHT, context.tokens.seal(Purpose.LINK, link)) is None


def test_what_is_held_is_said_without_the_data(context: Context, link: Link) -> None:
    held = Rights(context).held(link)
    assert held
    assert [(one.basis, one.form) for one in held.grounds] == [("consent", "www.maison-lavande.example/lettre")]
    assert held.traits == ["name", "function", "language", "country"]
    assert held.until
    assert held.until > clock.now().date()
    said = repr(held)
    assert "Camille" not in said
    assert CAMILLE not in said
    assert "botaniste" not in said


def test_why_somebody_was_written_to_is_still_said_after_they_refused(context: Context, link: Link) -> None:
    pressed(context, link)
    held = Rights(context).held(link)
    assert held
    assert [one.basis for one in held.grounds] == ["consent"]


def verdict(context: Context) -> str:
    [(_, found)] = check.check(context, "lettre", [parse(CAMILLE)])
    return found.code
