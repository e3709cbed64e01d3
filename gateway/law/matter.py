"""The facts of one decision and what follows from them, each thing worked out once and only when asked."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar, overload

from gateway.law.channels import Exemption, channel
from gateway.law.clocks import add_months, add_years, day
from gateway.law.events import Event, Kind, words
from gateway.law.facts import Facts, ListFacts, MessageClass, Opposition, PersonFacts, Regime
from gateway.law.regimes import (
    B2B,
    CONSENT,
    CUSTOMER,
    GENERIC,
    NONCOM,
    NOTHING,
    TRACKING,
    Finding,
    Test,
    came_indirectly,
    examine,
    given_directly,
    is_exempt,
    is_generic,
    is_sale,
    is_same_company,
    list_of,
    person_of,
)
from gateway.law.standing import Standing, fold, outvotes

T = TypeVar("T")

RECONFIRM_BEFORE = timedelta(days=90)
RECONFIRM_AFTER = timedelta(days=30)


class worked_out(Generic[T]):  # noqa: N801 - reads as a decorator
    """A property kept after the first question; `functools.cached_property` takes a lock, and this is the hot path."""

    def __init__(self, work: Callable[["Matter"], T]) -> None:
        self.work = work
        self.__doc__ = work.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, matter: None, owner: type) -> "worked_out[T]": ...
    @overload
    def __get__(self, matter: "Matter", owner: type) -> T: ...
    def __get__(self, matter: "Matter | None", owner: type) -> "T | worked_out[T]":
        if matter is None:
            return self
        value = matter.__dict__[self.name] = self.work(matter)
        return value


class Matter:
    """One decision in the making. Whatever needs a person or a list must be asked only when there is one."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    @worked_out
    def standing(self) -> Standing:
        """Return what the person's events come to; an empty standing when there is no person."""
        facts = self.facts
        events = facts.person.events if isinstance(facts.person, PersonFacts) else ()
        return fold(events, self.list_id, facts.channel, facts.now)

    @worked_out
    def list_id(self) -> int | None:
        """Return the list, or None when none is named."""
        return self.facts.list.id if isinstance(self.facts.list, ListFacts) else None

    # --- opt-outs -----------------------------------------------------------------------------------------------------

    @worked_out
    def oppositions(self) -> Sequence[Opposition]:
        """Return the oppositions that cover this list and channel, whatever their moment (see `standing.fold`)."""
        facts = self.facts
        found = facts.oppositions if isinstance(facts.oppositions, tuple) else ()
        return [one for one in found if one.list in {None, self.list_id} and one.channel in {None, facts.channel}]

    @worked_out
    def live_opt_outs(self) -> Sequence[Event]:
        """Return the opt-outs that no later consent lifts."""
        return [past for past in self.standing.opt_outs if not self._is_lifted(past)]

    @worked_out
    def live_oppositions(self) -> Sequence[Opposition]:
        """Return the oppositions that no later consent lifts; each was made to this advertiser."""
        return [one for one in self.oppositions if not self._is_lifted(Event(Kind.OBJECTED, one.at))]

    def _is_lifted(self, opt_out: Event) -> bool:
        valid = (found.event for found in self.consents if found.failed is None)
        return any(outvotes(event, given_directly(self.facts, event), opt_out) for event in valid)

    @worked_out
    def has_opted_out(self) -> bool:
        """Return whether there is an opt-out on record, which only a later consent answers."""
        return bool(self.standing.opt_outs or self.oppositions)

    # --- bases --------------------------------------------------------------------------------------------------------

    @worked_out
    def consents(self) -> Sequence[Finding]:
        """Return how each consent on record fares."""
        if self.facts.person is None:
            return ()
        return [examine(CONSENT, self.facts, event) for event in self.standing.consents]

    @worked_out
    def consent(self) -> Finding:
        """Return the consent that counts: the best one that no opt-out has overtaken."""
        standing = self.consents
        if self.has_opted_out:
            last = max([past.at for past in self.standing.opt_outs] + [one.at for one in self.oppositions])
            standing = [found for found in standing if found.event.at > last]
        return _best(standing, CONSENT, self.facts)

    @worked_out
    def may_track(self) -> bool:
        """Return whether openings and clicks may be read: a valid agreement to that very thing stands."""
        agreed = self.standing.tracking
        return agreed is not None and examine(TRACKING, self.facts, agreed).failed is None

    @worked_out
    def customer(self) -> Finding:
        """Return the sale that counts."""
        return _best([examine(CUSTOMER, self.facts, sale) for sale in self.standing.sales], CUSTOMER, self.facts)

    @worked_out
    def professional(self) -> Finding:
        """Return the notice that counts for a professional; for an address of a legal person the address itself."""
        if is_generic(self.facts):
            return examine(GENERIC, self.facts, NOTHING)
        return _best([examine(B2B, self.facts, notice) for notice in self.standing.notices], B2B, self.facts)

    @worked_out
    def informed(self) -> Finding:
        """Return the notice that counts where information with a refusal is enough."""
        return _best([examine(NONCOM, self.facts, notice) for notice in self.standing.notices], NONCOM, self.facts)

    @worked_out
    def contract(self) -> Event | None:
        """Return the sale of a contract in progress between the person and the advertiser, the latest one."""
        if self.standing.ended is not None:
            return None
        today = day(self.facts.now, self.facts.policy.timezone)
        return next((sale for sale in reversed(self.standing.sales) if self._in_progress(sale, today)), None)

    def _in_progress(self, sale: Event, today: date) -> bool:
        end = sale.evidence.get("contract_end")
        running = sale.evidence.get("contract") == "in-progress" and is_sale(self.facts, sale)
        return running and is_same_company(self.facts, sale) and (end is None or today.isoformat() <= str(end))

    @worked_out
    def contract_covers_offer(self) -> bool:
        """Return whether the contract in progress is about what the message offers."""
        return self.contract is not None and self.facts.message.offer in words(self.contract.evidence.get("families"))

    @worked_out
    def own_regime(self) -> Finding | None:
        """Return what the list's regime itself comes to; None when it knows consent only, or is closed here."""
        facts, regime = self.facts, list_of(self.facts).regime
        if facts.message.klass is MessageClass.NONCOM or channel(facts.channel).informed_is_enough:
            return self.informed
        if regime is Regime.CUSTOMER and self._is_customer_open:
            return self.customer
        if regime is Regime.PROFESSIONAL and channel(facts.channel).professional:
            return self.professional
        return None

    @property
    def _is_customer_open(self) -> bool:
        by_contract = channel(self.facts.channel).customer is Exemption.CONTRACT and self.contract_covers_offer
        return is_exempt(self.facts) or by_contract

    @worked_out
    def basis(self) -> Finding | None:
        """Return what the message may rest on, or None; consent to offers carries every offer, under every regime.

        What came from the person goes before what came through somebody else.
        """
        offers = self.facts.message.klass is not MessageClass.NONCOM
        consent = self.consent if offers and self.consent.failed is None else None
        if consent is not None and given_directly(self.facts, consent.event):
            return consent
        own = self.own_regime
        if own is None or own.failed is not None or self.has_opted_out:
            return consent
        return own if consent is None or not self._is_through_others(own.event) else consent

    @worked_out
    def lacking(self) -> Test | None:
        """Return the test whose failure says most about why there is no basis; None when there is one.

        That of the list's own regime, unless there is nothing of that kind on record and there is a consent to blame.
        """
        if self.basis is not None:
            return None
        own = self.own_regime
        if own is None or own.failed is None:
            return self.consent.failed
        blame_consent = own.passed == 0 and self.consents and self.facts.message.klass is not MessageClass.NONCOM
        return self.consent.failed if blame_consent else own.failed

    # --- clocks -------------------------------------------------------------------------------------------------------

    @worked_out
    def today(self) -> date:
        """Return the calendar day of the decision."""
        return day(self.facts.now, self.facts.policy.timezone)

    @worked_out
    def last_contact(self) -> datetime | None:
        """Return when the last contact came from the person, the collection included; None when unknown."""
        person, standing = person_of(self.facts), self.standing
        if self.contract is not None:
            return self.facts.now
        acquired = (
            person.acquired_at if standing.erased is None or _after(person.acquired_at, standing.erased) else None
        )
        moments = [event.at for event in (standing.last_contact, standing.collected) if event is not None]
        if acquired is not None and acquired <= self.facts.now and (not moments or not came_indirectly(self.facts)):
            moments.append(acquired)
        return max(moments) if moments else None

    @worked_out
    def contact_day(self) -> date | None:
        """Return the calendar day of the last contact."""
        return None if self.last_contact is None else day(self.last_contact, self.facts.policy.timezone)

    @worked_out
    def limit(self) -> date | None:
        """Return the last day on which the person may be written to; None when no contact is known."""
        return None if self.contact_day is None else add_years(self.contact_day, self.facts.policy.prospect_years)

    @worked_out
    def is_expired(self) -> bool:
        """Return whether the retention period is over, the tolerance of a re-confirmation included."""
        if self.last_contact is None:
            return self.basis is not None
        if (self.facts.now - self.last_contact).days < 364 * self.facts.policy.prospect_years:
            return False  # nearly always so, and no calendar is needed to see it
        if self.limit is None:
            return True
        grace = RECONFIRM_AFTER if self.facts.message.klass is MessageClass.RECONFIRM else timedelta(0)
        return self.today > self.limit + grace

    @worked_out
    def may_ask_again(self) -> bool:
        """Return whether it is time for the one re-confirmation, and none was sent since the last contact."""
        if self.limit is None or self.contact_day is None:
            return False
        asked = self.standing.asked
        is_first = asked is None or day(asked.at, self.facts.policy.timezone) < self.contact_day
        return is_first and self.limit - RECONFIRM_BEFORE <= self.today <= self.limit + RECONFIRM_AFTER

    # --- source -------------------------------------------------------------------------------------------------------

    @worked_out
    def is_indirect(self) -> bool:
        """Return whether what the message rests on came through somebody else."""
        return came_indirectly(self.facts) if self.basis is None else self._is_through_others(self.basis.event)

    def _is_through_others(self, event: Event) -> bool:
        if event.kind in {Kind.GRANTED, Kind.SOLD}:
            return not given_directly(self.facts, event)
        return came_indirectly(self.facts)

    @worked_out
    def is_source_overdue(self) -> bool:
        """Return whether the month of GDPR 14(3) has passed without the notice."""
        if not self.is_indirect or self.standing.source_told is not None:
            return False
        acquired = person_of(self.facts).acquired_at
        return acquired is None or self.today > add_months(day(acquired, self.facts.policy.timezone), 1)


def _best(findings: Sequence[Finding], tests: tuple[Test, ...], facts: Facts) -> Finding:
    """Return the finding that came furthest, of equals a direct one, then the latest; without any, that of nothing."""
    if not findings:
        return examine(tests, facts, NOTHING)
    if len(findings) == 1:
        return findings[0]

    def rank(found: Finding) -> tuple[int, bool, datetime, int]:
        return found.passed, given_directly(facts, found.event), found.event.at, found.event.id

    return max(findings, key=rank)


def _after(moment: datetime | None, event: Event) -> bool:
    return moment is not None and moment > event.at
