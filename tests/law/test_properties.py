"""What holds for every decision, whatever the facts."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.law.decide import Outcome, decide, explain
from gateway.law.events import Event, Kind
from gateway.law.facts import UNREAD, Facts, MessageClass, Opposition
from gateway.law.reasons import Fate
from gateway.law.rules import RULES
from gateway.law.standing import OPT_OUTS
from tests.law.strategies import FACTS, NOW, POSITIVE

PERSONAL = {MessageClass.SERVICE, MessageClass.NOTICE, MessageClass.RIGHTS}


def permits(facts: Facts) -> bool:
    return decide(facts).fate is Fate.SEND


@given(FACTS)
def test_the_same_facts_give_the_same_verdict(facts: Facts):
    assert decide(facts) == decide(facts)


@given(FACTS, st.randoms(use_true_random=False))
def test_the_order_of_import_does_not_matter(facts: Facts, random):
    assume(facts.person is not None)
    shuffled = list(facts.person.events)
    random.shuffle(shuffled)

    assert decide(facts) == decide(replace(facts, person=replace(facts.person, events=tuple(shuffled))))


def stops(event: Event) -> bool:
    """Return whether an event can only keep mail from leaving; such a one holds whatever the clocks show."""
    refused = event.evidence.get("refused") is True or event.kind in OPT_OUTS | {Kind.ERASED}
    return refused or (event.kind is Kind.RESTRICTED and not event.evidence.get("lifted"))


@given(FACTS)
def test_events_to_come_do_not_matter_unless_they_stop_mail(facts: Facts):
    assume(facts.person is not None)
    counted = tuple(event for event in facts.person.events if event.at <= facts.now or stops(event))

    assert decide(facts) == decide(replace(facts, person=replace(facts.person, events=counted)))


@given(FACTS, st.sampled_from(sorted(OPT_OUTS)), st.integers(0, 2000))
def test_an_opt_out_is_never_outvoted_by_anything_older_or_as_old(facts: Facts, kind: Kind, days: int):
    assume(facts.person is not None and facts.message.klass not in PERSONAL)
    moment = NOW - timedelta(days=days)
    older = tuple(event for event in facts.person.events if event.at <= moment)
    no = Event(kind, moment, None, "email", True, {}, 10**7)
    facts = replace(facts, person=replace(facts.person, events=(*older, no)))

    assert decide(facts).code == "R-OBJECTED"


@given(FACTS)
def test_an_opposition_of_this_moment_refuses_everything_that_is_an_offer(facts: Facts):
    assume(facts.message.klass not in PERSONAL)

    assert decide(replace(facts, oppositions=(Opposition(NOW),))).code == "R-OBJECTED"


@given(FACTS)
def test_taking_an_opt_out_away_is_the_only_way_it_can_matter(facts: Facts):
    """One more opt-out never turns a no into a yes."""
    assume(facts.person is not None and not permits(facts))
    no = Event(Kind.OBJECTED, NOW - timedelta(days=500), None, None, True, {}, 10**7)

    assert not permits(replace(facts, person=replace(facts.person, events=(*facts.person.events, no))))


@given(FACTS, st.sampled_from(["list", "person", "oppositions"]))
def test_what_could_not_be_read_never_permits_an_offer(facts: Facts, name: str):
    assume(facts.message.klass not in PERSONAL)

    assert decide(replace(facts, **{name: UNREAD})).code == "D-UNREAD"


UNKNOWNS = {
    "no list": lambda facts: replace(facts, list=None),
    "no person": lambda facts: replace(facts, person=None),
    "no offer": lambda facts: replace(facts, message=replace(facts.message, offer=None)),
    "no SIREN": lambda facts: replace(facts, advertiser=replace(facts.advertiser, siren=None)),
    "no guarantee": lambda facts: facts.list and replace(facts, list=replace(facts.list, guarantee=None)),
    "no analogies": lambda facts: facts.list and replace(facts, list=replace(facts.list, analogous={})),
    "no country": lambda facts: facts.person and replace(facts, person=replace(facts.person, country=None)),
    "no subject": lambda facts: facts.person and replace(facts, person=replace(facts.person, subject="unknown")),
    "no date": lambda facts: facts.person and replace(facts, person=replace(facts.person, acquired_at=None)),
}


@settings(max_examples=600)
@given(FACTS, st.sampled_from(sorted(UNKNOWNS)))
def test_a_fact_that_is_not_recorded_never_turns_a_no_into_a_yes(facts: Facts, name: str):
    """Except that a person may be asked sooner whether to go on: without the later contact, the period ends earlier."""
    less = UNKNOWNS[name](facts)
    assume(less is not None)
    too_early = name == "no date" and decide(facts).code == "R-RECONFIRM-REPEAT"

    assert permits(facts) or not permits(less) or (too_early and decide(less).code == "A-RECONFIRM")


@settings(max_examples=600)
@given(FACTS, st.sampled_from([*sorted(POSITIVE.keys() - {"channel"}), "families"]))
def test_evidence_that_is_not_recorded_never_turns_a_no_into_a_yes(facts: Facts, key: str):
    """Except the channel, which the event itself may name."""
    assume(facts.person is not None)
    events = tuple(
        replace(event, evidence={name: value for name, value in event.evidence.items() if name != key})
        for event in facts.person.events
    )

    assert permits(facts) or not permits(replace(facts, person=replace(facts.person, events=events)))


@given(FACTS)
def test_decision_and_explanation_agree(facts: Facts):
    verdict, steps = decide(facts), explain(facts)
    [decisive] = [step for step in steps if step.outcome in {Outcome.DECIDES, Outcome.UNREAD}]

    assert [step.rule for step in steps] == [rule.name for rule in RULES]
    assert decisive.rule == verdict.rule
    assert decisive.outcome is Outcome.UNREAD or (decisive.code, decisive.because) == (verdict.code, verdict.because)
    later = dict.fromkeys(step.code for step in steps if step.outcome is Outcome.ALSO and step.code != verdict.code)
    assert tuple(later) == verdict.also


@given(FACTS)
def test_the_last_rule_is_never_needed(facts: Facts):
    """Every record that permits nothing is told what it lacks by a rule of its own."""
    assert decide(facts).rule != RULES[-1].name


@given(FACTS)
def test_an_offer_that_leaves_always_carries_the_mention(facts: Facts):
    if permits(facts):
        assert bool(decide(facts).inject) == (facts.message.klass not in PERSONAL)
