"""What the tests of telling others share."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from gateway import clock
from gateway.courier.webhook import Caller, Hosts
from gateway.flow import consent
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.flow.outbox import Outbox
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import advertisers, lists, people
from tests.support.https import Asked, HttpsServer

INTERNAL = {"plugins": {"internal_hosts": ["localhost"]}}


def advertiser_id(context: Context) -> int:
    with context.store.read() as tx:
        found = advertisers.by_name(tx, "lavande")
        assert found
        return found.id


def say(context: Context, address: str, kind: Kind, list_name: str | None = "lettre", **said: Any) -> None:
    """Record what a person says."""
    with context.store.begin() as tx:
        contact = people.find(tx, advertiser_id(context), parse(address).key)
        assert contact
        row = lists.by_name(tx, list_name) if list_name else None
        saying = Saying(clock.now(), said.pop("origin", "page"), **said)
        if kind in (Kind.OBJECTED, Kind.WITHDRAWN, Kind.COMPLAINED):
            consent.refuse(context, tx, contact, row, kind, saying)
        elif kind is Kind.RESTORED:
            consent.lift(context, tx, contact, row, saying)
        else:
            consent.record(context, tx, contact, row, kind, saying)


def tell(context: Context, server: HttpsServer, times: int = 1, node: str = "test/1") -> int:
    """Look `times` times for what is to be told, as the service does; return how many errands were done."""

    async def go() -> int:
        caller = Caller(Hosts(context.settings.plugins.internal_hosts), trust=server.trust(), patience=5)
        try:
            return sum([await Outbox(context, caller, node).once() for _ in range(times)])
        finally:
            await caller.close()

    return asyncio.run(go())


def hurry(context: Context) -> None:
    """Make everything due that waits."""
    past = clock.now() - timedelta(seconds=1)
    with context.store.begin() as tx:
        tx.connection().execute(text("UPDATE errand SET due_at = :past"), {"past": _bound(context, past)})
        tx.connection().execute(text("UPDATE endpoint SET rest_until = NULL"))


def age(context: Context, days: int) -> None:
    """Let days go by for what waits."""
    long_ago = _bound(context, clock.now() - timedelta(days=days))
    with context.store.begin() as tx:
        tx.connection().execute(text("UPDATE errand SET created_at = :at"), {"at": long_ago})
    hurry(context)


def fail_since(context: Context, days: int) -> None:
    """Say that the endpoints have failed for so long."""
    with context.store.begin() as tx:
        at = {"at": _bound(context, clock.now() - timedelta(days=days))}
        tx.connection().execute(text("UPDATE endpoint SET failing_since = :at"), at)


def _bound(context: Context, at: Any) -> Any:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f") if context.store.embedded else at


def count(context: Context, table: str) -> int:
    with context.store.read() as tx:
        return int(tx.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def bodies(server: HttpsServer) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in server.asked]


def verified(asked: Asked, secret: str) -> bool:
    """Check a signature as the page of Standard Webhooks says, with nothing of ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(one == f"v1,{expected}" for one in asked.headers["webhook-signature"].split(" "))
