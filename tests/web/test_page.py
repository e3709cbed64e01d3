"""What the person's page answers, header by header and form by form."""

import re

import pytest

from gateway import text
from gateway.tokens import Link
from tests.web.house import ADVERTISER, KNOWN, NO_LIST, shown, token

HERE = f"/p/{token()}"


@pytest.mark.parametrize(
    ("do", "call"),
    [
        ("stop", ("stop", KNOWN, "page")),
        ("undo", ("undo", KNOWN)),
    ],
)
def test_a_button_acts_and_sends_the_browser_back_to_the_page_by_get(client, desk, do, call):
    answer = client.post(HERE, data={"do": do})

    assert desk.changes == [call]
    assert answer.status_code == 303
    assert answer.headers["location"] == token() + ("?did=undo" if do == "undo" else "")
    assert client.get(f"/p/{answer.headers['location']}").status_code == 200
    assert desk.changes == [call]


@pytest.mark.parametrize(
    ("form", "call"),
    [
        ({"do": "choose", "scope": "list"}, ("choose", KNOWN, "list", ())),
        (
            {"do": "choose", "scope": "email", "channel-sms": "on", "channel-x": "on"},
            ("choose", KNOWN, "email", ("sms",)),
        ),
        ({"do": "choose", "scope": "all"}, ("choose", KNOWN, "all", ())),
        ({"do": "why", "why": "too-many"}, ("explain", KNOWN, "too-many")),
    ],
)
def test_a_choice_and_a_reason_reach_the_desk_and_the_page_says_so(client, desk, form, call):
    answer = client.post(HERE, data=form)
    assert desk.changes == [call]
    assert answer.headers["location"] == f"{token()}?did={form['do']}"
    said = text.say("web.chosen" if form["do"] == "choose" else "web.thanks", "fr")
    assert said in client.get(f"/p/{answer.headers['location']}").text


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"do": ""},
        {"do": "STOP"},
        {"do": "delete"},
        {"other": "stop"},
        {"do": "choose"},
        {"do": "choose", "scope": "everyone"},
        {"do": "why", "why": "<b>free text</b>"},
    ],
)
def test_a_form_that_was_not_ours_changes_nothing_and_says_so(client, desk, form):
    answer = client.post(HERE, data=form)
    assert answer.status_code == 400
    assert "rien n’a changé" in answer.text
    assert desk.changes == []


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)]
)
def test_a_form_on_another_site_cannot_press_the_button(client, desk, site, status):
    assert client.post(HERE, data={"do": "stop"}, headers={"Sec-Fetch-Site": site}).status_code == status
    assert len(desk.changes) == (status == 303)
    assert client.post(f"/1/{token()}", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_a_one_click_form_sent_to_the_page_is_honoured(client, desk):
    assert client.post(HERE, data={"List-Unsubscribe": "One-Click"}).status_code == 303
    assert desk.changes == [("stop", KNOWN, "page")]


def test_undo_of_a_refusal_made_elsewhere_is_not_claimed(client, desk):
    desk.idle, desk.views[KNOWN.contact] = True, shown(stopped_all=True)
    answer = client.post(HERE, data={"do": "undo"}, follow_redirects=True)
    assert text.say("web.not_undone", "fr") in answer.text
    assert text.say("web.undone", "fr") not in answer.text


def test_a_refusal_made_elsewhere_can_be_widened_here_and_not_narrowed(client, desk):
    desk.views[KNOWN.contact] = shown(stopped_all=True)
    page = client.get(HERE).text
    assert re.findall(r'name="scope" value="(\w+)"', page) == ["email", "all"]
    assert 'value="undo"' not in page
    desk.views[KNOWN.contact] = shown(stopped_list=True, stopped_all=True, gone=True)
    assert "<form" not in client.get(HERE).text


def test_who_agreed_to_be_watched_takes_that_back_by_one_button(client, desk):
    stop = text.say("web.tracking.stop", "fr")
    assert stop not in client.get(HERE).text
    desk.views[KNOWN.contact] = shown(tracked=True)
    assert stop in client.get(HERE).text

    answer = client.post(HERE, data={"do": "untrack"}, follow_redirects=True)
    assert desk.changes == [("untrack", KNOWN)]
    assert text.say("web.untracked", "fr") in answer.text
    assert stop not in answer.text


def test_a_link_without_a_list_offers_the_button_and_no_list(client, desk):
    page = client.get(f"/p/{token(NO_LIST)}").text
    assert text.say("web.ask.any", "fr", advertiser=ADVERTISER.replace("&", "&amp;")) in page


def test_headers_are_strict_on_every_kind_of_answer(client, desk):
    answers = [
        client.get(HERE),
        client.get("/p/x"),
        client.options(HERE),
        client.put(HERE),
        client.post(HERE, data={"do": "stop"}),
        client.post(HERE),
    ]
    desk.away()
    answers.append(client.get(HERE))
    desk.trouble = RuntimeError("bug")
    answers.append(client.get(HERE))

    assert [a.status_code for a in answers] == [200, 404, 204, 405, 303, 400, 503, 500]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert answer.headers["strict-transport-security"]
        assert not {"server", "x-powered-by", "set-cookie", "etag", "last-modified"} & set(answer.headers)


@pytest.mark.parametrize(
    ("query", "accept", "of_list", "used"),
    [
        ("", None, "fr", "fr"),
        ("", None, "en", "en"),
        ("", None, "tlh", "fr"),
        ("", "en-GB,en;q=0.9", "fr", "en"),
        ("", "de, fr;q=0.3, en;q=0.7", "fr", "en"),
        ("", "en;q=0, fr;q=0.1", "en", "fr"),
        ("", "de,ja;q=0.5,*;q=0.1", "en", "en"),
        ("", "en;q=x, ;;;,=,fr;q=", "en", "en"),
        ("?lang=en", "fr", "fr", "en"),
        ("?lang=FR-ca", "en", "en", "fr"),
        ("?lang=../../etc", "en", "fr", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_then_the_browsers_then_the_lists(client, desk, query, accept, of_list, used):
    desk.views[KNOWN.contact] = shown(lang=of_list)
    client.headers.pop("accept-language", None)
    answer = client.get(HERE + query, headers={"Accept-Language": accept} if accept else {})

    assert f'<html lang="{used}" dir="ltr">' in answer.text
    assert answer.headers["content-language"] == used
    assert answer.headers["vary"] == "Accept-Language"


def test_a_language_asked_for_is_kept_after_the_button(client, desk):
    page = client.get(f"{HERE}?lang=en").text
    action = re.search(r'action="([^"]+)"', page)[1]
    assert action == f"../p/{token()}?lang=en"
    assert client.post(f"{HERE}?lang=en", data={"do": "undo"}).headers["location"] == f"{token()}?did=undo&lang=en"


def test_nothing_of_the_request_is_echoed(client, desk):
    """No query, form or header comes back, so nothing can be reflected and nothing redirected elsewhere."""
    evil = "<script>alert(1)</script>//evil.example"
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Referer": evil, "Accept-Language": evil}
    answers = [
        client.get(HERE, params={"lang": evil, "did": evil, "x": evil}, headers=headers),
        client.post(HERE, params={"lang": evil}, data={"do": evil}, headers=headers),
        client.post(HERE, params={"lang": evil}, data={"do": "stop"}, headers=headers),
        client.get("/p/" + "%3Cscript%3Eevil.example", headers=headers),
    ]
    for answer in answers:
        assert "evil" not in answer.text + str(answer.headers)
        assert "script" not in answer.text


def test_what_an_advertiser_enters_cannot_break_the_page(client, desk):
    evil = '</title></style><script>alert("1")</script>'
    desk.views[KNOWN.contact] = shown(
        advertiser=evil,
        list_title=evil,
        color="red;}" + evil,
        privacy_url="javascript:alert(1)",
        contact=f"{evil}@x.example",
    )
    page = client.get(HERE).text
    assert "<script" not in page
    assert "javascript:" not in page
    assert "mailto:" not in page
    assert page.count("</style>") == 1


def test_pages_are_small(client, desk):
    pages = [client.get(HERE), client.post(f"/1/{token()}", headers={"Accept": "text/html"}), client.get("/p/x")]
    assert max(len(page.content) for page in pages) < 15_000


def test_no_address_and_no_identity_number_is_in_the_page(client, desk):
    known = Link(contact=987_654, list=7, parcel=123_456_789)
    desk.views[known.contact] = shown(contact="")
    page = client.get(f"/p/{token(known)}").text
    assert "@" not in re.sub(r"<style>.*</style>", "", page, flags=re.DOTALL)
    assert "987654" not in page
    assert "123456789" not in page
