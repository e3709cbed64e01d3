"""`opposition bursts|undo` as an administrator uses them."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway import settings
from gateway.flow.bursts import PEOPLE
from gateway.flow.context import Context, open_context
from gateway.store import advertisers, lists
from tests.flow.scanned import crowd
from tests.support.pressing import pressed
from tests.support.shell import Gate


@contextmanager
def opened(gate: Gate) -> Iterator[Context]:
    context = open_context(settings.load(gate.config))
    yield context
    context.close()


def scan(gate: Gate) -> None:
    with opened(gate) as context:
        with context.store.begin() as tx:
            owner, row = advertisers.by_name(tx, "tea"), lists.by_name(tx, "news")
            assert owner
            assert row
            links = crowd(context, tx, owner, row)
        for link in links:
            pressed(context, link, network="203.0.113.0/24")


def test_a_burst_is_listed_and_undone_once(tea: Gate) -> None:
    assert tea.json("opposition", "bursts") == []
    scan(tea)
    [burst] = tea.json("opposition", "bursts")
    assert (burst["people"], burst["undone_at"]) == (PEOPLE + 1, None)
    person = "person0@corp.example"
    assert "R-OBJECTED" in tea.run("check", "--list", "news", person, code=1).stdout

    asked = tea.run("opposition", "undo", burst["id"], code=2, stdin="")
    assert "6 opt-outs" in asked.stderr
    done = tea.json("opposition", "undo", burst["id"], "--yes", "--reason", "their filter said so")
    assert done == {"burst": burst["id"], "restored": PEOPLE + 1, "said_again": 0, "erased_since": 0}
    assert "A-CONSENT" in tea.run("check", "--list", "news", person).stdout
    [event] = [one for one in tea.json("contact", "show", person)["events"] if one["event"] == "restored"]
    assert event["evidence"] == {"burst": burst["id"], "reason": "their filter said so"}

    assert "was undone already" in tea.run("opposition", "undo", burst["id"], "--yes", code=2).stderr
    assert "there is no burst 1;" in tea.run("opposition", "undo", "1", "--yes", code=2).stderr
