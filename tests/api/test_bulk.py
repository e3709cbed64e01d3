"""The bulk check answers line by line, whatever the lines are, and keeps little of them in memory."""

import json

import httpx

from gateway.flow.context import Context
from gateway.web import api
from tests.api.conftest import Ask, key, served, with_web
from tests.flow.rig import CAMILLE, OBJECTED, UNKNOWN


def lines(said: httpx.Response) -> list[dict]:
    assert said.status_code == 200, said.text
    assert said.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in said.text.splitlines()]


def test_lines_of_every_agreed_form_are_answered_in_order(ask: Ask) -> None:
    body = f'{CAMILLE}\n"{OBJECTED}"\n\n{{"address": "{UNKNOWN}", "id": 7}}\r\nnobody\n{{"id": 1}}\n{{broken\n\xff\n'

    *found, end = lines(ask("POST", "/check/bulk?list=lettre", content=body.encode("latin-1")))

    assert [(one["code"], one["may"]) for one in found] == [
        ("A-CONSENT", True), ("R-OBJECTED", False), ("R-UNKNOWN", False), *[("INVALID", False)] * 4,
    ]  # fmt: skip
    assert found[0]["address"] == CAMILLE
    assert end == {"end": True, "answers": 7}


def test_nothing_in_is_nothing_out(ask: Ask) -> None:
    assert lines(ask("POST", "/check/bulk?list=lettre")) == [{"end": True, "answers": 0}]


def test_a_client_that_sends_everything_before_it_reads_is_served(ask: Ask) -> None:
    """More than all buffers between the two hold, in both directions."""
    count = 30_000
    body = "".join(f'{{"address": "person.number.{n}@a-long-domain-name.mailbox.example"}}\n' for n in range(count))

    *found, end = lines(ask("POST", "/check/bulk?list=lettre", content=body.encode()))

    assert end["answers"] == count == len(found)
    assert found[-1]["address"].startswith(f"person.number.{count - 1}@")
    assert {one["code"] for one in found} == {"R-UNKNOWN"}


def test_what_is_too_large_is_refused(context: Context) -> None:
    small = with_web(context, api_bulk=65_536)
    running = served(small)
    try:
        headers = {"Authorization": f"Bearer {key(small, 'check')}"}
        place = f"{running.url}{api.PREFIX}/check/bulk?list=lettre"
        said = httpx.post(place, headers=headers, content=b"a@b.example\n" * 7_000)
        again = httpx.post(place, headers=headers, content=b"a@b.example\n")
    finally:
        running.close()

    assert (said.status_code, said.headers["content-type"]) == (413, "application/problem+json")
    assert again.status_code == 200
