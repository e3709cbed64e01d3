"""What a campaign tool's webhook says is proven, recorded, never lost and never written twice."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest

from gateway import clock, meters, sample
from gateway.flow import check, consent
from gateway.flow.context import Context
from gateway.flow.optout import Desk
from gateway.mail.address import parse
from gateway.store import accounts, ledger, lists, people, spool
from gateway.tokens import Link
from tests.api.conftest import HOOK_SECRET
from tests.flow.rig import CAMILLE, JOHN, rig
from tests.flow.telling import advertiser_id

Post = Callable[..., httpx.Response]


@pytest.fixture
def post(context: Context, url: str) -> Iterator[Post]:
    """Send a webhook: `post(path, events, headers=…)`."""
    with context.store.begin() as tx:
        row = accounts.by_login(tx, sample.LOGIN)
        assert row
        row.plugin = "ours"
        accounts.save(tx, row)
    with httpx.Client(base_url=url + "/hooks") as client:

        def go(path: str, events: object, **more: object) -> httpx.Response:
            body = events if isinstance(events, bytes) else json.dumps(events).encode()
            return client.post(path, content=body, **more)

        yield go


def bearer(secret: str = HOOK_SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def code(context: Context, address: str, list_name: str = "lettre") -> str:
    [(_, verdict)] = check.check(context, list_name, [parse(address)])
    return verdict.code


def kinds(context: Context, address: str) -> list[str]:
    with context.store.read() as tx:
        person = people.find(tx, advertiser_id(context), address)
        return [event.kind for event in ledger.of_contact(tx, person.id)] if person else []


OPT_OUT = [{"kind": "withdrawn", "email": CAMILLE, "list": "17"}]
PLACE = f"/ours/{sample.LOGIN}"


def test_an_opt_out_at_the_tool_is_one_here(context: Context, post: Post) -> None:
    said = post(PLACE, OPT_OUT, headers=bearer())

    assert said.json() == {"heard": 1, "recorded": 1, "ignored": 0}
    assert code(context, CAMILLE) == "R-OBJECTED"
    assert kinds(context, CAMILLE) == ["granted", "withdrawn"]
    assert post(PLACE, OPT_OUT, headers=bearer()).json()["recorded"] == 0
    assert kinds(context, CAMILLE) == ["granted", "withdrawn"]


def test_the_tool_is_answered_once_no_courier_holds_a_copy(
    context: Context, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def queue() -> None:
        async with rig(context) as house:
            await house.send(CAMILLE)

    asyncio.run(queue())
    with context.store.begin() as tx:
        [parcel] = spool.claim(tx, "other", clock.now(), timedelta(minutes=5), 10)
    monkeypatch.setattr(consent, "PATIENCE", 0.1)
    for _ in range(2):
        assert post(PLACE, OPT_OUT, headers=bearer()).status_code == 503
        assert code(context, CAMILLE) == "R-OBJECTED"
    with context.store.begin() as tx:
        spool.free(tx, "other", [parcel.id], clock.now())
    assert post(PLACE, OPT_OUT, headers=bearer()).json() == {"heard": 1, "recorded": 0, "ignored": 0}


def test_a_no_is_counted_by_the_way_it_came_and_once(
    context: Context, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meters, "_meters", {})  # counts of its own
    meters.begin()
    for _ in range(2):
        post(PLACE, OPT_OUT, headers=bearer())
    with context.store.read() as tx:
        row, person = lists.by_name(tx, "lettre"), people.find(tx, advertiser_id(context), JOHN)
    assert row
    assert person
    for _ in range(2):
        Desk(context).choose(Link(person.id, row.id, 0), "list", ())
    told = meters.page({}, 0.0).decode()
    counted = re.findall(r'^consentgate_opt_outs_total\{origin="(\w+)"\} (\S+)$', told, re.MULTILINE)
    assert sorted(counted) == [("hook", "1.0"), ("page", "1.0")]


def test_a_list_that_nobody_can_name_means_everything(context: Context, post: Post) -> None:
    post(PLACE, [{"kind": "objected", "email": "cliente@mailbox.example", "list": "unheard of"}], headers=bearer())

    assert code(context, "cliente@mailbox.example", "clients") == "R-OBJECTED"


def test_somebody_unknown_who_says_no_is_kept_out_for_ever(context: Context, post: Post) -> None:
    post(PLACE, [{"kind": "complained", "email": "inconnue@mailbox.example"}], headers=bearer())

    assert code(context, "inconnue@mailbox.example") == "R-OBJECTED"


def test_a_bounce_sent_twice_counts_once_and_two_count_twice(context: Context, post: Post) -> None:
    first, second = ([{"kind": "bounced", "email": JOHN, "at": at}] for at in (1, 2))
    for events in (first, first, second):
        assert post(PLACE, events, headers=bearer()).status_code == 200

    assert kinds(context, JOHN) == ["granted", "bounced", "bounced"]


def test_what_names_nobody_is_ignored_and_the_rest_is_taken(context: Context, post: Post) -> None:
    said = post(PLACE, [{"kind": "withdrawn", "email": "no address"}, *OPT_OUT], headers=bearer())

    assert said.json() == {"heard": 2, "recorded": 1, "ignored": 1}


def signature(body: bytes, secret: str = HOOK_SECRET) -> dict[str, str]:
    return {"X-Ours-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


BODY = json.dumps(OPT_OUT).encode()
BASIC = base64.b64encode(f"{sample.LOGIN}:{HOOK_SECRET}".encode()).decode()
GOOD = {
    "bearer": (PLACE, bearer()),
    "basic": ("/ours", {"Authorization": f"Basic {BASIC}"}),
    "signature": (PLACE, signature(BODY)),
    "path": (f"{PLACE}/{HOOK_SECRET.replace(' ', '%20')}", {}),
}
BAD = {
    "nothing": (PLACE, {}),
    "a wrong secret": (PLACE, bearer("wrong")),
    "an empty secret": ("/ours", {"Authorization": f"Basic {base64.b64encode(f'{sample.LOGIN}:'.encode()).decode()}"}),
    "a wrong signature": (PLACE, signature(BODY, "wrong")),
    "a signature of something else": (PLACE, signature(BODY + b" ")),
    "another login": ("/ours/nobody", bearer()),
    "another plugin": (f"/listmonk/{sample.LOGIN}", bearer()),
    "no plugin": (f"/nothing/{sample.LOGIN}", bearer()),
    "no login": ("/ours", bearer()),
    "half of basic": ("/ours", {"Authorization": "Basic !"}),
}


@pytest.mark.parametrize("how", GOOD)
def test_a_tool_proves_itself_in_the_way_that_it_can(context: Context, post: Post, how: str) -> None:
    path, headers = GOOD[how]

    assert post(path, BODY, headers=headers).status_code == 200
    assert code(context, CAMILLE) == "R-OBJECTED"


@pytest.mark.parametrize("how", BAD)
def test_whoever_cannot_prove_it_is_not_heard_and_learns_nothing(context: Context, post: Post, how: str) -> None:
    path, headers = BAD[how]
    said = post(path, BODY, headers=headers)

    assert (said.status_code, said.headers["content-type"]) == (401, "application/problem+json")
    assert said.json()["detail"] == "the login, its plugin or the secret is wrong"
    assert code(context, CAMILLE) == "A-CONSENT"


def test_a_disabled_account_is_not_heard(context: Context, post: Post) -> None:
    with context.store.begin() as tx:
        row = accounts.by_login(tx, sample.LOGIN)
        assert row
        row.disabled_at = clock.now()
        accounts.save(tx, row)

    assert post(PLACE, OPT_OUT, headers=bearer()).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"\xff", 400), (b"x" * 1_100_000, 413), (b"[" + b'{"kind":1},' * 10, 400)]
)
def test_what_the_tool_would_never_send_is_refused(post: Post, body: bytes, status: int) -> None:
    said = post(PLACE, body, headers=bearer())

    assert (said.status_code, said.headers["content-type"]) == (status, "application/problem+json")


def test_only_post_is_heard(url: str) -> None:
    said = httpx.get(f"{url}/hooks{PLACE}")

    assert (said.status_code, said.headers["allow"]) == (405, "POST")
