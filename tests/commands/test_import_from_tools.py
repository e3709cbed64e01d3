"""Imports of files that other tools wrote: their headers, their dates, and what they say of people who left."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.shell import PROOF, Gate

Sheet = Callable[..., Path]
AT = ["--at", "2026-02-01"]


def refused(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


THERE = {
    "Mailchimp": "Email Address,OPTIN_TIME,UNSUB_TIME\nyes@example.org,2026-03-01,\nno@example.org,,2026-05-01\n",
    "Brevo": "CONTACT ID;EMAIL;SMS_BLOCKLIST;EMAIL_BLOCKLIST\n1;yes@example.org;Yes;No\n2;no@example.org;No;Yes\n",
    "Sendinblue": "EMAIL;NOM;BLACKLISTED\nyes@example.org;A;Non\nno@example.org;B;Oui\n",
    "HubSpot": "Email,Unsubscribed from all email\nyes@example.org,false\nno@example.org,true\n",
    "listmonk": "email,status\nyes@example.org,enabled\nno@example.org,blocklisted\n",
    "status in French": "Adresse e-mail;Statut\nyes@example.org;Abonné\nno@example.org;Désabonné le 3 mars\n",
    "date in French": "Courriel;Date de désinscription\nyes@example.org;\nno@example.org;03/04/2026\n",
    "NDJSON": '{"email": "yes@example.org", "dnc": false}\n{"email": "no@example.org", "dnc": true}\n',
}  # fmt: skip


@pytest.mark.parametrize("tool", THERE)
def test_who_said_no_to_the_tool_that_wrote_the_file_is_refused(tea: Gate, sheet: Sheet, tool: str) -> None:
    done = tea.json("import", sheet(THERE[tool]), "--list", "news", *PROOF, *AT, code=1)

    assert (done["taken"], done["reasons"]) == (1, {"opposed-there": 1})
    assert tea.json("contact", "show", "yes@example.org")["events"]
    tea.run("contact", "show", "no@example.org", code=2)
    [row] = refused(Path(done["refused_file"]))
    assert "opposition add" in row["reason"]
    assert not {"UNSUB_TIME", "EMAIL_BLOCKLIST", "BLACKLISTED", "Statut"} & set(done["ignored"])


NEVER = {
    "Shopify": "Email,Accepts Email Marketing,Accepts SMS Marketing\nyes@example.org,yes,no\nno@example.org,no,no\n",
    "PrestaShop": "email;newsletter;optin\nyes@example.org;1;1\nno@example.org;1;0\n",
    "Mailchimp": "Email Address,Status\nyes@example.org,Subscribed\nno@example.org,Non-Subscribed\n",
    "MailPoet": "email,status\nyes@example.org,subscribed\nno@example.org,unconfirmed\n",
    "in French": "Courriel;Consentement\nyes@example.org;\nno@example.org;Non\n",
}


@pytest.mark.parametrize("tool", NEVER)
def test_who_never_agreed_in_the_tool_that_wrote_the_file_is_refused(tea: Gate, sheet: Sheet, tool: str) -> None:
    done = tea.json("import", sheet(NEVER[tool]), "--list", "news", *PROOF, *AT, code=1)

    assert (done["taken"], done["reasons"]) == (1, {"not-agreed": 1})
    tea.run("contact", "show", "no@example.org", code=2)


def test_customers_need_no_agreement_but_a_no_of_theirs_counts(tea: Gate, sheet: Sheet) -> None:
    tea.run("list", "create", "customers", "--regime", "customer", "--family", "tea", "--title", "Clients")
    path = sheet("email,newsletter,unsubscribed\na@example.org,0,\nb@example.org,0,yes\n")

    done = tea.json("import", path, "--list", "customers", *AT, code=1)

    assert (done["taken"], done["reasons"]) == (1, {"opposed-there": 1})


def test_a_no_to_sms_elsewhere_is_none_to_e_mail_but_one_to_sms(tea: Gate, sheet: Sheet) -> None:
    path = sheet("email,SMS_BLOCKLIST,channel\na@example.org,Yes,email\nb@example.org,Yes,sms\n")

    done = tea.json("import", path, "--list", "news", *PROOF, *AT, code=1)

    assert (done["taken"], done["reasons"]) == (1, {"opposed-there": 1})


def test_a_column_that_is_mapped_means_what_it_is_mapped_to(tea: Gate, sheet: Sheet) -> None:
    path = sheet("email,Statut\na@example.org,Refuse\n")

    assert tea.json("import", path, "--list", "news", *PROOF, *AT, "--map", "proof=Statut")["taken"] == 1


def test_headers_are_understood_as_people_write_them(tea: Gate, sheet: Sheet) -> None:
    path = sheet(
        "E-mail Address;Nom de famille;Nom de l’entreprise;Date d’inscription\n"
        "a@example.org;Petit;Petit SARL;1er mars 2026\n"
    )

    assert tea.json("import", path, "--list", "news", *PROOF)["ignored"] == []

    person = tea.json("contact", "show", "a@example.org")
    assert (person["name"], person["company"], person["events"][0]["at"]) == (
        "Petit",
        "Petit SARL",
        "2026-02-28T23:00:00Z",
    )


def test_the_postal_address_is_not_taken_for_that_of_e_mail(tea: Gate, sheet: Sheet) -> None:
    path = sheet("Adresse,Email\n1 rue de la Paix,a@example.org\n")

    assert tea.json("import", path, "--list", "news", *AT)["ignored"] == ["Adresse"]


def test_refused_rows_overwrite_nothing_but_refused_rows(tea: Gate, sheet: Sheet, tmp_path: Path) -> None:
    path, other = sheet("email\nnobody\n"), sheet("keep me", "other.csv")

    tea.run("import", path, "--list", "news", *AT, "--refused-to", path, code=2)
    tea.run("import", path, "--list", "news", *AT, "--refused-to", other, code=2)
    tea.run("import", path, "--list", "news", *AT, "--refused-to", tmp_path / "none" / "r.csv", code=2)

    assert (path.read_text(), other.read_text()) == ("email\nnobody\n", "keep me")
    assert tea.json("import", "list") == []
    for _ in range(2):  # those of the run before give way
        tea.run("import", path, "--list", "news", *AT, code=1)


def test_refused_objects_can_be_read_again(tea: Gate, sheet: Sheet) -> None:
    done = tea.json("import", sheet('{"email": "é@", "x": null}\n', "people.ndjson"), "--list", "news", code=1)

    [row] = refused(Path(done["refused_file"]))
    assert json.loads(row["row"]) == {"email": "é@", "x": None}


NATURES = {"sale": "sale", "Vente": "sale", "commande": "sale", "Panier": "cart", "création de compte": "account",
           "CART": "cart", "devis": "quote", "free tier": "free-tier"}  # fmt: skip


@pytest.mark.parametrize("written", NATURES)
def test_a_word_of_evidence_is_read_in_french_and_english(tea: Gate, sheet: Sheet, written: str) -> None:
    tea.run("list", "create", "customers", "--regime", "customer", "--family", "tea", "--title", "Clients")
    header = "email;date d'achat;nature;siren vendeur;refus proposé;familles;à la vente;donnée par la personne;type"
    path = sheet(f"{header}\na@example.org;03/09/2025;{written};732 829 320;oui;tea;oui;oui;Particulier\n")

    tea.run("import", path, "--list", "customers")

    person = tea.json("contact", "show", "a@example.org")
    assert (person["events"][0]["evidence"]["nature"], person["subject"]) == (NATURES[written], "consumer")


@pytest.mark.parametrize("column", ["nature", "proof_kind", "type", "age"])
def test_a_word_that_is_not_known_refuses_the_row(tea: Gate, sheet: Sheet, column: str) -> None:
    done = tea.json("import", sheet(f"email,{column}\na@example.org,zorglub\n"), "--list", "news", *AT, code=1)

    assert done["reasons"] == {"not-one-of": 1}


def test_an_act_is_known_however_it_is_written_and_kept_when_it_is_none(tea: Gate, sheet: Sheet) -> None:
    path = sheet(
        "email,mode\na@example.org,Double Opt-In\nb@example.org,case non pré-cochée\nc@example.org,pre-ticked\n"
    )

    tea.run("import", path, "--list", "news", *PROOF, *AT)

    acts = [tea.json("contact", "show", f"{who}@example.org")["events"][0]["evidence"]["mode"] for who in "abc"]
    assert acts == ["double-opt-in", "unticked-box", "pre-ticked"]
