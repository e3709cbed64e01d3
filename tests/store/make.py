"""Rows for the tests of the store, each with as little as it needs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.store.engine import Store
from gateway.store.tables import Account, Advertiser, Batch, Contact, List, Opposition

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
LEASE = timedelta(minutes=5)


def an_advertiser(store: Store, name: str = "acme", **fields: Any) -> Advertiser:
    return Advertiser(**{"id": store.take()[0], "name": name, "created_at": NOW} | fields)


def an_account(store: Store, login: str = "tool", **fields: Any) -> Account:
    given = {"id": store.take()[0], "login": login, "password_hash": "x", "advertiser_id": 1, "created_at": NOW}
    return Account(**given | fields)


def a_list(store: Store, name: str = "news", **fields: Any) -> List:
    given = {"id": store.take(of="list")[0], "name": name, "advertiser_id": 1, "regime": "opt-in", "created_at": NOW}
    return List(**given | fields)


def a_contact(store: Store, key: str = "anna@example.org", **fields: Any) -> Contact:
    given = {"id": store.take()[0], "advertiser_id": 1, "address": key, "address_key": key, "created_at": NOW}
    return Contact(**given | fields)


def a_batch(store: Store, **fields: Any) -> Batch:
    return Batch(**{"id": store.take()[0], "list_id": 1, "source": "people.csv", "created_at": NOW} | fields)


def an_event(store: Store, contact_id: int, kind: str = "granted", **fields: Any) -> dict[str, Any]:
    given = {"id": store.take()[0], "advertiser_id": 1, "contact_id": contact_id, "list_id": 1, "channel": "email"}
    return given | {"kind": kind, "at": NOW, "recorded_at": NOW} | fields


def an_opposition(store: Store, digest: bytes = b"d" * 32, **fields: Any) -> Opposition:
    given = {"id": store.take()[0], "advertiser_id": 1, "digest": digest, "key_version": 1, "at": NOW}
    return Opposition(**given | fields)


def a_submission(store: Store, **fields: Any) -> dict[str, Any]:
    given = {
        "id": store.take()[0],
        "account_id": 1,
        "advertiser_id": 1,
        "klass": "prospecting",
        "mail_from": "n@acme.example",
    }
    return given | {"content": b"Subject: hi\r\n\r\nhello\r\n", "received_at": NOW} | fields


def a_parcel(store: Store, submission_id: int, **fields: Any) -> dict[str, Any]:
    given = {"id": store.take()[0], "submission_id": submission_id, "contact_id": 1, "recipient": "anna@example.org"}
    return given | {"due_at": NOW, "expires_at": NOW + timedelta(days=5), "created_at": NOW} | fields


def a_receipt(store: Store, **fields: Any) -> dict[str, Any]:
    given = {"id": store.take()[0], "ref": 1, "submission_id": 1, "account_id": 1, "advertiser_id": 1, "contact_id": 1}
    given |= {"klass": "prospecting", "stage": "message", "at": NOW, "fate": "send", "code": "A-CONSENT"}
    return given | {"recipient_digest": b"d" * 32} | fields
