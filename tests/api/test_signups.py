"""A site signs people up through the API: it shows our texts, sends what was ticked, and the mailbox confirms."""

from sqlmodel import select

from gateway.flow.context import Context
from gateway.store.signups import SignUp
from tests.api.conftest import Ask, key
from tests.flow.joinlist import MAIN, open_list

NEW = "nouvelle@mailbox.example"


def filled(ask: Ask, **more: object) -> dict:
    form = ask("GET", "/signups/form", params={"list": "lettre"}).json()
    shown = {box["name"]: box["shown"] for box in form["boxes"]}
    page = "www.example/form"
    return {"list": "lettre", "address": NEW, "boxes": [MAIN], "shown": shown, "form": page, **more}


def test_a_site_shows_our_texts_and_sends_what_was_ticked(ask: Ask, context: Context) -> None:
    open_list(context)
    said = ask("POST", "/signups", json=filled(ask), headers={"Idempotency-Key": "1"})

    assert said.json() == {"asked": True}
    with context.store.read() as tx:
        [row] = tx.exec(select(SignUp))
    assert (row.address, row.asked["form"], row.confirmed_at) == (NEW, "www.example/form", None)
    assert ask("POST", "/check", json={"list": "lettre", "address": NEW}).json()["code"] == "R-UNKNOWN"


def test_what_cannot_be_taken_is_said(ask: Ask, context: Context) -> None:
    open_list(context)

    assert ask("POST", "/signups", json=filled(ask, boxes=[])).status_code == 422
    assert ask("POST", "/signups", json=filled(ask, shown={MAIN: f"{MAIN}/7"})).status_code == 422
    assert ask("GET", "/signups/form", params={"list": "clients"}).status_code == 404
    narrow = key(context, "signups", on=("clients",))
    assert ask("POST", "/signups", json=filled(ask), token=narrow).status_code == 404
