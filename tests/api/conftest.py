"""The API as it is served, on a socket, with the sample's people; one server for the room's tests."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway import clock, sample
from gateway.flow import apikeys
from gateway.flow.apikeys import VERBS
from gateway.flow.context import Context, open_context
from gateway.flow.optout import Desk
from gateway.flow.presses import Presses
from gateway.settings import Settings
from gateway.store import advertisers, lists
from gateway.web import api, hooks
from gateway.web.app import WebOptions, create_app
from tests.flow.rig import settings_for
from tests.web.house import Running

URL = "https://gate.example"
PLUGIN = '''"""A tool of the tests."""
import json
from gateway.plugin import Heard, Hints, Signature
BLOCK_STYLE = "refuse"
SIGNATURE = Signature("X-Ours-Signature", prefix="sha256=")
def recognise(headers):
    return Hints()
def receive(headers, body):
    return [Heard(one["kind"], one["email"], one.get("list")) for one in json.loads(body)]
'''
HOOK_SECRET = "the secret of the hook, long enough"


def opened(store_url: str, folder: Path) -> Context:
    """Return a context whose account has a tool that may call us."""
    folder.mkdir(exist_ok=True)
    (folder / "ours.py").write_text(PLUGIN)
    (folder / "hook").write_text(HOOK_SECRET)
    values = settings_for(store_url, folder).model_dump()
    tool = {"hook": f"file:{folder / 'hook'}", "lists": {"lettre": "17"}}
    values["plugins"] = {"folder": str(folder), "internal_hosts": ["localhost"], "tools": {sample.LOGIN: tool}}
    values["web"] = values["web"] | {"api_rate": 100_000}
    return open_context(Settings.model_validate(values))


def with_web(context: Context, **values: int) -> Context:
    """Return the same context with other settings of the web."""
    changed = context.settings.web.model_copy(update=values)
    return replace(context, settings=context.settings.model_copy(update={"web": changed}))


def served(context: Context) -> Running:
    """Serve the API and the hooks beside the pages, as the service does."""
    more = {api.PREFIX: api.create_api(context, URL), hooks.PREFIX: hooks.create_hooks(context, secure=True)}
    return Running(create_app(Desk(context), Presses(context), context.tokens, WebOptions(URL), more=more))


@pytest.fixture(scope="session")
def filled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample's people, to copy."""
    folder = tmp_path_factory.mktemp("api")
    shutil.copyfile(sqlite_template, folder / "filled.db")
    context = opened(f"sqlite:///{folder / 'filled.db'}", folder)
    sample.fill(context, clock.now())
    context.close()
    return folder / "filled.db"


@pytest.fixture
def context(filled: Path, tmp_path: Path) -> Iterator[Context]:
    shutil.copyfile(filled, tmp_path / "store.db")
    context = opened(f"sqlite:///{tmp_path / 'store.db'}", tmp_path)
    yield context
    context.close()


@pytest.fixture
def url(context: Context) -> Iterator[str]:
    running = served(context)
    yield running.url
    running.close()


def key(context: Context, *verbs: str, on: tuple[str, ...] = ()) -> str:
    """Make a key for the sample's advertiser."""
    with context.store.begin() as tx:
        owner = advertisers.by_name(tx, "lavande")
        rows = [lists.by_name(tx, name) for name in on]
        assert owner
        _, token = apikeys.make(context, tx, owner, "tests", [row for row in rows if row], verbs or VERBS)
        return token


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(context: Context, url: str) -> Iterator[Ask]:
    """Ask the API: `ask(method, path, json=…, token=…)`; without a token, with a key that may do everything."""
    everything = key(context)
    with httpx.Client(base_url=url + api.PREFIX, timeout=60) as client:

        def go(method: str, path: str, *, token: str | None = None, **more: object) -> httpx.Response:
            headers = dict(more.pop("headers", {}))  # type: ignore[call-overload]
            headers.setdefault("Authorization", f"Bearer {everything if token is None else token}")
            return client.request(method, path, headers=headers, **more)

        yield go
