"""Signing up: nothing counts before the mailbox has confirmed, and what then counts says what was shown and when."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from functools import partial
from typing import Any

import pytest
from sqlmodel import select

from gateway import clock
from gateway.errors import NotFound
from gateway.flow import check, consent, join, joinletter, privacy, retention
from gateway.flow.context import Context
from gateway.flow.join import Refused, Wish
from gateway.mail.address import parse
from gateway.store import advertisers, ledger, lists, people, spool
from gateway.store.signups import SignUp
from gateway.store.tables import Contact, Event, List, Submission
from gateway.store.tx import Tx
from gateway.tokens import Link, Purpose
from tests.flow.joinlist import MAIN, PARTNERS, TRACKING, open_list
from tests.flow.rig import OBJECTED, delivered, plain, rig
from tests.support.pressing import pressed

NEW = "nouvelle@mailbox.example"
PARENT = "parent@mailbox.example"


@pytest.fixture
def context(context: Context) -> Context:
    """The sample, with a list open to the public, on either database."""
    open_list(context)
    return context


@pytest.fixture
def embedded(embedded: Context) -> Context:
    """The same on SQLite only, for what no database changes."""
    open_list(embedded)
    return embedded


def wish(address: str = NEW, *boxes: str, **more: Any) -> Wish:
    return Wish(address, more.pop("lang", "fr"), frozenset(boxes or (MAIN,)), **more)


def sign_up(context: Context, *args: Any, **more: Any) -> Link:
    """Fill in the form and return the link of the person's letter."""
    join.signup(context, "lettre", wish(*args, **more))
    with context.store.read() as tx:
        row = tx.exec(select(SignUp).order_by(SignUp.id.desc())).first()  # type: ignore[attr-defined]
    assert row
    return Link(row.id, row.list_id, join.PERSON)


def verdict(context: Context, address: str = NEW) -> str:
    [(_, found)] = check.check(context, "lettre", [parse(address)])
    return found.code


def contact(context: Context, address: str = NEW) -> Contact | None:
    with context.store.read() as tx:
        row = lists.by_name(tx, "lettre")
        assert row
        return people.find(tx, row.advertiser_id, parse(address).key)


def events(context: Context, address: str = NEW) -> list[Event]:
    found = contact(context, address)
    assert found
    with context.store.read() as tx:
        return ledger.of_contact(tx, found.id)


def rows(context: Context) -> list[SignUp]:
    with context.store.read() as tx:
        return list(tx.exec(select(SignUp)))


def test_the_form_has_a_box_for_each_text_and_the_words_of_each(embedded: Context) -> None:
    found = join.form(embedded, "lettre", "fr")

    assert found
    assert [box.name for box in found.boxes] == [MAIN, PARTNERS, TRACKING]
    assert found.boxes[0].label == "Oui, je veux recevoir ces e-mails de Maison Lavande SAS."
    assert found.boxes[0].text == f"{MAIN}/1"
    assert "Maison Lavande SAS souhaite utiliser votre adresse e-mail" in found.boxes[0].before[0]
    assert found.boxes[1].controllers == ("Savons Bleus", "Nid Doux")
    assert "☐" not in "".join(line for box in found.boxes for line in (*box.before, box.label, *box.after))
    english = join.form(embedded, "lettre", "en-GB"[:2])
    assert english
    assert english.boxes[0].label.startswith("Yes")


def test_a_list_that_nobody_opened_has_no_form(embedded: Context) -> None:
    assert join.form(embedded, "clients", "fr") is None
    assert join.form(embedded, "nothing", "fr") is None
    with pytest.raises(NotFound):
        join.signup(embedded, "clients", wish())


def test_nothing_counts_before_the_mailbox_has_confirmed(context: Context) -> None:
    link = sign_up(context)

    asked = join.pending(context, link)
    assert asked
    assert (asked.state, asked.contact) == ("open", None)
    assert contact(context) is None
    assert verdict(context) == "R-UNKNOWN"


def test_a_confirmed_sign_up_is_a_consent_with_its_evidence(context: Context) -> None:
    link = sign_up(context, NEW, MAIN, PARTNERS, form="www.maison-lavande.example/accueil")
    done = join.confirm(context, link)

    assert done
    assert done.state == "done"
    assert verdict(context) == "A-CONSENT"
    told, own, partners, confirmed = events(context)
    assert [event.kind for event in (told, own, partners, confirmed)] == ["informed", "granted", "granted", "confirmed"]
    assert told.at == own.at < confirmed.at
    with context.store.read() as tx:
        [letter] = spool.listing(tx, None, 0, 10)
    assert confirmed.evidence == {"proof": f"sign-up/{link.contact}", "letters": [letter.id]}
    assert told.evidence["boxes"] == {MAIN: True, PARTNERS: True, TRACKING: False}
    assert told.evidence["shown"] == [f"{MAIN}/1", f"{PARTNERS}/1", f"{TRACKING}/1"]
    assert own.evidence == {
        "form": "www.maison-lavande.example/accueil",
        "language": "fr",
        "mode": "double-opt-in",
        "given_by": "self",
        "channel": ["email"],
        "purpose": ["prospecting"],
        "controllers": ["Maison Lavande SAS"],
        "families": ["savons"],
        "text": f"{MAIN}/1",
        "proof": f"sign-up/{link.contact}",
        "proof_kind": "individual",
        "pending": True,
    }
    assert partners.evidence["purpose"] == ["partners"]
    assert partners.evidence["controllers"] == ["Savons Bleus", "Nid Doux"]
    row = contact(context)
    assert row
    assert (row.address, row.language, row.source, row.country) == (NEW, "fr", "direct", None)
    [left] = rows(context)
    assert (left.address, left.address_key, left.contact_id) == ("", "", row.id)


def test_confirming_twice_is_once(context: Context) -> None:
    link = sign_up(context)
    first, second = join.confirm(context, link), join.confirm(context, link)

    assert first
    assert first == second == join.pending(context, link)
    assert [event.kind for event in events(context)] == ["informed", "granted", "confirmed"]


def test_two_presses_at_the_same_moment_are_one(context: Context) -> None:
    links = [sign_up(context), sign_up(context)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(partial(join.confirm, context), links * 3))

    assert {one.state for one in found if one} == {"done"}
    assert len({one.contact for one in found if one}) == 1
    assert sorted(event.kind for event in events(context)) == sorted(["informed", "granted", "confirmed"] * 2)


def test_measuring_openings_alone_is_no_sign_up_and_nor_is_nothing(embedded: Context) -> None:
    for boxes in (frozenset[str](), frozenset({TRACKING}), frozenset({MAIN, "invented"})):
        with pytest.raises(Refused) as told:
            join.signup(embedded, "lettre", Wish(NEW, "fr", boxes))
        assert told.value.code == "nothing"
    assert rows(embedded) == []


def test_consent_to_partners_alone_lets_the_list_itself_say_nothing(context: Context) -> None:
    join.confirm(context, sign_up(context, NEW, PARTNERS, TRACKING))

    assert verdict(context) == "R-CONSENT-PURPOSE"


def test_a_text_that_changed_meanwhile_is_read_again(embedded: Context) -> None:
    with pytest.raises(Refused) as told:
        join.signup(embedded, "lettre", wish(shown={MAIN: f"{MAIN}/7"}))
    assert told.value.code == "stale"


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b", "two@mailbox.example, more@mailbox.example", "a\r\nb@c.example"]
)
def test_what_is_no_address_gets_no_letter(embedded: Context, address: str) -> None:
    with pytest.raises(Refused) as told:
        join.signup(embedded, "lettre", wish(address))
    assert told.value.code == "address"


def test_unconfirmed_is_deleted_when_its_time_is_over(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    link = sign_up(context)
    later = clock.now() + timedelta(days=8)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert join.pending(context, link) is None
    assert join.confirm(context, link) is None
    assert retention.run(context).rows["sign_up"] == 1
    assert rows(context) == []
    assert contact(context) is None


def test_who_did_not_want_it_has_it_deleted_at_once(context: Context) -> None:
    link = sign_up(context)

    assert join.decline(context, link)
    assert not join.decline(context, link)
    assert join.confirm(context, link) is None
    assert rows(context) == []


def test_a_mailbox_is_written_to_three_times_a_day_at_most_and_the_form_does_not_say_so(embedded: Context) -> None:
    for _ in range(5):
        join.signup(embedded, "lettre", wish())
    assert len(rows(embedded)) == join.LETTERS


def test_spellings_of_one_mailbox_count_together(context: Context) -> None:
    """A victim's mailbox is not filled by a tag for each letter."""
    for number in range(5):
        for spelling in (f"victime+{number}@gmail.example", f"{'vic.time' if number else 'v.ictime'}@gmail.example"):
            join.signup(context, "lettre", wish(spelling))
    assert len(rows(context)) == join.LETTERS
    for other in ("victim@gmail.example", "victimes@gmail.example", "victime@other.example", "a_b@x.example"):
        join.signup(context, "lettre", wish(other))
    assert len(rows(context)) == join.LETTERS + 4


def test_somebody_opposed_stays_so_until_confirmed_and_then_hears_of_that_list_only(context: Context) -> None:
    with context.store.begin() as tx:
        said = consent.Saying(clock.now(), "cli")
        consent.oppose(context, tx, lists_row(tx).advertiser_id, parse(OBJECTED), None, said)
    link = sign_up(context, OBJECTED)
    assert verdict(context, OBJECTED) == "R-OBJECTED"

    join.confirm(context, link)
    assert verdict(context, OBJECTED) == "A-CONSENT"
    [(_, elsewhere)] = check.check(context, "pros", [parse(OBJECTED)])
    assert elsewhere.code == "R-OBJECTED"


def test_who_says_no_again_afterwards_is_heard(context: Context) -> None:
    join.confirm(context, sign_up(context, OBJECTED))
    found = contact(context, OBJECTED)
    with context.store.read() as tx:
        asked = lists_row(tx)
    assert found
    pressed(context, Link(found.id, asked.id, 0))

    assert verdict(context, OBJECTED) == "R-OBJECTED"


def lists_row(tx: Tx) -> List:
    row = lists.by_name(tx, "lettre")
    assert row
    return row


def test_an_erased_person_who_signs_up_again_is_a_new_person(context: Context) -> None:
    join.confirm(context, sign_up(context))
    waiting = sign_up(context)
    first = contact(context)
    assert first
    said = consent.Saying(clock.now(), "cli", channel=None)
    gone = privacy.erase(context, first, "lavande", said)
    assert gone.deleted["sign_up"] == 1
    assert join.pending(context, waiting) is None
    assert verdict(context) == "R-OBJECTED"

    join.confirm(context, sign_up(context))
    assert verdict(context) == "A-CONSENT"
    again = contact(context)
    assert again
    assert again.id != first.id


def test_a_number_is_asked_for_where_the_channel_needs_one(embedded: Context) -> None:
    open_list(embedded, channels=("email", "sms"))
    with pytest.raises(Refused) as told:
        sign_up(embedded, NEW, MAIN, "lettre-sms")
    assert told.value.code == "number"

    join.confirm(embedded, sign_up(embedded, NEW, MAIN, "lettre-sms", numbers={"sms": "06 12 34 56 78"}))
    [left] = rows(embedded)
    assert "06 12" not in str(left.model_dump())
    by_sms = next(event for event in events(embedded) if event.channel == "sms")
    assert (by_sms.evidence["mode"], by_sms.evidence["number"]) == ("unticked-box", "06 12 34 56 78")


def test_where_age_is_asked_it_must_be_said_and_the_young_are_turned_away(embedded: Context) -> None:
    open_list(embedded, ask_age=True)
    for age, code in (("", "age"), ("12", "age"), ("under15", "young")):
        with pytest.raises(Refused) as told:
            sign_up(embedded, age=age)
        assert told.value.code == code

    join.confirm(embedded, sign_up(embedded, age="15-17"))
    row = contact(embedded)
    assert row
    assert row.age == "15-17"
    assert verdict(embedded) == "A-CONSENT"


def test_a_child_and_a_parent_confirm_both(context: Context) -> None:
    open_list(context, child=True)
    for parent in ("", NEW, "nobody"):
        with pytest.raises(Refused) as told:
            sign_up(context, age="under15", parent=parent, joint=True)
        assert told.value.code == "parent"

    link = sign_up(context, age="under15", parent=PARENT, joint=True)
    first = join.confirm(context, link)
    assert first
    assert first.state == "waiting"
    assert contact(context) is None

    second = join.confirm(context, Link(link.contact, link.list, join.PARENT))
    assert second
    assert (second.state, second.contact) == ("done", None)
    assert verdict(context) == "A-CONSENT"
    granted = next(event for event in events(context) if event.kind == "granted")
    assert granted.evidence["given_by"] == "joint"


def test_the_network_is_in_the_evidence_only_when_it_is_given(embedded: Context) -> None:
    join.confirm(embedded, sign_up(embedded, network="192.0.2.0/24"))
    assert events(embedded)[0].evidence["network"] == "192.0.2.0/24"
    assert "network" not in Wish(NEW, "fr", frozenset()).form


@pytest.mark.anyio
@pytest.mark.parametrize("lang", ["fr", "en"])
async def test_the_letter_says_what_was_asked_and_leads_to_the_confirmation(context: Context, lang: str) -> None:
    link = await asyncio.to_thread(sign_up, context, OBJECTED, MAIN, TRACKING, lang=lang)
    async with rig(context, delivering=True) as house, house.running():
        await house.emptied()
        [receipt] = house.receipts()

    message = delivered(context)[OBJECTED]
    assert (receipt.code, receipt.klass, receipt.account_id) == ("A-SERVICE", "service", 0)
    assert message["Return-Path"] == "<>"
    assert message["List-Unsubscribe"] is None
    for subtype in ("plain", "html"):
        body = plain(message, subtype)
        assert "Maison Lavande SAS" in body
        found = re.search(r"https://gate\.example/join/lettre/([a-z2-7]+)", body)
        assert found
        assert context.tokens.open(Purpose.JOIN, found[1]) == link
        assert context.tokens.open(Purpose.LINK, found[1]) is None
        assert OBJECTED not in body
    assert {"fr": "Confirmez votre inscription", "en": "Confirm your sign-up"}[lang] in message["Subject"]


@pytest.mark.parametrize(("lang", "day"), [("fr", "1er mars 2026"), ("xx", "March 1, 2026")])
def test_the_letter_says_days_as_people_do_in_any_language(embedded: Context, lang: str, day: str) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    row = SignUp(asked={"language": lang, "boxes": []}, created_at=at, expires_at=at)
    with embedded.store.begin() as tx:
        listed = lists.by_name(tx, "lettre")
        owner = advertisers.get(tx, listed.advertiser_id)
        joinletter.send(embedded, tx, owner, listed, row, parse(NEW), Link(1, listed.id, join.PERSON))
        [content] = tx.exec(select(Submission.content)).all()
    assert day in plain(message_from_bytes(content, policy=policy.default), "plain")
