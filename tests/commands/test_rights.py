"""The rights of a person, used as an administrator does: access, rectification, restriction, erasure, deadlines."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.shell import Gate

NINA = "nina.zwick@example.org"
SHEET = (
    "email;nom;date;mode;text;proof;controllers;purpose\n"
    f"{NINA};Nina Zwick;2026-02-01;unticked-box;v3;{NINA} log 7;La Maison du Thé SAS;prospecting\n"
)


@pytest.fixture
def nina(tea: Gate, sheet: Callable[..., Path]) -> Gate:
    """Nina consented, and was imported from a file; her proof names her."""
    tea.run("import", sheet(SHEET), "--list", "news")
    return tea


def traces(gate: Gate) -> list[str]:
    """Return where the store still says who Nina is: every table, and every byte of every file."""
    words = ("nina", "zwick")
    files = [path for path in (gate.folder / "var").rglob("*") if path.is_file()]
    found = [path.name for path in files if any(word.encode() in path.read_bytes().lower() for word in words)]
    with sqlite3.connect(gate.folder / "var/consentgate.db") as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = db.execute(f'SELECT * FROM "{table}"').fetchall()
            found += [table for row in rows if any(word in str(row).lower() for word in words)]
    return found


def test_an_erased_person_is_in_no_table_and_in_no_file(nina: Gate) -> None:
    """GDPR 17."""
    assert {"contact", "event"} <= set(traces(nina))

    nina.run("contact", "object", NINA, "--reason", f"mail of {NINA}, Nina herself")

    said = nina.json("contact", "erase", NINA, "--yes")

    assert traces(nina) == []
    assert said["deleted"]["contact"] == 1
    assert said["deleted"]["event"] == 1
    assert len(said["kept"]) == 3


def test_no_import_brings_an_erased_person_back(nina: Gate, sheet: Callable[..., Path]) -> None:
    nina.run("contact", "erase", NINA, "--yes")

    said = nina.run("import", sheet(SHEET, "again.csv"), "--list", "news", "--json", code=1).stdout

    assert json.loads(said)["reasons"] == {"opposed": 1}
    assert "R-OBJECTED" in nina.run("check", "--list", "news", NINA, code=1).stdout
    nina.run("contact", "show", NINA, code=2)


def test_erasing_asks_first(nina: Gate) -> None:
    nina.run("contact", "erase", NINA, code=2)
    nina.run("contact", "show", NINA)


def test_recipients_are_named_processors_too_and_none_is_nobody(nina: Gate) -> None:
    nina.run("register", "set", "processor", "none")
    nina.run("register", "set", "sub_processors", "Routeur SAS", "Hébergeur SA")
    said = nina.json("contact", "access", NINA, "--out", nina.folder / "answer")
    held = json.loads(Path(said["files"][0]).read_text("utf-8"))
    assert held["recipients"] == ["Hébergeur SA", "Routeur SAS"]


def test_access_writes_everything_as_a_page_and_as_json(nina: Gate) -> None:
    """GDPR 15."""
    said = nina.json("contact", "access", NINA, "--out", nina.folder / "answer")

    found, page = (Path(name).read_text("utf-8") for name in said["files"])
    held = json.loads(found)
    assert held["data"]["address"] == NINA
    assert held["events"][0]["evidence"]["text"] == "v3"
    assert {"purposes", "categories", "recipients", "retention", "source", "rights", "messages"} <= set(held)
    assert 'lang="fr"' in page
    assert "Vos droits" in page
    assert [row["right"] for row in nina.json("request", "list", "--all")] == ["access"]


def test_an_objection_follows_the_person_to_the_right_address(nina: Gate) -> None:
    """GDPR 16."""
    nina.run("contact", "object", NINA)

    said = nina.json("contact", "rectify", NINA, "--new-address", "n.z@example.net", "--name", "N. Z.")

    assert said["changed"] == ["name", "address"]
    for address in (NINA, "n.z@example.net"):
        assert "R-OBJECTED" in nina.run("check", "--list", "news", address, code=1).stdout
    [event] = [one for one in nina.json("contact", "show", "n.z@example.net")["events"] if one["event"] == "rectified"]
    assert event["evidence"] == {"fields": ["name", "address"]}


def test_a_restricted_person_is_kept_and_not_written_to(nina: Gate) -> None:
    nina.run("contact", "restrict", NINA)
    assert "R-RESTRICTED" in nina.run("check", "--list", "news", NINA, code=1).stdout

    nina.run("contact", "restrict", NINA, "--lift")
    nina.run("check", "--list", "news", NINA)


def test_a_request_is_late_after_a_calendar_month(nina: Gate) -> None:
    """GDPR 12(3); the period ends with the last hour of the day of the same number."""
    late = nina.json("request", "open", NINA, "--right", "access", "--received", "2026-01-31T12:00+01:00")
    assert late["due_at"] == "2026-02-28T22:59:59Z"
    assert late["overdue"] is True
    assert len(nina.json("request", "list", "--overdue", code=1)) == 1
    assert "two more" not in nina.run("request", "extend", late["id"], code=2).stdout

    nina.run("contact", "access", NINA, "--out", nina.folder / "answer")
    assert nina.json("request", "list", "--overdue") == []


def test_a_request_in_time_may_be_extended_once_and_a_refusal_says_why(nina: Gate) -> None:
    fresh = nina.json("request", "open", "stranger@example.org", "--right", "erasure")
    assert nina.json("request", "extend", fresh["id"])["due_at"] > fresh["due_at"]
    nina.run("request", "extend", fresh["id"], code=2)
    nina.run("request", "close", fresh["id"], "--outcome", "refused", code=2)
    nina.run("request", "close", fresh["id"], "--outcome", "refused", "--answer", "nothing is held; CNIL told")
    assert nina.json("request", "show", fresh["id"])["outcome"] == "refused"
    nina.run("request", "close", fresh["id"], code=2)


def test_retention_says_what_would_go_before_it_goes(nina: Gate) -> None:
    dry = nina.json("retention", "run", "--dry-run")
    assert (dry["people"], dry["dry_run"]) == ([], True)
    nina.run("retention", "run")
    nina.run("contact", "show", NINA)
