"""The tables of people, lists and mail; those of the formalities are in `records`. Moments are aware and in UTC.

Every identity number comes from `numbers` (see `store.engine`). Rooms above read and write these through the other
modules of the store only.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.store.columns import Moment, big, id_, index_where, json_, moment

__all__ = ["Moment"]


class Numbers(SQLModel, table=True):
    """Where identity numbers come from: a process takes a block at a time, so ids are known before the insert."""

    __tablename__ = "numbers"
    name: str = Field(primary_key=True)
    next: int = Field(sa_type=BigInteger)


class Advertiser(SQLModel, table=True):
    """The legal person on whose behalf mail is sent: the GDPR controller (GDPR 4(7); LCEN 19)."""

    id: int = id_()
    name: str = Field(unique=True)  # short name used in commands
    legal_name: str = ""
    trade_names: list[str] = json_(list)
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
    domains: list[str] = json_(list)  # sending domains, lower-case A-labels
    art30: dict[str, Any] = json_(dict)  # what the art. 30 register needs and nothing else tells (flow.register)
    upstream_signs: bool = False  # the advertiser declares that the next hop signs (DKIM)
    color: str = ""
    created_at: datetime = moment()


class Account(SQLModel, table=True):
    """A marketing tool allowed to hand us mail."""

    id: int = id_()
    login: str = Field(unique=True)
    password_hash: str
    advertiser_id: int = big(index=True)
    list_id: int | None = big(null=True)  # the list when the message names none
    list_ids: list[int] = json_(list)  # lists it may use; empty: every list of its advertiser
    classes: list[str] = json_(list)  # message classes it may claim; empty: prospecting only
    klass: str = "prospecting"  # the class when the message claims none
    domains: list[str] = json_(list)  # From domains; empty: those of the advertiser
    plugin: str = "generic"
    block_style: str = "refuse"
    report: str = "dsn"  # how it is told what the SMTP dialogue did not say: dsn, none
    promo_check: str = "enforce"
    optout_hosts: list[str] = json_(list)  # hosts of the tool's own one-click URLs that may be called
    created_at: datetime = moment()
    disabled_at: datetime | None = moment(null=True)


class List(SQLModel, table=True):
    """The people collected for one purpose of one advertiser (fichier)."""

    id: int = id_()
    advertiser_id: int = big(index=True)
    name: str = Field(unique=True)
    title: str = ""
    regime: str
    channels: list[str] = json_(list)
    families: list[str] = json_(list)
    analogous: dict[str, list[str]] = json_(dict)
    origin: str = "own"
    guarantee: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    child_directed: bool = False
    art30: dict[str, Any] = json_(dict)
    language: str = "fr"
    state: str = "draft"
    created_at: datetime = moment()
    activated_at: datetime | None = moment(null=True)
    closed_at: datetime | None = moment(null=True)


class Contact(SQLModel, table=True):
    """A person of an advertiser, with what is known of them; what they agreed to is in the events."""

    # The column of many values first: by the other alone a planner without statistics may read everybody.
    __table_args__ = (UniqueConstraint("address_key", "advertiser_id"),)
    id: int = id_()
    advertiser_id: int = big()
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
    acquired_at: datetime | None = moment(null=True)
    restricted: bool = False
    created_at: datetime = moment()


class Batch(SQLModel, table=True):
    """One import."""

    id: int = id_()
    list_id: int = big(index=True)
    source: str
    actor: str = ""
    state: str = "running"  # running, done, undone
    taken: int = 0
    refused: int = 0
    created_at: datetime = moment()


class Event(SQLModel, table=True):
    """One line of the ledger (`law.events.Event`); inserted, never updated."""

    __table_args__ = (
        Index("ix_event_contact", "contact_id", "at"),
        Index("ix_event_list", "list_id", "contact_id"),  # the people of a list
        Index("ix_event_recorded", "recorded_at", "id"),  # what is new
    )
    id: int = id_()
    advertiser_id: int = big()
    contact_id: int = big()
    list_id: int | None = big(null=True)
    channel: str | None = None
    kind: str
    at: datetime = moment()
    recorded_at: datetime = moment()
    direct: bool = True
    actor: str = ""  # who told us: "cli:anna", "web", "import", "inbound"
    evidence: dict[str, Any] = json_(dict)
    batch_id: int | None = big(null=True, index=True)


class Opposition(SQLModel, table=True):
    """An objection that outlives the contact: scope, channel, keyed digest of the address, nothing else."""

    __table_args__ = (Index("ix_opposition_digest", "digest", "advertiser_id"),)
    id: int = id_()
    advertiser_id: int = big()
    list_id: int | None = big(null=True)  # None: every list
    channel: str | None = None  # None: every channel
    digest: bytes = Field(sa_type=LargeBinary)
    key_version: int
    at: datetime = moment()
    origin: str = ""  # one-click, page, cli, import, complaint, mailto
    actor: str = ""
    reason: str = ""
    lifted_at: datetime | None = moment(null=True)


class Submission(SQLModel, table=True):
    """What one SMTP transaction handed in; kept while a parcel of it is unsettled."""

    id: int = id_()
    account_id: int = big()
    advertiser_id: int = big()
    list_id: int | None = big(null=True)
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
    hints: dict[str, Any] = json_(dict)
    received_at: datetime = moment()


class Parcel(SQLModel, table=True):
    """One recipient's copy with its attempts; its id is the public reference (`ref=`)."""

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'leased', 'held', 'failed')", name="ck_parcel_state"),
        index_where("ix_parcel_due", "due_at", where="state IN ('waiting', 'leased')"),
        index_where("ix_parcel_kept", "state", "id", where="state IN ('held', 'failed')"),
        Index("ix_parcel_contact", "contact_id"),
        Index("ix_parcel_submission", "submission_id"),
    )
    id: int = id_()
    submission_id: int = big()
    contact_id: int | None = big(null=True)
    recipient: str
    notify: str = ""
    orcpt: str = ""
    state: str = "waiting"  # waiting, leased, held, failed
    attempts: int = 0
    due_at: datetime = moment()  # while leased: the end of the lease, when it may be claimed again
    expires_at: datetime = moment()
    leased_until: datetime | None = moment(null=True)
    node: str = ""
    last_reply: str = ""
    reason: str = ""
    created_at: datetime = moment()


class Receipt(SQLModel, table=True):
    """A verdict written down with the evidence it rested on, or what the next hop said; inserted, never updated."""

    id: int = id_()
    ref: int = big(index=True)  # the parcel it is about; refused recipients have a number too
    submission_id: int = big()
    account_id: int = big()
    advertiser_id: int = big()
    list_id: int | None = big(null=True)
    contact_id: int | None = big(null=True, index=True)
    klass: str
    stage: str  # recipient, message, delivery
    at: datetime = moment()
    fate: str  # send, refuse, defer
    code: str
    rule: str = ""
    evidence: dict[str, Any] = json_(dict)
    recipient_digest: bytes = Field(sa_type=LargeBinary)
    content_digest: bytes = Field(default=b"", sa_type=LargeBinary)
    outcome: str = ""  # delivered, deferred, failed, dropped
    reply: str = Field(default="", sa_type=Text)


class Report(SQLModel, table=True):
    """What a tool is to be told in a delivery report, until it has been told; the submission stays as long.

    `body` holds code, recipient, ORCPT and the reply of the next hop.
    """

    __table_args__ = (Index("ix_report_due", "due_at"), Index("ix_report_submission", "submission_id"))
    id: int = id_()
    account_id: int = big()
    submission_id: int = big()
    ref: int = big(index=True)
    kind: str  # refused, held, dropped, failed, delayed, relayed (flow.report)
    body: dict[str, Any] = json_(dict)
    due_at: datetime = moment()
    attempts: int = 0
    created_at: datetime = moment()
