"""Facts at random, for the properties that hold for all of them.

One drawn number seeds everything else: building facts from many small strategies takes a hundred times as long, and
what a failing example needs is its facts, which are printed. Good values are frequent, so that a yes is not rare.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from gateway.law.events import Event, Kind
from gateway.law.facts import (
    AccountFacts,
    AdvertiserFacts,
    Facts,
    ListFacts,
    ListState,
    MessageClass,
    MessageFacts,
    Opposition,
    Origin,
    PersonFacts,
    Regime,
)
from gateway.law.guarantee import REQUIRED

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
GUARANTEE = dict.fromkeys(REQUIRED, "x") | {"audited_at": "2026-11-01", "washed_at": "2026-11-20"}

# Evidence whose absence means no; the first value of each row is the good one.
POSITIVE: Mapping[str, Sequence[Any]] = {
    "mode": ("unticked-box", "pre-ticked-box"),
    "channel": ("email", "sms"),
    "purpose": (["prospecting", "partners"], ["prospecting"], ["partners"]),
    "controllers": (["A"], ["B"]),
    "text": ("v1", ""),
    "proof": ("p", ""),
    "entity": ("111111111", "2"),
    "from_person": (True, False),
    "at_sale": (True, False),
    "refusal_offered": (True, False),
    "article": ("13", "14"),
    "transfer_announced": (True, False),
    "act": ("click", "open"),
}
BASES = {Regime.OPT_IN: Kind.GRANTED, Regime.CUSTOMER: Kind.SOLD, Regime.PROFESSIONAL: Kind.INFORMED}


class _Dice:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def mostly(self, good: Any, *others: Any) -> Any:
        """Return the first value nine times out of ten."""
        return good if not others or self.random.random() < 0.9 else self.random.choice(others)

    def moment(self) -> datetime:
        return NOW - timedelta(days=self.random.choice([*range(-3, 1200), *range(40), 0, 2000]))

    def event(self, kind: Kind, number: int) -> Event:
        evidence = {key: self.mostly(*values) for key, values in POSITIVE.items()}
        if kind in {Kind.SOLD, Kind.INFORMED}:
            evidence["families"] = self.mostly(["ink"], ["printers"], ["books"])
        where, channel = self.mostly(None, 1, 2), self.mostly(None, "email", "sms")
        return Event(kind, self.moment(), where, channel, self.mostly(True, False), evidence, number)

    def person(self, regime: Regime) -> PersonFacts:
        kinds = [
            BASES[regime],
            *(self.random.choice(list(Kind)) for _ in range(self.random.choice([0, 0, 1, 1, 2, 5]))),
        ]
        indirect = self.mostly(False, True)
        return PersonFacts(
            id=1,
            kind=self.mostly("named", "role"),
            freemail=self.mostly(False, True),
            subject=self.mostly(
                "professional" if regime is Regime.PROFESSIONAL else "unknown", "consumer", "organisation"
            ),
            country=self.mostly("FR", "DE", None),
            age=self.mostly("adult", "unknown", "15-17", "under15"),
            source=self.random.choice(["partner", "bought", "scraped"]) if indirect else "direct",
            acquired_at=self.mostly(self.moment(), None),
            restricted=self.mostly(False, True),
            events=tuple(self.event(kind, number) for number, kind in enumerate(kinds, start=1)),
        )

    def list(self, regime: Regime) -> ListFacts:
        return ListFacts(
            id=1,
            regime=regime,
            state=self.mostly(ListState.ACTIVE, ListState.CLOSED),
            origin=self.mostly(Origin.OWN, Origin.BOUGHT),
            analogous=self.mostly({"printers": frozenset({"ink"})}, {}),
            guarantee=self.mostly(GUARANTEE, None),
            child_directed=self.mostly(False, True),
        )

    def facts(self) -> Facts:
        regime = self.random.choice(list(Regime))
        opposed = self.mostly(
            (), (Opposition(self.moment(), self.mostly(None, 1, 2), self.mostly(None, "email", "sms")),)
        )
        return Facts(
            now=NOW,
            advertiser=AdvertiserFacts("A", "111111111"),
            list=self.mostly(self.list(regime), None),
            person=self.mostly(self.person(regime), None),
            oppositions=opposed,
            message=MessageFacts(
                klass=self.mostly(MessageClass.PROSPECTING, *MessageClass),
                offer=self.mostly("ink", None),
                third_party=self.mostly(False, True),
            ),
            account=AccountFacts(frozenset(MessageClass)),
        )


FACTS = st.integers(0, 2**64 - 1).map(lambda seed: _Dice(seed).facts())
