"""All that a decision may look at.

Two kinds of ignorance are kept apart. What could not be *read* (the store did not answer) is `UNREAD` and defers the
decision. What is not *recorded* is None, "unknown" or an empty tuple, and takes the stricter branch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from gateway.law.events import Event


class Unread(Enum):
    """The mark of a fact that could not be read."""

    UNREAD = "unread"


UNREAD = Unread.UNREAD


class MessageClass(StrEnum):
    """What a message is for (docs/rules.md, gate "class"); prospecting is the default."""

    PROSPECTING = "prospecting"
    RECONFIRM = "reconfirm"
    NONCOM = "noncom"
    SERVICE = "service"
    NOTICE = "notice"
    RIGHTS = "rights"

    __hash__ = str.__hash__  # that of every enumeration is written in Python


class Regime(StrEnum):
    """Under which rule the people of a list may be written to."""

    OPT_IN = "opt-in"
    CUSTOMER = "customer"
    PROFESSIONAL = "professional"


class Origin(StrEnum):
    """How a list came to the advertiser."""

    OWN = "own"
    RENTED = "rented"
    BOUGHT = "bought"
    EXCHANGED = "exchanged"


class ListState(StrEnum):
    """Only an active list may be mailed."""

    DRAFT = "draft"
    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that counsel must sign ([law] in the configuration); defaults are the strict reading."""

    partner_naming: str = "strict"  # "strict": the advertiser is named in the text shown; "category" accepts a category
    freemium_is_sale: bool = False
    b2b_countries: frozenset[str] = frozenset({"FR"})
    b2b_freemail: bool = False
    scraped_signed_off: bool = False
    automated_call_customer: bool = False
    prospect_years: int = 3
    timezone: str = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What the message claims and offers."""

    klass: MessageClass = MessageClass.PROSPECTING
    offer: str | None = None  # offer family
    sector: str | None = None
    third_party: bool = False  # carries offers of somebody else
    advertises: bool = True  # From or Subject show that it is advertising (LCEN 20)
    tracks: bool = False  # tells its sender of openings or clicks (LIL 82)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the tool that hands us the message is entitled to."""

    classes: frozenset[MessageClass] = frozenset({MessageClass.PROSPECTING})
    may_use_list: bool = True


@dataclass(frozen=True, slots=True)
class AdvertiserFacts:
    """The controller."""

    name: str
    siren: str | None = None
    names: frozenset[str] = frozenset()  # every name a consent text may have shown: legal, trade, brands


@dataclass(frozen=True, slots=True)
class ListFacts:
    """The list the message goes to."""

    id: int
    regime: Regime
    state: ListState = ListState.ACTIVE
    channels: frozenset[str] = frozenset({"email"})
    origin: Origin = Origin.OWN
    families: frozenset[str] = frozenset()  # offer families the list was built for
    analogous: Mapping[str, frozenset[str]] = field(default_factory=dict)  # supplied family -> families it covers
    guarantee: Mapping[str, Any] | None = None  # law.guarantee
    child_directed: bool = False


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One contact and its events, in any order."""

    id: int
    kind: str = "named"  # named, role
    freemail: bool = False
    subject: str = "unknown"  # consumer, professional, organisation (a legal person), unknown → consumer
    country: str | None = "FR"
    age: str = "unknown"  # adult, 15-17, under15, unknown
    source: str = "direct"  # direct, partner, rented, bought, exchanged, scraped
    source_name: str | None = None
    acquired_at: datetime | None = None
    restricted: bool = False  # GDPR 18
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Opposition:
    """An objection found by the digest of the address; None in `list` or `channel` means all of them."""

    at: datetime
    list: int | None = None
    channel: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known at `now` about one person, one list, one channel and one message.

    `list` is None when the message names none. `person` is None when there is no record.
    """

    now: datetime
    advertiser: AdvertiserFacts
    list: ListFacts | Unread | None
    person: PersonFacts | Unread | None
    oppositions: tuple[Opposition, ...] | Unread = ()
    message: MessageFacts = MessageFacts()
    account: AccountFacts = AccountFacts()
    channel: str = "email"
    policy: Policy = Policy()
