"""Whoever received a person's data is named with every change (GDPR 19), as an administrator sees it."""

import csv
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.shell import ENGLISH, Gate

NINA = "nina.zwick@example.org"
ROOT = Path(__file__).parents[2]
AGREED = "unticked-box,v3,log,partners,Acme SARL"


@pytest.fixture
def handed(tea: Gate, sheet: Callable[..., Path]) -> Gate:
    """Nina was handed over to Acme, whose file is handed.csv."""
    head = "email,name,date,mode,text,proof,purpose,controllers"
    tea.run("import", sheet(f"{head}\n{NINA},Nina Zwick,2026-02-01,{AGREED}\n"), "--list", "news")
    partner = ["--to", "Acme SARL", "--siren", "552100554", "--contact", "dpo@acme.example", "--kind", "sale"]
    tea.run("list", "transfer", "news", *partner, "--out", tea.folder / "handed.csv")
    return tea


def reference(gate: Gate) -> int:
    """Return Nina's number in the partner's file."""
    with (gate.folder / "handed.csv").open(encoding="utf-8") as stream:
        return int(next(csv.DictReader(stream))["reference"])


@pytest.mark.parametrize(
    "words",
    [
        ("rectify", NINA, "--name", "N. Z."), ("restrict", NINA), ("object", NINA), ("object", NINA, "--list", "news"),
        ("withdraw", NINA, "--list", "news"), ("erase", NINA, "--yes"),
    ],
)  # fmt: skip
def test_who_must_be_told_is_said_with_every_change(handed: Gate, words: tuple[str, ...]) -> None:
    [row] = handed.json("contact", *words)["tell"]

    assert (row["partner"], row["partner_contact"], row["list"]) == ("Acme SARL", "dpo@acme.example", "news")
    assert row["reference"] == reference(handed)


def test_people_read_whom_to_tell_within_eighty_columns(handed: Gate) -> None:
    said = handed.run("contact", "object", NINA).stdout

    assert "GDPR 19" in said
    assert "dpo@acme.example" in said
    assert max(map(len, said.splitlines())) <= 80


def test_nobody_is_to_be_told_of_who_was_never_handed_over(tea: Gate, sheet: Callable[..., Path]) -> None:
    tea.run("import", sheet(f"email,date,mode,text\n{NINA},2026-02-01,unticked-box,v3\n"), "--list", "news")

    assert tea.json("contact", "restrict", NINA)["tell"] == []
    assert tea.json("contact", "object", "stranger@example.org")["tell"] == []


def test_access_names_the_partner_that_received_the_data(handed: Gate) -> None:
    """GDPR 15(1)(c); C-154/21."""
    said = handed.json("contact", "access", NINA, "--out", handed.folder / "answer")

    assert "Acme SARL" in json.loads(Path(said["files"][0]).read_text("utf-8"))["recipients"]


def test_after_an_erasure_the_partner_is_told_by_its_own_reference_only(handed: Gate) -> None:
    number = reference(handed)
    handed.run("contact", "rectify", NINA, "--name", "N. Z.")
    handed.run("contact", "erase", NINA, "--yes")

    said = handed.run("list", "transfers", "news", "--json").stdout

    [record] = json.loads(said)
    assert [(one["reference"], one["address"], one["event"]) for one in record["to_tell"]] == [
        (number, None, "rectified"), (number, None, "erased"),
    ]  # fmt: skip
    assert "nina" not in said.lower()


@pytest.mark.parametrize("form", ["html", "txt"])
def test_the_certificate_is_read_by_people_and_programs_and_names_nobody(handed: Gate, form: str) -> None:
    target = handed.folder / f"done.{form}"

    said = handed.json("contact", "erase", NINA, "--yes", "--certificate", target)

    people, program = (Path(name).read_text("utf-8") for name in said["files"])
    assert target.stat().st_mode & 0o077 == 0
    assert people.startswith("<!doctype html>" if form == "html" else "Attestation d’effacement\n====")
    assert all(word in people for word in ("Acme SARL", str(reference(handed)), str(said["certificate"]), "RGPD 17"))
    found = json.loads(program)
    assert (found["certificate"], found["deleted"]) == (said["certificate"], said["deleted"])
    assert [one["partner"] for one in found["tell"]] == ["Acme SARL"]
    assert not {"nina", "zwick"} & set((people + program).lower().replace(".", " ").split())


def test_nobody_is_erased_when_the_certificate_cannot_be_written(handed: Gate) -> None:
    (handed.folder / "done.json").write_text("precious")

    handed.run("contact", "erase", NINA, "--yes", "--certificate", handed.folder / "done.pdf", code=2)
    handed.run("contact", "erase", NINA, "--yes", "--certificate", handed.folder / "done.html", code=2)

    handed.run("contact", "show", NINA)
    assert not (handed.folder / "done.html").exists()
    assert (handed.folder / "done.json").read_text() == "precious"


def test_a_late_request_is_red_on_a_terminal_and_only_there(tea: Gate) -> None:
    tea.run("request", "open", NINA, "--right", "access", "--received", "2026-01-31")
    tea.run("request", "open", NINA, "--right", "erasure")
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "cli.py"), "--config", str(tea.config), "request", "list"]
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with os.fdopen(ours, "rb", buffering=0) as screen:
        subprocess.run(command, env=clean | ENGLISH | {"TERM": "xterm"}, stdout=theirs, check=True, timeout=60)
        os.close(theirs)
        lines = screen.read(20_000).decode().splitlines()

    assert ["\x1b[31m" in line for line in lines if "access" in line or "erasure" in line] == [True, False]
    assert "\x1b" not in tea.run("request", "list").stdout
