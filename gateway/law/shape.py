"""What a case comes to: two cases of one shape differ in nothing that a rule asks, and so have one verdict.

The shape of a case is its facts without what cannot change the verdict. Events lose their numbers, and of their
evidence what no rule reads; a text or a proof is only there or not. Moments become their order among each other and
the side on which they lie of the day's limits. So a million people have a few hundred shapes, and a decision is made
once for each of them (`law.decide`).
"""

from bisect import bisect
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from operator import attrgetter
from typing import NamedTuple

from gateway.law.channels import channel
from gateway.law.clocks import add_months, day, midnight
from gateway.law.events import Event, Kind, words
from gateway.law.facts import Facts, MessageClass, Opposition, PersonFacts, Unread

_DOUBT = timedelta(hours=3)  # clocks are set back at midnight in some places: that close only the calendar can tell
_order = attrgetter("at", "id")
_settings = count()


def _is_true(value: object) -> bool:
    return value is True


def _is_not_false(value: object) -> bool:
    return value is not False


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    return str(value or "")


def _date(value: object) -> str | None:
    return None if value is None else str(value)


# All evidence that a rule reads, and how; reading it twice is like reading it once. `undoes` is read by number, below.
READ: Mapping[str, Callable[[object], Hashable]] = {
    "act": _word,
    "art14": bool,
    "article": str,
    "at_sale": _is_true,
    "category": words,
    "channel": words,
    "contract": _word,
    "contract_end": _date,
    "controllers": words,
    "entity": _text,
    "families": words,
    "free": _is_not_false,
    "from_person": _is_true,
    "given_by": _word,
    "lifted": bool,
    "machine": bool,
    "mode": _word,
    "nature": _word,
    "pending": bool,
    "professional_capacity": _is_true,
    "proof": bool,
    "proof_kind": _word,
    "purpose": words,
    "refusal_as_easy": _is_not_false,
    "refusal_offered": _is_true,
    "refused": _is_true,
    "text": bool,
    "transfer_announced": _is_true,
}


class Setting:
    """What the cases of one day share: advertiser, list, message, account, channel and policy, known by a number."""

    def __init__(self, facts: Facts, today: date) -> None:
        self.number = next(_settings)
        self.facts = facts  # kept, because the key of a setting is where its parts are in memory
        self.compares_days = facts.message.klass is MessageClass.RECONFIRM
        self._zone = facts.policy.timezone
        instants = {midnight(each, self._zone).astimezone(UTC) for each in limits(facts, today)}
        self._bounds = sorted(instant + doubt for instant in instants for doubt in (-_DOUBT, _DOUBT))

    def side(self, moment: datetime, now: datetime) -> Hashable:
        """Return on which side of each limit, and of now, a moment lies."""
        past = bisect(self._bounds, moment)
        if past % 2:
            return past, moment > now, day(moment, self._zone)
        return past if moment <= now else -1 - past


def limits(facts: Facts, today: date) -> set[date]:
    """Return the days on which, for things that happened then or later, the answer of some rule is another today.

    The rules ask whether a period that began with something is over: the retention (GDPR 5(1)(e)), the month of GDPR
    14(3), and on some channels the life of a consent.
    """
    years = {facts.policy.prospect_years, channel(facts.channel).consent_years}
    return {_first_within(months, today) for months in (1, *(12 * each for each in years if each is not None))}


def _first_within(months: int, today: date) -> date:
    """Return the first day from which a period of `months` is not over before `today`."""
    start = add_months(today, -months) - timedelta(days=4)
    while add_months(start, months) < today:
        start += timedelta(days=1)
    return start


def setting_key(facts: Facts, today: date) -> tuple[Hashable, ...]:
    """Return what tells one setting from another: large parts by where they are in memory, as long as it lasts."""
    parts = id(facts.advertiser), id(facts.list), id(facts.account), id(facts.policy)
    return (*parts, facts.message, facts.channel, today)


class Shape(NamedTuple):
    """The shape of a case (`key`, within its setting), and the case's own events and oppositions in its order."""

    key: tuple[Hashable, ...]
    events: Sequence[Event]
    oppositions: Sequence[Opposition]


def shape(
    person: PersonFacts | Unread | None, oppositions: tuple[Opposition, ...] | Unread, now: datetime, setting: Setting
) -> Shape | None:
    """Return the shape of a case; None when it has none: a fact is unread, or the rules of its class compare days."""
    if not isinstance(oppositions, tuple) or setting.compares_days:
        return None
    if person is None:
        events: Sequence[Event] = ()
        traits: tuple[Hashable, ...] = ()
        acquired = None
    elif not isinstance(person, PersonFacts):
        return None
    else:
        events = person.events if len(person.events) < 2 else sorted(person.events, key=_order)
        acquired = person.acquired_at
        traits = (person.kind, person.freemail, person.subject, person.country, person.age, person.source,
                  person.restricted)  # fmt: skip
    moments = {event.at for event in events}
    moments.update([one.at for one in oppositions])
    if acquired is not None:
        moments.add(acquired)
    place = {moment: (number, setting.side(moment, now)) for number, moment in enumerate(sorted(moments))}
    key = (
        setting.number,
        traits,
        None if acquired is None else place[acquired],
        *[
            (event.kind, event.list, event.channel, event.direct, place[event.at], _read(event, events))
            for event in events
        ],
        *[(one.list, one.channel, place[one.at]) for one in oppositions],
    )
    return Shape(key, events, oppositions)


def bare(facts: Facts, shaped: Shape) -> Facts:
    """Return the facts with nothing but what their shape tells apart; events and oppositions are numbered from 1."""
    events = shaped.events
    person = facts.person
    if isinstance(person, PersonFacts):
        stripped = [replace(one, id=at, evidence=dict(_read(one, events))) for at, one in enumerate(events, 1)]
        person = replace(person, id=0, source_name=None, events=tuple(stripped))
    oppositions = tuple(replace(one, id=number) for number, one in enumerate(shaped.oppositions, 1))
    return replace(facts, person=person, oppositions=oppositions)


def _read(event: Event, events: Iterable[Event]) -> tuple[tuple[str, Hashable], ...]:
    """Return the evidence of an event that rules read."""
    read = [(name, use(value)) for name, value in event.evidence.items() if (use := READ.get(name))]
    if event.kind is Kind.RESTORED and (named := event.evidence.get("undoes")) is not None:
        read.append(("undoes", next((number for number, one in enumerate(events, 1) if one.id == named), 0)))
    return tuple(read)
