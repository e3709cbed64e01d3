"""Signing up over HTTP: what acts and what does not, who may send the form, and that nobody learns whom we know."""

import re

import httpx
import pytest

from tests.flow.joinlist import MAIN, PARTNERS
from tests.flow.rig import CAMILLE, OBJECTED
from tests.web.hall import RETURN, SITE, Hall

FORM = "/join/lettre"


NEW = "nouvelle@mailbox.example"


@pytest.fixture
def client(hall):
    with httpx.Client(base_url=hall.url, headers={"accept-language": "fr"}) as client:
        yield client


def fill(address: str = NEW, *boxes: str, **more: str) -> dict[str, str]:
    """Return the form as a browser sends it."""
    ticked = {f"box-{name}": "yes" for name in boxes or (MAIN,)}
    shown = {f"shown-{name}": f"{name}/1" for name in (MAIN, PARTNERS, "lettre-tracking")}
    return {"do": "join", "address": address, "website": "", **ticked, **shown, **more}


def test_getting_the_form_changes_nothing(client, hall):
    for method in ("GET", "HEAD", "OPTIONS"):
        assert client.request(method, FORM).status_code in {200, 204}
    assert hall.waiting() == []


def test_signing_up_sends_one_letter_and_leads_to_a_page_that_names_nobody(client, hall):
    answer = client.post(FORM, data=fill())

    assert (answer.status_code, answer.headers["location"]) == (303, "lettre?did=sent")
    page = client.get(FORM, params={"did": "sent"})
    assert "Il reste une étape" in page.text
    assert NEW not in page.text
    assert len(hall.letters(NEW)) == 1
    assert hall.verdict(NEW) == "R-UNKNOWN"


def test_the_answer_is_the_same_for_everybody(client, hall):
    answers = [client.post(FORM, data=fill(address)) for address in (NEW, CAMILLE, OBJECTED)]

    assert len({(one.status_code, one.content, tuple(sorted(set(one.headers) - {"date"}))) for one in answers}) == 1
    assert [len(hall.letters(address)) for address in (NEW, CAMILLE, OBJECTED)] == [1, 1, 1]


def test_a_scanner_that_follows_the_link_confirms_nothing(client, hall):
    client.post(FORM, data=fill())
    [path] = hall.letters(NEW)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert client.request(method, path).status_code in {200, 204}
    assert hall.verdict(NEW) == "R-UNKNOWN"

    assert client.post(path, data={"do": "confirm"}).status_code == 303
    assert hall.verdict(NEW) == "A-CONSENT"
    assert client.post(path, data={"do": "confirm"}).status_code == 303
    assert len(hall.granted()) == 1
    assert "C’est confirmé" in client.get(path).text


def test_a_letter_can_be_answered_with_no(client, hall):
    client.post(FORM, data=fill())
    [path] = hall.letters(NEW)
    answer = client.post(path, data={"do": "decline"})

    assert hall.waiting() == []
    page = client.get(path.rpartition("/")[0] + "/" + answer.headers["location"])
    assert "La demande est effacée" in page.text
    assert client.get(path).status_code == 410
    assert client.post(path, data={"do": "confirm"}).status_code == 303
    assert hall.verdict(NEW) == "R-UNKNOWN"


@pytest.mark.parametrize("token", ["x", "a" * 53])
def test_a_forged_link_leads_nowhere(client, hall, token):
    assert client.get(f"{FORM}/{token}").status_code == 404
    assert client.post(f"{FORM}/{token}", data={"do": "confirm"}).status_code == 404


def test_a_link_opens_under_its_own_list_and_purpose_only(client, hall):
    client.post(FORM, data=fill())
    [path] = hall.letters(NEW)
    token = path.rpartition("/")[2]

    assert client.get(f"/join/clients/{token}").status_code == 404
    assert client.get(f"/p/{token}").status_code == 404
    assert client.post(f"/1/{token}").status_code == 404


def test_a_list_without_a_form_is_a_page_that_is_not_there(client):
    for name in ("clients", "nothing", "%00", "../lettre"):
        assert client.get(f"/join/{name}").status_code == 404
    assert client.post("/join/clients", data=fill()).status_code == 404


def test_a_program_that_fills_in_everything_is_told_the_same_and_nothing_happens(client, hall):
    answer = client.post(FORM, data=fill(website="https://spam.example"))

    assert (answer.status_code, answer.headers["location"]) == (303, "lettre?did=sent")
    assert hall.waiting() == []


def test_refusing_records_nothing(client, hall):
    answer = client.post(FORM, data=fill(do="refuse"))

    assert answer.headers["location"] == "lettre?did=refused"
    assert hall.waiting() == []


def test_a_form_without_a_tick_comes_back_with_what_was_an_address(client, hall):
    answer = client.post(FORM, data=fill(NEW, "other"))

    assert answer.status_code == 400
    assert "Aucune case n’est cochée" in answer.text
    assert f'value="{NEW}"' in answer.text
    assert "checked" not in answer.text


@pytest.mark.parametrize("address", ['"><script>alert(1)</script>', "not an address, but words", "x" * 3000])
def test_what_is_no_address_is_not_shown_again(client, hall, address):
    answer = client.post(FORM, data=fill(address, age=address, parent=address))

    assert answer.status_code == 400
    assert address not in answer.text
    assert "alert(1)" not in answer.text
    assert hall.waiting() == []


def test_a_text_that_is_not_the_one_in_force_is_read_again(client, hall):
    answer = client.post(FORM, data=fill(**{f"shown-{MAIN}": f"{MAIN}/9"}))

    assert "Le texte a changé" in answer.text
    assert "checked" not in answer.text
    assert hall.waiting() == []


def test_a_form_on_the_advertisers_site_leads_back_to_it(client, hall):
    browser = {"sec-fetch-site": "cross-site", "origin": SITE}
    answer = client.post(FORM, data=fill(**{"return": RETURN}), headers=browser)

    assert (answer.status_code, answer.headers["location"]) == (303, RETURN)
    assert hall.waiting()[0].asked["form"] == "www.maison-lavande.example/merci"


@pytest.mark.parametrize(
    "place", ["https://evil.example/", f"{RETURN}.evil.example", f"{RETURN}?x", "//evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_a_page_that_the_list_does_not_name(client, hall, place):
    answer = client.post(FORM, data=fill(**{"return": place}))

    assert answer.headers["location"] == "lettre?did=sent"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", f"{SITE}.evil.example"])
def test_a_form_on_any_other_site_does_nothing(client, hall, origin):
    answer = client.post(FORM, data=fill(), headers={"sec-fetch-site": "cross-site", "origin": origin})

    assert answer.status_code == 403
    assert "d’une autre page" in answer.text
    assert hall.waiting() == []


def test_a_confirmation_from_another_site_does_nothing(client, hall):
    client.post(FORM, data=fill())
    [path] = hall.letters(NEW)
    answer = client.post(path, data={"do": "confirm"}, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert hall.verdict(NEW) == "R-UNKNOWN"


def test_a_network_that_sends_many_forms_is_slowed_down_and_others_are_not(sqlite_url, tmp_path):
    hall = Hall(sqlite_url, tmp_path, sign_ups=3)
    try:
        with httpx.Client(base_url=hall.url) as client:
            here, there = {"x-forwarded-for": "192.0.2.1"}, {"x-forwarded-for": "198.51.100.1"}
            codes = [client.post(FORM, data=fill(f"a{n}@mailbox.example"), headers=here).status_code for n in range(5)]
            assert codes == [303, 303, 303, 429, 429]
            assert int(client.post(FORM, data=fill(), headers=here).headers["retry-after"]) > 0
            assert client.post(FORM, data=fill(), headers=there).status_code == 303
    finally:
        hall.close()


@pytest.mark.parametrize("recorded", [True, False])
def test_the_network_is_recorded_only_when_switched_on(sqlite_url, tmp_path, recorded):
    hall = Hall(sqlite_url, tmp_path, record_network=recorded)
    try:
        httpx.post(hall.url + FORM, data=fill(), headers={"x-forwarded-for": "192.0.2.77"})
        assert hall.waiting()[0].asked.get("network") == ("192.0.2.0/24" if recorded else None)
    finally:
        hall.close()


def test_pages_are_small_and_strict_and_fetch_nothing(client, hall):
    hall.reset(child=True, channels=("email", "sms", "mms", "phone"))
    client.post(FORM, data=fill())
    for path in (FORM, f"{FORM}?did=sent", f"{FORM}?did=refused", *hall.letters(NEW)):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert len(answer.content) < 30_000
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script|<link|<img|src=|@import|style=", answer.text)
