"""One person: consent, objection, verdict; through the very code that sends."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.law.rules import RULES
from gateway.text import languages, sentences
from tests.support.shell import PROOF, Gate

AT = ["--at", "2026-02-01"]


@pytest.fixture
def anna(tea: Gate) -> Gate:
    """Anna consented, provably."""
    tea.run("contact", "grant", "anna@example.org", "--list", "news", *AT, *PROOF)
    return tea


def test_who_consented_provably_may_be_mailed(anna: Gate) -> None:
    said = anna.run("check", "--list", "news", "Anna@Example.org").stdout

    assert said.startswith("send    A-CONSENT")


def test_a_consent_without_proof_is_recorded_and_not_enough(tea: Gate) -> None:
    tea.run("contact", "grant", "anna@example.org", "--list", "news", *AT, "--mode", "unticked-box")

    assert tea.run("check", "--list", "news", "anna@example.org", code=1).stdout.startswith("refuse  R-")


def test_check_streams_a_verdict_for_each_address_in_order(anna: Gate) -> None:
    file = anna.folder / "people.txt"
    file.write_text("anna@example.org\n\nnobody\nstranger@example.org\n")

    said = anna.run("check", "--list", "news", "--file", file, "--json", code=1).stdout

    rows = [json.loads(line) for line in said.splitlines()]
    assert [(row["address"], row["code"]) for row in rows] == [
        ("anna@example.org", "A-CONSENT"),
        ("nobody", "INVALID"),
        ("stranger@example.org", "R-UNKNOWN"),
    ]
    assert rows[2]["sentence"]


def test_check_reads_standard_input_and_asks_for_somebody(anna: Gate) -> None:
    anna.run("check", "--list", "news", "--file", "-", stdin="anna@example.org\n" * 1200)
    assert "--file" in anna.run("check", "--list", "news", code=2).stderr
    assert "no list" in anna.run("check", "--list", "newz", "anna@example.org", code=2).stderr


def test_an_objection_stops_the_mail_and_cannot_be_granted_away(anna: Gate) -> None:
    first = anna.json("contact", "object", "anna@example.org", "--reason", "by telephone")
    again = anna.json("contact", "object", "anna@example.org")

    assert (first["recorded"], again["recorded"]) == (True, False)
    assert "R-OBJECTED" in anna.run("check", "--list", "news", "anna@example.org", code=1).stdout
    said = anna.json("contact", "grant", "anna@example.org", "--list", "news", *AT, *PROOF, code=1)
    assert said["recorded"] is False
    told = anna.run("contact", "grant", "anna@example.org", "--list", "news", *AT, *PROOF, code=1).stderr
    assert "opposition remove anna@example.org" in told


def test_the_list_says_whose_opposition_it_is(anna: Gate) -> None:
    anna.run("advertiser", "add", "cups", "--legal-name", "Les Tasses")

    anna.run("opposition", "add", "anna@example.org", code=2)
    anna.run("opposition", "add", "anna@example.org", "--list", "news")

    assert "R-OBJECTED" in anna.run("check", "--list", "news", "anna@example.org", code=1).stdout
    assert (
        "another advertiser"
        in anna.run("opposition", "add", "anna@example.org", "--list", "news", "--advertiser", "cups", code=2).stderr
    )


def test_a_withdrawal_is_of_one_list(anna: Gate) -> None:
    anna.run("list", "create", "other", "--regime", "opt-in", "--title", "x")
    anna.run("list", "activate", "other")
    anna.run("contact", "grant", "anna@example.org", "--list", "other", *AT, *PROOF)

    anna.run("contact", "withdraw", "anna@example.org", "--list", "other")

    assert "R-OBJECTED" in anna.run("check", "--list", "other", "anna@example.org", code=1).stdout
    anna.run("check", "--list", "news", "anna@example.org")


def test_who_is_not_known_can_object_too(tea: Gate) -> None:
    said = tea.json("contact", "object", "stranger@example.org")

    assert (said["known"], said["recorded"]) == (False, True)
    assert "R-OBJECTED" in tea.run("check", "--list", "news", "stranger@example.org", code=1).stdout


def test_a_person_is_shown_with_what_they_said(anna: Gate) -> None:
    anna.run("contact", "object", "anna@example.org", "--reason", "by telephone")

    shown = anna.json("contact", "show", "ANNA@example.org")

    assert [event["event"] for event in shown["events"]] == ["granted", "objected"]
    assert [one["reason"] for one in shown["oppositions"]] == ["by telephone"]
    assert "by telephone" in anna.run("contact", "show", "anna@example.org").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "nobody@example.org"], "knows nobody"),
        (["show", "nobody"], "not a valid e-mail address"),
        (["grant", "a@example.org", "--list", "news"], "no date"),
        (["grant", "a@example.org", "--list", "news", "--at", "2999-01-01"], "in the future"),
        (["grant", "a@example.org", "--list", "news", "--at", "yesterday"], "not a date"),
        (["grant", "a@example.org", "--list", "news", *AT, "--country", "France"], "--country"),
    ],
)
def test_what_is_wrong_with_a_contact_is_said(tea: Gate, words: list[str], said: str) -> None:
    assert said in tea.run("contact", *words, code=2).stderr


def test_lifting_an_opposition_needs_a_reason_and_leaves_what_was(anna: Gate) -> None:
    anna.run("opposition", "add", "anna@example.org")

    anna.run("opposition", "remove", "anna@example.org", "--yes", code=2)  # no reason
    assert anna.json("opposition", "remove", "anna@example.org", "--reason", "her letter", "--yes")["lifted"] == 1

    anna.run("check", "--list", "news", "anna@example.org")
    anna.run("opposition", "remove", "anna@example.org", "--reason", "again", "--yes", code=1)


def test_oppositions_travel_as_digests(tea: Gate) -> None:
    tea.run("opposition", "add", "Anna@example.org", "bob@example.org", "--list", "news")
    exported = tea.run("opposition", "export").stdout
    assert "example.org" not in exported
    rows = list(csv.DictReader(io.StringIO(exported)))
    tea.run("advertiser", "add", "bare")
    tea.run("opposition", "remove", "bob@example.org", "--advertiser", "tea", "--reason", "test", "--yes")
    file = tea.folder / "oppositions.csv"
    file.write_text(exported)

    done = tea.json("opposition", "import", file, "--advertiser", "tea")

    assert (done["taken"] + done["known_before"], done["refused"]) == (len(rows), 0)
    assert "R-OBJECTED" in tea.run("check", "--list", "news", "bob@example.org", code=1).stdout


def test_oppositions_are_imported_from_addresses_and_bad_lines_are_named(tea: Gate) -> None:
    file = tea.folder / "no.csv"
    file.write_text("email;why\nanna@example.org;x\nnonsense\nanna@example.org\n" + "z" * 64 + "\n")

    done = tea.json("opposition", "import", file, code=1)

    assert (done["taken"], done["known_before"], done["refused_lines"]) == (1, 1, [3, 5])
    piped = tea.json("opposition", "import", "-", stdin=file.read_text().replace("nonsense", "bob@example.org"), code=1)
    assert (piped["taken"], piped["known_before"], piped["refused_lines"]) == (1, 2, [5])


def test_every_rule_is_explained_with_what_it_saw(anna: Gate) -> None:
    steps = anna.json("law", "explain", "anna@example.org", "--list", "news")

    deciding = [step for step in steps if step["outcome"] == "decides"]
    assert [step["code"] for step in deciding] == ["A-CONSENT"]
    said = anna.run("law", "explain", "stranger@example.org", "--list", "news", code=1)
    assert "R-UNKNOWN" in said.stderr


def test_an_explanation_is_in_plain_words(anna: Gate) -> None:
    words = ["law", "explain", "anna@example.org", "--list", "news"]
    allowed = anna.run(*words, COLUMNS="200", CONSENTGATE_LANG="fr").stdout
    anna.run("contact", "object", "anna@example.org", "--list", "news")
    refused = anna.run(*words, code=1, COLUMNS="200").stdout

    lines = {line.split("?")[0].strip(): line for line in allowed.splitlines()}
    assert "preuve : log 7" in lines["La preuve individuelle, ou la version du texte montré, manque-t-elle"]
    assert "RGPD 7(1)" in lines["La preuve individuelle, ou la version du texte montré, manque-t-elle"]
    assert "inconnu : âge" in lines["Est-ce un mineur sans l’accord que son âge exige"]
    assert "oui : envoi" in lines["La personne a-t-elle donné un accord valable"]
    assert "L’adresse est-elle sans vente" not in allowed  # no question about customers on a list for consents
    assert "yes: refuse" in next(line for line in refused.splitlines() if line.startswith("Has the person objected"))


def test_every_rule_and_every_fact_has_its_words() -> None:
    facts = {look.removesuffix("?").replace(".", "-") for rule in RULES for look in rule.looks}
    for lang in languages():
        assert {rule.name for rule in RULES} <= {key[13:] for key in sentences(lang) if key.startswith("explain.rule.")}
        assert facts <= {key[13:] for key in sentences(lang) if key.startswith("explain.fact.")}


def test_the_law_is_a_table_that_ends_in_a_no(gate: Gate) -> None:
    rows = gate.json("law", "table")

    assert {"R-OBJECTED", "A-CONSENT", "R-UNKNOWN"} <= {row["code"] for row in rows}
    assert rows[-1]["fate"] == "refuse"


MESSAGE = """\
From: La Maison du Thé <bonjour@news.tea.example>
To: anna@example.org
Subject: Les thés d'automne
Message-ID: <1@news.tea.example>
Date: Mon, 23 Nov 2026 10:00:00 +0100
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Bonjour Anna
"""


def test_a_dry_run_shows_the_copy_that_would_leave(anna: Gate) -> None:
    anna.run("account", "add", "tool", "--list", "news", "--password-stdin", stdin="x" * 20)
    message = anna.folder / "message.eml"
    message.write_text(MESSAGE.replace("Message-ID: <1@news.tea.example>\n", ""))
    copies = anna.folder / "copies"
    words = ["inspect", message, "--account", "tool", "--to", "anna@example.org", "stranger@example.org"]

    said = anna.json(*words, "--copies", copies, code=1)

    assert [row["code"] for row in said["recipients"]] == ["A-CONSENT", "R-UNKNOWN"]
    copy = Path(said["recipients"][0]["copy"]).read_bytes()
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in copy
    assert copy.startswith(b"Received: by ")
    assert copy.count(b"\r\nMessage-ID: ") == 1  # ours, as the tool left it out
    assert said["recipients"][1]["copy"] is None
    assert "+List-Unsubscribe" in said["diff"]
    assert "SIREN 732829320" in " ".join(said["diff"].replace("\n+", " ").split())
    assert "+List-Unsubscribe" in anna.run(*words, code=1).stdout


@pytest.mark.parametrize(("check", "code"), [("enforce", "R-UNKNOWN"), ("warn", "A-SERVICE"), ("off", "A-SERVICE")])
def test_a_dry_run_of_service_mail_shows_it_without_the_mention(anna: Gate, check: str, code: str) -> None:
    words = ["--class", "service", "--class", "prospecting", "--promo-check", check, "--list", "news"]
    anna.run("account", "add", "tool", *words, "--password-stdin", stdin="x" * 20)
    message = anna.folder / "message.eml"
    message.write_text(MESSAGE.replace("Les thés", "Profitez des thés"))
    to = ["--account", "tool", "--to", "stranger@example.org", "--copies", anna.folder]

    said = anna.json("inspect", message, *to, code=int(check == "enforce"))

    assert [row["code"] for row in said["recipients"]] == [code]
    if code == "A-SERVICE":
        copy = Path(said["recipients"][0]["copy"]).read_bytes()
        assert b"List-Unsubscribe" not in copy
        assert copy.endswith(b"\r\n\r\nBonjour Anna\r\n")


def test_a_dry_run_says_what_is_wrong_with_the_message_itself(anna: Gate) -> None:
    anna.run("account", "add", "tool", "--list", "news", "--password-stdin", stdin="x" * 20)
    message = anna.folder / "message.eml"
    message.write_text(MESSAGE.replace("news.tea.example>", "bank.example>", 1))

    said = anna.json("inspect", message, "--account", "tool", "--to", "anna@example.org", code=1)

    assert said["recipients"][0]["code"] == "R-MSG-IDENTITY"


def test_a_check_is_a_line_for_each_address_and_a_sentence_for_one_alone(anna: Gate) -> None:
    alone = anna.run("check", "--list", "news", "nobody@example.org", code=1).stdout.splitlines()
    many = anna.run("check", "--list", "news", "anna@example.org", "nobody", code=1).stdout.splitlines()

    assert alone[0].split() == ["refuse", "R-UNKNOWN", "nobody@example.org"]
    assert alone[1].strip() == "no record of this recipient"
    assert [line.split()[1:] for line in many] == [["A-CONSENT", "anna@example.org"], ["INVALID", "nobody"]]


@pytest.mark.parametrize(
    "content",
    [
        b"email,at\nanna@example.org,2026-10-01\nbob@example.org,2026-10-01\n",
        "Société;E-mail\r\nThé;anna@example.org\r\nCafé;bob@example.org\r\n".encode("cp1252"),
        b"anna@example.org\tAnna\nbob@example.org\tBob\n",
        b'{"address": "anna@example.org"}\n{"email": "bob@example.org"}\n',
        b"\xef\xbb\xbfanna@example.org\r\n\r\nbob@example.org",
        b"Adresse e-mail\nanna@example.org\nbob@example.org\n",
    ],
)
def test_the_addresses_of_any_file_are_checked(anna: Gate, sheet: Callable[..., Path], content: bytes) -> None:
    said = anna.run("check", "--list", "news", "--file", sheet(content), code=1).stdout

    assert [line.split() for line in said.splitlines()] == [
        ["send", "A-CONSENT", "anna@example.org"],
        ["refuse", "R-UNKNOWN", "bob@example.org"],
    ]


def test_a_first_line_that_is_no_header_is_answered_too(anna: Gate, sheet: Callable[..., Path]) -> None:
    said = anna.run("check", "--list", "news", "--file", sheet("nobody\nanna@example.org\n"), code=1).stdout

    assert [line.split()[-1] for line in said.splitlines()] == ["nobody", "anna@example.org"]


def test_a_file_with_nobody_in_it_is_answered_with_nothing(anna: Gate, sheet: Callable[..., Path]) -> None:
    assert anna.run("check", "--list", "news", "--file", sheet("")).stdout.strip() == ""


def test_the_column_of_those_who_left_another_tool_is_found_by_its_header(
    tea: Gate, sheet: Callable[..., Path]
) -> None:
    path = sheet("CONTACT ID;EMAIL;NOM\n1;anna@example.org;Petit\n2;bob@example.org;Grand\n")

    assert tea.json("opposition", "import", path)["taken"] == 2

    tea.run("check", "--list", "news", "anna@example.org", code=1)
