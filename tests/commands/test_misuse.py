"""Wrong input: the answer names the place and the cure, and nothing is half done."""

from pathlib import Path

import pytest

from tests.support.shell import PROOF, Gate

AT = ["--at", "2026-02-01"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lst"], "Did you mean list?"),
        (["list", "transfert"], "Did you mean transfer or transfers?"),
        (
            ["advertiser", "edit", "tea", "--privacy-url", "https://"],
            "--privacy-url https://: write an address such as",
        ),
        (["advertiser", "edit", "tea", "--privacy-url", "https:///privacy"], "write an address such as"),
        (["contact", "grant", "a@example.org", "--list", "news", "--channel", "fox"], "--channel: unknown value: fox"),
        (["queue", "drop", "7", "8"], "Delete these copies: 7, 8?"),
        (["queue", "drop", "--all"], "every copy that waits, is held or has failed"),
    ],
)
def test_a_mistake_is_answered_with_its_cure(tea: Gate, words: list[str], said: str) -> None:
    assert said in tea.run(*words, code=2).stderr


@pytest.mark.parametrize("address", ["https://www.tea.example/données", "https://thé.example", "HTTPS://x.example?p=1"])
def test_an_address_of_a_page_is_taken(tea: Gate, address: str) -> None:
    assert tea.json("advertiser", "edit", "tea", "--privacy-url", address)["privacy_url"] == address


def test_a_file_that_cannot_be_written_is_named(tea: Gate, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "page.html"

    for words in (["report", "--html", missing], ["register", "export", "--output", missing]):
        assert f"{missing}: No such file" in tea.run(*words, code=2).stderr


def test_a_request_stays_open_when_its_answer_cannot_be_written(tea: Gate) -> None:
    tea.run("contact", "grant", "anna@example.org", "--list", "news", *AT, *PROOF)
    tea.run("request", "open", "anna@example.org", "--right", "access")

    said = tea.run("contact", "access", "anna@example.org", "--out", "/proc/none", code=2).stderr

    assert "/proc/none: " in said
    assert [row["closed_at"] for row in tea.json("request", "list")] == [None]


def test_an_act_that_makes_no_consent_is_recorded_and_said(tea: Gate) -> None:
    said = tea.run("contact", "grant", "a@example.org", "--list", "news", *AT, *PROOF, "--mode", "pre-ticked-box")

    assert "--mode pre-ticked-box: no act that makes a consent (double-opt-in, " in said.stderr
    assert "R-CONSENT-INVALID" in tea.run("check", "--list", "news", "a@example.org", code=1).stdout
