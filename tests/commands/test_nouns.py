"""Advertisers, accounts and lists, as an administrator makes them."""

import pytest

from gateway.flow import passwords
from tests.support.shell import TEA, Gate


def test_an_advertiser_is_shown_as_it_was_added(gate: Gate) -> None:
    gate.run("advertiser", "add", "tea", *TEA, "--trade-name", "Thé & Co", "--domain", "TEA.example")

    row = gate.json("advertiser", "show")

    assert row["siren"] == "732829320"
    assert row["domains"] == ["news.tea.example", "tea.example"]
    assert row["trade_names"] == ["Thé & Co"]
    assert row["upstream_signs"] is True


def test_a_color_is_one_that_the_pages_understand(gate: Gate) -> None:
    gate.run("advertiser", "add", "tea", *TEA, "--color", "#0a5")

    assert "such as #0a5" in gate.run("advertiser", "edit", "tea", "--color", "teal", code=2).stderr
    assert gate.json("advertiser", "show", "tea")["color"] == "#0a5"


def test_an_advertiser_that_lacks_something_may_not_send(gate: Gate) -> None:
    gate.run("advertiser", "add", "bare")

    found = gate.json("advertiser", "check", "bare", code=1)

    assert {row["code"] for row in found if row["blocks"]} == {
        "no-legal-name", "no-siren", "no-office", "no-way-to-reach", "no-domains", "not-signed", "no-privacy-url",
    }  # fmt: skip
    assert gate.json("advertiser", "list")[0]["ready"] is False


def test_a_complete_advertiser_passes_with_advice_only(gate: Gate) -> None:
    gate.run("advertiser", "add", "tea", *TEA)

    assert not any(row["blocks"] for row in gate.json("advertiser", "check"))


def test_editing_changes_what_was_said_and_nothing_else(gate: Gate) -> None:
    gate.run("advertiser", "add", "tea", *TEA)

    gate.run("advertiser", "edit", "tea", "--phone", "+33 4 00 00 00 00", "--email", "")

    row = gate.json("advertiser", "show", "tea")
    assert (row["phone"], row["email"], row["legal_name"]) == ("+33 4 00 00 00 00", "", "La Maison du Thé SAS")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "Tea"], "lower-case letters"),
        (["add", "x", "--siren", "732829321"], "not a SIREN"),
        (["add", "x", "--domain", "not a domain"], "is not a domain"),
        (["add", "x", "--privacy-url", "http://tea.example"], "https"),
        (["add", "x", "--email", "nobody"], "not a valid e-mail address"),
        (["show", "te"], "did you mean tea?"),
        (["add", "tea"], "already an advertiser named tea"),
    ],
)
def test_what_is_wrong_with_an_advertiser_is_said(gate: Gate, words: list[str], said: str) -> None:
    gate.run("advertiser", "add", "tea")

    assert said in gate.run("advertiser", *words, code=2).stderr


def test_of_several_advertisers_one_must_be_named(gate: Gate) -> None:
    gate.run("advertiser", "add", "tea")
    gate.run("advertiser", "add", "cups")

    said = gate.run("list", "create", "news", "--regime", "opt-in", code=2).stderr

    assert "--advertiser: cups, tea" in said


def test_the_password_of_an_account_is_shown_once_and_right(tea: Gate) -> None:
    made = tea.json("account", "add", "listmonk", "--list", "news", "--plugin", "listmonk", "--class", "prospecting")

    assert len(made["password"]) == 40
    assert made["block_style"] == "discard"  # what the tool can bear
    assert made["list"] == "news"
    assert "password" not in tea.json("account", "show", "listmonk")
    assert made["password"] not in tea.run("account", "list").stdout


def test_a_password_can_be_handed_in_and_must_be_long(tea: Gate) -> None:
    tea.run("account", "add", "tool", "--password-stdin", stdin="a-long-enough-password\n")

    assert "16" in tea.run("account", "password", "tool", "--password-stdin", stdin="short\n", code=2).stderr
    assert "password" not in tea.json("account", "password", "tool", "--password-stdin", stdin="b" * 20)


def test_a_disabled_account_works_again_with_a_new_password(tea: Gate) -> None:
    tea.run("account", "add", "tool")

    tea.run("account", "disable", "tool", code=2)  # nobody is there to answer
    tea.run("account", "disable", "tool", "--yes")
    assert tea.json("account", "show", "tool")["disabled_at"] is not None
    tea.run("account", "password", "tool")

    assert tea.json("account", "show", "tool")["disabled_at"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "a+b"], "cannot be a login"),
        (["add", "x", "--list", "newz"], "did you mean news?"),
        (["add", "x", "--plugin", "listmonkk"], "did you mean listmonk?"),
        (["add", "x", "--block-style", "bounce"], "'refuse', 'discard', 'hold'"),
        (["add", "x", "--class", "spam"], "'prospecting'"),
        (["show", "nobody"], "there is no account called nobody"),
    ],
)
def test_what_is_wrong_with_an_account_is_said(tea: Gate, words: list[str], said: str) -> None:
    assert said in tea.run("account", *words, code=2).stderr


def test_an_account_may_not_use_a_list_of_another_advertiser(tea: Gate) -> None:
    tea.run("advertiser", "add", "cups")

    said = tea.run("account", "add", "x", "--advertiser", "cups", "--list", "news", code=2).stderr

    assert "another advertiser" in said


def test_a_list_opens_only_when_nothing_is_missing(gate: Gate) -> None:
    gate.run("advertiser", "add", "tea")
    gate.run("list", "create", "news", "--regime", "opt-in")

    said = gate.run("list", "activate", "news", code=1)
    assert "--legal-name" in said.stdout
    assert gate.json("list", "show", "news")["state"] == "draft"
    gate.run("advertiser", "edit", "tea", *TEA)
    gate.run("list", "activate", "news")

    assert gate.json("list", "show", "news")["state"] == "active"


def test_a_bought_list_needs_its_record(tea: Gate) -> None:
    tea.run("list", "create", "bought", "--regime", "opt-in", "--origin", "bought")
    found = tea.json("list", "check", "bought", code=1)
    assert "audited_at" in next(row["detail"] for row in found if row["code"] == "guarantee")
    record = tea.folder / "record.toml"
    record.write_text(RECORD)

    tea.run("list", "edit", "bought", "--guarantee", record)
    found = tea.json("list", "check", "bought", code=1)

    # An audit and a wash of 2020 are too old, whenever this test runs.
    assert [row["detail"] for row in found if row["blocks"]] == ["audited_at, washed_at"]


RECORD = """
seller = "Fichiers SARL"
siren = "732829320"
contract = "2020-17"
collection_url = "https://fichiers.example/jeu"
screenshot = "s3/17.png"
form_version = "7"
consent_text = "…"
partner_list = "https://fichiers.example/partenaires"
collected_from = 2019-01-01
collected_to = 2020-01-01
audit_size = 200
audit_failures = 3
audited_at = 2020-01-10
washed_at = 2020-01-11
chain = []
rights_contact = "dpo@fichiers.example"
objection_channel = "api"
"""


def test_a_record_with_an_unknown_key_is_refused(tea: Gate) -> None:
    record = tea.folder / "record.toml"
    record.write_text('vendor = "x"\n')

    assert "unknown vendor" in tea.run("list", "edit", "news", "--guarantee", record, code=2).stderr


def test_a_customer_list_names_what_is_analogous(tea: Gate) -> None:
    words = ["--family", "tea", "--analogous", "teapots=tea,cups"]
    tea.run("list", "create", "clients", "--regime", "customer", *words)

    assert tea.json("list", "show", "clients")["analogous"] == {"teapots": ["tea", "cups"]}
    assert "SUPPLIED=OFFER" in tea.run("list", "edit", "clients", "--analogous", "tea", code=2).stderr


def test_a_closed_list_stays_closed(tea: Gate) -> None:
    tea.run("list", "close", "news", "--yes")

    assert "closed for ever" in tea.run("list", "activate", "news", code=2).stderr
    assert tea.json("list", "show")[0]["state"] == "closed"


def test_a_list_name_fits_into_a_list_id(tea: Gate) -> None:
    for name in ("News", "a b", "-x", "x" * 64, "thé"):
        tea.run("list", "create", name, "--regime", "opt-in", code=2)


def test_a_hash_is_of_one_password_only() -> None:
    stored = passwords.hash_password("correct horse battery")

    assert passwords.verify(stored, "correct horse battery")
    assert passwords.verify(stored, b"correct horse battery")
    assert not passwords.verify(stored, "wrong")
    assert not passwords.verify("not a hash", "wrong")
