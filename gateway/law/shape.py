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
from functools import lru_cache
from itertools import count
from operator import attrgetter
from typing import NamedTuple

from gateway.law.channels import channel
from gateway.law.clocks import add_months, day, midnight
from gateway.law.events import Event, Kind, words
from gateway.law.facts import Facts, MessageClass, Opposition, PersonFacts, Policy, Unread
from gateway.law.reasons import Verdict

_DOUBT = timedelta(hours=3)  # clocks are set back at midnight in some places: that close only the calendar can tell
_order = attrgetter("at", "id")
_settings = count()
_NOTHING: Mapping[int, Verdict] = {}
_FEW = 8  # settings in which one person is asked about within a short time


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


class Calendar:
    """One day's limits on one channel: on which side of them a moment lies."""

    def __init__(self, policy: Policy, channel_name: str, today: date) -> None:
        self._zone = policy.timezone
        instants = {midnight(each, self._zone).astimezone(UTC) for each in limits(policy, channel_name, today)}
        self._bounds = sorted(instant + doubt for instant in instants for doubt in (-_DOUBT, _DOUBT))

    def side(self, moment: datetime, now: datetime) -> Hashable:
        """Return on which side of each limit, and of now, a moment lies."""
        past = bisect(self._bounds, moment)
        if past % 2:
            return past, moment > now, day(moment, self._zone)
        return past if moment <= now else -1 - past


_calendar = lru_cache(maxsize=64)(Calendar)


class Setting:
    """What the cases of one day share: advertiser, list, message, account, channel and policy, known by a number.

    `facts` are such a case about nobody; `today` is the day of the policy's time zone.
    """

    def __init__(self, facts: Facts, today: date) -> None:
        self.number = next(_settings)
        self.facts = facts
        self.today = today
        self.calendar = _calendar(facts.policy, facts.channel, today)
        self.compares_days = facts.message.klass is MessageClass.RECONFIRM


def limits(policy: Policy, channel_name: str, today: date) -> set[date]:
    """Return the days on which, for things that happened then or later, the answer of some rule is another today.

    The rules ask whether a period that began with something is over: the retention (GDPR 5(1)(e)), the month of GDPR
    14(3), and on some channels the life of a consent.
    """
    years = {policy.prospect_years, channel(channel_name).consent_years}
    return {_first_within(months, today) for months in (1, *(12 * each for each in years if each is not None))}


def _first_within(months: int, today: date) -> date:
    """Return the first day from which a period of `months` is not over before `today`."""
    start = add_months(today, -months) - timedelta(days=4)
    while add_months(start, months) < today:
        start += timedelta(days=1)
    return start


class Shape(NamedTuple):
    """The shape of a case (`key`, for all settings of a calendar), and its own events and oppositions in its order."""

    key: tuple[Hashable, ...]
    events: Sequence[Event]
    oppositions: Sequence[Opposition]


class Story:
    """What is known of one person, with their events, and the oppositions; never changed.

    It is asked about more than once: when a message comes in, when it has been read, when its copy leaves. So it keeps
    its shape for the calendar it was last asked about, and the verdicts there by the number of their setting. All
    this holds for any `now` of that day behind which everything that happened lies.
    """

    __slots__ = ("_calendar", "_latest", "_shape", "kept", "oppositions", "person")

    def __init__(self, person: PersonFacts | Unread | None, oppositions: tuple[Opposition, ...] | Unread) -> None:
        self.person = person
        self.oppositions = oppositions
        self.kept: Mapping[int, Verdict] = _NOTHING
        self._calendar: Calendar | None = None
        self._latest: datetime | None = None
        self._shape: Shape | None = None

    def settled(self, setting: Setting, now: datetime) -> bool:
        """Return whether what is kept holds for this setting and moment."""
        return setting.calendar is self._calendar and (self._latest is None or self._latest <= now)

    def shape(self, setting: Setting, now: datetime, *, once: bool = False) -> Shape | None:
        """Return the shape of the case; None when it has none: a fact is unread, or its class compares days.

        `once`: nobody will ask again, so that it is not worth keeping.
        """
        if not isinstance(self.oppositions, tuple) or setting.compares_days or isinstance(self.person, Unread):
            return None
        if self.settled(setting, now):
            return self._shape
        moments = _moments(self.person, self.oppositions)
        found = _shape(self.person, self.oppositions, moments, setting.calendar, now)
        latest = moments[-1] if moments else None
        if not once and (latest is None or latest <= now):
            self._calendar, self._latest, self._shape = setting.calendar, latest, found
            self.kept = _NOTHING
        return found

    def keep(self, setting: Setting, verdict: Verdict) -> None:
        """Keep a verdict while the story is `settled`."""
        self.kept = {**(self.kept if len(self.kept) < _FEW else _NOTHING), setting.number: verdict}


def _moments(person: PersonFacts | None, oppositions: tuple[Opposition, ...]) -> list[datetime]:
    """Return the moments of a story, each once, in their order."""
    moments = {one.at for one in oppositions}
    if person is not None:
        moments.update([event.at for event in person.events])
        if person.acquired_at is not None:
            moments.add(person.acquired_at)
    return sorted(moments)


def _shape(
    person: PersonFacts | None,
    oppositions: tuple[Opposition, ...],
    moments: Sequence[datetime],
    calendar: Calendar,
    now: datetime,
) -> Shape:
    place = {moment: (number, calendar.side(moment, now)) for number, moment in enumerate(moments)}
    events: Sequence[Event] = ()
    traits: tuple[Hashable, ...] = ()
    acquired = None
    if person is not None:
        events = person.events if len(person.events) < 2 else sorted(person.events, key=_order)
        acquired = person.acquired_at
        traits = (person.kind, person.freemail, person.subject, person.country, person.age, person.source,
                  person.restricted)  # fmt: skip
    key = (
        traits,
        None if acquired is None else place[acquired],
        *[
            (event.kind, event.list, event.channel, event.direct, place[event.at], _read(event, events))
            for event in events
        ],
        *[(one.list, one.channel, place[one.at]) for one in oppositions],
    )
    return Shape(key, events, oppositions)


def told(setting: Setting, story: Story, now: datetime) -> Facts:
    """Return the facts of a case in full."""
    return replace(setting.facts, now=now, person=story.person, oppositions=story.oppositions)


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
