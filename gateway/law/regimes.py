"""The bases a prospecting message may rest on, each as a row of tests over the facts and one event.

A test is a name, one pure question, and the public code that follows when the answer is no. All tests of a basis must
hold for the same event. A question reads what is recorded; what is not recorded answers no.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.law.channels import Exemption, channel
from gateway.law.clocks import add_years, day
from gateway.law.events import Event, Kind, words
from gateway.law.facts import AdvertiserFacts, Facts, ListFacts, MessageClass, Origin, PersonFacts

POSITIVE_ACTS = frozenset({"unticked-box", "signed-form", "double-opt-in", "recorded-oral"})
SALE, FREE_TIER = "sale", "free-tier"
INDIVIDUAL = "individual"
GATHERED = frozenset({"scraped", "enriched"})
PROFESSIONALS = frozenset({"professional", "organisation"})

# Stands where there is no event to test, so that every basis can say what it lacks first.
NOTHING = Event(Kind.BOUNCED, datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Test:
    """One row; `looks` as in `law.rules.Rule`."""

    name: str
    question: Callable[[Facts, Event], bool]
    code: str
    article: str
    looks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """How one event fares in a row of tests: the first one it fails, or None; `passed` counts those before it."""

    event: Event
    failed: Test | None
    passed: int


def examine(tests: tuple[Test, ...], facts: Facts, event: Event) -> Finding:
    """Return how far `event` comes."""
    for passed, test in enumerate(tests):
        if not test.question(facts, event):
            return Finding(event, test, passed)
    return Finding(event, None, len(tests))


def person_of(facts: Facts) -> PersonFacts:
    """Return the person of facts in which one is known; ask only where the rule says so."""
    if not isinstance(facts.person, PersonFacts):
        raise TypeError("these facts know no person")
    return facts.person


def list_of(facts: Facts) -> ListFacts:
    """Return the list of facts in which one is known; ask only where the rule says so."""
    if not isinstance(facts.list, ListFacts):
        raise TypeError("these facts name no list")
    return facts.list


def came_indirectly(facts: Facts) -> bool:
    """Return whether the address, or the whole list, came from somebody else than the person."""
    row, person = facts.list, facts.person
    if isinstance(row, ListFacts) and row.origin is not Origin.OWN:
        return True
    return (person if isinstance(person, PersonFacts) else person_of(facts)).source != "direct"


def given_directly(facts: Facts, event: Event) -> bool:
    """Return whether the person said it to this advertiser.

    Of a person who came through somebody else, nothing older than the acquisition can have been said to us.
    """
    if not event.direct or not came_indirectly(facts):
        return event.direct
    acquired = person_of(facts).acquired_at
    return acquired is not None and event.at >= acquired


def _name(text: str) -> str:
    return " ".join(text.split()).casefold()


def _is_one_of_us(advertiser: AdvertiserFacts, shown: str) -> bool:
    if shown in advertiser.names or shown == advertiser.name:
        return bool(shown)
    ours = (*advertiser.names, advertiser.name, advertiser.siren or "")
    return bool(shown) and _name(shown) in map(_name, filter(None, ours))


def _told(event: Event, key: str) -> bool:
    return event.evidence.get(key) is True


# --- consent ----------------------------------------------------------------------------------------------------------


def is_given(_facts: Facts, event: Event) -> bool:
    """Return whether there is a consent at all."""
    return event.kind is Kind.GRANTED


def is_positive_act(_facts: Facts, event: Event) -> bool:
    """Return whether it was a positive act of the person: no pre-ticked box, no silence, nobody else's hand."""
    by_person = event.evidence.get("given_by", "self") in {"self", "joint"}
    return by_person and event.evidence.get("mode") in POSITIVE_ACTS


def is_free(_facts: Facts, event: Event) -> bool:
    """Return whether it was free: no condition of something else, and refusing as easy as accepting."""
    return event.evidence.get("free") is not False and event.evidence.get("refusal_as_easy") is not False


def is_for_channel(facts: Facts, event: Event) -> bool:
    """Return whether it names this channel."""
    named = words(event.evidence.get("channel"))
    recorded = named if event.channel is None else (*named, event.channel)
    return (
        facts.channel in recorded and (not named or facts.channel in named) and event.channel in {None, facts.channel}
    )


def is_fresh(facts: Facts, event: Event) -> bool:
    """Return whether it is younger than the channel lets a consent grow."""
    years = channel(facts.channel).consent_years
    zone = facts.policy.timezone
    return years is None or day(facts.now, zone) <= add_years(day(event.at, zone), years)


def is_for_own_offers(facts: Facts, event: Event) -> bool:
    """Return whether it covers prospecting by the advertiser, for this family of offers and nobody else's."""
    if not given_directly(facts, event):
        return True  # asked as transmission, below
    purposes = words(event.evidence.get("purpose"))
    families = words(event.evidence.get("families"))
    announced = not families or _offers_nothing(facts) or facts.message.offer in families
    return announced and "prospecting" in purposes and (not facts.message.third_party or "partners" in purposes)


def is_transmission_agreed(facts: Facts, event: Event) -> bool:
    """Return whether the person agreed that partners write."""
    return given_directly(facts, event) or "partners" in words(event.evidence.get("purpose"))


def names_controller(facts: Facts, event: Event) -> bool:
    """Return whether the text shown to the person named the advertiser."""
    return not given_directly(facts, event) or _is_named(facts, event)


def names_partner(facts: Facts, event: Event) -> bool:
    """Return whether the list of partners shown that day named the advertiser."""
    if given_directly(facts, event) or _is_named(facts, event):
        return True
    return facts.policy.partner_naming == "category" and bool(words(event.evidence.get("category")))


def _is_named(facts: Facts, event: Event) -> bool:
    shown = words(event.evidence.get("controllers"))
    return any(_is_one_of_us(facts.advertiser, one) for one in shown)


def is_provable(_facts: Facts, event: Event) -> bool:
    """Return whether there is a proof of this very person's act, with the frozen text that was shown."""
    evidence = event.evidence
    return bool(evidence.get("text") and evidence.get("proof")) and evidence.get("proof_kind", INDIVIDUAL) == INDIVIDUAL


CONSENT = (
    Test("consent-given", is_given, "R-NOCONSENT", "CPCE L34-5 al. 1; GDPR 6(1)(a)", ("kind", "at")),
    Test("consent-positive-act", is_positive_act, "R-CONSENT-INVALID", "GDPR 4(11)", ("mode", "given_by?")),
    Test("consent-free", is_free, "R-CONSENT-INVALID", "GDPR 7(4)", ("free?", "refusal_as_easy?")),
    Test("consent-channel", is_for_channel, "R-CONSENT-CHANNEL", "CPCE L34-5 al. 1", ("channel",)),
    Test("consent-age-on-channel", is_fresh, "R-EXPIRED", "C. conso. L223-1", ("at",)),
    Test("consent-own-offers", is_for_own_offers, "R-CONSENT-PURPOSE", "CPCE L34-5 al. 1", ("purpose", "families?")),
    Test("consent-transmission", is_transmission_agreed, "R-NOCONSENT", "CPCE L34-5 al. 1", ("purpose",)),
    Test("consent-controller", names_controller, "R-CONSENT-CONTROLLER", "GDPR 4(11), 13(1)(a)", ("controllers",)),
    Test("consent-partner-named", names_partner, "R-LIST-NOTNAMED", "GDPR 4(11)", ("controllers", "category?")),
    Test("consent-proof", is_provable, "R-CONSENT-NOPROOF", "GDPR 7(1)", ("text", "proof", "proof_kind?")),
)

# Openings and clicks (LIL 82; CNIL 2026-042): an agreement of its own, proved like any other.
TRACKING = tuple(
    test
    for test in CONSENT
    if test.name in {"consent-given", "consent-positive-act", "consent-free", "consent-controller", "consent-proof"}
)


# --- customer ---------------------------------------------------------------------------------------------------------


def is_sale(facts: Facts, event: Event) -> bool:
    """Return whether something was really sold or supplied."""
    nature = event.evidence.get("nature", SALE)
    sold = nature == SALE or (nature == FREE_TIER and facts.policy.freemium_is_sale)
    return event.kind is Kind.SOLD and sold


def is_from_person(_facts: Facts, event: Event) -> bool:
    """Return whether the address was obtained from the person."""
    return _told(event, "from_person") and event.direct


def is_at_sale(_facts: Facts, event: Event) -> bool:
    """Return whether it was obtained on the occasion of the sale."""
    return _told(event, "at_sale")


def is_same_company(facts: Facts, event: Event) -> bool:
    """Return whether the advertiser itself sold: the same legal person, not the brand, not the group."""
    seller = str(event.evidence.get("entity") or "").replace(" ", "")
    return bool(seller) and seller == (facts.advertiser.siren or "").replace(" ", "")


def is_analogous(facts: Facts, event: Event) -> bool:
    """Return whether the message offers only what is analogous to what was supplied."""
    if _offers_nothing(facts):
        return True
    if facts.message.third_party or facts.message.offer is None:
        return False
    supplied = words(event.evidence.get("families"))
    covers: Mapping[str, frozenset[str]] = list_of(facts).analogous
    return any(facts.message.offer == one or facts.message.offer in covers.get(one, ()) for one in supplied)


def is_refusal_offered(_facts: Facts, event: Event) -> bool:
    """Return whether a free and simple refusal was offered at the collection."""
    return _told(event, "refusal_offered")


def _offers_nothing(facts: Facts) -> bool:
    """Return whether it is a re-confirmation without any offer: there is no family to compare."""
    message = facts.message
    return message.klass is MessageClass.RECONFIRM and message.offer is None and not message.third_party


CUSTOMER = (
    Test("customer-sale", is_sale, "R-CUST-NOSALE", "CPCE L34-5 al. 4", ("kind", "nature?")),
    Test("customer-from-person", is_from_person, "R-CUST-INDIRECT", "CPCE L34-5 al. 4", ("from_person",)),
    Test("customer-at-sale", is_at_sale, "R-CUST-NOSALE", "CPCE L34-5 al. 4", ("at_sale",)),
    Test("customer-same-company", is_same_company, "R-CUST-ENTITY", "CPCE L34-5 al. 4", ("entity",)),
    Test("customer-analogous", is_analogous, "R-CUST-NOTANALOGOUS", "CPCE L34-5 al. 4", ("families",)),
    Test("customer-refusal", is_refusal_offered, "R-CUST-NOOPTOUT", "CPCE L34-5 al. 4", ("refusal_offered",)),
)


def is_exempt(facts: Facts) -> bool:
    """Return whether the channel knows the customer exemption at all; contracts are asked for elsewhere."""
    exemption = channel(facts.channel).customer
    return exemption is Exemption.ALWAYS or (exemption is Exemption.POLICY and facts.policy.automated_call_customer)


# --- professionals, and addresses of a legal person -------------------------------------------------------------------


def is_professional(facts: Facts, _event: Event) -> bool:
    """Return whether this is a professional."""
    return person_of(facts).subject in PROFESSIONALS


def is_for_function(facts: Facts, event: Event) -> bool:
    """Return whether the offer is one that the person's function calls for."""
    return _offers_nothing(facts) or facts.message.offer in words(event.evidence.get("families"))


def is_not_scraped(facts: Facts, _event: Event) -> bool:
    """Return whether the address was given by somebody, rather than gathered or enriched."""
    return person_of(facts).source not in GATHERED or facts.policy.scraped_signed_off


def is_told(facts: Facts, event: Event) -> bool:
    """Return whether the person was told of these messages at collection, and offered a free and simple refusal."""
    if person_of(facts).source in GATHERED:
        return facts.policy.scraped_signed_off  # nobody was there to tell; counsel's balancing test stands instead
    at_collection = event.kind is Kind.INFORMED and str(event.evidence.get("article")) == "13"
    passed_on = not came_indirectly(facts) or _told(event, "transfer_announced")
    return at_collection and passed_on and _told(event, "refusal_offered")


def is_business_address(facts: Facts, event: Event) -> bool:
    """Return whether it is no private mailbox, unless given in a professional capacity."""
    return not person_of(facts).freemail or facts.policy.b2b_freemail or _told(event, "professional_capacity")


def is_in_country(facts: Facts, _event: Event) -> bool:
    """Return whether the country is one whose law has this exemption."""
    return person_of(facts).country in facts.policy.b2b_countries


_DOCTRINE = "CNIL doctrine 2005; GDPR 6(1)(f)"
_ADDRESS = (
    Test("professional-mailbox", is_business_address, "R-B2B-FREEMAIL", _DOCTRINE, ("person.freemail",)),
    Test("professional-country", is_in_country, "R-B2B-COUNTRY", _DOCTRINE, ("person.country",)),
)

B2B = (
    Test("professional-subject", is_professional, "R-B2B-UNRELATED", _DOCTRINE, ("person.subject",)),
    Test("professional-function", is_for_function, "R-B2B-UNRELATED", _DOCTRINE, ("families",)),
    Test("professional-not-scraped", is_not_scraped, "R-B2B-NOINFO", "GDPR 6(1)(f), 14", ("person.source",)),
    Test("professional-told", is_told, "R-B2B-NOINFO", "GDPR 13, 21(4)", ("article", "refusal_offered")),
    *_ADDRESS,
)

GENERIC = _ADDRESS

NONCOM = (
    Test("noncommercial-told", is_told, "R-NOCONSENT", "GDPR 6(1)(f), 13, 21(4)", ("article", "refusal_offered")),
)


def is_generic(facts: Facts) -> bool:
    """Return whether the address is a role address of a legal person, which is nobody's personal data."""
    person = person_of(facts)
    return person.kind == "role" and person.subject == "organisation"
