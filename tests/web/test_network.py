"""Where visitors come from, and what happens to a network that guesses."""

import httpx
import pytest
from starlette.requests import Request

from gateway import clock
from gateway.web.app import WebOptions, create_app
from gateway.web.network import Networks
from gateway.web.throttle import Throttle
from tests.web.house import TOKENS, Desk, Running, token


def asked(peer: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", text.encode()) for text in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 1) if peer else None})


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("203.0.113.9", (), "203.0.113.0/24"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.0/24"),  # not a proxy of ours: it may write what it likes
        ("127.0.0.1", ("198.51.100.1",), "198.51.100.0/24"),
        ("127.0.0.1", ("192.0.2.66, 198.51.100.1",), "198.51.100.0/24"),
        ("127.0.0.1", ("192.0.2.66", "198.51.100.1, 10.1.2.3"), "198.51.100.0/24"),
        ("127.0.0.1", ("2001:db8:1:2::3",), "2001:db8:1::/48"),
        ("127.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.0/24"),
        ("127.0.0.1", ("[2001:db8:ffff:ffff::3]",), "2001:db8:ffff::/48"),
        ("fe80::1%eth0", (), "fe80::/48"),
        ("127.0.0.1", ("unknown",), "127.0.0.0/24"),
        ("127.0.0.1", (), "127.0.0.0/24"),
        (None, ("198.51.100.1",), ""),
    ],
)
def test_the_network_is_that_of_the_last_hop_which_no_proxy_of_ours_is(peer, forwarded, network):
    assert Networks(["127.0.0.0/8", "10.0.0.0/8"]).of(asked(peer, *forwarded)) == network


def test_a_throttle_forgets_after_its_window_and_keeps_bounded_memory(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(clock, "ticks", lambda: now[0])
    throttle = Throttle(2, most=3)
    assert [throttle.more("a") for _ in range(4)] == [0, 0, 60, 60]
    now[0] = 61.0
    assert throttle.more("a") == 0
    for key in "bcdef":
        throttle.more(key)
    assert len(throttle) == 3


def test_a_network_that_guesses_is_slowed_down_and_a_good_link_is_honoured_all_the_same():
    desk = Desk()
    running = Running(create_app(desk, desk, TOKENS, WebOptions(public_url="https://mail.example.org", guesses=3)))
    try:
        with httpx.Client(base_url=running.url) as client:
            answers = [client.post(f"/{path}/wrong") for path in ("1", "p", "1", "p", "1")]
            assert [answer.status_code for answer in answers] == [404, 404, 404, 429, 429]
            assert 0 < int(answers[-1].headers["retry-after"]) <= 60
            assert client.post(f"/1/{token()}").status_code == 200
            other = client.get("/1/wrong", headers={"X-Forwarded-For": "203.0.113.9"})
            assert other.status_code == 404
    finally:
        running.close()
    assert [call[0] for call in desk.changes] == ["stop"]
