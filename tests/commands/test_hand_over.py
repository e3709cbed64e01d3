"""Export, hashed oppositions and transfers, as a person uses them."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.shell import Gate

Sheet = Callable[..., Path]
AT = ["--at", "2026-02-01"]
PARTNER = ["--to", "Acme SARL", "--siren", "552 100 554", "--kind", "sale"]
AGREED = "unticked-box,v3,log,partners,Acme SARL"


def sha256(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


@pytest.fixture
def people(tea: Gate, sheet: Sheet) -> Gate:
    """A gateway with one person of each fate."""
    rows = [
        f"Yes@example.org,2026-02-01,=1+1,{AGREED}",
        f"no@example.org,2026-02-01,No,{AGREED}",
        f"old@example.org,2021-02-01,Old,{AGREED}",
        "own@example.org,2026-02-01,Own,unticked-box,v3,log,prospecting,La Maison du Thé SAS",
        "other@example.org,2026-02-01,Other,unticked-box,v3,log,partners,Somebody Else",
        "vague@example.org,2026-02-01,Vague,unticked-box,v3,,partners,Acme SARL",
        "box@example.org,2026-02-01,Box,pre-ticked-box,v3,log,partners,Acme SARL",
    ]
    path = sheet("email,date,name,mode,text,proof,purpose,controllers\n" + "\n".join(rows) + "\n")
    tea.run("import", path, "--list", "news")
    tea.run("contact", "object", "no@example.org")
    return tea


def test_only_those_who_agreed_to_this_partner_are_handed_over(people: Gate, tmp_path: Path) -> None:
    out = tmp_path / "handed.csv"

    tried = people.json("list", "transfer", "news", *PARTNER, "--dry-run")
    done = people.json("list", "transfer", "news", *PARTNER, "--contact", "dpo@acme.example", "--out", out)

    counted = {row["code"]: row["count"] for row in done["reasons"]}
    assert counted == dict.fromkeys(
        ("T-HANDED", "T-OBJECTED", "T-EXPIRED", "T-NOCONSENT", "T-NOTNAMED", "T-NOPROOF", "T-INVALID"), 1
    )
    assert tried["reasons"] == done["reasons"]
    assert (tried["transfer"], done["handed"], done["kept"]) == (None, 1, 6)
    assert all(row["article"] and row["sentence"] for row in done["reasons"])
    header, line = out.read_text("utf-8").splitlines()
    assert header == "address,name,source,reference"
    assert line.startswith("Yes@example.org,'=1+1,Lettre du thé,")
    assert out.stat().st_mode & 0o077 == 0
    events = people.json("contact", "show", "yes@example.org")["events"]
    assert [event["event"] for event in events] == ["granted", "transferred"]
    assert events[1]["evidence"]["partner"] == "Acme SARL"


def test_who_must_be_told_of_a_later_objection_is_known(people: Gate) -> None:
    people.run("list", "transfer", "news", *PARTNER)
    assert people.json("list", "transfers", "news")[0]["to_tell"] == []

    people.run("contact", "object", "yes@example.org")

    [record] = people.json("list", "transfers", "news")
    assert (record["partner"], record["handed"]) == ("Acme SARL", 1)
    assert [(news["address"], news["event"]) for news in record["to_tell"]] == [("Yes@example.org", "objected")]
    assert "Acme SARL" in people.run("list", "transfers", "news").stdout


def test_whom_the_partner_must_not_have_is_washed_out(people: Gate, tmp_path: Path) -> None:
    wash = tmp_path / "wash.txt"
    wash.write_text(f"md5\n{hashlib.md5(b'yes@example.org', usedforsecurity=False).hexdigest()}\n")

    done = people.json("list", "transfer", "news", *PARTNER, "--wash", wash)

    assert done["handed"] == 0
    assert {row["code"] for row in done["reasons"]} >= {"T-WASHED"}
    wash.write_text("md5\nnothing of the kind\n")
    assert "no hash" in people.run("list", "transfer", "news", *PARTNER, "--wash", wash, code=2).stderr


def test_a_file_that_is_there_is_never_written_over(people: Gate, tmp_path: Path) -> None:
    (tmp_path / "precious.csv").write_text("precious")

    people.run("list", "transfer", "news", *PARTNER, "--out", tmp_path / "precious.csv", code=2)

    assert (tmp_path / "precious.csv").read_text() == "precious"
    assert people.json("list", "transfers", "news") == []


def test_a_partner_has_a_siren_that_can_be_one(people: Gate) -> None:
    wrong = ["--to", "Acme SARL", "--siren", "552 100 545", "--kind", "sale"]
    assert "check digit" in people.run("list", "transfer", "news", *wrong, code=2).stderr


def test_export_gives_standing_and_evidence_and_disarms_formulas(people: Gate) -> None:
    text = people.run("export", "--list", "news").stdout
    rows = {row["address"]: row for row in csv.DictReader(io.StringIO(text))}

    assert len(rows) == 7
    assert (rows["own@example.org"]["code"], rows["own@example.org"]["proof"]) == ("A-CONSENT", "log")
    assert rows["no@example.org"]["code"] == "R-OBJECTED"
    assert rows["Yes@example.org"]["name"] == "'=1+1"
    raw = people.run("export", "--list", "news", "--raw-cells").stdout
    assert {row["name"] for row in csv.DictReader(io.StringIO(raw))} >= {"=1+1"}
    lines = [
        json.loads(line)
        for line in people.run("export", "--list", "news", "--format", "ndjson").stdout.split("\n")
        if line
    ]
    [gone] = [line for line in lines if line["address"] == "no@example.org"]
    assert [event["event"] for event in gone["events"]] == ["granted", "objected"]


def test_an_export_can_be_imported_again_and_changes_nothing(people: Gate, tmp_path: Path) -> None:
    out = tmp_path / "back.csv"
    people.run("export", "--list", "news", "--out", out)

    done = people.json("import", out, "--list", "news", code=1)

    assert done["reasons"] == {"opposed": 1}


def test_a_partners_hashes_oppose_those_whom_we_know(people: Gate, tmp_path: Path) -> None:
    path = tmp_path / "hashes.csv"
    path.write_text(
        "\n".join(["hash", sha256("own@example.org"), sha256("no@example.org"), sha256("x@y.example"), "?"])
    )

    done = people.json("opposition", "import", path, "--hash", "sha256", code=1)

    assert (done["taken"], done["known_before"], done["unknown"], done["refused_lines"]) == (1, 1, 1, [5])
    assert people.json("opposition", "import", path, "--hash", "sha256", code=1)["known_before"] == 2
    people.run("check", "--list", "news", "own@example.org", code=1)
    exported = people.run("opposition", "export", "--hash", "sha256").stdout.split()
    assert sorted(exported) == sorted([sha256("own@example.org"), sha256("no@example.org")])
