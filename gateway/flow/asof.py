"""What the law would have said on a day in the past, from what was known on that day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.flow.context import Context
from gateway.flow.facts import Case, Question, gather
from gateway.law.decide import Step, decide, explain
from gateway.law.facts import Facts, ListFacts, ListState, Opposition, PersonFacts
from gateway.law.reasons import Verdict
from gateway.mail.address import Address
from gateway.store import ledger, oppositions, seals
from gateway.store.records import Notice
from gateway.store.tables import Event, List
from gateway.store.tx import Tx

TEXT = "text"  # where evidence names the text that was shown (docs/rules.md)


@dataclass(frozen=True, slots=True)
class Past:
    """The answer for a moment: the verdict, its steps, the events it rested on, the texts those name."""

    verdict: Verdict
    steps: tuple[Step, ...]
    events: tuple[Event, ...]
    texts: tuple[str, ...]
    notices: tuple[Notice, ...]


def ask(context: Context, row: List, address: Address, at: datetime) -> Past:
    """Return whether a person could be mailed for a list at `at` (aware), and under which text.

    Counted is what had happened by then and had been recorded by then; an opposition counts that was lifted later. The
    traits of the person and of the list (regime, families) are those of today: they have no history. Imports that were
    undone since do not count.
    """
    question = Question(row.advertiser_id, row.id, (address,))
    case = gather(context, [question], at)[0][0]
    with context.store.read() as tx:
        known = ledger.of_contact(tx, case.contact.id) if case.contact else []
        facts = _back(context, tx, case, known, at)
        verdict = decide(facts)
        events = tuple(event for event in known if event.id in verdict.because)
        texts = tuple(dict.fromkeys(text for event in events for text in texts_of(event.evidence)))
        return Past(verdict, explain(facts), events, texts, tuple(shown(tx, row.advertiser_id, texts)))


def _back(context: Context, tx: Tx, case: Case, known: Sequence[Event], at: datetime) -> Facts:
    digests = context.digests.of(case.advertiser.id, case.address.spelled, case.address.key)
    standing = tuple(
        Opposition(one.at, one.list_id, one.channel, one.id)
        for one in oppositions.history(tx, case.advertiser.id, digests)
        if one.at <= at and (one.lifted_at is None or one.lifted_at > at)
    )
    written = {event.id for event in known if event.at <= at and event.recorded_at <= at}
    return replace(case.facts, person=_person(case, written), list=_list(case, at), oppositions=standing)


def _person(case: Case, written: set[int]) -> PersonFacts | None:
    person = case.person
    if not isinstance(person, PersonFacts):
        return None
    events = tuple(event for event in person.events if event.id in written)
    return replace(person, events=events) if events else None  # nothing recorded by then: nobody known


def _list(case: Case, at: datetime) -> ListFacts | None:
    facts, row = case.facts.list, case.list
    if not isinstance(facts, ListFacts) or row is None:
        return None
    if row.activated_at is None or row.activated_at > at:
        return replace(facts, state=ListState.DRAFT)
    closed = row.closed_at is not None and row.closed_at <= at
    return replace(facts, state=ListState.CLOSED if closed else ListState.ACTIVE)


def texts_of(evidence: Mapping[str, Any]) -> list[str]:
    """Return the names of the texts that a piece of evidence says were shown."""
    return [str(evidence[TEXT])] if evidence.get(TEXT) else []


def shown(tx: Tx, advertiser_id: int, texts: Sequence[str]) -> list[Notice]:
    """Return the notices that `name/version` in `texts` mean, in every language; other texts have no notice here."""
    wanted = set(texts)
    names = {text.rpartition("/")[0] for text in texts} - {""}
    return [one for one in seals.notices(tx, advertiser_id, names) if f"{one.name}/{one.version}" in wanted]
