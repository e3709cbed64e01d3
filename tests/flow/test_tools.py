"""An opt-out here reaches the tool: by its own one-click address (RFC 8058), and by its plugin; and only there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from gateway import clock, sample
from gateway.demo import campaign
from gateway.flow.consent import Saying
from gateway.flow.context import Context, open_context
from gateway.flow.privacy import forget
from gateway.law.events import Kind
from gateway.settings import Settings
from gateway.store import accounts, handles, people
from gateway.store.outward import Handle
from tests.flow.rig import CAMILLE, JOHN, rig, settings_for
from tests.flow.telling import advertiser_id, count, hurry, say, tell
from tests.support.https import HttpsServer

PLUGIN = '''"""A tool of the tests."""
from gateway.plugin import Call, Hints
BLOCK_STYLE = "refuse"
def recognise(headers):
    return Hints(tool="ours", subscriber=dict(headers).get("x-ours"))
def notify(event, tool):
    answer = yield Call("GET", f"{tool.url}/find?{event.subscriber}", headers=[("authorization", tool.password)])
    number = answer.body.decode()
    yield Call("POST", f"{tool.url}/{event.kind}/{tool.lists.get(event.list, 'all')}/{number}", fine=(404,))
'''


@pytest.fixture
def context(sqlite_url: str, tmp_path: Path, server: HttpsServer) -> Iterator[Context]:
    server.answer = lambda asked: (200, b"77")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "ours.py").write_text(PLUGIN)
    (tmp_path / "tool-key").write_text("key of the tool")
    values = settings_for(sqlite_url, tmp_path).model_dump()
    values["plugins"] = {
        "folder": str(tmp_path / "plugins"),
        "internal_hosts": ["localhost"],
        "tools": {
            sample.LOGIN: {"url": server.url, "password": f"file:{tmp_path / 'tool-key'}", "lists": {"lettre": "3"}}
        },
    }
    context = open_context(Settings.model_validate(values))
    sample.fill(context, clock.now())
    yield context
    context.close()


def account(context: Context, **values: object) -> None:
    with context.store.begin() as tx:
        row = accounts.by_login(tx, sample.LOGIN)
        assert row
        for name, value in values.items():
            setattr(row, name, value)
        accounts.save(tx, row)


def mail(context: Context, *recipients: str, fields: bytes = b"") -> None:
    """Send a campaign with these fields, and wait until it was delivered."""

    async def go() -> None:
        async with rig(context, delivering=True) as house:
            await house.send(*recipients, content=fields + campaign("lettre"))
            await house.emptied()

    asyncio.run(go())


def one_click(url: str) -> bytes:
    """Return the fields of a tool that speaks RFC 8058."""
    field = f"List-Unsubscribe: <mailto:leave@tool.test>, <{url}>\r\n"
    return field.encode() + b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def kept(context: Context) -> list[Handle]:
    with context.store.read() as tx:
        return list(tx.exec(select(Handle)))


def test_an_opt_out_here_is_one_at_the_tool_without_any_plugin(context: Context, server: HttpsServer) -> None:
    account(context, optout_hosts=["localhost"])
    mail(context, CAMILLE, fields=one_click(f"{server.url}/u/1"))
    tell(context, server)
    assert server.asked == []

    say(context, CAMILLE, Kind.OBJECTED, None)
    tell(context, server)

    [asked] = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/u/1", b"List-Unsubscribe=One-Click")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "cookie" not in asked.headers
    assert (tell(context, server), len(server.asked)) == (0, 1)


def test_the_newest_address_of_each_list_is_called(context: Context, server: HttpsServer) -> None:
    account(context, optout_hosts=["localhost"])
    for number in (1, 2):
        mail(context, CAMILLE, fields=one_click(f"{server.url}/u/{number}"))
    tell(context, server)
    say(context, CAMILLE, Kind.WITHDRAWN)
    tell(context, server)

    assert [one.path for one in server.asked] == ["/u/2"]


def test_a_host_that_the_account_does_not_name_is_never_called(context: Context, server: HttpsServer) -> None:
    account(context, optout_hosts=["tool.example"])
    mail(context, CAMILLE, fields=one_click(f"{server.url}/u/1"))
    tell(context, server)
    say(context, CAMILLE, Kind.OBJECTED)
    tell(context, server)

    assert server.asked == []
    assert count(context, "errand") == 0


def test_a_message_to_several_people_names_nobodys_address(context: Context, server: HttpsServer) -> None:
    mail(context, CAMILLE, JOHN, fields=one_click(f"{server.url}/u/1"))

    assert kept(context) == []


@pytest.mark.parametrize(
    "fields",
    [
        b"List-Unsubscribe: <https://localhost/u/1>\r\n",
        b"List-Unsubscribe: <http://localhost/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        b"List-Unsubscribe: <https://localhost/u/1>,<https://localhost/u/2>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        b"List-Unsubscribe: <https://localhost/u/1>\r\nList-Unsubscribe-Post: yes\r\n",
    ],
)
def test_what_is_no_one_click_address_is_not_kept(context: Context, fields: bytes) -> None:
    mail(context, CAMILLE, fields=fields)

    assert kept(context) == []


def test_a_tool_that_is_away_is_told_when_it_is_back(context: Context, server: HttpsServer) -> None:
    account(context, optout_hosts=["localhost"])
    mail(context, CAMILLE, fields=one_click(f"{server.url}/u/1"))
    tell(context, server)
    say(context, CAMILLE, Kind.OBJECTED)
    server.answer = lambda asked: (503, b"")
    tell(context, server)
    hurry(context)
    server.answer = lambda asked: (200, b"")

    assert tell(context, server) == 1
    assert [one.path for one in server.asked] == ["/u/1", "/u/1"]


def test_an_address_that_has_died_is_let_go(context: Context, server: HttpsServer) -> None:
    account(context, optout_hosts=["localhost"])
    mail(context, CAMILLE, fields=one_click(f"{server.url}/u/1"))
    tell(context, server)
    say(context, CAMILLE, Kind.OBJECTED)
    server.answer = lambda asked: (404, b"")

    assert tell(context, server) == 1


def test_a_plugin_tells_its_tool_in_as_many_calls_as_it_needs(context: Context, server: HttpsServer) -> None:
    account(context, plugin="ours")
    mail(context, CAMILLE, fields=b"X-Ours: s-9\r\n")
    tell(context, server)
    say(context, CAMILLE, Kind.OBJECTED)
    say(context, CAMILLE, Kind.RESTORED)
    tell(context, server, 2)

    assert [(one.method, one.path) for one in server.asked] == [
        ("GET", "/find?s-9"), ("POST", "/unsubscribed/3/77"), ("GET", "/find?s-9"), ("POST", "/subscribed/3/77"),
    ]  # fmt: skip
    assert server.asked[0].headers["authorization"] == "key of the tool"


def test_a_tool_is_not_told_what_it_said_itself(context: Context, server: HttpsServer) -> None:
    account(context, plugin="ours", optout_hosts=["localhost"])
    mail(context, CAMILLE, fields=one_click(f"{server.url}/u/1"))
    tell(context, server)
    say(context, CAMILLE, Kind.OBJECTED, actor=f"hook:{sample.LOGIN}", origin="hook")
    tell(context, server)

    assert server.asked == []


def test_a_plugin_that_fails_is_tried_again_and_logged(context: Context, server: HttpsServer) -> None:
    account(context, plugin="ours")
    tell(context, server)
    say(context, CAMILLE, Kind.OBJECTED)
    server.answer = lambda asked: (200, b"\xff")  # not what the plugin expects
    tell(context, server)
    server.answer = lambda asked: (200, b"5")
    hurry(context)

    assert tell(context, server) == 1


def test_how_a_tool_calls_a_person_goes_when_the_person_is_erased(context: Context, server: HttpsServer) -> None:
    mail(context, CAMILLE, fields=one_click(f"{server.url}/u/1"))
    assert len(kept(context)) == 1
    with context.store.begin() as tx:
        person = people.find(tx, advertiser_id(context), CAMILLE)
        assert person
        assert handles.of_contact(tx, person.id)
        forget(context, tx, person, Saying(clock.now(), "cli", channel=None))

    assert kept(context) == []
