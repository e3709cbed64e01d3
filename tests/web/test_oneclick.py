"""The one-click door keeps to RFC 8058, and only POST opens it."""

import base64
import concurrent.futures
import os
import socket
import time

import httpx
import pytest

from gateway.tokens import NOBODY, Keyring, Purpose, Tokens
from gateway.web.app import WebOptions, create_app
from tests.web.house import GONE, KNOWN, NO_LIST, Running, token

FORM = {"List-Unsubscribe": "One-Click"}
STOPPED = [("stop", KNOWN, "one-click")]
MULTIPART = (
    b"---FormBoundaryjWmhtjORrn\r\n"
    b'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
    b"---FormBoundaryjWmhtjORrn--\r\n"
)


def test_the_link_that_tries_the_pages_is_answered_and_stops_nobody(client, desk):
    """So that `doctor` tells pages with our secrets from pages with others, for which its link is forged."""
    assert client.post(f"/1/{token(NOBODY)}", data=FORM).status_code == 200
    assert client.post(f"/1/{token(GONE)}", data=FORM).status_code == 404


def test_a_urlencoded_post_stops_everything_and_answers_200_without_cookie_or_redirect(client, desk):
    answer = client.post(f"/1/{token()}", data=FORM)

    assert answer.status_code == 200
    assert not answer.history
    assert "set-cookie" not in answer.headers
    assert desk.changes == STOPPED
    assert desk.views[KNOWN.contact].stopped_all


def test_the_multipart_example_of_the_rfc_stops_the_list(client, desk):
    """RFC 8058, 8.2, byte for byte."""
    kind = {"Content-Type": "multipart/form-data; boundary=-FormBoundaryjWmhtjORrn"}
    assert client.post(f"/1/{token()}", content=MULTIPART, headers=kind).status_code == 200
    assert desk.changes == STOPPED


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", None),
        (b"", "application/x-www-form-urlencoded"),
        (b"\r\n", "application/x-www-form-urlencoded"),
        (b"", "multipart/form-data; boundary=x"),
        (b"List-Unsubscribe=One-Click", None),
        (b"List-Unsubscribe=One-Click\r\n", "text/plain"),
        (b"List-Unsubscribe=One-Click", "application/octet-stream"),
        (b"List-Unsubscribe=One-Click", "multipart/form-data"),
        (b"list-unsubscribe=one-click", "application/x-www-form-urlencoded; charset=utf-8"),
        (b"x=1&List-Unsubscribe=One%2DClick&y=", "application/x-www-form-urlencoded"),
    ],
)
def test_a_wish_that_can_be_understood_is_honoured_whatever_its_label(client, desk, content, kind):
    answer = client.post(f"/1/{token()}", content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 200
    assert desk.changes == STOPPED


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"List-Unsubscribe=Maybe", "application/x-www-form-urlencoded"),
        (b"hello=world", "application/x-www-form-urlencoded"),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        (MULTIPART[:60], "multipart/form-data; boundary=-FormBoundaryjWmhtjORrn"),
        (MULTIPART.replace(b"One-Click", b"No"), "multipart/form-data; boundary=-FormBoundaryjWmhtjORrn"),
        (MULTIPART.replace(b'name="List-Unsubscribe"', b""), "multipart/form-data; boundary=-FormBoundaryjWmhtjORrn"),
        (b"&".join(b"%d=1" % n for n in range(100)), "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
    ],
)
def test_another_body_changes_nothing_and_gets_the_page_with_the_button(client, desk, content, kind):
    answer = client.post(f"/1/{token()}", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert desk.changes == []
    assert '<input type="hidden" name="do" value="stop">' in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["1", "p"])
def test_no_method_but_post_changes_anything(client, desk, method, path):
    answer = client.request(method, f"/{path}/{token()}?do=stop&List-Unsubscribe=One-Click", content=b"do=stop")

    assert desk.changes == []
    if method in {"GET", "HEAD"}:
        assert answer.status_code == 200
    else:
        assert answer.status_code == (204 if method == "OPTIONS" else 405)
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


def test_get_shows_the_page_with_one_button_that_posts_to_the_page(client, desk):
    page = client.get(f"/1/{token()}").text
    assert page.count("<button") == 1
    assert f'action="../p/{token()}"' in page


def test_a_mail_system_gets_a_word_and_a_person_the_page(client, desk):
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    machine, person = client.post(f"/1/{token()}", data=FORM), client.post(f"/1/{token()}", data=FORM, headers=browser)
    assert (machine.status_code, machine.text) == (200, "OK\n")
    assert person.status_code == 200
    assert 'value="undo"' in person.text


def test_posting_twice_is_posting_once(client, desk):
    first, second = (client.post(f"/1/{token()}", data=FORM) for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text) == (200, first.text)


def test_a_token_works_in_capitals(client, desk):
    assert client.post(f"/1/{token().upper()}", data=FORM).status_code == 200
    assert desk.changes == STOPPED


def test_a_link_without_a_list_stops_everything(client, desk):
    assert client.post(f"/1/{token(NO_LIST)}", data=FORM).status_code == 200
    assert desk.views[NO_LIST.contact].stopped_all


def forged() -> list[str]:
    good = token()
    stranger = Tokens(Keyring({1: os.urandom(32)}))
    return [
        good[:-1] + ("q" if good[-1] != "q" else "a"),
        good[:-1],
        good + "a",
        stranger.seal(Purpose.LINK, KNOWN),
        Tokens(Keyring({1: bytes(range(32))})).seal(Purpose.MAILTO, KNOWN),
        token(GONE),
        "x",
        "%00",
        "%E2%82%AC" * 20,
        "..",
        base64.b32encode(os.urandom(33)).decode().rstrip("=").lower(),
        "a" * 5000,
    ]


@pytest.mark.parametrize("path", ["1", "p"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_forged_token_gets_the_same_404_and_no_event(client, desk, path, method):
    """Also one that is ours but about which nothing is known: a stranger learns nothing from trying."""
    form = FORM if method == "POST" else None
    answers = [client.request(method, f"/{path}/{wrong}", data=form) for wrong in forged()]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert len({frozenset((n, v) for n, v in answer.headers.items() if n != "date") for answer in answers}) == 1
    assert desk.views == type(desk)().views


def test_a_link_works_through_every_change_of_keys(desk):
    """For the life of the installation: old keys stay in the ring, new links are made with the new one."""
    ring = Tokens(Keyring({1: bytes(range(32)), 2: os.urandom(32), 3: os.urandom(32)}))
    running = Running(create_app(desk, desk, ring, WebOptions(public_url="https://mail.example.org")))
    try:
        for sealed in (token(), ring.seal(Purpose.LINK, KNOWN)):
            assert httpx.post(f"{running.url}/1/{sealed}", data=FORM).status_code == 200
    finally:
        running.close()
    assert desk.changes == STOPPED * 2


def test_the_same_404_answers_a_bad_body_and_an_unknown_path(client, desk):
    bland = client.get("/1/x").text
    assert client.post("/1/x", content=b"garbage", headers={"Content-Type": "multipart/form-data"}).text == bland
    assert client.get("/nothing/here").text == bland
    assert client.get("/").text == bland
    assert client.get(f"/1/{token()}/").text == bland


@pytest.mark.parametrize("path", ["1", "p"])
def test_while_the_store_is_away_the_answer_is_503_with_retry_after_and_never_a_success(client, desk, path):
    desk.away()
    answers = [
        client.post(f"/{path}/{token()}", data=FORM),
        client.post(f"/{path}/{token()}", data={"do": "undo"}),
        client.get(f"/{path}/{token()}"),
        client.head(f"/{path}/{token()}"),
    ]
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"30"}
    assert not desk.views[KNOWN.contact].stopped_list

    desk.trouble = None
    assert client.post(f"/1/{token()}", data=FORM).status_code == 200


def test_a_bug_is_answered_with_a_reference_and_without_its_story(client, desk, capfd):
    desk.trouble = RuntimeError("no such column: secret of jane@example.org")
    answer = client.post(f"/1/{token()}", data=FORM)

    log = capfd.readouterr().err
    reference = answer.text.partition("référence ")[2][:8]
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert reference in log
    assert "jane@" not in log
    assert token() not in log


def test_an_opt_out_that_does_not_stand_is_not_confirmed(client, desk):
    """A desk that answers without having acted is a bug, and the person is not told a lie."""
    desk.idle = True
    assert client.post(f"/1/{token()}", data=FORM).status_code == 500
    assert client.post(f"/p/{token()}", data={"do": "stop"}).status_code == 500


def test_a_body_too_large_is_refused_and_changes_nothing(client, desk):
    whole = client.post(f"/1/{token()}", content=b"List-Unsubscribe=One-Click&x=" + b"x" * 20_000)
    pieces = client.post(f"/1/{token()}", content=(b"x" * 1000 for _ in range(1000)))
    assert (whole.status_code, pieces.status_code) == (413, 413)
    assert desk.changes == []


def test_a_client_that_leaves_in_the_middle_of_its_body_changes_nothing(client, desk, capfd):
    with socket.create_connection((client.base_url.host, client.base_url.port)) as line:
        head = f"POST /1/{token()} HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nList-Unsub"
        line.sendall(head.encode())
        time.sleep(0.05)
    time.sleep(0.05)
    assert client.get(f"/1/{token()}").status_code == 200
    assert desk.changes == []
    assert capfd.readouterr().err == ""


def test_many_at_once_are_all_acknowledged(url, client, desk):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.post(f"/1/{token()}", data=FORM).status_code, range(200)))
    assert answers == [200] * 200
    assert len(desk.changes) == 200
