"""The law as a table: the first rule that holds gives the verdict, and the last one always holds.

A row is a gate, a name, one pure question, the public code, the facts the question looks at, and the events it
rested on. Consequences are in `law.reasons`; the tests of a basis, each of which is a row here too, in `law.regimes`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.law.channels import channel
from gateway.law.events import Event, Kind
from gateway.law.facts import ListFacts, ListState, MessageClass, Origin, PersonFacts
from gateway.law.guarantee import lacks
from gateway.law.matter import Matter
from gateway.law.reasons import REASONS, Reason
from gateway.law.regimes import (
    B2B,
    CONSENT,
    CUSTOMER,
    NONCOM,
    PROFESSIONALS,
    Finding,
    Test,
    is_generic,
    list_of,
    person_of,
)

PERSON_AND_LIST = frozenset({"list", "person"})
NO_FACT: frozenset[str] = frozenset()

BANNED_SECTORS = frozenset({"home-energy-saving", "renewable-energy", "home-adaptation"})
BANNED_CHANNELS = frozenset({"email", "sms", "mms", "social"})

Events = Iterable[Event | None]


def _no_events(_matter: Matter) -> Events:
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row.

    `reads` says that the question needs what the store holds: while any of it is unread the verdict is to try later.
    `given` names the facts that must not be None for the question to make sense. For those who explain, `looks` names
    the facts (with a dot) and the evidence (without) that the question reads, with a question mark what it does not
    miss; `rests` returns the events it read, and `applies` says whether it is worth asking here.
    """

    gate: str
    name: str
    question: Callable[[Matter], bool]
    reason: Reason
    looks: tuple[str, ...] = ()
    rests: Callable[[Matter], Events] = _no_events
    reads: bool = True
    given: frozenset[str] = PERSON_AND_LIST
    article: str = ""
    applies: Callable[[Matter], bool] = lambda _matter: True


# --- class ------------------------------------------------------------------------------------------------------------


def claims_too_much(matter: Matter) -> bool:
    """Return whether the message claims a class that its account may not claim; anybody may say prospecting."""
    klass = matter.facts.message.klass
    return klass is not MessageClass.PROSPECTING and klass not in matter.facts.account.classes


def is_service(matter: Matter) -> bool:
    """Return whether it is about an order, security or a contract."""
    return matter.facts.message.klass is MessageClass.SERVICE


def is_notice(matter: Matter) -> bool:
    """Return whether it is information of GDPR 13 or 14 and nothing else."""
    return matter.facts.message.klass is MessageClass.NOTICE


def is_rights(matter: Matter) -> bool:
    """Return whether it is the answer to a request of the person."""
    return matter.facts.message.klass is MessageClass.RIGHTS


# --- G2 to G7 ---------------------------------------------------------------------------------------------------------


def is_opposed(matter: Matter) -> bool:
    """Return whether there is a live objection, withdrawal or complaint that covers this list and channel."""
    return bool(matter.live_opt_outs or matter.live_oppositions)


def is_restricted(matter: Matter) -> bool:
    """Return whether the person asked that the data be kept and not used."""
    return person_of(matter.facts).restricted or matter.standing.restriction is not None


@lru_cache(maxsize=1024)
def trades(said: str | None) -> frozenset[str]:
    """Return the trades that a sector or an offer names, however it is spelled; several are parted by commas."""
    return frozenset("-".join(one.lower().replace("_", " ").split()) for one in (said or "").split(","))


def is_banned_sector(matter: Matter) -> bool:
    """Return whether it is an offer of a banned sector to a consumer who has no contract in progress about it."""
    facts = matter.facts
    named = trades(facts.message.sector) | trades(facts.message.offer)
    if BANNED_SECTORS.isdisjoint(named) or facts.channel not in BANNED_CHANNELS:
        return False
    consumer = not isinstance(facts.person, PersonFacts) or facts.person.subject not in PROFESSIONALS
    return consumer and not matter.contract_covers_offer


def is_unknown(matter: Matter) -> bool:
    """Return whether there is no record, or none since it was erased."""
    return matter.facts.person is None or (matter.standing.erased is not None and not matter.standing.known)


def is_minor_alone(matter: Matter) -> bool:
    """Return whether this is a child without the consent that its age asks for."""
    age, consent = person_of(matter.facts).age, matter.consent
    if age == "unknown" and isinstance(matter.facts.list, ListFacts) and matter.facts.list.child_directed:
        age = "under15"
    if age == "under15":
        return consent.failed is not None or consent.event.evidence.get("given_by") != "joint"
    return age == "15-17" and consent.failed is not None


def is_reconfirm_misplaced(matter: Matter) -> bool:
    """Return whether it is a re-confirmation outside its window, or a second one."""
    return matter.facts.message.klass is MessageClass.RECONFIRM and not matter.may_ask_again


def is_expired(matter: Matter) -> bool:
    """Return whether the last contact that came from the person is too long ago, or unknown."""
    return matter.is_expired


def is_list_unnamed(matter: Matter) -> bool:
    """Return whether the message names no list."""
    return matter.facts.list is None


def is_list_forbidden(matter: Matter) -> bool:
    """Return whether the account is not entitled to the list."""
    return not matter.facts.account.may_use_list


def is_list_inactive(matter: Matter) -> bool:
    """Return whether the list is a draft, or closed."""
    return list_of(matter.facts).state is not ListState.ACTIVE


def is_list_for_other_channels(matter: Matter) -> bool:
    """Return whether the list was built for other channels."""
    return matter.facts.channel not in list_of(matter.facts).channels


def is_list_unguaranteed(matter: Matter) -> bool:
    """Return whether it is a list that came from somebody else, without a complete and recent guarantee."""
    facts, row = matter.facts, list_of(matter.facts)
    return row.origin is not Origin.OWN and bool(lacks(row.guarantee, facts.now, facts.policy.timezone))


# --- G8, G9 and the basis ---------------------------------------------------------------------------------------------


def is_source_overdue(matter: Matter) -> bool:
    """Return whether the month in which the person had to be told of the source is over."""
    return matter.is_source_overdue


def is_reconfirmation(matter: Matter) -> bool:
    """Return whether it is the one re-confirmation, with a basis."""
    return matter.facts.message.klass is MessageClass.RECONFIRM and matter.basis is not None


def has_consent(matter: Matter) -> bool:
    """Return whether there is a valid consent."""
    return matter.basis is not None and matter.basis is matter.consent


def is_told_noncommercial(matter: Matter) -> bool:
    """Return whether it is no offer, and the person was told at collection and could refuse."""
    return matter.facts.message.klass is MessageClass.NONCOM and matter.basis is not None


def is_told_by_post(matter: Matter) -> bool:
    """Return whether it is a channel where information with a refusal is enough."""
    return channel(matter.facts.channel).informed_is_enough and matter.basis is not None


def is_customer(matter: Matter) -> bool:
    """Return whether it is a customer's analogous offer."""
    return matter.basis is not None and matter.basis.event.kind is Kind.SOLD


def is_address_of_organisation(matter: Matter) -> bool:
    """Return whether it is a role address of a legal person, on a list for professionals."""
    return matter.basis is not None and is_generic(matter.facts)


def is_professional(matter: Matter) -> bool:
    """Return whether it is a professional who was told, and an offer for the function."""
    return matter.basis is not None


def always(_matter: Matter) -> bool:
    """Whatever nothing above permits is refused."""
    return True


# --- what rules rest on -----------------------------------------------------------------------------------------------


def _opt_outs(matter: Matter) -> Events:
    return matter.live_opt_outs


def _clock(matter: Matter) -> Events:
    return (matter.standing.last_contact, matter.standing.asked)


def _basis(matter: Matter) -> Events:
    return () if matter.basis is None else (matter.basis.event,)


def _consent(matter: Matter) -> Events:
    return (matter.consent.event,)


def _lacking(test: Test) -> Callable[[Matter], bool]:
    """Return the question whether `test` is what keeps the message from having a basis."""
    return lambda matter: matter.lacking is test


def _tests(
    tests: Sequence[Test], finding: Callable[[Matter], Finding], applies: Callable[[Matter], bool]
) -> Iterable[Rule]:
    for place, test in enumerate(tests):
        yield Rule(
            "G8",
            test.name,
            _lacking(test),
            REASONS[test.code],
            test.looks,
            lambda matter: (finding(matter).event,),
            article=test.article,
            applies=_reached(finding, applies, place),
        )


def _reached(
    finding: Callable[[Matter], Finding], applies: Callable[[Matter], bool], place: int
) -> Callable[[Matter], bool]:
    """Return whether a test is worth asking: it is of a basis that applies, and none before it has failed."""
    return lambda matter: applies(matter) and finding(matter).passed >= place


def _asks_consent(matter: Matter) -> bool:
    return matter.own_regime is None or bool(matter.standing.consents)


def _row(
    gate: str,
    name: str,
    question: Callable[[Matter], bool],
    code: str,
    *looks: str,
    rests: Callable[[Matter], Events] = _no_events,
    reads: bool = True,
    given: frozenset[str] = PERSON_AND_LIST,
) -> Rule:
    return Rule(gate, name, question, REASONS[code], looks, rests, reads, given, REASONS[code].article)


_LIST = frozenset({"list"})
_PERSON = frozenset({"person"})

RULES: tuple[Rule, ...] = (
    _row(
        "class",
        "class-entitled",
        claims_too_much,
        "R-CLASS-FORBIDDEN",
        "message.klass",
        "account.classes",
        reads=False,
        given=NO_FACT,
    ),
    _row("class", "service", is_service, "A-SERVICE", "message.klass", reads=False, given=NO_FACT),
    _row("class", "notice", is_notice, "A-NOTICE", "message.klass", reads=False, given=NO_FACT),
    _row("class", "rights", is_rights, "A-RIGHTS", "message.klass", reads=False, given=NO_FACT),
    _row("G2", "opposed", is_opposed, "R-OBJECTED", "kind?", "at?", rests=_opt_outs, given=NO_FACT),
    _row("G2", "restricted", is_restricted, "R-RESTRICTED", "person.restricted", given=_PERSON),
    _row("G3", "sector-ban", is_banned_sector, "R-SECTOR-BAN", "message.sector?", "person.subject", given=NO_FACT),
    _row("G4", "known-contact", is_unknown, "R-UNKNOWN", given=NO_FACT),
    _row("G5", "minor", is_minor_alone, "R-MINOR", "person.age", "list.child_directed", rests=_consent, given=_PERSON),
    _row(
        "G6", "reconfirm-once", is_reconfirm_misplaced, "R-RECONFIRM-REPEAT", "at?", "person.acquired_at?", rests=_clock
    ),
    _row("G6", "retention", is_expired, "R-EXPIRED", "at", "person.acquired_at?", rests=_clock),
    _row("G7", "list-named", is_list_unnamed, "R-LIST-UNNAMED", given=NO_FACT),
    _row("G7", "list-entitled", is_list_forbidden, "R-LIST-FORBIDDEN", "account.may_use_list", given=_LIST),
    _row("G7", "list-active", is_list_inactive, "R-LIST-INACTIVE", "list.state", given=_LIST),
    _row("G7", "list-channel", is_list_for_other_channels, "R-LIST-CHANNEL", "list.channels", given=_LIST),
    _row("G7", "list-guarantee", is_list_unguaranteed, "R-LIST-NOGUARANTEE", "list.origin", given=_LIST),
    *_tests(CUSTOMER, lambda matter: matter.customer, lambda matter: matter.own_regime is matter.customer),
    *_tests(B2B, lambda matter: matter.professional, lambda matter: matter.own_regime is matter.professional),
    *_tests(NONCOM, lambda matter: matter.informed, lambda matter: matter.own_regime is matter.informed),
    *_tests(CONSENT, lambda matter: matter.consent, _asks_consent),
    _row("G9", "art14", is_source_overdue, "R-ART14-OVERDUE", "person.source", "person.acquired_at?"),
    _row("allow", "reconfirm", is_reconfirmation, "A-RECONFIRM", "kind", "at", rests=_basis),
    _row("allow", "consent", has_consent, "A-CONSENT", "kind", "at", rests=_basis),
    _row("allow", "noncommercial", is_told_noncommercial, "A-NONCOM", "kind", "at", rests=_basis),
    _row("allow", "post", is_told_by_post, "A-POST", "kind", "at", rests=_basis),
    _row("allow", "customer", is_customer, "A-CUSTOMER", "kind", "at", rests=_basis),
    _row("allow", "organisation", is_address_of_organisation, "A-GENERIC", "person.kind", "person.subject"),
    _row("allow", "professional", is_professional, "A-B2B", "kind", "at", rests=_basis),
    _row("last", "nothing-permits", always, "R-NOCONSENT", given=NO_FACT),
)
