"""What was made of somebody's rows is used again, and never instead of reading them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway import clock
from gateway.flow import facts
from gateway.flow.context import Context
from gateway.flow.facts import Case, Lately, Question, Reader
from gateway.law.facts import MessageClass, MessageFacts
from gateway.mail.address import parse
from gateway.store import lists, people
from tests.flow.rig import CAMILLE, rig

pytestmark = pytest.mark.anyio


async def asked(reader: Reader, context: Context, **message: object) -> Case:
    with context.store.read() as tx:
        row = lists.by_name(tx, "lettre")
    assert row
    about = MessageFacts(**message)  # type: ignore[arg-type]
    [case] = await reader.ask(Question(row.advertiser_id, row.id, (parse(CAMILLE),), about))
    return case


async def test_the_second_reading_finds_what_was_said_since_the_first(context: Context) -> None:
    async with rig(context) as house:
        reader = house.accept._reader
        first, second = await asked(reader, context), await asked(reader, context)
        assert first.verdict.code == second.verdict.code == "A-CONSENT"
        assert second.dossier is first.dossier
        assert second.now > first.now

        third = await asked(reader, context)
        with context.store.begin() as tx:
            contact = people.find(tx, third.advertiser.id, third.wanted.key)
            assert contact
            contact.restricted = True
            people.save(tx, contact)
        fourth = await asked(reader, context)
        assert (third.verdict.code, fourth.verdict.code) == ("A-CONSENT", "R-RESTRICTED")


async def test_another_message_has_a_verdict_of_its_own(context: Context) -> None:
    async with rig(context) as house:
        case = await asked(house.accept._reader, context)
        banned = case.about(MessageFacts(sector="renewable-energy"))
        assert (case.verdict.code, banned.verdict.code) == ("A-CONSENT", "R-SECTOR-BAN")
        assert case.about(MessageFacts()) is case
        assert banned.about(MessageFacts(MessageClass.SERVICE)).verdict != banned.verdict
        assert banned.facts == replace(case.facts, message=banned.message)


def test_who_is_not_asked_about_again_is_forgotten(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MOST_KEPT", 3)
    now, camille = clock.now(), parse(CAMILLE)
    lately = Lately()
    lately.turn_to(now)
    first = lately.wanted(context, 1, camille)
    assert lately.wanted(context, 1, camille) is first
    again = lately.wanted(context, 1, camille)
    assert again is not first  # its second asking was its last
    lately.turn_to(now + facts.KEPT - timedelta(seconds=1))
    assert lately.wanted(context, 1, camille) is again

    later = lately.wanted(context, 1, camille)
    assert lately.wanted(context, 2, camille) is not later  # another advertiser knows somebody else
    lately.turn_to(now + facts.KEPT)
    assert lately.wanted(context, 1, camille) is not later

    for number in range(3):
        lately.wanted(context, number + 7, camille)
    lately.turn_to(now + facts.KEPT)
    assert lately._once == {}
