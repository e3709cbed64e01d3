"""The table of rules and the table of codes: complete, unique, consistent."""

import re
from pathlib import Path

import pytest

from gateway.law.matter import Matter
from gateway.law.reasons import BASE, REASONS, Fate, Reason
from gateway.law.rules import RULES
from gateway.text import sentences

PAGE = Path(__file__).parents[2].joinpath("docs", "rules.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_code_and_status_are_of_one_class(reason: Reason):
    fates = {Fate.SEND: "2", Fate.DEFER: "4", Fate.REFUSE: "5"}

    assert str(reason.smtp)[0] == reason.status[0] == fates[reason.fate]


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_every_code_names_its_article_and_its_gate(reason: Reason):
    assert reason.article
    assert reason.gate


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_code_has_a_sentence_and_every_sentence_a_code(lang: str):
    assert {key.removeprefix("law.") for key in sentences(lang) if key.startswith("law.")} == set(REASONS)


def test_english_sentences_fit_into_an_smtp_reply():
    for key, sentence in sentences("en").items():
        if key.startswith("law."):
            assert sentence.isascii(), key
            assert len(sentence) < 100, key


def test_only_refusals_start_with_r_and_only_permissions_inject():
    for code, reason in REASONS.items():
        assert (reason.fate is Fate.REFUSE) == code.startswith("R-")
        assert (reason.fate is Fate.DEFER) == code.startswith("D-")
        assert reason.inject == frozenset() or reason.fate is Fate.SEND


def test_whatever_needs_a_basis_carries_the_mention_and_the_list_fields():
    bare = {"A-SERVICE", "A-NOTICE", "A-RIGHTS"}

    for code in (code for code in REASONS if code.startswith("A-")):
        assert (REASONS[code].inject >= BASE) == (code not in bare)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        REASONS["R-NEW"] = REASONS["R-OBJECTED"]  # type: ignore[index]


def test_names_of_rules_are_unique():
    names = [rule.name for rule in RULES]

    assert len(names) == len(set(names))


def test_every_rule_names_its_article_and_a_known_code():
    for rule in RULES:
        assert rule.article, rule.name
        assert REASONS[rule.reason.code] is rule.reason


def test_gates_come_in_the_order_of_the_law():
    gates = ["class", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "allow", "last"]

    assert list(dict.fromkeys(rule.gate for rule in RULES)) == gates


def test_the_last_rule_always_holds_and_refuses():
    last = RULES[-1]

    assert last.reason.fate is Fate.REFUSE
    assert last.given == frozenset()
    assert last.question(Matter.__new__(Matter))


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_every_rule_is_in_the_page(name: str):
    [rule] = [rule for rule in RULES if rule.name == name]

    assert f"| {rule.gate} | `{rule.name}` | `{rule.reason.code}` | {rule.article} |" in PAGE


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_every_code_is_in_the_page_with_its_reply_and_sentence(reason: Reason):
    reply = "250" if reason.fate is Fate.SEND else f"{reason.smtp} {reason.status}"

    assert f"| `{reason.code}` | {reply} | {sentences('fr')[f'law.{reason.code}']} |" in PAGE


def test_the_page_names_no_rule_or_code_that_is_not_there():
    assert set(re.findall(r"`([RAWD]-[A-Z0-9-]+)`", PAGE)) == set(REASONS)
    assert set(re.findall(r"^\| [\w]+ \| `([a-z0-9-]+)` \|", PAGE, re.MULTILINE)) == {rule.name for rule in RULES}
