"""Folding events, counting days, checking guarantees, and what the decision costs."""

import tomllib
from cProfile import Profile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.law import channels
from gateway.law.cases import load, run
from gateway.law.clocks import add_months, add_years, day, midnight
from gateway.law.decide import Outcome, decide, explain, ruling
from gateway.law.events import Event, Kind
from gateway.law.facts import AdvertiserFacts, Facts, ListFacts, PersonFacts, Regime
from gateway.law.guarantee import REQUIRED, lacks
from gateway.law.regimes import is_for_channel
from gateway.law.shape import Setting, Story
from gateway.law.standing import fold

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CONSENT = {
    "mode": "unticked-box",
    "purpose": "prospecting",
    "controllers": ["A"],
    "text": "v1",
    "proof": "p1",
}


def event(kind: Kind, days: int, **fields) -> Event:
    return Event(kind, NOW - timedelta(days=days), **fields)


def facts(*events: Event) -> Facts:
    return Facts(NOW, AdvertiserFacts("A"), ListFacts(1, Regime.OPT_IN), PersonFacts(1, events=events))


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_event_can_be_folded(kind: Kind):
    assert fold([event(kind, 1)], 1, "email", NOW).known == (kind is not Kind.ERASED)


def test_nothing_folds_to_nothing():
    standing = fold((), 1, "email", NOW)

    assert not standing.known
    assert standing.last_contact is None


def test_a_naive_moment_is_refused():
    with pytest.raises(TypeError):
        fold([Event(Kind.GRANTED, datetime(2026, 1, 1))], 1, "email", NOW)  # noqa: DTZ001


def test_an_opt_out_is_kept_as_the_event_that_said_it():
    no = event(Kind.OBJECTED, 3, list=1, channel="email", id=7)

    assert fold([no], 1, "email", NOW).opt_outs == [no]
    assert fold([no], 2, "email", NOW).opt_outs == []
    assert fold([no], 1, "sms", NOW).opt_outs == []
    assert fold([no], None, "email", NOW).opt_outs == []


def test_a_third_party_does_not_undo_what_the_person_said():
    events = [event(Kind.OBJECTED, 3), event(Kind.RESTORED, 2, direct=False)]

    assert len(fold(events, 1, "email", NOW).opt_outs) == 1


def test_an_undoing_without_anything_to_undo_changes_nothing():
    assert fold([event(Kind.RESTORED, 2)], 1, "email", NOW).opt_outs == []


def test_a_confirmation_confirms_its_own_list_only():
    form = event(Kind.GRANTED, 3, list=1, evidence={"pending": True})

    assert len(fold([form, event(Kind.CONFIRMED, 2, list=1)], 1, "email", NOW).consents) == 1
    assert fold([form, event(Kind.CONFIRMED, 2, list=2)], 1, "email", NOW).consents == []


def test_a_confirmation_answers_what_waits_and_never_again_what_was_answered():
    first = event(Kind.GRANTED, 9, list=1, evidence={"pending": True, "text": "old"})
    later = event(Kind.GRANTED, 3, list=1, evidence={"pending": True, "text": "new"})
    yes = [event(Kind.CONFIRMED, 8, list=1), event(Kind.CONFIRMED, 2, list=1)]

    found = fold([first, later, *yes], 1, "email", NOW).consents
    assert [(one.evidence["text"], one.at) for one in found] == [("old", yes[0].at), ("new", yes[1].at)]


def test_a_confirmed_agreement_to_be_watched_is_that_and_no_consent_to_offers():
    asked = event(Kind.GRANTED, 3, list=1, evidence={"pending": True, "purpose": ["tracking"]})

    standing = fold([asked, event(Kind.CONFIRMED, 2, list=1)], 1, "email", NOW)
    assert standing.tracking is not None
    assert standing.consents == []
    assert fold([asked], 1, "email", NOW).tracking is None


def test_a_sale_after_the_end_starts_the_relation_anew():
    sold, ended = event(Kind.SOLD, 9), event(Kind.ENDED, 8)

    assert fold([sold, ended], 1, "email", NOW).ended is ended
    assert fold([sold, ended, event(Kind.SOLD, 7)], 1, "email", NOW).ended is None


def test_channel_evidence_and_channel_of_the_event_must_not_contradict():
    ask = facts()

    assert is_for_channel(ask, event(Kind.GRANTED, 1, evidence={"channel": ["email", "sms"]}))
    assert is_for_channel(ask, event(Kind.GRANTED, 1, channel="email"))
    assert not is_for_channel(ask, event(Kind.GRANTED, 1, channel="email", evidence={"channel": "sms"}))
    assert not is_for_channel(ask, event(Kind.GRANTED, 1, channel="sms", evidence={"channel": "email"}))


def test_an_undescribed_channel_gets_the_strictest_row():
    assert channels.channel("pigeon") is channels.STRICTEST


def test_periods_end_on_the_same_number_or_on_the_last_day_of_the_month():
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert add_months(date(2026, 12, 15), 1) == date(2027, 1, 15)
    assert add_years(date(2024, 2, 29), 3) == date(2027, 2, 28)
    assert add_years(date(2024, 2, 29), 4) == date(2028, 2, 29)


def test_days_are_those_of_the_place():
    late = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)

    assert day(late, "Europe/Paris") == date(2026, 7, 2)
    assert day(late, "UTC") == date(2026, 7, 1)
    assert midnight(date(2026, 7, 2), "Europe/Paris") == datetime(2026, 7, 1, 22, tzinfo=UTC)


def test_a_guarantee_names_what_it_lacks():
    good = dict.fromkeys(REQUIRED, "x") | {"audited_at": date(2026, 11, 1), "washed_at": NOW, "chain": []}

    assert lacks(good, NOW, "Europe/Paris") == ()
    assert lacks(good | {"seller": ""}, NOW, "Europe/Paris") == ("seller",)
    assert lacks(good | {"washed_at": "2026-12-01"}, NOW, "Europe/Paris") == ("washed_at",)
    assert lacks(good | {"audited_at": "soon"}, NOW, "Europe/Paris") == ("audited_at",)
    assert set(lacks(None, NOW, "Europe/Paris")) == set(REQUIRED)


def test_an_explanation_says_what_was_known_and_what_was_missing():
    grant = event(Kind.GRANTED, 30, id=5, channel="email", evidence={**CONSENT, "proof": ""})
    steps = {step.rule: step for step in explain(facts(grant))}

    assert steps["consent-proof"].outcome is Outcome.DECIDES
    assert ("text", "v1") in steps["consent-proof"].known
    assert "proof" in steps["consent-proof"].missing
    assert steps["consent-proof"].because == (5,)
    assert ("list.state", "active") in steps["list-active"].known
    assert steps["consent"].outcome is Outcome.IDLE


def test_the_example_of_the_page_is_true():
    page = Path(__file__).parents[2].joinpath("docs", "rules.md").read_text(encoding="utf-8")
    example = page.partition("~~~toml\n")[2].partition("~~~")[0]

    assert tomllib.loads(example)
    assert [run(case).passed for case in load(example)] == [True, True]


def test_a_decision_stays_cheap():
    """It is asked thrice for each message. Calls are counted, not seconds: a busy machine must not fail the test."""
    ask = facts(
        event(Kind.GRANTED, 300, id=1, channel="email", evidence=CONSENT),
        event(Kind.ACTED, 100, id=2, evidence={"act": "click"}),
        event(Kind.CONTACTED, 50, id=3),
    )
    setting, person, now = Setting(ask, ask.now.date()), ask.person, ask.now
    assert ruling(setting, Story(person, ()), now).code == "A-CONSENT"
    unlike, alike, again = Profile(), Profile(), Profile()
    unlike.runcall(decide, ask)
    story = Story(person, ())
    alike.runcall(ruling, setting, story, now)
    again.runcall(ruling, setting, story, now)

    assert sum(row.callcount for row in unlike.getstats()) < 260
    assert sum(row.callcount for row in alike.getstats()) < 80
    assert sum(row.callcount for row in again.getstats()) < 6
