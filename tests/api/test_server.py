"""The API on PostgreSQL says what it says on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway import clock, sample
from gateway.flow import seal
from gateway.flow.context import Context
from gateway.web import api
from tests.api.conftest import HOOK_SECRET, key, opened, served
from tests.api.test_api import CONSENT
from tests.flow.rig import CAMILLE


@pytest.fixture
def house(postgres_url: str, tmp_path: Path) -> Iterator[Context]:
    context = opened(postgres_url, tmp_path)
    sample.fill(context, clock.now())
    yield context
    context.close()


def test_everything_that_is_written_is_written_once(house: Context) -> None:
    running = served(house)
    try:
        headers = {"Authorization": f"Bearer {key(house)}", "Idempotency-Key": "one"}
        with httpx.Client(base_url=running.url + api.PREFIX, headers=headers, timeout=60) as client:
            granted = [client.post("/consents", json=CONSENT) for _ in range(2)]
            other = client.post("/consents", json={**CONSENT, "address": "autre@mailbox.example"})
            del client.headers["Idempotency-Key"]
            objected = [client.post("/objections", json={"address": CAMILLE}).json()["recorded"] for _ in range(2)]
            hook = client.post("/webhooks", json={"url": "https://localhost:9/hook", "cursor": "c0"}).json()
            seal.seal(house)
            events = client.get("/events", params={"type": "unsubscribed"}).json()["events"]
            lines = client.post("/check/bulk?list=lettre", content=f"{CAMILLE}\n".encode()).text
            lifted = client.post("/objections/lift", json={"address": CAMILLE, "reason": "asked for it"}).json()
            gone = client.delete(f"/webhooks/{hook['id']}").json()
        told = httpx.post(f"{running.url}/hooks/generic/{sample.LOGIN}", headers={"Authorization": HOOK_SECRET})
    finally:
        running.close()

    assert [one.status_code for one in (*granted, other)] == [200, 200, 422]
    assert granted[0].json() == granted[1].json()
    assert granted[1].headers["idempotent-replayed"] == "true"
    assert objected == [True, False]
    assert events[-1]["data"]["recipient"] == CAMILLE
    assert '"code":"R-OBJECTED"' in lines
    assert (lifted, gone) == ({"lifted": 1}, {"deleted": True})
    assert told.status_code == 401
