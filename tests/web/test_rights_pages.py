"""The pages about the data and behind the letters over HTTP: what acts and what does not, and what strangers learn."""

import re
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.tokens import Purpose
from tests.web.real import House

STRICT = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@pytest.fixture
def client(house):
    with httpx.Client(base_url=house.url, headers={"Accept-Language": "fr"}) as client:
        yield client


@pytest.fixture
def person(house):
    return house.newcomer()


@pytest.fixture
def data(house, person):
    return f"/p/{house.token(person)}/data"


@pytest.fixture
def letter(client, house, data):
    """The page behind a letter about an erasure."""
    assert client.post(data, data={"do": "ask", "right": "erasure"}).status_code == 303
    return house.letter_path()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_only_a_post_acts(client, house, person, data, letter, method):
    before = len(house.letters())
    client.request(method, f"{data}?do=ask&right=access", content=b"do=ask&right=access")
    client.request(method, f"{letter}?do=confirm", content=b"do=confirm")
    assert len(house.letters()) == before
    assert house.person(person)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_on_another_site_does_nothing(client, house, person, data, letter, site):
    before = len(house.letters())
    foreign = {"Sec-Fetch-Site": site}
    assert client.post(data, data={"do": "ask", "right": "access"}, headers=foreign).status_code == 403
    assert client.post(letter, data={"do": "confirm"}, headers=foreign).status_code == 403
    assert len(house.letters()) == before
    assert house.person(person)


@pytest.mark.parametrize("form", [{}, {"do": "ask"}, {"do": "ask", "right": "everything"}, {"do": "confirm-all"}])
def test_a_form_that_was_not_ours_changes_nothing_and_says_so(client, data, letter, form):
    for path in (data, letter):
        answer = client.post(path, data=form)
        assert answer.status_code == 400
        assert "rien n’a changé" in answer.text


def test_no_token_opens_what_another_one_is_for(client, house, person, data, letter):
    """The link in a message, which may be forwarded, does not open the page behind a letter, nor that one the first."""
    tokens = house.context.tokens
    link, right = house.token(person), letter.rpartition("/")[2]
    wrong = [f"/r/{link}", f"/p/{right}", f"/p/{right}/data", f"/1/{right}", "/r/nothing", "/p/nothing/data"]
    wrong.append(f"/r/{tokens.seal(Purpose.RIGHT, house.link(person, parcel=999_999_999))}")
    answers = [client.request(method, path) for path in wrong for method in ("GET", "POST")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_headers_are_strict_and_neither_address_nor_data_are_in_any_page_before_the_confirmation(
    client, house, person, data, letter
):
    for answer in (client.get(data), client.get(letter), client.post(letter, data={})):
        assert STRICT.items() <= dict(answer.headers).items()
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert person not in answer.text
        assert "Camille" not in answer.text
        assert not re.search(r"<script|https?://(?!www\.maison-lavande|www\.cnil\.fr)", answer.text)


def test_the_copy_stays_under_a_strict_policy_and_out_of_every_cache(client, house, data):
    client.post(data, data={"do": "ask", "right": "access"})
    path = house.letter_path()
    assert client.post(path, data={"do": "copy"}).status_code == 404  # not confirmed
    client.post(path, data={"do": "confirm"})
    page, machine = (client.post(path, data={"do": name}) for name in ("copy", "json"))
    for answer in (page, machine):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert machine.headers["content-disposition"] == 'attachment; filename="data.json"'
    assert client.get(path).status_code == 200


def test_while_the_database_fails_over_nothing_is_claimed_and_afterwards_it_is_done(postgres, postgres_url, tmp_path):
    """503 with Retry-After, and a button that asks for the same again; never a false success."""
    own, name = House(postgres_url, tmp_path), urlsplit(postgres_url).path[1:]
    path = f"{own.url}/p/{own.token()}"
    one_click = path.replace("/p/", "/1/")
    try:
        postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        answers = [
            httpx.post(one_click, data={"List-Unsubscribe": "One-Click"}, timeout=60),
            httpx.post(path, data={"do": "choose", "scope": "all", "channel-sms": "on"}, timeout=60),
            httpx.post(f"{path}/data", data={"do": "ask", "right": "access"}, timeout=60),
            httpx.get(f"{path}/data", timeout=60),
        ]
        postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.headers["retry-after"] for answer in answers} == {"30"}
        asked = [dict(re.findall(r'name="([^"]+)" value="([^"]+)"', answer.text)) for answer in answers[1:3]]
        assert asked == [{"do": "choose", "scope": "all", "channel-sms": "on"}, {"do": "ask", "right": "access"}]
        assert own.letters() == []

        assert httpx.post(one_click, data={"List-Unsubscribe": "One-Click"}, timeout=60).status_code == 200
        assert "C’est fait" in httpx.get(path, headers={"Accept-Language": "fr"}, timeout=60).text
    finally:
        postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        own.close()
