"""Webhooks hear what happens: signed, in order, again after trouble, once from several nodes, from any cursor."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway import clock, sample
from gateway.courier.courier import Outcome
from gateway.errors import Misuse, NotFound
from gateway.flow import endpoints, feed, seal
from gateway.flow.context import Context, open_context
from gateway.flow.feed import Scope
from gateway.law.events import Kind
from gateway.mail.reply import Reply
from gateway.store import ledger, people, spool
from gateway.store.tables import Event
from tests.flow.rig import CAMILLE, JOHN, UNKNOWN, Says, rig, settings_for
from tests.flow.telling import advertiser_id, age, bodies, count, fail_since, hurry, say, tell, verified
from tests.support.https import HttpsServer
from tests.support.waiting import until


def opened(url: str, folder: Path) -> Context:
    settings = settings_for(url, folder)
    plugins = settings.plugins.model_copy(update={"internal_hosts": frozenset({"localhost"})})
    return open_context(settings.model_copy(update={"plugins": plugins}))


@pytest.fixture
def context(store_url: str, tmp_path: Path) -> Iterator[Context]:
    context = opened(store_url, tmp_path)
    sample.fill(context, clock.now())
    yield context
    context.close()


@pytest.fixture
def alone(sqlite_url: str, tmp_path: Path) -> Iterator[Context]:
    """The same on SQLite only, for what no database changes."""
    context = opened(sqlite_url, tmp_path)
    sample.fill(context, clock.now())
    yield context
    context.close()


def owner_of(context: Context) -> Scope:
    return Scope(advertiser_id(context))


def webhook(context: Context, server: HttpsServer, *types: str, cursor: str | None = None) -> tuple[int, str]:
    owner = owner_of(context)
    state, secret = endpoints.create(context, owner, f"{server.url}/hook", [], types, cursor)
    return state.id, secret


def test_an_opt_out_is_told_signed_and_once(context: Context, server: HttpsServer) -> None:
    _, secret = webhook(context, server)
    say(context, CAMILLE, Kind.OBJECTED)

    assert (tell(context, server), tell(context, server)) == (1, 0)
    [asked], [body] = server.asked, bodies(server)
    assert verified(asked, secret)
    assert not verified(asked, "whsec_" + "A" * 43 + "=")
    assert body["type"] == "unsubscribed"
    assert body["data"]["recipient"] == CAMILLE
    assert body["data"]["list"] == "lettre"
    assert body["data"]["kind"] == "objected"
    assert asked.headers["webhook-id"] == body["data"]["event_id"]
    assert CAMILLE not in asked.path + str(asked.headers)
    assert count(context, "errand") == 0


def test_what_went_before_is_told_only_from_a_cursor(alone: Context, server: HttpsServer) -> None:
    webhook(alone, server)
    seal.seal(alone)
    webhook(alone, server, cursor="c0")

    tell(alone, server)
    assert {body["type"] for body in bodies(server)} == {"unsubscribed"}  # the two people of the sample who said no
    assert len(server.asked) == 2


def test_only_the_wanted_types_and_lists_are_told(alone: Context, server: HttpsServer) -> None:
    webhook(alone, server, "subscribed", "consentgate.acted")
    say(alone, CAMILLE, Kind.OBJECTED)
    say(alone, CAMILLE, Kind.RESTORED)
    say(alone, JOHN, Kind.ACTED)

    tell(alone, server, 3)
    assert sorted(body["type"] for body in bodies(server)) == ["consentgate.acted", "subscribed"]


@pytest.mark.anyio
async def test_what_became_of_mail_is_told_in_the_words_of_mail_tools(embedded: Context, tmp_path: Path) -> None:
    async with rig(embedded, delivering=True) as house:
        await house.send(CAMILLE, UNKNOWN, draft=house.draft(block_style="discard"))
        await house.emptied()
    seal.seal(embedded)
    page = feed.since(
        embedded, Scope(advertiser_id(embedded), types=frozenset({"queued", "rejected", "delivered"})), None
    )

    told = [(event["type"], event["data"]["code"], event["data"]["recipient"]) for event in page.events]
    assert told == [
        ("queued", "A-CONSENT", CAMILLE),
        ("rejected", "R-UNKNOWN", None),
        ("delivered", "A-CONSENT", CAMILLE),
    ]
    assert page.events[1]["data"]["reject_reason"] == "blocked"


def test_events_of_one_person_keep_their_order_through_trouble(context: Context, server: HttpsServer) -> None:
    webhook(context, server)
    for kind in (Kind.OBJECTED, Kind.RESTORED, Kind.OBJECTED, Kind.RESTORED):
        say(context, CAMILLE, kind)
    say(context, JOHN, Kind.OBJECTED)
    failures = iter([500, 500, 200, 503])
    server.answer = lambda asked: (next(failures, 200), b"")

    for _ in range(8):
        tell(context, server)
        hurry(context)
    told: list[str] = []
    for body in bodies(server):
        name = (body["data"]["recipient"], body["type"], body["data"]["event_id"])
        if name not in told:
            told.append(name)
    of = [kind for address, kind, _ in told if address == CAMILLE]
    assert of == ["unsubscribed", "subscribed", "unsubscribed", "subscribed"]
    assert count(context, "errand") == 0


def test_one_persons_trouble_does_not_stop_the_others(alone: Context, server: HttpsServer) -> None:
    webhook(alone, server)
    say(alone, CAMILLE, Kind.OBJECTED)
    say(alone, JOHN, Kind.OBJECTED)
    server.answer = lambda asked: (500 if CAMILLE.encode() in asked.body else 200, b"")

    assert tell(alone, server) == 1
    assert count(alone, "errand") == 1


def test_an_endpoint_that_fails_is_left_alone_for_a_while(alone: Context, server: HttpsServer) -> None:
    number, _ = webhook(alone, server)
    say(alone, CAMILLE, Kind.OBJECTED)
    server.answer = lambda asked: (500, b"")
    tell(alone, server, 3)

    assert len(server.asked) == 1
    state = endpoints.get(alone, owner_of(alone), number)
    assert (state.waiting, state.why) == (1, "the answer was 500")
    assert state.failing_since


def test_after_days_of_failure_it_is_disabled_and_goes_on_where_it_was(context: Context, server: HttpsServer) -> None:
    owner = owner_of(context)
    number, _ = webhook(context, server)
    say(context, CAMILLE, Kind.OBJECTED)
    server.answer = lambda asked: (500, b"")
    tell(context, server)
    hurry(context)
    fail_since(context, days=6)
    tell(context, server)
    assert endpoints.get(context, owner, number).disabled_at
    say(context, JOHN, Kind.OBJECTED)
    server.answer = lambda asked: (200, b"")
    server.asked.clear()
    assert tell(context, server) == 0

    endpoints.replay(context, owner, number, None)
    assert tell(context, server) == 2
    assert {body["data"]["recipient"] for body in bodies(server)} == {CAMILLE, JOHN}


def test_who_answers_gone_is_not_called_again(alone: Context, server: HttpsServer) -> None:
    number, _ = webhook(alone, server)
    say(alone, CAMILLE, Kind.OBJECTED)
    server.answer = lambda asked: (410, b"")
    tell(alone, server)
    hurry(alone)
    tell(alone, server)

    assert len(server.asked) == 1
    assert endpoints.get(alone, owner_of(alone), number).disabled_at


def test_what_nobody_takes_for_days_is_given_up(alone: Context, server: HttpsServer) -> None:
    webhook(alone, server)
    say(alone, CAMILLE, Kind.OBJECTED)
    say(alone, JOHN, Kind.OBJECTED)
    server.answer = lambda asked: (400 if CAMILLE.encode() in asked.body else 200, b"")
    tell(alone, server)
    age(alone, 6)
    tell(alone, server)

    assert count(alone, "errand") == 0


def test_replay_tells_everything_behind_a_cursor_again_under_the_same_ids(alone: Context, server: HttpsServer) -> None:
    number, _ = webhook(alone, server)
    start = endpoints.get(alone, owner_of(alone), number).cursor
    say(alone, CAMILLE, Kind.OBJECTED)
    say(alone, JOHN, Kind.OBJECTED)
    tell(alone, server)
    endpoints.replay(alone, owner_of(alone), number, start)
    tell(alone, server)

    ids = [body["data"]["event_id"] for body in bodies(server)]
    assert len(ids) == 4
    assert set(ids[:2]) == set(ids[2:])


def test_a_rotated_secret_is_used_beside_the_one_before(alone: Context, server: HttpsServer) -> None:
    number, first = webhook(alone, server)
    second = endpoints.rotate(alone, owner_of(alone), number)
    say(alone, CAMILLE, Kind.OBJECTED)
    tell(alone, server)

    [asked] = server.asked
    assert verified(asked, first)
    assert verified(asked, second)
    with alone.store.read() as tx:
        kept = str(tx.connection().execute(text("SELECT secrets FROM endpoint")).scalar_one())
    assert first.removeprefix("whsec_")[:20] not in kept


def test_two_nodes_tell_it_once(store_url: str, tmp_path: Path, context: Context, server: HttpsServer) -> None:
    webhook(context, server)
    other = opened(store_url, tmp_path)
    try:
        for address in (CAMILLE, JOHN, "cliente@mailbox.example", "sans.accord@mailbox.example"):
            say(context, address, Kind.OBJECTED, None)
        nodes = [
            threading.Thread(target=tell, args=(one, server, 4, f"node/{at}"))
            for at, one in enumerate((context, other))
        ]
        for node in nodes:
            node.start()
        for node in nodes:
            node.join(60)
    finally:
        other.close()
    tell(context, server)  # whoever found the other one sealing
    told = [body["data"]["event_id"] for body in bodies(server)]
    assert sorted(told) == sorted(set(told))
    assert len(told) == 4


def test_a_webhook_of_another_advertiser_is_not_there(alone: Context, server: HttpsServer) -> None:
    number, _ = webhook(alone, server)

    with pytest.raises(NotFound):
        endpoints.get(alone, Scope(12345), number)
    with pytest.raises(NotFound):
        endpoints.remove(alone, Scope(12345), number)


def test_what_may_not_be_called_is_refused_when_it_is_made(alone: Context, server: HttpsServer) -> None:
    owner = owner_of(alone)
    for url in ("https://127.0.0.1/hook", "http://example.org/hook", "https://169.254.169.254/latest"):
        with pytest.raises(Misuse):
            endpoints.create(alone, owner, url, [], [], None)
    with pytest.raises(Misuse, match="there is no type opened"):
        endpoints.create(alone, owner, "https://example.org", [], ["opened"], None)


@pytest.mark.anyio
async def test_a_copy_that_waits_is_told_once(embedded: Context) -> None:
    later = Says(Outcome("deferred", Reply(451, "4.3.0", "not now")), Outcome("delivered", Reply(250, "2.0.0", "Ok")))
    async with rig(embedded, courier=later, delivering=True) as house:
        await house.send(CAMILLE)
        await until(lambda: house.parcels()[0].state == "waiting")
        with embedded.store.begin() as tx:
            assert spool.retry(tx, [one.id for one in house.parcels()], clock.now())
        async with house.running():
            await house.emptied()
    seal.seal(embedded)
    page = feed.since(embedded, Scope(advertiser_id(embedded), types=frozenset({"deferred", "delivered"})), None)

    assert [(one["type"], one["data"]["mta_response"]) for one in page.events] == [
        ("deferred", "451 4.3.0 not now"),
        ("delivered", "250 2.0.0 Ok"),
    ]


def test_an_event_of_a_process_that_writes_little_does_not_wait_for_a_day(
    context: Context, server: HttpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its numbers come from an old block, far below the newest: it is found by when it was recorded."""
    monkeypatch.setattr(seal, "RECENT", 10)
    webhook(context, server)
    context.store.take(50_000)
    say(context, JOHN, Kind.ACTED)  # a new number
    seal.seal(context)
    with context.store.begin() as tx:
        person = people.find(tx, advertiser_id(context), CAMILLE)
        assert person
        old = Event(
            id=1, advertiser_id=person.advertiser_id, contact_id=person.id, kind="objected", at=clock.now(),
            recorded_at=clock.now(),
        )  # fmt: skip
        ledger.append(tx, [old])

    assert tell(context, server) == 1
    assert bodies(server)[0]["data"]["event_id"] == "evt_1"


def test_a_deleted_webhook_hears_nothing_more(alone: Context, server: HttpsServer) -> None:
    number, _ = webhook(alone, server)
    say(alone, CAMILLE, Kind.OBJECTED)
    server.answer = lambda asked: (500, b"")
    tell(alone, server)
    endpoints.remove(alone, owner_of(alone), number)

    assert count(alone, "errand") == count(alone, "endpoint") == 0
