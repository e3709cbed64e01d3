"""What the API takes and gives, in types; the OpenAPI document is made from these."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, create_model

from gateway.flow import feed, importrow
from gateway.flow.importrow import COLUMNS, Column

PLAIN = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[str, StringConstraints(max_length=1000, pattern=PLAIN)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN)]
Address = Annotated[
    str,
    StringConstraints(min_length=3, max_length=320, pattern=r"^[^\x00-\x20\x7f@]+@[^\x00-\x20\x7f@]+$"),
    Field(description="An e-mail address.", examples=["camille@example.org"]),
]
ListName = Annotated[Word, Field(description="The name of a list.", examples=["lettre"])]
Cursor = Annotated[str, StringConstraints(pattern=r"^c[0-9a-f]{1,15}$")]


def _recent(moment: datetime) -> datetime:
    if moment.year < 1970:
        raise ValueError("it must be after 1970")
    return moment


At = Annotated[AwareDatetime, AfterValidator(_recent), Field(description="When it happened, with a time zone.")]


class Given(BaseModel):
    """What is sent: nothing that the API does not know, and nothing converted silently."""

    model_config = ConfigDict(extra="forbid")


def _part(name: str, part: str, doc: str) -> type[Given]:
    """Return the model of the columns of an import that are about `part`, so that both take the very same."""
    fields: dict[str, Any] = {
        column.name: (_kind(column.read) | None, Field(None, description=_capital(column)))
        for column in COLUMNS
        if column.part == part
    }
    return create_model(name, __base__=Given, __doc__=doc, **fields)


def _kind(read: Callable[[object], object]) -> Any:  # noqa: ANN401 - a type
    if read is importrow.flag:
        return bool
    return Annotated[list[Text], Field(max_length=100)] if read is importrow.words else Text


def _capital(column: Column) -> str:
    return column.help[:1].upper() + column.help[1:] + "."


PersonGiven = _part("PersonGiven", "contact", "What is known of a person; what is left out stays as it is.")
EvidenceGiven = _part("EvidenceGiven", "evidence", "What proves it: the law reads these (docs/rules.md).")


class CheckAsked(Given):
    """The question whether a person may be mailed now."""

    list: ListName
    address: Address
    offer: Word | None = Field(None, description="The offer family that the message would have.")


class Verdict(BaseModel):
    """What the law says at this moment, as the SMTP door would."""

    address: str
    may: bool
    fate: Literal["send", "refuse", "defer"]
    code: str = Field(description="The stable code of the reason; INVALID for what is no address.")
    rule: str
    also: list[str]
    reason: str = Field(description="The reason in words, in the language asked for.")


class ConsentGiven(Given):
    """A consent, or what the regime of the list rests on, with its evidence."""

    list: ListName
    address: Address
    at: At
    kind: Literal["informed", "granted", "confirmed", "sold", "ended", "acted"] | None = Field(
        None, description="What happened; without it, what the regime of the list rests on."
    )
    channel: Word = Field("email", description="The channel that it is about: email, sms, mms, phone, post …")
    person: PersonGiven | None = None  # type: ignore[valid-type]
    evidence: EvidenceGiven | None = None  # type: ignore[valid-type]


class Recorded(BaseModel):
    """What was written to the ledger."""

    list: str
    event: str
    at: datetime


class WithdrawalGiven(Given):
    """A consent taken back."""

    list: ListName
    address: Address
    reason: Text = Field("", description="How it reached you.")


class ObjectionGiven(Given):
    """A no: to one list, or to everything of the advertiser."""

    address: Address
    list: ListName | None = Field(None, description="Only to this list; without it to everything.")
    every_channel: bool = Field(False, description="On every channel, not only e-mail.")
    reason: Text = Field("", description="How it reached you.")


class Refused(BaseModel):
    """A no that stands: nothing more leaves."""

    recorded: bool = Field(description="Whether it is new; twice is once.")
    known: bool = Field(description="Whether anything else is known of the person.")


class LiftGiven(Given):
    """The person's later wish, or a mistake."""

    address: Address
    reason: Word = Field(description="Why it is lifted.")


class Lifted(BaseModel):
    """How many objections stood and were lifted. It makes no consent: what was true before is true again."""

    lifted: int


class AddressGiven(Given):
    """Whom it is about. Addresses stand in bodies only, never in a URL."""

    address: Address


class ChangesGiven(Given):
    """What is corrected (GDPR 16); what is left out stays as it is."""

    address: Address | None = None
    name: Text | None = None
    company: Text | None = None
    function: Text | None = None
    subject: Literal["consumer", "professional", "organisation", "unknown"] | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = None
    age: Literal["adult", "15-17", "under15", "unknown"] | None = None


class RectifyGiven(AddressGiven):
    """A correction."""

    changes: ChangesGiven


class Rectified(BaseModel):
    """Which fields changed."""

    changed: list[str]


class Happened(BaseModel):
    """One event of a person."""

    event: str
    at: datetime
    list: str | None
    channel: str | None
    actor: str
    evidence: dict[str, Any]


class Opposed(BaseModel):
    """One objection that stands."""

    at: datetime
    list: str | None = Field(description="null: everything of the advertiser")
    channel: str | None = Field(description="null: every channel")
    origin: str


class Contact(BaseModel):
    """What is held on a person, as far as the key goes."""

    address: str
    name: str
    company: str
    function: str
    subject: str
    country: str | None
    language: str
    age: str
    source: str
    restricted: bool
    created_at: datetime
    events: list[Happened]
    oppositions: list[Opposed]


class Event(BaseModel):
    """One event of the feed, as webhooks carry it, with the cursor behind it."""

    type: str
    timestamp: datetime
    data: dict[str, Any]
    cursor: Cursor


class Events(BaseModel):
    """Some events in order. Ask again with `cursor`; `more` says that there is more already."""

    events: list[Event]
    cursor: Cursor
    more: bool


class List(BaseModel):
    """A list: the people collected for one purpose."""

    name: str
    title: str
    regime: str
    channels: list[str]
    families: list[str]
    origin: str
    language: str
    state: str


class Lists(BaseModel):
    """The lists that the key is for."""

    lists: list[List]


EventType = Literal[feed.TYPES]  # type: ignore[valid-type]


class WebhookGiven(Given):
    """Who is to be told of what."""

    url: Annotated[str, StringConstraints(min_length=9, max_length=2000, pattern=r"^https?://[!-~]+$")]
    types: list[EventType] = Field(
        [],
        max_length=50,
        description="Which events; without any: unsubscribed, subscribed, complained, bounced, rejected.",
    )
    lists: list[ListName] = Field([], max_length=1000, description="Of which lists; without any: all of the key.")
    cursor: Cursor | None = Field(None, description="From where on; without it from now.")


class Webhook(BaseModel):
    """Somebody who is told, and how it goes."""

    id: int
    url: str
    types: list[str]
    lists: list[str]
    cursor: Cursor
    waiting: int = Field(description="How many events are on their way there.")
    failing_since: datetime | None
    disabled_at: datetime | None
    why: str = Field(description="What went wrong last.")
    created_at: datetime


class WebhookMade(Webhook):
    """A new webhook with its secret, which is shown this once (standardwebhooks.com)."""

    secret: str


class Webhooks(BaseModel):
    """The webhooks of the advertiser."""

    webhooks: list[Webhook]


class SecretMade(BaseModel):
    """A new secret; for a day everything is signed with the one before too."""

    secret: str


class ReplayGiven(Given):
    """From where on everything is told again; without a cursor, from where it stands."""

    cursor: Cursor | None = None


class Gone(BaseModel):
    """It is no longer there."""

    deleted: bool = True
