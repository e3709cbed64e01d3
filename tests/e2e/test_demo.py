"""`demo --once`, as somebody sees it who types `make run`: every fate, the copies, the link, the click."""

import fcntl
import json
import mailbox
import subprocess
import sys
from pathlib import Path

import mailparser
import pytest

from gateway import sample, text
from tests.support.gateway import ROOT


def demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the demo in an empty folder."""
    command = [sys.executable, ROOT / "cli.py", *options, "demo", "--once"]
    shared = folder.parent.parent / "demo.lock"  # two at once would choose the same free ports
    environment = {"PATH": "/usr/bin:/bin", "LANG": "en_GB.UTF-8", "COLUMNS": "120"}
    with shared.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=120, check=True, env=environment
        )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a demo that ran, and what it said."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, demo(folder).stdout


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("camille.durand", "A-CONSENT"),
        ("inconnu", "R-UNKNOWN"),
        ("sans.accord", "R-NOCONSENT"),
        ("opposee", "R-OBJECTED"),
        ("retrait", "R-OBJECTED"),
        ("oubliee", "R-EXPIRED"),
        ("cliente", "A-CUSTOMER"),
        ("p.martin", "A-B2B"),
        ("contact", "A-GENERIC"),
    ],
)
def test_each_person_is_told_of_with_verdict_and_reason(told: tuple[Path, str], who: str, code: str) -> None:
    [line] = [line for line in told[1].splitlines() if line.startswith(f"{who} ")]

    assert code in line


def test_the_copies_open_in_mail_programs(told: tuple[Path, str]) -> None:
    [box] = told[0].glob("var/demo-*/outgoing")
    opened = list(mailbox.Maildir(box, factory=None))
    files = sorted((box / "new").iterdir())

    assert len(opened) == 5
    for file in files:
        parsed = mailparser.parse_from_bytes(file.read_bytes())
        assert parsed.from_ == [("Maison Lavande", "lettre@maison-lavande.example")]
        assert not parsed.defects
        for body in (*parsed.text_plain, *parsed.text_html):
            assert "Maison Lavande SAS" in body


def test_looking_changes_nothing_a_click_does_and_the_queued_copy_stays(told: tuple[Path, str]) -> None:
    said = told[1]

    assert "GET answers 200. The verdict is still: send A-CONSENT" in said
    assert "POST answers 200. The verdict is now: refuse R-OBJECTED" in said
    assert "the copy in the queue did not leave" in said
    assert "550 5.7.1 R-OBJECTED ref=" in said


def test_it_answers_in_json_too(tmp_path: Path) -> None:
    rows = json.loads(demo(tmp_path, "--json").stdout)

    assert {row["recipient"].partition("@")[0]: row["reason"] for row in rows}["cliente"] == "A-CUSTOMER"
    assert sum(row["copy"] is not None for row in rows) == 5


def test_the_situation_of_each_person_is_told_in_every_language() -> None:
    for lang in text.languages():
        told = [text.say(f"demo.situation.{person.situation}", lang) for person in sample.PEOPLE]
        assert all(told), lang
    assert text.say(f"demo.situation.{sample.PEOPLE[2].situation}", "fr") == "inconnu"
