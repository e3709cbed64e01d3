"""The tables of those outside: keys of the API, endpoints that are told, errands to them, handles of tools."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.store.columns import big, id_, json_, moment


class ApiKey(SQLModel, table=True):
    """A key of the API; only the digest of its secret is kept."""

    __tablename__ = "api_key"
    id: int = id_()
    advertiser_id: int = big(index=True)
    name: str
    list_ids: list[int] = json_(list)  # empty: every list of the advertiser
    verbs: list[str] = json_(list)  # what it may do (flow.apikeys.VERBS)
    digest: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = moment()
    revoked_at: datetime | None = moment(null=True)


class Once(SQLModel, table=True):
    """A request that must have one effect however often it is sent; `status` 0: it is being worked on."""

    owner: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    status: int = 0
    body: bytes = Field(default=b"", sa_type=LargeBinary)
    at: datetime = moment()
    __table_args__ = (Index("ix_once_at", "at"),)


class Endpoint(SQLModel, table=True):
    """Somebody who is told what happens: a webhook of the API, or the tool of an account."""

    __table_args__ = (UniqueConstraint("account_id"),)
    id: int = id_()
    advertiser_id: int = big(index=True)
    account_id: int | None = big(null=True)  # the tool of this account; None: a webhook
    url: str = Field(default="", sa_type=Text)
    list_ids: list[int] = json_(list)  # empty: every list
    types: list[str] = json_(list)
    secrets: list[dict[str, Any]] = json_(list)  # {"sealed": hex, "until": moment or None}, the newest first
    place: int = big()  # how far into the feed it has been told (store.feed)
    rest_until: datetime | None = moment(null=True)  # after a failure
    failures: int = 0  # in a row
    failing_since: datetime | None = moment(null=True)
    disabled_at: datetime | None = moment(null=True)
    why: str = ""  # what went wrong last
    created_at: datetime = moment()


class Errand(SQLModel, table=True):
    """One thing that one endpoint is still to be told; names the row, so that nothing personal is copied."""

    __table_args__ = (
        UniqueConstraint("endpoint_id", "what", "kind", "row_id"),
        Index("ix_errand_due", "due_at"),
        Index("ix_errand_order", "endpoint_id", "what", "person", "place"),
    )
    id: int = id_()
    endpoint_id: int = big()
    what: str  # webhook, plugin, one-click
    kind: str  # event or receipt (store.feed)
    row_id: int = big()
    person: int = big()  # whose order is kept: the contact, or minus the row when nobody is known
    place: int = big()
    attempts: int = 0
    due_at: datetime = moment()  # while leased: the end of the lease
    node: str = ""
    created_at: datetime = moment()


class Handle(SQLModel, table=True):
    """How a tool calls a person, from the last copy of its own that reached them; goes when the person is erased."""

    contact_id: int = Field(primary_key=True, sa_type=BigInteger)
    account_id: int = Field(primary_key=True, sa_type=BigInteger)
    list_id: int = Field(primary_key=True, sa_type=BigInteger)  # 0: the message was for no list
    ref: int = big()  # the receipt's number
    one_click: str = Field(default="", sa_type=Text)
    campaign: str = ""
    subscriber: str = ""
    at: datetime = moment()
