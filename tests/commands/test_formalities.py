"""Notices, the record of processing and what lists lack, as administrators meet them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.shell import PROOF, Gate

FRENCH: dict[str, Any] = {"CONSENTGATE_LANG": "fr"}
AT = ["--at", "2026-01-05"]


def test_a_notice_is_made_from_what_is_known_in_every_language(tea: Gate) -> None:
    made = tea.json("notice", "new", "form", "--list", "news", "--family", "thé", "--request", "commande")

    assert [(one["notice"], one["language"], one["new"]) for one in made] == [
        ("form/1", "fr", True), ("form/1", "en", True),
    ]  # fmt: skip
    french = made[0]
    assert "La Maison du Thé SAS" in french["text"]
    assert "un refus ne change rien à votre commande" in french["text"]
    assert "bonjour@tea.example" in french["full"]
    assert "checked" not in french["html"]
    assert french["fields"]["article"] == "CPCE L34-5; GDPR 6(1)(a)"


def test_the_same_text_is_no_new_version_and_a_changed_one_never_an_update(tea: Gate) -> None:
    new = ["notice", "new", "form", "--regime", "opt-in", "--family"]
    tea.run(*new, "tea")
    same = tea.run(*new, "tea")
    changed = tea.run(*new, "cups", **FRENCH)

    assert "still is form/1" in same.stderr
    assert "form/2" in changed.stderr
    assert "(tea)" in tea.run("notice", "show", "form/1", "--form", "text", "--language", "en").stdout
    assert "�" not in tea.run("notice", "show", "form/1").stdout  # its lines are lines
    assert "(cups)" in tea.run("notice", "show", "form", "--form", "text", "--language", "en").stdout
    assert [one["notice"] for one in tea.json("notice", "list")] == ["form/1", "form/1", "form/2", "form/2"]


def test_a_language_is_added_to_a_version_and_carried_into_the_next(tea: Gate) -> None:
    new = ["notice", "new", "form", "--regime", "opt-in"]
    tea.run(*new, "--language", "fr", "--family", "thé")
    tea.run(*new, "--language", "en", "--family", "tea")
    tea.run(*new, "--language", "en", "--family", "green tea")

    listed = [(one["notice"], one["language"]) for one in tea.json("notice", "list")]
    assert listed == [("form/1", "en"), ("form/1", "fr"), ("form/2", "en"), ("form/2", "fr")]
    assert "(thé)" in tea.run("notice", "show", "form/2", "--form", "text", "--language", "fr").stdout


def test_what_does_not_exist_in_law_is_refused_with_its_cure(tea: Gate) -> None:
    english = tea.run("notice", "new", "f", "--regime", "opt-out", "--channel", "fax", code=1)
    french = tea.run("notice", "new", "f", "--regime", "customer", "--channel", "phone", code=1, **FRENCH)

    assert "opt-out does not exist for a person" in english.stderr
    assert "--regime opt-in" in english.stderr
    assert "CPCE L34-5" in english.stderr
    assert "contrat en cours" in french.stderr
    assert "L223-1" in french.stderr
    answer = tea.json("notice", "new", "f", "--regime", "opt-out", "--channel", "fax", code=1)
    assert (answer["exists"], answer["code"]) == (False, "opt-out-none")
    assert tea.json("notice", "list") == []


def test_what_a_notice_must_say_and_nobody_told_is_named_and_nothing_is_written(tea: Gate) -> None:
    missing = tea.json("notice", "new", "p", "--regime", "partners", code=1)

    blocking = {one["code"]: one["article"] for one in missing if one["blocks"]}
    assert blocking == {
        "notice.missing.partners": "GDPR 13(1)(e); CPCE L34-5",
        "notice.missing.partners_date": "GDPR 13(1)(e); CPCE L34-5",
    }
    fax = tea.run("notice", "new", "x", "--regime", "opt-in", "--channel", "fax", "--family", "thé", code=1, **FRENCH)
    assert "--stop" in fax.stdout
    assert tea.json("notice", "list") == []

    partners = ["--partner", "Les Tasses SARL", "--partners-date", "2026-03-01"]
    made = tea.json("notice", "new", "p", "--regime", "partners", *partners)
    assert "cette liste du 1er mars 2026 : Les Tasses SARL" in made[0]["text"]
    assert "this list of 1 March 2026: Les Tasses SARL" in made[1]["text"]


def test_a_list_from_elsewhere_needs_its_source_in_the_notice(tea: Gate) -> None:
    tea.run("list", "create", "rent", "--regime", "opt-in", "--origin", "rented", "--family", "tea")
    missing = tea.json("notice", "new", "rent-form", "--list", "rent", code=1)
    assert [one["code"] for one in missing if one["blocks"]] == ["notice.missing.source"]

    made = tea.json("notice", "new", "rent-form", "--list", "rent", "--source", "Fichiers SA")
    assert "de Fichiers SA" in made[0]["text"]
    assert "Fichiers SA" in made[0]["full"]


def test_a_name_stands_for_one_combination(tea: Gate) -> None:
    tea.run("notice", "new", "form", "--regime", "opt-in", "--family", "tea")
    other = tea.run("notice", "new", "form", "--regime", "customer", "--family", "tea", code=2)
    assert "another combination needs another name" in other.stderr
    assert "lower-case" in tea.run("notice", "new", "A/1", "--regime", "opt-in", code=2).stderr
    assert "--regime" in tea.run("notice", "new", "b", code=2).stderr


def test_notices_that_are_not_there_are_told_from_those_that_are(tea: Gate) -> None:
    tea.run("notice", "new", "form", "--regime", "opt-in", "--family", "tea")
    assert "there are: form" in tea.run("notice", "show", "from", code=2).stderr
    assert "form/1 (en)" in tea.run("notice", "show", "form/9", code=2).stderr
    assert "<article" in tea.run("notice", "show", "form/v1", "--form", "full-html").stdout


def test_evidence_cannot_name_a_version_of_ours_that_does_not_exist(tea: Gate, sheet: Callable[..., Path]) -> None:
    tea.run("notice", "new", "form", "--list", "news", "--family", "tea")
    grant = ["contact", "grant", "ann@example.org", "--list", "news", *AT, *PROOF]
    people = sheet("email,date\nbob@example.org,2026-01-05\n")

    assert "form/1" in tea.run(*grant, "--notice", "form/7", code=2).stderr
    assert "form/1" in tea.run("import", people, "--list", "news", *PROOF, "--notice", "form/7", code=2).stderr
    assert tea.json(*grant, "--notice", "form/1")["evidence"]["text"] == "form/1"
    assert tea.json(*grant, "--notice", "paper form 2019/3")["recorded"]


def test_a_check_names_missing_notices_and_papers_with_article_and_cure(tea: Gate) -> None:
    tea.run("list", "edit", "news", "--channel", "email", "--channel", "post")
    found = {(one["code"], one["detail"]): one for one in tea.json("list", "check", "news")}

    assert "GDPR 13" in found["notice.check.no-notice", "opt-in × email"]["article"]
    assert "notice new" in found["notice.check.no-notice", "opt-out × post"]["what"]
    assert ("register.gap.lia_ref", "news") in found
    tea.run("notice", "new", "form", "--list", "news", "--family", "tea")
    tea.run("notice", "new", "letter", "--list", "news", "--channel", "post", "--family", "tea")
    tea.run("register", "set", "lia_ref", "LIA-2026-1", "--list", "news")
    codes = {one["code"] for one in tea.json("list", "check", "news")}
    assert not codes & {"notice.check.no-notice", "register.gap.lia_ref"}

    gaps = {one["code"]: one for one in tea.json("advertiser", "check", "tea")}
    assert gaps["register.gap.transfers"]["article"] == "GDPR 30(1)(e), 30(2)(c)"
    assert "sous-traitant" in tea.run("advertiser", "check", "tea", **FRENCH).stdout


def test_a_list_whose_channel_has_no_such_regime_is_not_opened(tea: Gate) -> None:
    tea.run(
        "list", "create", "buyers", "--regime", "customer", "--family", "tea", "--channel", "email", "--channel", "fax"
    )
    refused = tea.json("list", "activate", "buyers", code=1)

    assert [one["code"] for one in refused if one["blocks"]] == ["notice.check.no-such-notice"]
    assert tea.json("list", "show", "buyers")["state"] == "draft"
    tea.run("list", "edit", "buyers", "--channel", "email")
    tea.run("list", "activate", "buyers")


C3 = {
    "name", "controller", "joint_controllers", "representative", "dpo", "purposes", "data_subjects", "data_categories",
    "sources", "recipients", "transfers", "security_measures", "lists", "notice_versions", "dpia_ref", "lia_ref",
    "created_at", "version", "processor", "gaps",
}  # fmt: skip


def test_the_record_has_every_field_and_names_its_gaps(tea: Gate) -> None:
    tea.run("notice", "new", "form", "--list", "news", "--family", "tea")
    record = tea.json("register", "export", "--format", "json")

    assert set(record) >= C3
    assert record["controller"]["siren"] == "732829320"
    assert [one["name"] for one in record["notice_versions"]] == ["form/1", "form/1"]
    assert record["lists"][0]["notices"] == ["form/1"]
    assert all(one["legal_basis"] and one["retention"] for one in record["purposes"])
    assert any("register set transfers" in one["what"] and "30(1)(e)" in one["article"] for one in record["gaps"])


def test_what_people_tell_fills_the_gaps_and_changes_the_version(tea: Gate) -> None:
    before = tea.json("register", "show")
    assert tea.json("register", "show")["version"] == before["version"]
    for key in ("joint_controllers", "representative", "processor", "sub_processors", "transfers", "profiling"):
        tea.run("register", "set", key, "none")
    tea.run("register", "set", "recipients", "Routeur SAS", "Hébergeur SA")
    tea.run("register", "set", "security_measures", "Locaux fermés")
    tea.run("register", "set", "dpia_ref", "DPIA-7")
    tea.run("advertiser", "edit", "tea", "--dpo", "dpo@tea.example")
    after = tea.json("register", "show", **FRENCH)

    assert after["version"] != before["version"]
    assert {"Routeur SAS", "Hébergeur SA"} <= set(after["recipients"])
    assert after["transfers"] == ["aucun"]
    assert not [one for one in after["gaps"] if "register set" in one["what"]]
    tea.run("register", "set", "transfers")
    assert [one for one in tea.json("register", "show")["gaps"] if "register set transfers" in one["what"]]


def test_a_rented_list_is_named_with_its_seller(tea: Gate, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"seller": "Fichiers SA", "contract": "C-1"}))
    tea.run("list", "create", "rent", "--regime", "opt-in", "--origin", "rented", "--guarantee", record)

    made = tea.json("register", "show")
    assert "Rented list rent, of Fichiers SA" in made["sources"]
    assert any("rent – " in one["what"] and "siren" in one["what"] for one in made["gaps"])


def test_each_legal_entity_has_a_record_of_its_own(tea: Gate) -> None:
    tea.run("advertiser", "add", "cups", "--legal-name", "Les Tasses | SARL <x>")
    record = tea.run("register", "show", "--advertiser", "cups").stdout
    both = tea.json("register", "export", "--processor", "--format", "json")

    assert "La Maison du Thé" not in record
    assert "Les Tasses \\| SARL \\<x\\>" in record
    assert "say which advertiser" in tea.run("register", "show", code=2).stderr
    assert [one["controller"]["name"] for one in both["records"]] == ["Les Tasses | SARL <x>", "La Maison du Thé SAS"]


def test_documents_are_whole_in_both_languages(tea: Gate, tmp_path: Path) -> None:
    for lang, word in (("fr", "Ce qui manque"), ("en", "What is missing")):
        target = tmp_path / f"{lang}.html"
        tea.run("register", "export", "--format", "html", "--language", lang, "--output", target)
        page = target.read_text("utf-8")
        assert page.startswith("<!doctype html>")
        assert f'<html lang="{lang}">' in page
        assert word in page
        assert "<script" not in page
        assert f"## {word}" in tea.run("register", "export", "--language", lang).stdout
        assert "30(2)" in tea.run("register", "export", "--processor", "--language", lang).stdout


def test_the_record_names_the_companies_that_a_list_was_handed_to(tea: Gate, tmp_path: Path) -> None:
    to = ["--to", "Les Tasses SARL", "--siren", "552100554", "--kind", "sale", "--out", tmp_path / "handed.csv"]
    tea.run("list", "transfer", "news", *to)

    recipients = tea.json("register", "show")["recipients"]
    assert any(one.startswith("Les Tasses SARL (list news, on ") for one in recipients)
