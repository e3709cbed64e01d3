"""A house without a door: the sample's advertiser on either database, a Maildir as the next hop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import clock, sample
from gateway.flow.context import Context, open_context
from gateway.settings import Settings
from gateway.store import advertisers, lists
from gateway.tokens import Link
from tests.flow import scanned
from tests.flow.rig import settings_for
from tests.support.https import HttpsServer


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings on either database."""
    return settings_for(store_url, tmp_path)


@pytest.fixture
def context(settings: Settings) -> Iterator[Context]:
    """An open context with the sample's people in it."""
    opened = open_context(settings)
    sample.fill(opened, clock.now())
    yield opened
    opened.close()


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Iterator[Context]:
    """The same on SQLite only, for what no database changes."""
    opened = open_context(settings_for(sqlite_url, tmp_path))
    sample.fill(opened, clock.now())
    yield opened
    opened.close()


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop the service runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def crowd(context: Context) -> list[Link]:
    """Links to six people who agreed; each got a copy a moment ago."""
    with context.store.begin() as tx:
        owner, row = advertisers.by_name(tx, "lavande"), lists.by_name(tx, "lettre")
        assert owner
        assert row
        return scanned.crowd(context, tx, owner, row)


@pytest.fixture(scope="module")
def listening() -> Iterator[HttpsServer]:
    """A server that a module's tests share, because making its certificate takes a while."""
    server = HttpsServer()
    yield server
    server.close()


@pytest.fixture
def server(listening: HttpsServer) -> HttpsServer:
    """A server that was asked nothing yet and answers 200."""
    listening.asked.clear()
    listening.answer = lambda asked: (200, b"")
    return listening
