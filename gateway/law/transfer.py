"""May a person's data be handed to a named partner (sale, rental, exchange)? Pure.

Two consents are two things: to be written to by the advertiser, and to be passed on to partners who were named that
day. Whoever got a person's data from somebody else passes nothing on without a new consent of that person.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.law.clocks import add_years
from gateway.law.events import Event, Kind, words
from gateway.law.facts import Facts, PersonFacts, Regime
from gateway.law.matter import Matter
from gateway.law.regimes import (
    PROFESSIONALS,
    given_directly,
    is_for_channel,
    is_free,
    is_positive_act,
    is_provable,
    list_of,
    person_of,
)

HANDED = "T-HANDED"
WASHED = "T-WASHED"  # the partner's own list of oppositions names the person; found outside the facts

ARTICLES: Mapping[str, str] = {
    "T-UNKNOWN": "GDPR 5(2)",
    "T-OBJECTED": "GDPR 21(3), 7(3)",
    "T-RESTRICTED": "GDPR 18(2)",
    "T-MINOR": "GDPR 8; LIL 45",
    "T-EXPIRED": "GDPR 5(1)(e)",
    "T-NOCONSENT": "GDPR 6(1)(a); CPCE L34-5 al. 1",
    "T-INDIRECT": "GDPR 6(1)(a), 14",
    "T-INVALID": "GDPR 4(11), 7(4)",
    "T-NOTNAMED": "GDPR 4(11), 13(1)(e)",
    "T-NOPROOF": "GDPR 7(1)",
    WASHED: "GDPR 21(3)",
    HANDED: "GDPR 6(1)(a), 13(1)(e)",
}


@dataclass(frozen=True, slots=True)
class Partner:
    """Who would receive the data."""

    name: str
    siren: str = ""

    def is_named(self, event: Event) -> bool:
        """Return whether the text shown at the event named this partner, by name or SIREN."""
        shown = {_plain(one) for one in words(event.evidence.get("controllers"))}
        return bool(shown & {_plain(one) for one in (self.name, self.siren) if one})


@dataclass(frozen=True, slots=True)
class Handing:
    """The answer: a stable code, the text of law, the numbers of the events it rests on."""

    code: str
    because: tuple[int, ...] = ()

    @property
    def allowed(self) -> bool:
        """Return whether the data may be handed over."""
        return self.code == HANDED

    @property
    def article(self) -> str:
        """Return the text of law."""
        return ARTICLES[self.code]


def may_hand(facts: Facts, partner: Partner) -> Handing:
    """Return whether the person of `facts` may be handed to `partner`; what is not known is a no."""
    if not isinstance(facts.person, PersonFacts) or not isinstance(facts.oppositions, tuple):
        return Handing("T-UNKNOWN")
    person, matter = facts.person, Matter(facts)
    standing = matter.standing
    if matter.has_opted_out and (matter.live_opt_outs or matter.live_oppositions):
        return Handing("T-OBJECTED", tuple(event.id for event in matter.live_opt_outs))
    if person.restricted or standing.restriction is not None:
        return Handing("T-RESTRICTED")
    if person.age in {"under15", "15-17"} or (person.age != "adult" and list_of(facts).child_directed):
        return Handing("T-MINOR")
    if _is_expired(matter):
        return Handing("T-EXPIRED")
    return _consent(facts, matter, partner)


def _is_expired(matter: Matter) -> bool:
    """Return whether the last contact of the person is too old, or not known."""
    day = matter.contact_day
    return day is None or matter.today > add_years(day, matter.facts.policy.prospect_years)


def _consent(facts: Facts, matter: Matter, partner: Partner) -> Handing:
    """Return what the best consent to transmission comes to; that of a professional may be a notice not refused."""
    answers = [_transmission(facts, event, partner) for event in reversed(_since_last_no(matter))]
    if list_of(facts).regime is Regime.PROFESSIONAL and person_of(facts).subject in PROFESSIONALS:
        answers += [_notice(event, partner) for event in reversed(matter.standing.notices)]
    order = ("T-NOCONSENT", "T-INDIRECT", "T-INVALID", "T-NOTNAMED", "T-NOPROOF", HANDED)
    return max(answers, key=lambda one: order.index(one.code), default=Handing("T-NOCONSENT"))


def _since_last_no(matter: Matter) -> list[Event]:
    """Return the consents that came after every opt-out on record: an older one was answered by it."""
    noes = [past.at for past in matter.standing.opt_outs] + [one.at for one in matter.oppositions]
    return [event for event in matter.standing.consents if not noes or event.at > max(noes)]


def _transmission(facts: Facts, event: Event, partner: Partner) -> Handing:
    because = (event.id,)
    if event.kind is not Kind.GRANTED or "partners" not in words(event.evidence.get("purpose")):
        return Handing("T-NOCONSENT", because)
    if not given_directly(facts, event):
        return Handing("T-INDIRECT", because)
    if not (is_positive_act(facts, event) and is_free(facts, event) and is_for_channel(facts, event)):
        return Handing("T-INVALID", because)
    if not partner.is_named(event):
        return Handing("T-NOTNAMED", because)
    return Handing(HANDED if is_provable(facts, event) else "T-NOPROOF", because)


def _notice(event: Event, partner: Partner) -> Handing:
    """Return what a notice to a professional comes to: the transfer announced, refusal offered, partner named."""
    because = (event.id,)
    if event.evidence.get("transfer_announced") is not True or event.evidence.get("refusal_offered") is not True:
        return Handing("T-NOCONSENT", because)
    if not event.direct:
        return Handing("T-INDIRECT", because)
    return Handing(HANDED if partner.is_named(event) else "T-NOTNAMED", because)


def _plain(name: str) -> str:
    digits = "".join(name.split())
    return digits if digits.isdecimal() else " ".join(name.split()).casefold()
