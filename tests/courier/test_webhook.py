"""Calls go to checked places only, over TLS that is checked, once, within limits."""

import asyncio
import ssl
import threading

import pytest

from gateway.courier.webhook import MOST, Caller, Hosts
from gateway.errors import Misuse, TryLater
from gateway.plugin import Answer, Call
from tests.support.https import HttpsServer


@pytest.fixture(scope="module")
def server():
    running = HttpsServer()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _fresh(server):
    server.asked.clear()
    server.extra = {}
    server.answer = lambda asked: (200, b"ok")


def call(server, request: Call, internal=("localhost",), *, trust=None, patience=10.0) -> Answer:
    async def go() -> Answer:
        caller = Caller(Hosts(internal), trust=trust or server.trust(), patience=patience)
        try:
            return await caller.call(request)
        finally:
            await caller.close()

    return asyncio.run(go())


def test_a_call_is_what_it_says(server):
    request = Call("PUT", f"{server.url}/x?y=1", b"body", [("X-One", "1")])

    assert call(server, request) == Answer(200, b"ok")
    [asked] = server.asked
    assert (asked.method, asked.path, asked.body) == ("PUT", "/x?y=1", b"body")
    assert asked.headers["x-one"] == "1"
    assert asked.headers["host"] == f"localhost:{server.port}"


def test_a_name_that_leads_inside_is_not_called(server):
    """`localhost` stands for any public name that resolves to an address of ours."""
    with pytest.raises(TryLater, match="localhost has an address that is not public"):
        call(server, Call("POST", server.url), internal=())
    assert server.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "[fec0::1]", "[3fff::1]", "192.0.0.192", "192.88.99.1", "168.63.129.16",
        "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "255.255.255.255", "240.0.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_may_not_be_called(host):
    with pytest.raises(Misuse, match="is not a public address"):
        Hosts().check(f"https://{host}/hook")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "https://", "https://user:pw@example.org/",
        "https://ex ample.org/", "https://example.org/\r\nHost: evil", "https://example.org:99999/",
        "file:///etc/passwd", "https://exämple.org/", "//example.org", "",
    ],
)  # fmt: skip
def test_what_is_no_https_address_is_refused(url):
    with pytest.raises(Misuse):
        Hosts().check(url)


def test_an_operator_may_name_hosts_and_networks_of_their_own():
    hosts = Hosts(["lists.internal", "10.0.0.0/8"])

    assert hosts.check("http://lists.internal/hook") == "lists.internal"
    assert hosts.check("https://10.1.2.3/hook") == "10.1.2.3"
    assert hosts.reachable("10.9.9.9")
    assert not hosts.reachable("192.168.1.1")
    with pytest.raises(Misuse):
        hosts.check("https://192.168.1.1/hook")


def test_a_redirect_is_an_answer_and_is_not_followed(server):
    server.answer = lambda asked: (307, b"")
    server.extra = {"Location": f"{server.url}/elsewhere"}

    assert call(server, Call("POST", f"{server.url}/hook")).status == 307
    assert len(server.asked) == 1


def test_a_certificate_of_somebody_else_is_not_accepted(server):
    with pytest.raises(TryLater, match="cannot be reached"):
        call(server, Call("POST", server.url), trust=ssl.create_default_context())
    assert server.asked == []


def test_a_large_answer_is_cut_off(server):
    server.answer = lambda asked: (200, b"x" * (2 * MOST))

    assert len(call(server, Call("GET", server.url)).body) == MOST


def test_a_large_body_is_not_sent(server):
    with pytest.raises(Misuse, match="too large"):
        call(server, Call("POST", server.url, b"x" * (MOST + 1)))


def test_who_does_not_answer_in_time_is_tried_later(server):
    hold = threading.Event()
    server.answer = lambda asked: (hold.wait(10), (200, b""))[1]
    try:
        with pytest.raises(TryLater, match="did not answer within"):
            call(server, Call("POST", server.url), patience=0.3)
    finally:
        hold.set()


def test_who_is_not_there_is_tried_later_and_the_path_is_not_named(server):
    with pytest.raises(TryLater) as caught:
        call(server, Call("POST", "https://localhost:1/secret-path"))
    assert "secret-path" not in str(caught.value)
