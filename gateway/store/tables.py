"""The tables. Every moment is aware and in UTC; every identity number comes from `numbers` (see `store.engine`).

Rooms above read and write these through the other modules of the store only.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment, also on SQLite, which forgets time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse naive moments; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the moment, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# "INTEGER PRIMARY KEY" is the row's own place in a SQLite table; a BIGINT would be an index beside it.
_NUMBER: Any = BigInteger().with_variant(Integer(), "sqlite")

# Names that do not depend on the database, so that a migration can name what it changes.
SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(column_0_label)s",
}


# Any, as sqlmodel's Field has it: the annotation of the attribute says the type.
def _id() -> Any:  # noqa: ANN401
    return Field(primary_key=True, sa_type=_NUMBER, sa_column_kwargs={"autoincrement": False})


def _big(*, null: bool = False, index: bool = False) -> Any:  # noqa: ANN401
    return Field(default=None if null else ..., sa_type=BigInteger, nullable=null, index=index)


def _moment(*, null: bool = False) -> Any:  # noqa: ANN401
    return Field(default=None if null else ..., sa_type=Moment, nullable=null)


def _json(kind: type) -> Any:  # noqa: ANN401
    return Field(default_factory=kind, sa_type=JSON)


def _index_where(name: str, *columns: str, where: str) -> Index:
    """Index only the rows that `where` holds for; a query finds it when it repeats those very words."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Numbers(SQLModel, table=True):
    """Where identity numbers come from: a process takes a block at a time, so ids are known before the insert."""

    __tablename__ = "numbers"
    name: str = Field(primary_key=True)
    next: int = Field(sa_type=BigInteger)


class Advertiser(SQLModel, table=True):
    """The legal person on whose behalf mail is sent: the GDPR controller (rules.md, B1 and B2)."""

    id: int = _id()
    name: str = Field(unique=True)  # short name used in commands
    legal_name: str = ""
    trade_names: list[str] = _json(list)
    legal_form: str = ""
    capital: str = ""
    siren: str = ""
    registered: str = ""  # RCS or other register, with the town
    vat: str = ""
    office: str = ""
    phone: str = ""
    email: str = ""
    privacy_url: str = ""
    dpo: str = ""
    domains: list[str] = _json(list)  # sending domains, lower-case A-labels
    upstream_signs: bool = False  # the advertiser declares that the next hop signs (DKIM)
    color: str = ""
    created_at: datetime = _moment()


class Account(SQLModel, table=True):
    """A marketing tool allowed to hand us mail."""

    id: int = _id()
    login: str = Field(unique=True)
    password_hash: str
    advertiser_id: int = _big(index=True)
    list_id: int | None = _big(null=True)  # the list when the message names none
    list_ids: list[int] = _json(list)  # lists it may use; empty: every list of its advertiser
    classes: list[str] = _json(list)  # message classes it may claim; empty: prospecting only
    klass: str = "prospecting"  # the class when the message claims none
    domains: list[str] = _json(list)  # From domains; empty: those of the advertiser
    plugin: str = "generic"
    block_style: str = "refuse"
    promo_check: str = "enforce"
    optout_hosts: list[str] = _json(list)  # hosts of the tool's own one-click URLs that may be called
    created_at: datetime = _moment()
    disabled_at: datetime | None = _moment(null=True)


class List(SQLModel, table=True):
    """The people collected for one purpose of one advertiser (fichier)."""

    id: int = _id()
    advertiser_id: int = _big(index=True)
    name: str = Field(unique=True)
    title: str = ""
    regime: str
    channels: list[str] = _json(list)
    families: list[str] = _json(list)
    analogous: dict[str, list[str]] = _json(dict)
    origin: str = "own"
    guarantee: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    child_directed: bool = False
    language: str = "fr"
    state: str = "draft"
    created_at: datetime = _moment()
    activated_at: datetime | None = _moment(null=True)
    closed_at: datetime | None = _moment(null=True)


class Contact(SQLModel, table=True):
    """A person of an advertiser, with what is known of them; what they agreed to is in the events."""

    # The column of many values first: by the other alone a planner without statistics may read everybody.
    __table_args__ = (UniqueConstraint("address_key", "advertiser_id"),)
    id: int = _id()
    advertiser_id: int = _big()
    address: str  # as given
    address_key: str  # mail.address.Address.key
    name: str = ""
    company: str = ""
    function: str = ""
    kind: str = "named"
    freemail: bool = False
    subject: str = "unknown"
    country: str | None = "FR"
    language: str = ""
    age: str = "unknown"
    source: str = "direct"
    source_name: str = ""
    acquired_at: datetime | None = _moment(null=True)
    restricted: bool = False
    created_at: datetime = _moment()


class Batch(SQLModel, table=True):
    """One import."""

    id: int = _id()
    list_id: int = _big(index=True)
    source: str
    actor: str = ""
    state: str = "running"  # running, done, undone
    taken: int = 0
    refused: int = 0
    created_at: datetime = _moment()


class Event(SQLModel, table=True):
    """One line of the ledger (`law.events.Event`); inserted, never updated."""

    __table_args__ = (
        Index("ix_event_contact", "contact_id", "at"),
        Index("ix_event_list", "list_id", "contact_id"),  # the people of a list
        Index("ix_event_recorded", "recorded_at", "id"),  # what is new
    )
    id: int = _id()
    advertiser_id: int = _big()
    contact_id: int = _big()
    list_id: int | None = _big(null=True)
    channel: str | None = None
    kind: str
    at: datetime = _moment()
    recorded_at: datetime = _moment()
    direct: bool = True
    actor: str = ""  # who told us: "cli:anna", "web", "import", "inbound"
    evidence: dict[str, Any] = _json(dict)
    batch_id: int | None = _big(null=True, index=True)


class Opposition(SQLModel, table=True):
    """An objection that outlives the contact: scope, channel, keyed digest of the address, nothing else."""

    __table_args__ = (Index("ix_opposition_digest", "digest", "advertiser_id"),)
    id: int = _id()
    advertiser_id: int = _big()
    list_id: int | None = _big(null=True)  # None: every list
    channel: str | None = None  # None: every channel
    digest: bytes = Field(sa_type=LargeBinary)
    key_version: int
    at: datetime = _moment()
    origin: str = ""  # one-click, page, cli, import, complaint, mailto
    actor: str = ""
    reason: str = ""
    lifted_at: datetime | None = _moment(null=True)


class Submission(SQLModel, table=True):
    """What one SMTP transaction handed in; kept while a parcel of it is unsettled."""

    id: int = _id()
    account_id: int = _big()
    advertiser_id: int = _big()
    list_id: int | None = _big(null=True)
    klass: str
    offer: str | None = None
    sector: str | None = None
    third_party: bool = False
    trace: str = ""
    mail_from: str
    content: bytes = Field(sa_type=LargeBinary)
    smtputf8: bool = False
    envid: str = ""
    ret: str = ""
    hints: dict[str, Any] = _json(dict)
    received_at: datetime = _moment()


class Parcel(SQLModel, table=True):
    """One recipient's copy with its attempts; its id is the public reference (`ref=`)."""

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'leased', 'held', 'failed')", name="ck_parcel_state"),
        _index_where("ix_parcel_due", "due_at", where="state IN ('waiting', 'leased')"),
        _index_where("ix_parcel_kept", "state", "id", where="state IN ('held', 'failed')"),
        Index("ix_parcel_contact", "contact_id"),
        Index("ix_parcel_submission", "submission_id"),
    )
    id: int = _id()
    submission_id: int = _big()
    contact_id: int | None = _big(null=True)
    recipient: str
    notify: str = ""
    orcpt: str = ""
    state: str = "waiting"  # waiting, leased, held, failed
    attempts: int = 0
    due_at: datetime = _moment()  # while leased: the end of the lease, when it may be claimed again
    expires_at: datetime = _moment()
    leased_until: datetime | None = _moment(null=True)
    node: str = ""
    last_reply: str = ""
    reason: str = ""
    created_at: datetime = _moment()


class Receipt(SQLModel, table=True):
    """A verdict written down with the evidence it rested on, or what the next hop said; inserted, never updated."""

    id: int = _id()
    ref: int = _big(index=True)  # the parcel it is about; refused recipients have a number too
    submission_id: int = _big()
    account_id: int = _big()
    advertiser_id: int = _big()
    list_id: int | None = _big(null=True)
    contact_id: int | None = _big(null=True, index=True)
    klass: str
    stage: str  # recipient, message, delivery
    at: datetime = _moment()
    fate: str  # send, refuse, defer
    code: str
    rule: str = ""
    evidence: dict[str, Any] = _json(dict)
    recipient_digest: bytes = Field(sa_type=LargeBinary)
    content_digest: bytes = Field(default=b"", sa_type=LargeBinary)
    outcome: str = ""  # delivered, deferred, failed, dropped
    reply: str = Field(default="", sa_type=Text)


class Report(SQLModel, table=True):
    """What a tool or a sender is to be told: the outbox (delivery report, webhook)."""

    id: int = _id()
    account_id: int = _big()
    ref: int = _big()
    kind: str
    body: dict[str, Any] = _json(dict)
    due_at: datetime = _moment()
    attempts: int = 0
    created_at: datetime = _moment()
