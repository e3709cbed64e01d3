"""Who may be handed to a partner: each no at its boundary, and no fact that is missing is a yes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.law.events import Event, Kind
from gateway.law.facts import UNREAD, AdvertiserFacts, Facts, ListFacts, Opposition, Origin, PersonFacts, Regime
from gateway.law.transfer import ARTICLES, Partner, may_hand

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACME = Partner("Acme SARL", "552100554")
AGREED = {"mode": "unticked-box", "text": "v3", "proof": "log", "purpose": ["partners"], "controllers": ["acme  sarl"]}


def consent(at: datetime = NOW - timedelta(days=30), direct: bool = True, **evidence: Any) -> Event:
    return Event(Kind.GRANTED, at, 1, "email", direct, AGREED | evidence, 7)


def facts(
    *events: Event, oppositions: tuple[Opposition, ...] = (), row: ListFacts | None = None, **person: Any
) -> Facts:
    return Facts(
        now=NOW,
        advertiser=AdvertiserFacts("tea", "732829320", frozenset({"La Maison du Thé SAS"})),
        list=row or ListFacts(1, Regime.OPT_IN),
        person=PersonFacts(3, events=events, **person),
        oppositions=oppositions,
    )


def noticed(**evidence: Any) -> Event:
    told = {"transfer_announced": True, "refusal_offered": True, "controllers": ["552 100 554"]}
    return Event(Kind.INFORMED, NOW - timedelta(days=9), 1, "email", True, told | evidence, 8)


RENTED = ListFacts(1, Regime.OPT_IN, origin=Origin.RENTED)
B2B = ListFacts(1, Regime.PROFESSIONAL)
CASES = {
    "agreed, by name in another spelling": (facts(consent()), "T-HANDED"),
    "agreed, by SIREN": (facts(consent(controllers=["552 100 554"])), "T-HANDED"),
    "nothing on record but the address": (facts(acquired_at=NOW), "T-NOCONSENT"),
    "no sign of life at all": (facts(), "T-EXPIRED"),
    "three years to the day": (facts(consent(datetime(2023, 11, 23, 12, tzinfo=UTC))), "T-HANDED"),
    "three years and a day": (facts(consent(datetime(2023, 11, 22, 12, tzinfo=UTC))), "T-EXPIRED"),
    "own prospecting only": (facts(consent(purpose=["prospecting"])), "T-NOCONSENT"),
    "our partners, unnamed": (facts(consent(controllers=["nos partenaires"])), "T-NOTNAMED"),
    "pre-ticked": (facts(consent(mode="pre-ticked-box")), "T-INVALID"),
    "a condition of something else": (facts(consent(free=False)), "T-INVALID"),
    "no proof": (facts(consent(proof="")), "T-NOPROOF"),
    "a template for a proof": (facts(consent(proof_kind="template")), "T-NOPROOF"),
    "bought": (facts(consent(direct=False), source="bought", acquired_at=NOW), "T-INDIRECT"),
    "a rented list": (facts(consent(direct=False), row=RENTED), "T-INDIRECT"),
    "restricted": (facts(consent(), restricted=True), "T-RESTRICTED"),
    "under fifteen": (facts(consent(), age="under15"), "T-MINOR"),
    "fifteen": (facts(consent(), age="15-17"), "T-MINOR"),
    "age unknown on a list from children": (
        facts(consent(), row=ListFacts(1, Regime.OPT_IN, child_directed=True)), "T-MINOR"),
    "objected since": (facts(consent(), oppositions=(Opposition(NOW - timedelta(days=1)),)), "T-OBJECTED"),
    "withdrew since": (facts(consent(), Event(Kind.WITHDRAWN, NOW - timedelta(days=1), 1, "email")), "T-OBJECTED"),
    "professional, told": (facts(noticed(), row=B2B, subject="professional"), "T-HANDED"),
    "professional, not told of a transfer": (
        facts(noticed(transfer_announced=False), row=B2B, subject="professional"), "T-NOCONSENT"),
    "professional, refusal not offered": (
        facts(noticed(refusal_offered=None), row=B2B, subject="professional"), "T-NOCONSENT"),
    "professional who refused": (facts(noticed(refused=True), row=B2B, subject="professional"), "T-OBJECTED"),
    "not known to be a professional": (facts(noticed(), row=B2B), "T-NOCONSENT"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_answer_has_its_code_and_article(case: str) -> None:
    given, code = CASES[case]
    answer = may_hand(given, ACME)
    assert (answer.code, answer.allowed) == (code, code == "T-HANDED")
    assert answer.article == ARTICLES[code]


def test_nobody_is_handed_over_of_whom_nothing_is_known() -> None:
    assert may_hand(replace(facts(), person=None), ACME).code == "T-UNKNOWN"
    assert may_hand(replace(facts(consent()), oppositions=UNREAD), ACME).code == "T-UNKNOWN"
