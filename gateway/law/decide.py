"""The decision, and its explanation: both read the one table of `law.rules`.

Cases of one shape have one verdict (`law.shape`), which is worked out once and kept.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.law.events import Event
from gateway.law.facts import UNREAD, Facts, MessageClass
from gateway.law.matter import Matter
from gateway.law.reasons import REASONS, Fate, Token, Verdict
from gateway.law.regimes import NOTHING
from gateway.law.rules import RULES, Rule
from gateway.law.shape import Setting, Shape, Story, bare, told

# The rules of G8 ask, each of them, whether *their* test is what is lacking, so that one question answers them all.
_TESTS = {rule.name: position for position, rule in enumerate(RULES) if rule.gate == "G8"}
_BEFORE = tuple((position, rule.question) for position, rule in enumerate(RULES) if position < min(_TESTS.values()))
_AFTER = tuple((position, rule.question) for position, rule in enumerate(RULES) if position > max(_TESTS.values()))
_UNREAD = REASONS["D-UNREAD"]
_NONE_ABSENT: frozenset[str] = frozenset()
_SOURCE = frozenset({Token.SRC})
_ADVERTISING = frozenset({Token.ADV})
_TRACKED, _UNTRACKED = frozenset({Token.TRK}), frozenset({Token.STRIP})
_SOURCE_IN_FULL = frozenset({Token.SRC, Token.ART14})


class Outcome(StrEnum):
    """What a rule came to."""

    PASSED = "passed"  # asked, and does not hold
    DECIDES = "decides"  # the first that holds
    ALSO = "also"  # a refusal that holds too
    UNREAD = "unread"  # could not be asked: a fact could not be read
    IDLE = "idle"  # does not apply, or comes after the decision


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of the table, as it went: `known` and `missing` name the facts and evidence it looked at."""

    rule: str
    gate: str
    code: str
    article: str
    outcome: Outcome
    known: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    because: tuple[int, ...] = ()


def decide(facts: Facts) -> Verdict:
    """Return the verdict for one recipient. Pure: the same facts always give the same verdict."""
    return _judge(Matter(facts))[0]


def ruling(setting: Setting, story: Story, now: datetime) -> Verdict:
    """Return what `decide` returns for the facts of a case (`shape.told`): worked out once for all of its shape."""
    if story.settled(setting, now) and (kept := story.kept.get(setting.number)):
        return kept
    shaped = story.shape(setting, now)
    if shaped is None:
        return decide(told(setting, story, now))
    found = _numbered(_kept(setting, story, now, shaped), shaped)
    if story.settled(setting, now):
        story.keep(setting, found)
    return found


def rulings(setting: Setting, stories: Iterable[Story], now: datetime) -> Iterator[Verdict]:
    """Yield the verdict on each person.

    Without the numbers of what it rested on, so that cases of one shape have the same object, mostly. For those who
    ask about very many people, and what to do rather than why.
    """
    for story in stories:
        shaped = story.shape(setting, now, once=True)
        yield _kept(setting, story, now, shaped) if shaped else decide(told(setting, story, now))


def explain(facts: Facts) -> tuple[Step, ...]:
    """Return every rule in order with what it came to; the one that `decides` (or is `unread`) made the verdict."""
    matter = Matter(facts)
    verdict, position = _judge(matter)
    absent = _absent(facts)
    return tuple(
        _step(matter, rule, _outcome(matter, verdict, absent, index, position)) for index, rule in enumerate(RULES)
    )


# What was decided lately, by setting and shape.
_verdicts: dict[tuple[int, Hashable], Verdict] = {}
_MOST = 10_000


def _kept(setting: Setting, story: Story, now: datetime, shaped: Shape) -> Verdict:
    """Decide on a shape, once; events and oppositions are numbered from 1, in the order of the shape."""
    key = (setting.number, shaped.key)
    found = _verdicts.get(key)
    if found is None:
        if len(_verdicts) >= _MOST:
            _verdicts.clear()
        found = _verdicts[key] = decide(bare(told(setting, story, now), shaped))
    return found


def _numbered(verdict: Verdict, shaped: Shape) -> Verdict:
    """Return the verdict with the numbers of the case's own events and oppositions."""
    if not verdict.because and not verdict.oppositions:
        return verdict
    because = tuple([shaped.events[number - 1].id for number in verdict.because])
    oppositions = tuple([shaped.oppositions[number - 1].id for number in verdict.oppositions])
    return Verdict(verdict.reason, verdict.rule, because, oppositions, verdict.inject, verdict.also)


def _judge(matter: Matter) -> tuple[Verdict, int]:
    unread, absent = _is_unread(matter.facts), _absent(matter.facts)
    if not unread and not absent:  # nearly always so: every rule can be asked
        position = _first(matter)
        return _verdict(matter, RULES[position], position, absent), position
    for position, rule in enumerate(RULES):
        if unread and rule.reads:
            return Verdict(_UNREAD, rule.name), position
        if absent and not absent.isdisjoint(rule.given):
            continue
        if rule.question(matter):
            return _verdict(matter, rule, position, absent), position
    raise LookupError("the last rule of the table must always hold")


def _first(matter: Matter) -> int:
    """Return the place of the first rule that holds, when every one of them can be asked."""
    for position, question in _BEFORE:
        if question(matter):
            return position
    if matter.lacking is not None:
        return _TESTS[matter.lacking.name]
    return next(position for position, question in _AFTER if question(matter))


def _is_unread(facts: Facts) -> bool:
    return facts.list is UNREAD or facts.person is UNREAD or facts.oppositions is UNREAD


def _absent(facts: Facts) -> frozenset[str]:
    if facts.list is not None and facts.person is not None:
        return _NONE_ABSENT
    return frozenset(name for name, value in (("list", facts.list), ("person", facts.person)) if value is None)


def _verdict(matter: Matter, rule: Rule, position: int, absent: frozenset[str]) -> Verdict:
    reason = rule.reason
    if reason.fate is Fate.SEND:
        return Verdict(reason, rule.name, _ids(matter, rule), inject=reason.inject | _added(matter, rule))
    oppositions = tuple(one.id for one in matter.live_oppositions) if rule.gate == "G2" else ()
    return Verdict(reason, rule.name, _ids(matter, rule), oppositions, also=_also(matter, position, absent))


def _also(matter: Matter, position: int, absent: frozenset[str]) -> tuple[str, ...]:
    """Return the codes of the refusals after the one at `position` that hold too, each once."""
    decisive = RULES[position]
    later = (rule.reason.code for rule in RULES[position + 1 :] if _holds_too(matter, decisive, rule, absent))
    return tuple(dict.fromkeys(code for code in later if code != decisive.reason.code))


def _holds_too(matter: Matter, decisive: Rule, rule: Rule, absent: frozenset[str]) -> bool:
    """Return whether a later refusal holds too; the last rule holds always and says nothing."""
    # A class that may not be claimed is no message to ask more about.
    if decisive.gate == "class" or rule.reason.fate is not Fate.REFUSE or rule is RULES[-1]:
        return False
    return absent.isdisjoint(rule.given) and rule.question(matter)


def _added(matter: Matter, rule: Rule) -> frozenset[Token]:
    """Return what the facts add to what the reason asks for."""
    message = matter.facts.message
    added = _source(matter, rule)
    if not message.advertises and message.klass is MessageClass.PROSPECTING:
        added |= _ADVERTISING
    if message.tracks and Token.FOOT in rule.reason.inject:
        added |= _TRACKED if matter.may_track else _UNTRACKED
    return added


def _source(matter: Matter, rule: Rule) -> frozenset[Token]:
    """Return what an indirect source adds: its name in every message, the notice in full until it has been given."""
    if rule.gate != "allow" or not matter.is_indirect:
        return frozenset()
    return _SOURCE if matter.standing.source_told else _SOURCE_IN_FULL


def _ids(matter: Matter, rule: Rule) -> tuple[int, ...]:
    return tuple(event.id for event in _rested_on(matter, rule))


def _rested_on(matter: Matter, rule: Rule) -> tuple[Event, ...]:
    return tuple(event for event in rule.rests(matter) if event is not None and event is not NOTHING)


def _outcome(matter: Matter, verdict: Verdict, absent: frozenset[str], index: int, position: int) -> Outcome:
    rule = RULES[index]
    if index == position:
        return Outcome.UNREAD if verdict.fate is Fate.DEFER else Outcome.DECIDES
    if not absent.isdisjoint(rule.given) or rule is RULES[-1]:
        return Outcome.IDLE
    if index < position:
        return Outcome.PASSED if rule.applies(matter) else Outcome.IDLE
    if verdict.fate is not Fate.REFUSE or RULES[position].gate == "class" or rule.reason.fate is not Fate.REFUSE:
        return Outcome.IDLE
    if _holds_too(matter, RULES[position], rule, absent):
        return Outcome.ALSO
    return Outcome.PASSED if rule.applies(matter) else Outcome.IDLE


def _step(matter: Matter, rule: Rule, outcome: Outcome) -> Step:
    shown = outcome in {Outcome.PASSED, Outcome.DECIDES, Outcome.ALSO}
    events = _rested_on(matter, rule) if shown else ()
    looked = [(look, _seen(matter.facts, events, look.removesuffix("?"))) for look in rule.looks if shown]
    known = tuple((look.removesuffix("?"), text) for look, text in looked if text)
    missing = tuple(look for look, text in looked if not text and not look.endswith("?"))
    because = tuple(event.id for event in events)
    return Step(rule.name, rule.gate, rule.reason.code, rule.article, outcome, known, missing, because)


def _seen(facts: Facts, events: Sequence[Event], look: str) -> str:
    """Return what was known of a fact ("person.age"), of an event ("at") or of its evidence ("mode"); else ""."""
    if "." not in look:
        event = events[0] if events else None
        return _text(event and event.evidence.get(look, getattr(event, look, None)))
    value: object = facts
    for name in look.split("."):
        value = getattr(value, name, None)
    return _text(value)


def _text(value: object) -> str:
    if value is None or value == "unknown" or (isinstance(value, Sized) and not value):
        return ""
    if isinstance(value, (set, frozenset, tuple, list)):
        return ", ".join(sorted(str(one) for one in value))
    return value.isoformat() if isinstance(value, datetime) else str(value)
