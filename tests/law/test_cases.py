"""The cases of law, one test each, and the reading of case files."""

from pathlib import Path

import pytest

from gateway.errors import Misuse
from gateway.law.cases import Case, load, run
from gateway.law.reasons import REASONS

CASES = load(Path(__file__).with_name("cases.toml"))
# What is wrong with a message is for the mail and smtp rooms to find, a paused campaign for flow.
ELSEWHERE = {"G0", "G1", "G10", "G11"}
SMALL = """
[given]
now = 2026-11-23T10:00:00Z
[lists.own]
regime = "opt-in"
[people.somebody]
country = "FR"
[[case]]
id = "one"
says = "nothing"
list = "own"
person = "somebody"
expect = "R-NOCONSENT"
"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_law_answers_as_the_case_says(case: Case):
    """A case marked with an issue must not pass yet: its mark goes with the commit that makes it true."""
    result = run(case)

    assert result.passed == (case.issue is None), result.differences


def test_every_code_of_the_law_has_a_case():
    expected = {case.expect for case in CASES if case.issue is None}

    assert {code for code, reason in REASONS.items() if reason.gate not in ELSEWHERE} == expected


def test_the_acceptance_table_is_there():
    ids = {case.id.partition("-")[0] for case in CASES}

    assert {f"P{number:02}" for number in range(1, 21)} - {"P18"} <= ids  # P18 is tests/flow/test_checks.py


def test_a_text_can_be_run_as_well_as_a_file():
    [case] = load(SMALL)

    assert run(case).passed


def test_a_difference_says_what_was_expected_and_what_came():
    [case] = load(SMALL.replace('"R-NOCONSENT"', '"A-CONSENT"\nsmtp = "250"'))

    assert [(one.what, one.expected, one.got) for one in run(case).differences] == [
        ("code", "A-CONSENT", "R-NOCONSENT"),
        ("smtp", "250", "550 5.7.1"),
    ]


BROKEN = {
    "[case": "this is no TOML",
    SMALL.replace("says =", "sais ="): "case one: `sais` means nothing here; did you mean `says`?",
    SMALL.replace('says = "nothing"\n', ""): "case one: `says` is missing",
    SMALL.replace("[given]\nnow = 2026-11-23T10:00:00Z", "[given]"): "case one: `now` is missing, here or in [given]",
    SMALL.replace('"R-NOCONSENT"', '"R-NOCONCENT"'): "there is no code R-NOCONCENT; did you mean `R-NOCONSENT`?",
    SMALL.replace('list = "own"', 'list = "owm"'): "there is no [lists.owm]; did you mean `own`?",
    SMALL.replace('regime = "opt-in"', 'regime = "optin"'): "'optin' is none of opt-in, customer, professional",
    SMALL.replace("country =", "contry ="): "case one, person: `contry` means nothing here; did you mean `country`?",
    SMALL + 'events = [{ kind = "granted" }]': "case one, event 1: `kind` and `at` must be given",
    SMALL + 'events = [{ kind = "granted", at = "today" }]': "'today' is no date",
    SMALL + 'events = [{ kind = "granted", at = 2026-01-01, list = "x" }]': "case one: there is no list x",
    SMALL + 'unread = ["message"]': "case one, unread: `message` means nothing here",
    SMALL + SMALL.partition("[[case]]")[1] + SMALL.partition("[[case]]")[2]: "there is more than one with this id",
    SMALL.replace("[given]", "[givne]"): "the file: `givne` means nothing here; did you mean `given`?",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_refused_with_place_and_cure(text: str):
    with pytest.raises(Misuse) as refusal:
        load(text)

    assert BROKEN[text] in str(refusal.value)


def test_a_day_without_hour_begins_at_midnight_of_the_policy():
    [case] = load(SMALL.replace("2026-11-23T10:00:00Z", "2026-11-23"))

    assert case.facts.now.isoformat() == "2026-11-23T00:00:00+01:00"
