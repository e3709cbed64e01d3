"""What plugins say to their tools and hear from them, call by call, as each tool's documentation has it."""

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest

from gateway.loader import available, load
from gateway.plugin import Answer, Call, Event, Heard, Member, Tool

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
ANNA = "anna@example.org"


def event(kind: str = "unsubscribed", **fields: Any) -> Event:
    return Event(**{"kind": kind, "address": ANNA, "at": AT} | fields)


def talk(plugin: str, told: Event, tool: Tool, *answers: object) -> list[Call]:
    """Hold a conversation with prepared answers (JSON, or b""); return the calls."""
    notify = load(plugin).notify
    assert notify is not None
    return list(_calls(notify(told, tool), answers))


def _calls(conversation: Any, answers: tuple[object, ...]) -> Iterator[Call]:
    waiting = list(answers)
    answer = None
    while True:
        try:
            call = conversation.send(answer)
        except StopIteration:
            assert not waiting, "the plugin did not ask for all of it"
            return
        assert len(call.body) < 1_048_576
        yield call
        body = waiting.pop(0) if waiting else b""
        answer = Answer(200, body if isinstance(body, bytes) else json.dumps(body).encode())


def roster(plugin: str, tool: Tool, name: str, *answers: object) -> tuple[list[Member], list[Call]]:
    members = load(plugin).members
    assert members is not None
    conversation, waiting = members(tool, name), list(answers)
    found: list[Member] = []
    calls: list[Call] = []
    answer = None
    while True:
        try:
            said = conversation.send(answer)
        except StopIteration:
            return found, calls
        answer = None
        if isinstance(said, Member):
            found.append(said)
        else:
            calls.append(said)
            answer = Answer(200, json.dumps(waiting.pop(0)).encode())


LISTMONK = Tool("https://listmonk.example", "gate", "key", {"news": "3"})
FOUND = {"data": {"results": [{"id": 5, "email": ANNA}]}}


def test_listmonk_unsubscribes_from_one_list_and_blocklists_for_all() -> None:
    find, leave = talk("listmonk", event(list="news"), LISTMONK, FOUND)
    assert unquote(find.url).endswith("query=subscribers.email = 'anna@example.org'")
    assert (leave.method, leave.url) == ("PUT", "https://listmonk.example/api/subscribers/lists")
    assert json.loads(leave.body) == {"ids": [5], "action": "unsubscribe", "target_list_ids": [3]}
    assert dict(leave.headers)["authorization"] == "Basic " + base64.b64encode(b"gate:key").decode()
    _, block = talk("listmonk", event(), LISTMONK, FOUND)
    assert (block.method, block.url) == ("PUT", "https://listmonk.example/api/subscribers/5/blocklist")
    assert len(talk("listmonk", event(), LISTMONK, {"data": {"results": []}})) == 1


def test_listmonk_hears_of_bounces_with_the_campaign_and_no_address_breaks_its_query() -> None:
    (bounce,) = talk("listmonk", event("bounced", campaign="c-1"), LISTMONK)
    assert bounce.url == "https://listmonk.example/webhooks/bounce"
    assert json.loads(bounce.body) == {
        "email": ANNA, "source": "consentgate", "type": "hard", "meta": "{}", "campaign_uuid": "c-1",
    }  # fmt: skip
    sly = Event("unsubscribed", "o'brien' or 1=1 --@example.org", AT)
    (find,) = talk("listmonk", sly, LISTMONK, {"data": {"results": []}})
    query = parse_qs(urlsplit(find.url).query)["query"][0]
    assert query == "subscribers.email = 'o''brien'' or 1=1 --@example.org'"


def test_listmonk_says_who_is_on_a_list() -> None:
    rows = [
        {"email": "a@x.example", "status": "enabled", "lists": [{"id": 3, "subscription_status": "confirmed"}]},
        {"email": "b@x.example", "status": "enabled", "lists": [{"id": 3, "subscription_status": "unsubscribed"}]},
        {"email": "c@x.example", "status": "blocklisted", "lists": [{"id": 3, "subscription_status": "confirmed"}]},
    ]
    found, calls = roster("listmonk", LISTMONK, "3", {"data": {"results": rows}})
    assert [(one.address[0], one.subscribed) for one in found] == [("a", True), ("b", False), ("c", False)]
    assert "list_id=3" in calls[0].url


MAUTIC = Tool("https://mautic.example", "gate", "key")


def test_mautic_sets_and_lifts_do_not_contact_for_that_very_address() -> None:
    contacts = {
        "contacts": {
            "7": {"id": 7, "fields": {"all": {"email": "Anna@example.org"}}},
            "8": {"id": 8, "fields": {"all": {"email": "anna@example.organisation"}}},
        }
    }
    find, add = talk("mautic", event(), MAUTIC, contacts)
    assert "search=email%3Aanna%40example.org" in find.url
    assert (add.method, add.url) == ("POST", "https://mautic.example/api/contacts/7/dnc/email/add")
    assert json.loads(add.body)["reason"] == 1
    assert json.loads(talk("mautic", event("bounced"), MAUTIC, contacts)[1].body)["reason"] == 2
    assert talk("mautic", event("subscribed"), MAUTIC, contacts)[1].url.endswith("/7/dnc/email/remove")
    assert talk("mautic", event("delivered"), MAUTIC) == []


def test_mautic_webhooks_are_heard() -> None:
    receive = load("mautic").receive
    assert receive is not None
    body = {
        "mautic.lead_channel_subscription_changed": [
            {
                "contact": {"id": 7, "fields": {"core": {"email": {"value": ANNA}}}},
                "channel": "email",
                "old_status": "contactable",
                "new_status": "unsubscribed",
                "timestamp": "2026-11-23T10:00:00+00:00",
            },
            {
                "contact": {"fields": {"core": {"email": {"value": ANNA}}}},
                "channel": "sms",
                "new_status": "unsubscribed",
            },
        ]
    }
    assert receive([], json.dumps(body).encode()) == [Heard("objected", ANNA, at=AT)]
    assert receive([], b'{"mautic.email_on_open": []}') == []
    with pytest.raises(ValueError, match="subscription"):
        receive([], b"[]")


MAILTRAIN = Tool("https://mailtrain.example", "", "token", {"news": "kAbCdEf12"})


def test_mailtrain_unsubscribes_blacklists_and_takes_off_again() -> None:
    (leave,) = talk("mailtrain", event(list="news"), MAILTRAIN)
    assert leave.url == "https://mailtrain.example/api/unsubscribe/kAbCdEf12?access_token=token"
    assert leave.body == b"EMAIL=anna%40example.org"
    assert talk("mailtrain", event(), MAILTRAIN)[0].url.startswith("https://mailtrain.example/api/blacklist/add?")
    assert talk("mailtrain", event("complained", list="news"), MAILTRAIN)[0].url.startswith(
        "https://mailtrain.example/api/blacklist/add?"
    )
    assert "/api/blacklist/delete?" in talk("mailtrain", event("subscribed"), MAILTRAIN)[0].url


def test_mailtrain_says_who_is_on_a_list() -> None:
    rows = [{"email": "a@x.example", "status": 1}, {"email": "b@x.example", "status": 2}]
    found, calls = roster("mailtrain", MAILTRAIN, "kAbCdEf12", {"data": {"subscriptions": rows}})
    assert [one.subscribed for one in found] == [True, False]
    assert "/api/subscriptions/kAbCdEf12?" in calls[0].url


ODOO = Tool("https://odoo.example", "prod/gate@odoo.example", "key")


def test_odoo_blacklists_once_and_archives_the_entry_of_who_came_back() -> None:
    login, search, create = talk("odoo", event(), ODOO, {"result": 9}, {"result": []}, {"result": 1})
    assert json.loads(login.body)["params"] == {
        "service": "common", "method": "authenticate", "args": ["prod", "gate@odoo.example", "key", {}],
    }  # fmt: skip
    assert json.loads(search.body)["params"]["args"][3:] == ["mail.blacklist", "search", [[["email", "=ilike", ANNA]]]]
    assert json.loads(create.body)["params"]["args"][1:] == [9, "key", "mail.blacklist", "create", [{"email": ANNA}]]
    assert len(talk("odoo", event(), ODOO, {"result": 9}, {"result": [4]})) == 2
    write = talk("odoo", event("subscribed"), ODOO, {"result": 9}, {"result": [4]}, {"result": True})[2]
    assert json.loads(write.body)["params"]["args"][4:] == ["write", [[4], {"active": False}]]
    with pytest.raises(ValueError, match="refuses"):
        talk("odoo", event(), ODOO, {"result": False})


SYMPA = Tool("https://lists.example/sympasoap", "gate/master@lists.example", "key&", {"news": "gazette", "pro": "pro"})


def test_sympa_deletes_members_by_its_soap_interface() -> None:
    (call,) = talk("sympa", event(list="news"), SYMPA)
    tree = ET.fromstring(call.body)
    said = {element.tag.rpartition("}")[2]: element.text for element in tree.iter()}
    assert (said["appname"], said["apppassword"], said["service"]) == ("gate", "key&", "del")
    assert said["vars"] == "USER_EMAIL=master@lists.example"
    assert [item.text for item in tree.iter("item")] == ["gazette", ANNA, "1"]
    assert len(talk("sympa", event("complained", list="news"), SYMPA)) == 2


def sympa_hears(*answers: Answer) -> list[str]:
    """Return the services that were called for somebody who signs off, when Sympa gives these answers."""
    notify = load("sympa").notify
    assert notify is not None
    conversation = notify(event(list="news"), SYMPA)
    calls = [next(conversation)]
    with contextlib.suppress(StopIteration):
        for answer in answers:
            calls.append(conversation.send(answer))  # noqa: PERF401 - the conversation ends by StopIteration
    return [one for call in calls for one in re.findall(r"<service>(\w+)</service>", call.body.decode())]


def fault(words: str) -> Answer:
    return Answer(500, f"<soap:Fault><faultstring>{words}</faultstring></soap:Fault>".encode())


def member(value: str) -> Answer:
    return Answer(200, f'<result xsi:type="xsd:boolean">{value}</result>'.encode())


def test_sympa_somebody_who_is_no_member_is_no_failure() -> None:
    assert sympa_hears(fault("Undef"), member("false")) == ["del", "amI"]


@pytest.mark.parametrize(
    "answers",
    [
        *((fault(words),) for words in ("Authentication failed", "Undefined list", "Not allowed.", "")),
        (fault("Undef"), member("true")),  # the list is closed
    ],
)
def test_sympa_every_other_fault_is_tried_again(answers: tuple[Answer, ...]) -> None:
    with pytest.raises(ValueError, match="Sympa refuses to delete a member of gazette"):
        sympa_hears(*answers)


def test_mailman_ends_the_membership_of_the_list_or_every_one() -> None:
    tool = Tool(
        "http://127.0.0.1:8001/3.1", "restadmin", "key", {"news": "news.lists.example", "pro": "pro.lists.example"}
    )
    (call,) = talk("mailman", event(list="news"), tool)
    assert call.url == "http://127.0.0.1:8001/3.1/lists/news.lists.example/member/anna%40example.org"
    assert (call.method, call.fine) == ("DELETE", (404,))
    assert len(talk("mailman", event(), tool)) == 2


def test_a_django_site_is_told_and_heard_in_the_words_of_anymail() -> None:
    tool = Tool("https://site.example/consentgate/", "", "secret", {"lettre": "gazette"})
    (call,) = talk("django", event(list="lettre", reason="too often"), tool)
    said = json.loads(call.body)
    assert (said["event_type"], said["recipient"], said["list"]) == ("unsubscribed", ANNA, "gazette")
    assert dict(call.headers)["authorization"] == "Bearer secret"
    receive = load("django").receive
    assert receive is not None
    body = {"event_type": "unsubscribed", "recipient": ANNA, "timestamp": AT.isoformat(), "list": "gazette"}
    assert receive([], json.dumps(body).encode()) == [Heard("objected", ANNA, "gazette", AT)]
    with pytest.raises(ValueError, match="recipient"):
        receive([], b"[1]")


def test_mailpoet_is_heard() -> None:
    receive = load("wordpress").receive
    assert receive is not None
    assert receive([], b'{"email": "anna@example.org", "status": "unsubscribed"}') == [Heard("objected", ANNA)]
    assert receive([], b'{"email": "anna@example.org", "status": "subscribed"}') == []


@pytest.mark.parametrize(
    ("name", "export", "expected"),
    [
        ("listmonk", "uuid,email,status\n1,a@x.example,enabled\n2,b@x.example,blocklisted\n", [True, False]),
        ("phplist", "email\tblacklisted\na@x.example\t0\nb@x.example\t1\n", [True, False]),
        ("phplist", "Email;Is Blacklisted\na@x.example;No\nb@x.example;Yes\n", [True, False]),
        ("odoo", "\ufeffEmail,Active\na@x.example,True\n", [False]),
        ("sympa", "date 1\nemail a@x.example\ngecos A\n\ndate 1\nemail b@x.example\n\n", [True, True]),
    ],
)
def test_exports_are_read(name: str, export: str, expected: list[bool]) -> None:
    read = load(name).read
    assert read is not None
    assert [one.subscribed for one in read(export.encode())] == expected


@pytest.mark.parametrize("name", [name for name in available() if load(name).receive])
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'"x"', b"\xff", b'{"recipient": 1}', b"[[[[]]]]"])
def test_what_no_tool_sends_is_a_value_error_or_nothing(name: str, body: bytes) -> None:
    receive = load(name).receive
    assert receive is not None
    with contextlib.suppress(ValueError):
        assert receive([], body) == []
