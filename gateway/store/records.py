"""The tables of the formalities and of proof: notices, requests, bursts, transfers, seals, keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.store.columns import big, id_, json_, moment


class Notice(SQLModel, table=True):
    """One version of an information text, as shown (GDPR 13, 14); evidence names `name/version`. Never updated."""

    __table_args__ = (UniqueConstraint("advertiser_id", "name", "version", "language"),)
    id: int = id_()
    advertiser_id: int = big()
    name: str
    version: int
    language: str
    regime: str
    channel: str
    text: str = Field(sa_type=Text)
    html: str = Field(sa_type=Text)
    full: str = Field(sa_type=Text)  # the second layer
    fields: dict[str, Any] = json_(dict)
    created_at: datetime = moment()


class Request(SQLModel, table=True):
    """A person asks for something (GDPR 15-21), with the deadline of GDPR 12(3). Keeps a digest, not the address."""

    id: int = id_()
    advertiser_id: int = big(index=True)
    contact_id: int | None = big(null=True)
    subject: bytes = Field(sa_type=LargeBinary)  # keyed digest of the address
    right: str  # access, rectification, erasure, restriction, objection, portability
    origin: str = ""
    received_at: datetime = moment()
    due_at: datetime = moment()
    extended: bool = False
    closed_at: datetime | None = moment(null=True)
    outcome: str = ""  # done, refused, withdrawn
    answer: str = ""
    actor: str = ""
    link_until: datetime | None = moment(null=True)  # asked on a page: until when the link in the letter works
    confirmed_at: datetime | None = moment(null=True)  # when it was, through the mailbox; before it is no request yet
    certificate: dict[str, Any] = json_(dict)  # of an erasure (flow.certificate)


class Swift(SQLModel, table=True):
    """An opt-out by a link within a minute of the copy's delivery: a person in a hurry, or a machine. Kept a month.

    `network` is a keyed digest of the network that it came from (/24, /48).
    """

    __table_args__ = (Index("ix_swift_network", "network", "at"),)
    id: int = id_()
    advertiser_id: int = big()
    account_id: int = big()
    contact_id: int = big(index=True)
    list_id: int | None = big(null=True)  # what it was for; None: every list
    network: bytes = Field(sa_type=LargeBinary)
    at: datetime = moment()
    again: bool = False  # the person said it again in another way: it is theirs
    burst_id: int | None = big(null=True, index=True)


class Burst(SQLModel, table=True):
    """Swift opt-outs of several people from one network within minutes: probably a mail system that tries links."""

    id: int = id_()
    advertiser_id: int = big(index=True)
    first_at: datetime = moment()
    last_at: datetime = moment()
    people: int = 0
    undone_at: datetime | None = moment(null=True)
    actor: str = ""  # who undid it


class Transfer(SQLModel, table=True):
    """A list handed to somebody else: a sale, a rental or an exchange; who was handed over is in the ledger."""

    id: int = id_()
    list_id: int = big(index=True)
    kind: str
    partner: str
    partner_siren: str = ""
    partner_contact: str = ""
    handed: int = 0
    kept: int = 0
    reasons: dict[str, Any] = json_(dict)
    actor: str = ""
    at: datetime = moment()


class Seal(SQLModel, table=True):
    """A batch of rows sealed: the Merkle root over their leaves, chained to the seal before."""

    id: int = id_()  # 1, 2, 3 … without gaps
    at: datetime = moment()
    leaves: int
    root: bytes = Field(sa_type=LargeBinary)
    previous: bytes = Field(sa_type=LargeBinary)
    digest: bytes = Field(sa_type=LargeBinary)
    complete: bool = False  # nothing that was written before `at` was left unsealed


class Leaf(SQLModel, table=True):
    """One sealed row: what kind, which id, under which seal, at which place, and its digest."""

    __table_args__ = (Index("ix_leaf_seal", "seal_id", "position"),)
    kind: str = Field(primary_key=True)  # event, receipt, opposition, notice (gateway/proof.py)
    row_id: int = Field(primary_key=True, sa_type=BigInteger)
    seal_id: int
    position: int
    digest: bytes = Field(sa_type=LargeBinary)
    salt: bytes = Field(default=b"", sa_type=LargeBinary)  # empty once the person is erased
    personal: bytes = Field(default=b"", sa_type=LargeBinary)  # what stands for the personal fields in the digest


class DkimKey(SQLModel, table=True):
    """A signing key of a domain (RFC 6376); `secret` is encrypted under the gateway's keyring, empty once retired."""

    __tablename__ = "dkim_key"
    __table_args__ = (UniqueConstraint("domain", "selector"),)
    id: int = id_()
    advertiser_id: int = big(index=True)
    domain: str
    selector: str
    algorithm: str  # rsa-sha256, ed25519-sha256
    secret: bytes = Field(sa_type=LargeBinary)
    public: str = Field(sa_type=Text)  # the tag p= of its DNS record
    state: str = "waiting"  # to be seen in DNS; then active, then retired
    created_at: datetime = moment()
