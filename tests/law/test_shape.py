"""Cases of one shape have one verdict, and the shape shows everything that a rule reads."""

import ast
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway import law
from gateway.law.clocks import add_months, day, midnight
from gateway.law.decide import decide, ruling, rulings
from gateway.law.events import Event, Kind
from gateway.law.facts import (
    UNREAD,
    AdvertiserFacts,
    Facts,
    ListFacts,
    MessageClass,
    Opposition,
    PersonFacts,
    Policy,
    Regime,
)
from gateway.law.reasons import Verdict
from gateway.law.shape import READ, Setting, Shape, Story, limits, told
from tests.law.strategies import FACTS, NOW

ODD = (None, True, False, 0, 1, "", "x", "13", 14, [], ["prospecting"], "prospecting", ["tracking"], "email", ["A"])
FURTHER = ("free", "refusal_as_easy", "given_by", "refused", "lifted", "machine", "pending", "art14", "purpose",
           "contract", "contract_end", "nature", "category", "proof_kind", "professional_capacity", "mode", "article",
           "undoes")  # fmt: skip
VALUES = {"contract": ("in-progress",), "contract_end": ("2027-01-01", "2020-01-01"), "given_by": ("joint", "self"),
          "undoes": (1, 2, 99), "nature": ("quote",), "proof_kind": ("template",)}  # fmt: skip


def odd(facts: Facts, dice: Random) -> Facts:
    """Return the facts with evidence that no form would write, and moments near the limits and equal to each other."""
    if not isinstance(facts.person, PersonFacts):
        return facts
    days = [*limits(facts.policy, facts.channel, day(facts.now, facts.policy.timezone)), NOW.date()]
    moments = [midnight(one, facts.policy.timezone) + timedelta(seconds=dice.choice([-1, 0, 9000])) for one in days]
    events = []
    for event in facts.person.events:
        changed = {name: dice.choice(VALUES.get(name, ODD)) for name in dice.sample(FURTHER, dice.choice([0, 0, 1, 3]))}
        at = dice.choice([event.at, event.at, *moments])
        events.append(replace(event, at=at, evidence={**event.evidence, **changed}))
    acquired = dice.choice([facts.person.acquired_at, *(event.at for event in events), *moments])
    return replace(facts, person=replace(facts.person, acquired_at=acquired, events=tuple(events)))


def unnumbered(verdict: Verdict) -> Verdict:
    return replace(verdict, because=(), oppositions=())


def keeps_words(facts: Facts) -> bool:
    """Return whether no rule gets a list where it wants one word, which the rules alone take for a mistake."""
    events = facts.person.events if isinstance(facts.person, PersonFacts) else ()
    words = ("mode", "given_by", "nature", "proof_kind", "act")
    return not any(isinstance(event.evidence.get(name), list) for event in events for name in words)


@settings(max_examples=1500)
@given(FACTS, st.randoms(use_true_random=False))
def test_the_rules_alone_say_the_same(facts: Facts, dice: Random):
    facts = odd(facts, dice)
    assume(keeps_words(facts))
    expected = decide(facts)

    place, story = setting(facts), Story(facts.person, facts.oppositions)
    assert told(place, story, facts.now) == facts
    for one in (story, story, Story(facts.person, facts.oppositions)):  # what was kept is that of this case
        assert ruling(place, one, facts.now) == expected
    for verdict in rulings(place, [story, Story(facts.person, facts.oppositions)], facts.now):
        assert unnumbered(verdict) == unnumbered(expected)


@settings(max_examples=500)
@given(FACTS, st.randoms(use_true_random=False))
def test_a_story_that_is_asked_about_again_gets_the_verdict_of_the_new_question(facts: Facts, dice: Random):
    """Another message, another moment, a clock set back: each time the rules are asked anew, as far as anybody sees."""
    facts = odd(facts, dice)
    assume(keeps_words(facts))
    story = Story(facts.person, facts.oppositions)
    events = facts.person.events if isinstance(facts.person, PersonFacts) else ()
    moments = [NOW, *(event.at for event in events), *(one.at for one in facts.oppositions)]
    for _ in range(12):
        now = dice.choice(moments) + timedelta(seconds=dice.choice([-90_000, -1, 0, 1, 20_000, 90_000]))
        message = replace(facts.message, offer=dice.choice(["ink", "books", None]), klass=dice.choice([*MessageClass]))
        asked = replace(facts, message=message, now=now)
        assert ruling(setting(asked), story, now) == decide(asked)


def setting(facts: Facts) -> Setting:
    """Return the setting of the facts; those that differ in nothing but the person and the moment have the same one."""
    today = day(facts.now, facts.policy.timezone)
    nobody = replace(facts, now=midnight(today, facts.policy.timezone), person=None, oppositions=())
    known = next((one for one in SETTINGS if one.facts == nobody), None)
    if known is None:
        known = Setting(nobody, today)
        SETTINGS.append(known)
        del SETTINGS[:-50]
    return known


SETTINGS: list[Setting] = []


def shaped(facts: Facts, place: Setting) -> Shape | None:
    return Story(facts.person, facts.oppositions).shape(place, facts.now)


def ruled(facts: Facts) -> Verdict:
    return ruling(setting(facts), Story(facts.person, facts.oppositions), facts.now)


def varied(facts: Facts, dice: Random) -> Facts:
    """Return facts of the same setting in which one thing about the person is different."""
    person = facts.person
    if not isinstance(person, PersonFacts) or dice.random() < 0.1:
        return replace(facts, oppositions=() if facts.oppositions else (Opposition(NOW - timedelta(days=9)),))
    moments = [event.at for event in person.events] + [one.at for one in facts.oppositions]
    at = dice.choice(moments) + timedelta(
        days=dice.choice([-400, -40, -1, 0, 0, 1, 40, 400]), seconds=dice.choice([-1, 0, 1])
    )
    if facts.oppositions and dice.random() < 0.3:
        first, *rest = facts.oppositions
        return replace(facts, oppositions=(replace(first, at=at), *rest))
    if dice.random() < 0.3:
        return replace(facts, person=replace(person, acquired_at=dice.choice([None, at])))
    events = list(person.events)
    place = dice.randrange(len(events))
    event = events[place]
    name = dice.choice(sorted({*event.evidence, *FURTHER} - {"mode", "given_by", "nature", "proof_kind", "act"}))
    changes = [{"at": at}, {"at": at}, {"direct": not event.direct}, {"list": dice.choice([None, 1, 2])},
               {"evidence": {**event.evidence, name: dice.choice(VALUES.get(name, ODD))}}]  # fmt: skip
    events[place] = replace(event, **dice.choice(changes))
    return replace(facts, person=replace(person, events=tuple(events)))


@settings(max_examples=300)
@given(FACTS, st.randoms(use_true_random=False))
def test_what_was_decided_about_others_is_never_taken_for_somebody_whose_case_is_another(facts: Facts, dice: Random):
    for _ in range(25):
        facts = varied(facts, dice)
        assume(keeps_words(facts))
        assert ruled(facts) == decide(facts)


def moved(facts: Facts, dice: Random) -> Facts:
    """Return another person of the same story: other numbers, other texts and proofs, every moment a little earlier."""
    person = facts.person
    assert isinstance(person, PersonFacts)
    less = timedelta(seconds=dice.randrange(1, 20_000))
    numbers = {event.id: 1000 + 7 * event.id for event in person.events}
    events = [
        replace(
            event,
            id=numbers[event.id],
            at=event.at - less,
            evidence={
                name: ("other" if value else value)
                if name in {"text", "proof"}
                else numbers.get(value, -1)
                if name == "undoes"
                else value
                for name, value in {**event.evidence, "note": dice.random()}.items()
            },
        )
        for event in person.events
    ]
    acquired = person.acquired_at and person.acquired_at - less
    oppositions = tuple(replace(one, id=one.id + 5, at=one.at - less) for one in facts.oppositions)
    other = replace(person, id=9, source_name="other", acquired_at=acquired, events=tuple(events))
    return replace(facts, person=other, oppositions=oppositions)


@settings(max_examples=800)
@given(FACTS, st.randoms(use_true_random=False))
def test_people_whose_cases_look_alike_have_the_same_verdict(facts: Facts, dice: Random):
    assume(isinstance(facts.person, PersonFacts))
    facts = odd(facts, dice) if dice.random() < 0.5 else facts
    assume(keeps_words(facts))
    other = moved(facts, dice)
    place = Setting(facts, day(NOW, facts.policy.timezone))
    one, another = shaped(facts, place), shaped(other, place)
    assume(one is not None and another is not None and one.key == another.key)

    assert unnumbered(decide(facts)) == unnumbered(decide(other))


def test_every_piece_of_evidence_that_a_rule_reads_is_in_the_shape():
    """Whatever else is recorded never reaches a rule."""
    read = {"undoes", *READ}
    found = set()
    for name in ("standing", "matter", "rules", "regimes"):
        tree = ast.parse((Path(law.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            text = ast.unparse(call.func)
            if text.endswith("evidence.get"):
                found |= {call.args[0].value} if isinstance(call.args[0], ast.Constant) else set()
            elif text == "_told":
                found.add(call.args[1].value)
    assert found == read


@pytest.mark.parametrize("back", [0, 1, 2])
def test_a_day_makes_the_difference_that_the_calendar_makes(back: int):
    """Three years after the last contact the answer changes, however many people were asked about before."""
    last = add_months(NOW.date(), -36) - timedelta(days=back)
    grant = {"mode": "unticked-box", "purpose": ["prospecting"], "controllers": ["A"], "text": "v", "proof": "p"}
    event = Event(Kind.GRANTED, midnight(last, "Europe/Paris"), 1, "email", True, grant, 5)
    facts = Facts(NOW, AdvertiserFacts("A"), ListFacts(1, Regime.OPT_IN), PersonFacts(1, events=(event,)))

    assert ruled(facts).code == ("A-CONSENT" if back == 0 else "R-EXPIRED")
    assert ruled(facts).because == (5,)
    assert ruled(replace(facts, now=NOW + timedelta(days=1))).code == "R-EXPIRED"


def test_a_limit_is_the_first_day_that_is_not_over():
    march, february = (limits(Policy(), "email", one) for one in (date(2026, 3, 31), date(2027, 2, 28)))
    assert march == {date(2026, 2, 28) + timedelta(days=1), date(2023, 3, 31)}
    assert february == {date(2027, 1, 28), date(2024, 2, 28)}


def test_what_asks_again_or_was_not_read_has_no_shape():
    facts = Facts(NOW, AdvertiserFacts("A"), None, None)
    today = day(NOW, facts.policy.timezone)
    again = replace(facts, message=replace(facts.message, klass=MessageClass.RECONFIRM))

    assert shaped(facts, Setting(facts, today))
    for other in (again, replace(facts, person=UNREAD), replace(facts, oppositions=UNREAD)):
        assert shaped(other, Setting(other, today)) is None
        assert ruled(other) == decide(other)
