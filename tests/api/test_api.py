"""Programs ask and say through the API what commands ask and say; within their key, once, in one shape of error."""

import json
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from gateway.flow import seal
from gateway.flow.context import Context
from gateway.store.outward import Once
from gateway.web import api
from tests.api.conftest import Ask, key, served, with_web
from tests.flow.rig import CAMILLE, JOHN, OBJECTED, UNKNOWN

CONSENT = {
    "list": "lettre",
    "address": "nouvelle@mailbox.example",
    "at": "2026-03-01T10:00:00+01:00",
    "person": {"name": "Nouvelle", "subject": "consumer", "age": "adult", "country": "FR"},
    "evidence": {
        "mode": "unticked-box", "text": "optin-2026-1", "proof": "form-1", "form": "www.example/lettre",
        "controllers": ["Maison Lavande SAS"], "purpose": ["prospecting"],
    },
}  # fmt: skip


def problem(said: httpx.Response, status: int) -> dict:
    assert said.status_code == status, said.text
    assert said.headers["content-type"] == "application/problem+json"
    body = said.json()
    assert body["status"] == status
    assert body["code"]
    assert body["title"]
    return body


@pytest.mark.parametrize(
    ("address", "may", "code"),
    [(CAMILLE, True, "A-CONSENT"), (OBJECTED, False, "R-OBJECTED"), (UNKNOWN, False, "R-UNKNOWN")],
)
def test_a_check_is_what_the_door_would_say(ask: Ask, address: str, may: bool, code: str) -> None:
    said = ask("POST", "/check", json={"list": "lettre", "address": address}).json()

    assert (said["may"], said["code"], said["address"]) == (may, code, address)
    assert said["reason"]


def test_the_reason_is_in_the_language_asked_for(ask: Ask) -> None:
    body = {"list": "lettre", "address": OBJECTED}
    english = ask("POST", "/check", json=body).json()["reason"]
    french = ask("POST", "/check", json=body, headers={"Accept-Language": "fr"}).json()["reason"]

    assert english != french


def test_a_consent_with_its_evidence_lets_mail_through_and_a_withdrawal_stops_it(ask: Ask) -> None:
    who = {"list": "lettre", "address": CONSENT["address"]}

    assert ask("POST", "/check", json=who).json()["code"] == "R-UNKNOWN"
    assert ask("POST", "/consents", json=CONSENT).json()["event"] == "granted"
    assert ask("POST", "/check", json=who).json()["code"] == "A-CONSENT"
    assert ask("POST", "/consents/withdraw", json=who).json() == {"recorded": True, "known": True}
    assert ask("POST", "/consents/withdraw", json=who).json() == {"recorded": False, "known": True}
    assert ask("POST", "/check", json=who).json()["may"] is False


def test_a_consent_never_goes_over_an_objection(ask: Ask) -> None:
    said = ask("POST", "/consents", json={**CONSENT, "address": OBJECTED})

    problem(said, 409)
    assert OBJECTED not in said.text


def test_an_objection_of_somebody_unknown_stands_and_can_be_lifted(ask: Ask) -> None:
    who = {"address": "jamais.vue@mailbox.example"}

    assert ask("POST", "/objections", json=who).json() == {"recorded": True, "known": False}
    assert ask("POST", "/check", json={"list": "lettre", **who}).json()["code"] == "R-OBJECTED"
    assert ask("POST", "/objections/lift", json={**who, "reason": "asked for it"}).json() == {"lifted": 1}
    assert ask("POST", "/check", json={"list": "lettre", **who}).json()["code"] == "R-UNKNOWN"


def test_a_person_is_shown_and_corrected(ask: Ask) -> None:
    shown = ask("POST", "/contacts/show", json={"address": CAMILLE}).json()
    assert [one["event"] for one in shown["events"]] == ["granted"]
    said = ask("POST", "/contacts/rectify", json={"address": CAMILLE, "changes": {"name": "Camille D."}})

    assert said.json() == {"changed": ["name"]}
    assert ask("POST", "/contacts/show", json={"address": CAMILLE}).json()["name"] == "Camille D."
    problem(ask("POST", "/contacts/show", json={"address": UNKNOWN}), 404)


def test_lists_are_read(ask: Ask) -> None:
    names = [one["name"] for one in ask("GET", "/lists").json()["lists"]]

    assert names == ["clients", "lettre", "pros"]
    assert ask("GET", "/lists/lettre").json()["regime"] == "opt-in"
    problem(ask("GET", "/lists/nothing"), 404)


def test_events_come_in_order_and_a_cursor_goes_on_where_it_was(ask: Ask, context: Context) -> None:
    seal.seal(context)
    first = ask("GET", "/events", params={"limit": 5}).json()
    second = ask("GET", "/events", params={"limit": 100, "cursor": first["cursor"]}).json()
    every = ask("GET", "/events", params={"limit": 1000}).json()

    assert (len(first["events"]), first["more"], second["more"]) == (5, True, False)
    assert first["events"] + second["events"] == every["events"]
    assert ask("GET", "/events", params={"cursor": second["cursor"]}).json()["events"] == []
    ask("POST", "/objections", json={"address": CAMILLE, "list": "lettre", "reason": "by phone"})
    seal.promptly(context)
    [fresh] = ask("GET", "/events", params={"cursor": second["cursor"]}).json()["events"]
    assert (fresh["type"], fresh["data"]["recipient"], fresh["data"]["actor"]) == ("unsubscribed", CAMILLE, "api:tests")
    assert fresh["data"]["description"] == "by phone"
    only = ask("GET", "/events", params={"type": "unsubscribed"}).json()["events"]
    assert {one["type"] for one in only} == {"unsubscribed"}


def test_a_webhook_is_made_shown_renewed_and_deleted(ask: Ask) -> None:
    made = ask("POST", "/webhooks", json={"url": "https://localhost:9/hook", "types": ["unsubscribed"]}).json()
    place = f"/webhooks/{made['id']}"

    assert made["secret"].startswith("whsec_")
    shown = ask("GET", place).json()
    assert "secret" not in shown
    assert shown in ask("GET", "/webhooks").json()["webhooks"]
    assert ask("POST", f"{place}/secret").json()["secret"] != made["secret"]
    assert ask("POST", f"{place}/replay", json={}).json()["waiting"] == 0
    assert ask("DELETE", place).json() == {"deleted": True}
    problem(ask("GET", place), 404)
    problem(ask("POST", "/webhooks", json={"url": "https://10.0.0.1/hook"}), 422)


# ---- keys


def test_without_a_valid_key_nothing_is_said(ask: Ask, context: Context) -> None:
    good = key(context)
    number = good.split("_")[1]
    for token in ("x", good[:-1], good + "x", f"cg_{number}_", "cg_999999_abc", "cg__", f"cg_{'9' * 30}_x", "é"):
        said = ask("GET", "/lists", headers={"Authorization": f"Bearer {token}".encode()})
        problem(said, 401)
        assert said.headers["www-authenticate"].startswith("Bearer")
    problem(ask("GET", "/lists", headers={"Authorization": "Basic Zm9vOmJhcg=="}), 401)


def test_a_key_may_do_what_it_was_made_for(ask: Ask, context: Context) -> None:
    token = key(context, "check")

    assert ask("POST", "/check", json={"list": "lettre", "address": CAMILLE}, token=token).status_code == 200
    problem(ask("GET", "/lists", token=token), 403)
    problem(ask("POST", "/objections", json={"address": CAMILLE}, token=token), 403)


def test_a_key_for_some_lists_sees_no_other(ask: Ask, context: Context) -> None:
    token = key(context, on=("pros",))
    seal.seal(context)

    assert [one["name"] for one in ask("GET", "/lists", token=token).json()["lists"]] == ["pros"]
    problem(ask("POST", "/check", json={"list": "lettre", "address": CAMILLE}, token=token), 404)
    problem(ask("POST", "/check/bulk?list=lettre", content=b"x\n", token=token), 404)
    problem(ask("POST", "/consents", json=CONSENT, token=token), 404)
    problem(ask("POST", "/contacts/show", json={"address": CAMILLE}, token=token), 404)
    problem(ask("POST", "/contacts/rectify", json={"address": CAMILLE, "changes": {"name": "X"}}, token=token), 404)
    assert ask("POST", "/contacts/show", json={"address": "p.martin@acme.example"}, token=token).status_code == 200
    told = ask("GET", "/events", token=token, params={"limit": 1000}).json()["events"]
    assert {one["data"]["list"] for one in told} == {"pros"}
    wide = ask("POST", "/webhooks", json={"url": "https://localhost:9/hook"}).json()
    problem(ask("GET", f"/webhooks/{wide['id']}", token=token), 404)
    narrow = ask("POST", "/webhooks", json={"url": "https://localhost:9/hook"}, token=token).json()
    assert narrow["lists"] == ["pros"]
    # A no to everything is the person's to say to anybody; taking it back is not.
    assert ask("POST", "/objections", json={"address": CAMILLE}, token=token).json()["recorded"]
    lifted = ask("POST", "/objections/lift", json={"address": CAMILLE, "reason": "x"}, token=token).json()
    assert lifted == {"lifted": 0}


def test_a_key_that_asks_too_often_is_told_to_wait(context: Context) -> None:
    running = served(with_web(context, api_rate=3))
    try:
        headers = {"Authorization": f"Bearer {key(context)}"}
        said = [httpx.get(running.url + "/api/v1/lists", headers=headers) for _ in range(5)]
    finally:
        running.close()
    assert [one.status_code for one in said] == [200, 200, 200, 429, 429]
    assert 0 < int(said[-1].headers["retry-after"]) <= 60
    problem(said[-1], 429)


# ---- once


def test_a_request_sent_twice_with_one_key_has_one_effect_and_one_answer(ask: Ask) -> None:
    once = {"Idempotency-Key": "order-1"}
    first = ask("POST", "/consents", json=CONSENT, headers=once)
    again = ask("POST", "/consents", json=CONSENT, headers=once)

    assert again.json() == first.json()
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    events = ask("POST", "/contacts/show", json={"address": CONSENT["address"]}).json()["events"]
    assert len(events) == 1
    other = {**CONSENT, "address": "autre@mailbox.example"}
    problem(ask("POST", "/consents", json=other, headers=once), 422)


def test_a_new_webhook_asked_for_twice_is_one_with_one_secret(ask: Ask, context: Context) -> None:
    once = {"Idempotency-Key": "hook-1"}
    body = {"url": "https://localhost:9/hook"}
    made = [ask("POST", "/webhooks", json=body, headers=once).json() for _ in range(2)]

    assert made[0] == made[1]
    assert len(ask("GET", "/webhooks").json()["webhooks"]) == 1
    with context.store.read() as tx:
        [row] = tx.exec(select(Once))
    assert made[0]["secret"].encode() not in row.body


def test_what_was_refused_may_be_sent_again_under_its_key(ask: Ask) -> None:
    once = {"Idempotency-Key": "k"}
    problem(ask("POST", "/consents", json={**CONSENT, "address": OBJECTED}, headers=once), 409)
    ask("POST", "/objections/lift", json={"address": OBJECTED, "reason": "asked for it"})

    assert ask("POST", "/consents", json={**CONSENT, "address": OBJECTED}, headers=once).status_code == 200


def test_keys_of_two_holders_are_two_keys(ask: Ask, context: Context) -> None:
    once = {"Idempotency-Key": "k"}
    ask("POST", "/objections", json={"address": CAMILLE}, headers=once)

    said = ask("POST", "/objections", json={"address": JOHN}, headers=once, token=key(context))
    assert said.json()["recorded"]


# ---- one shape


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/lists/a%0Ab", {}, 404),
        ("DELETE", "/check", {}, 405),
        ("POST", "/check", {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/check", {"json": {"list": "lettre"}}, 422),
        ("POST", "/check", {"json": {"list": "lettre", "address": "no address"}}, 422),
        ("POST", "/check", {"json": {"list": "lettre", "address": "a@b", "more": 1}}, 422),
        ("POST", "/check", {"json": {"list": "let\x00tre", "address": "a@b.example"}}, 422),
        ("POST", "/check", {"content": b"x" * 300_000, "headers": {"content-type": "application/json"}}, 413),
        ("POST", "/check", {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/check", {"content": b"\xff\xfe", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/consents", {"json": {**CONSENT, "at": "0001-01-01T00:00:00+14:00"}}, 422),
        ("POST", "/consents", {"json": {**CONSENT, "at": "2999-01-01T00:00:00Z"}}, 422),
        ("POST", "/consents", {"json": CONSENT, "headers": {"Idempotency-Key": "x" * 300}}, 422),
        ("GET", "/events?cursor=x", {}, 422),
        ("GET", "/events?limit=0", {}, 422),
        ("GET", "/webhooks/99999999999999999999", {}, 422),
    ],
)
def test_every_error_has_one_shape(ask: Ask, method: str, path: str, more: dict, status: int) -> None:
    problem(ask(method, path, **more), status)


def test_what_is_wrong_is_said_and_what_was_sent_is_not_repeated(ask: Ask) -> None:
    said = ask("POST", "/check", json={"list": "lettre", "address": "somebody private"})

    [wrong] = problem(said, 422)["errors"]
    assert wrong["place"] == "body.address"
    assert "private" not in said.text


def test_while_the_store_is_away_every_answer_says_later(ask: Ask, context: Context) -> None:
    context.store.close()
    path = str(context.store.url.database)
    Path(path).rename(path + ".away")
    Path(path).mkdir()
    said = ask("POST", "/check", json={"list": "lettre", "address": CAMILLE})
    problem(said, 503)
    assert said.headers["retry-after"]


def test_the_document_and_its_page_come_without_a_key_and_from_here_only(url: str) -> None:
    document = httpx.get(f"{url}{api.PREFIX}/openapi.json").json()
    page = httpx.get(f"{url}{api.PREFIX}/")

    assert document["openapi"].startswith("3.1")
    shapes = {
        json.dumps(said["responses"]["422"]) for methods in document["paths"].values() for said in methods.values()
    }
    assert len(shapes) == 1
    assert "schemas/Problem" in shapes.pop()
    for path in document["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for word in ("http://", "//cdn", "src="):
        assert word not in page.text


def test_addresses_stand_in_no_url(url: str) -> None:
    document = httpx.get(f"{url}{api.PREFIX}/openapi.json").json()
    names = {
        parameter["name"]
        for methods in document["paths"].values()
        for said in methods.values()
        for parameter in said.get("parameters", [])
    }
    assert not {name for name in names if "address" in name or "mail" in name}
