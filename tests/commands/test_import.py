"""Imports: hostile files, evidence, and objections that no file can undo."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.flow import crew, importer
from gateway.flow.importfile import Sheet as Opened
from tests.support.shell import PROOF, TEA, Gate

Sheet = Callable[..., Path]
AT = ["--at", "2026-02-01"]


def refused(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def evidence(gate: Gate, address: str) -> dict[str, object]:
    [event] = gate.json("contact", "show", address)["events"]
    return event["evidence"]


def test_a_row_brings_its_own_evidence_and_the_batch_the_rest(tea: Gate, sheet: Sheet) -> None:
    path = sheet("email,date,form,name\nAnna@Example.org,2026-01-12T09:30:00+01:00,footer,Anna\n")

    done = tea.json("import", path, "--list", "news", *PROOF, "--form", "unknown")

    assert (done["taken"], done["refused"], done["refused_file"]) == (1, 0, None)
    person = tea.json("contact", "show", "anna@example.org")
    [event] = person["events"]
    assert person["name"] == "Anna"
    assert (event["event"], event["at"], event["list"]) == ("granted", "2026-01-12T08:30:00Z", "news")
    assert event["evidence"] == {
        "mode": "unticked-box", "text": "v3", "proof": "log 7", "controllers": ["La Maison du Thé SAS"],
        "purpose": ["prospecting"], "form": "footer",
    }  # fmt: skip


ENCODED = {
    "utf-8": "email;prénom;date\nzoé@example.org;Zoé;12/01/2026\n".encode(),
    "utf-8 with mark": b"\xef\xbb\xbf" + "email;prénom;date\nzoé@example.org;Zoé;12/01/2026\n".encode(),
    "utf-16": "email;prénom;date\nzoé@example.org;Zoé;12/01/2026\n".encode("utf-16"),
    "cp1252": "email;prénom;date\nzoé@example.org;Zoé;12/01/2026\n".encode("cp1252"),
    "cp1252 late": b"email;nom\n" + b"a@example.org;x\n" * 70_000 + "zoé@example.org;Zoé".encode("cp1252"),
    "old line ends": "email\tprénom\tdate\rzoé@example.org\tZoé\t12/01/2026\r".encode(),
    "bars and quotes": '"email"|"prénom"|"date"\n"zoé@example.org"|"Zoé"|"12/01/2026"\n'.encode(),
}  # fmt: skip


@pytest.mark.parametrize("case", [name for name in ENCODED if name != "cp1252 late"])
def test_any_usual_encoding_and_separator_is_found_out(tea: Gate, sheet: Sheet, case: str) -> None:
    done = tea.json("import", sheet(ENCODED[case]), "--list", "news")

    assert done["taken"] == 1
    assert tea.json("contact", "show", "zoé@example.org")["name"] == "Zoé"


def test_a_file_that_is_utf_8_only_at_its_beginning_is_read_as_what_it_is(sheet: Sheet) -> None:
    with sheet(ENCODED["cp1252 late"]).open("rb") as file:
        opened = Opened(file)
        assert opened.encoding == "cp1252"
        assert list(opened)[-1].values["nom"] == "Zoé"


def test_ndjson_rows_bring_their_own_columns(tea: Gate, sheet: Sheet) -> None:
    rows = [
        {"email": "a@example.org", "at": "2026-01-12", "purpose": ["prospecting", "partners"]},
        {"Courriel": "b@example.org", "date_consentement": "12/01/2026"},
        {"nothing": "here"},
        ["not", "an", "object"],
    ]
    path = sheet("\n".join(json.dumps(row) for row in rows) + '\n{"email": "c@example.org"\n', "people.ndjson")

    done = tea.json("import", path, "--list", "news", code=1)

    assert (done["taken"], done["reasons"]) == (2, {"no-address": 1, "unreadable": 2})
    assert evidence(tea, "a@example.org")["purpose"] == ["prospecting", "partners"]


def test_columns_are_mapped_by_option_also_without_a_header(tea: Gate, sheet: Sheet) -> None:
    path = sheet("x,anna@example.org,12/01/2026\n")

    tea.run("import", path, "--list", "news", "--map", "address=2", "--map", "at=3")

    assert tea.json("contact", "show", "anna@example.org")["events"][0]["at"] == "2026-01-11T23:00:00Z"


def test_a_bare_list_of_addresses_is_enough(tea: Gate, sheet: Sheet) -> None:
    assert tea.json("import", sheet("a@example.org\nb@example.org\n"), "--list", "news", *AT)["taken"] == 2


def test_standard_input_is_a_file_too(tea: Gate) -> None:
    assert tea.json("import", "-", "--list", "news", *AT, stdin="email\na@example.org\n")["taken"] == 1


def test_each_refused_row_is_handed_back_with_its_reason(tea: Gate, sheet: Sheet) -> None:
    path = sheet(
        "email,date,country,refusal_offered\n"
        "nobody,2026-01-01,FR,yes\n"
        ",2026-01-01,FR,yes\n"
        "a@example.org,,FR,yes\n"
        "b@example.org,31/02/2026,FR,yes\n"
        "c@example.org,2999-01-01,FR,yes\n"
        "d@example.org,2026-01-01,France,yes\n"
        "e@example.org,2026-01-01,FR,perhaps\n"
        "f@example.org,2026-01-01,FR,yes,too,much\n"
        "good@example.org,2026-01-01,fr,oui\n"
    )

    done = tea.json("import", path, "--list", "news", code=1)

    rows = refused(Path(done["refused_file"]))
    assert [(row["line"], row["code"]) for row in rows] == [
        ("2", "bad-address"), ("3", "no-address"), ("4", "no-at"), ("5", "not-a-date"), ("6", "in-the-future"),
        ("7", "not-a-country"), ("8", "not-yes-or-no"), ("9", "too-many-values"),
    ]  # fmt: skip
    assert rows[4]["email"] == "c@example.org"
    assert "2999-01-01" in rows[4]["reason"]
    assert Path(done["refused_file"]).stat().st_mode & 0o777 == 0o600
    assert tea.json("contact", "show", "good@example.org")["country"] == "FR"


def test_an_opposed_address_is_refused_and_stays_opposed(tea: Gate, sheet: Sheet) -> None:
    tea.run("opposition", "add", "Anna@Example.org")
    path = sheet("email\nanna@EXAMPLE.org\nbob@example.org\n")

    done = tea.json("import", path, "--list", "news", *PROOF, *AT, code=1)

    assert (done["taken"], done["reasons"]) == (1, {"opposed": 1})
    assert [row["code"] for row in refused(Path(done["refused_file"]))] == ["opposed"]
    tea.run("contact", "show", "anna@example.org", code=2)
    assert len(tea.json("opposition", "list")) == 2  # both spellings, still standing


def test_an_objection_to_another_list_does_not_keep_an_address_out(tea: Gate, sheet: Sheet) -> None:
    tea.run("list", "create", "other", "--regime", "opt-in")
    tea.run("opposition", "add", "anna@example.org", "--list", "other")
    path = sheet("email\nanna@example.org\n")

    assert tea.json("import", path, "--list", "news", *AT)["taken"] == 1
    tea.run("import", path, "--list", "other", *AT, code=1)


def test_a_person_who_withdrew_is_not_granted_again_by_a_file(tea: Gate, sheet: Sheet) -> None:
    path = sheet("email\nanna@example.org\n")
    tea.run("import", path, "--list", "news", *PROOF, *AT)
    tea.run("contact", "withdraw", "anna@example.org", "--list", "news")

    tea.run("import", path, "--list", "news", *PROOF, *AT, code=1)

    kinds = [event["event"] for event in tea.json("contact", "show", "anna@example.org")["events"]]
    assert kinds == ["granted", "withdrawn"]


def test_what_is_known_of_a_person_is_not_overwritten(tea: Gate, sheet: Sheet) -> None:
    tea.run("import", sheet("email,nom,pays\na@example.org,Anna,FR\n"), "--list", "news", *AT)
    tea.run("import", sheet("email,nom,société\na@example.org,Other,Thé SA\n", "b.csv"), "--list", "news", *AT)

    person = tea.json("contact", "show", "a@example.org")

    assert (person["name"], person["company"], person["country"]) == ("Anna", "Thé SA", "FR")


def test_the_country_that_was_forgotten_comes_with_the_next_file(tea: Gate, sheet: Sheet) -> None:
    tea.run("list", "create", "pros", "--regime", "professional", "--title", "Tea for offices", "--family", "tea")
    tea.run("list", "activate", "pros")
    told = ("--list", "pros", "--subject", "organisation", *AT)
    tea.run("import", sheet("email\ncontact@firm.example\n"), *told)
    assert "R-B2B-COUNTRY" in tea.run("check", "--list", "pros", "contact@firm.example", code=1).stdout

    tea.run("import", sheet("email,pays\ncontact@firm.example,FR\n", "b.csv"), *told)

    assert "A-GENERIC" in tea.run("check", "--list", "pros", "contact@firm.example").stdout


def test_an_agreement_to_sms_is_none_to_e_mail(tea: Gate, sheet: Sheet) -> None:
    path = sheet("email,canal\na@example.org,SMS\nb@example.org,e-mail\nc@example.org,\nd@example.org,magasin\n")

    done = tea.json("import", path, "--list", "news", *PROOF, *AT, code=1)

    assert (done["taken"], done["reasons"]) == (3, {"not-one-of": 1})
    assert "R-CONSENT-CHANNEL" in tea.run("check", "--list", "news", "a@example.org", code=1).stdout
    tea.run("check", "--list", "news", "b@example.org", "c@example.org")


def test_what_was_exported_comes_back_on_its_own_channel(tea: Gate, sheet: Sheet) -> None:
    tea.run("contact", "grant", "a@example.org", "--list", "news", "--channel", "sms", *PROOF, *AT)
    file = tea.folder / "out.csv"
    tea.run("export", "--list", "news", "--out", file)
    tea.run("list", "create", "other", "--regime", "opt-in", "--title", "Other")
    tea.run("list", "activate", "other")

    tea.run("import", file, "--list", "other")

    assert "R-CONSENT-CHANNEL" in tea.run("check", "--list", "other", "a@example.org", code=1).stdout
    assert (
        "--channel: unknown value: fox (email, "
        in tea.run("contact", "grant", "x@example.org", "--list", "news", "--channel", "fox", *AT, code=2).stderr
    )


def test_a_no_in_an_export_is_no_yes_elsewhere(tea: Gate) -> None:
    for name in ("a", "b", "c"):
        tea.run("contact", "grant", f"{name}@example.org", "--list", "news", *PROOF, *AT)
    tea.run("contact", "withdraw", "a@example.org", "--list", "news")
    tea.run("contact", "restrict", "b@example.org")
    file = tea.folder / "out.csv"
    tea.run("export", "--list", "news", "--out", file)
    tea.run("advertiser", "add", "cups", *TEA)
    tea.run("list", "create", "cups-news", "--advertiser", "cups", "--regime", "opt-in", "--title", "Cups")
    tea.run("list", "activate", "cups-news")

    done = tea.json("import", file, "--list", "cups-news", *PROOF, code=1)

    assert (done["taken"], done["reasons"]) == (1, {"opposed": 1, "not-one-of": 1})
    people = [f"{name}@example.org" for name in ("a", "b", "c")]
    said = tea.run("check", "--list", "cups-news", *people, code=1).stdout
    assert [line.split()[1] for line in said.splitlines()] == ["R-UNKNOWN", "R-UNKNOWN", "A-CONSENT"]


def test_an_indirect_list_needs_the_date_of_acquisition_and_is_never_direct(tea: Gate, sheet: Sheet) -> None:
    tea.run("list", "create", "bought", "--regime", "opt-in", "--origin", "bought")
    path = sheet("email,date,acquired_at\na@example.org,2026-01-01,2026-02-01\nb@example.org,2026-01-01,\n")

    done = tea.json("import", path, "--list", "bought", "--source-name", "Fichiers SARL", code=1)

    assert done["reasons"] == {"no-acquired-at": 1}
    person = tea.json("contact", "show", "a@example.org")
    assert (person["source"], person["source_name"], person["events"][0]["direct"]) == (
        "bought",
        "Fichiers SARL",
        False,
    )


@pytest.mark.parametrize(("regime", "kind"), [("customer", "sold"), ("professional", "informed")])
def test_the_regime_of_the_list_says_what_a_row_is_about(tea: Gate, sheet: Sheet, regime: str, kind: str) -> None:
    tea.run("list", "create", "other", "--regime", regime)
    path = sheet('email,date,siren,familles,refus propose\nAnna@example.org,12/01/2026,732829320,"tea, cups",oui\n')

    tea.run("import", path, "--list", "other", "--from-person", "yes", "--at-sale", "yes", "--article", "13")

    [event] = tea.json("contact", "show", "anna@example.org")["events"]
    assert event["event"] == kind
    assert event["evidence"]["families"] == ["tea", "cups"]
    assert event["evidence"]["refusal_offered"] is True
    assert event["evidence"]["from_person"] is True


HOSTILE = {
    "empty": ("", 2, "the file is empty"),
    "blank lines": ("\n\n\n", 2, "the file is empty"),
    "no address column": ("colour,size\nred,1\n", 2, "--map address=HEADER: colour, size"),
    "twice": ("email,email\na@example.org,b@example.org\n", 2, "names a column twice: email"),
    "neither encoding": (b"email\n\x81\x8d@example.org\n", 2, "neither UTF-8 nor Windows-1252"),
    "an open quote": ('email,nom\na@example.org,"open\n' + "b@example.org,x\n" * 9000, 1, ""),
    "nul": ("email\na\x00@example.org\n", 1, ""),
    "formula": ("email,nom\nbad,=cmd|'/c calc'!A1\n", 1, ""),
    "escape codes": ("email\n\x1b[31mred@\x1b[0m\n", 1, ""),
    "deep json": ('{"email":' + "[" * 20000 + "]" * 20000 + "}\n", 1, ""),
    "long json": ('{"email":"' + "a" * 200_000 + '"}\n{"email":"b@example.org"}\n', 1, ""),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_answered_in_words(tea: Gate, sheet: Sheet, case: str) -> None:
    content, code, said = HOSTILE[case]

    result = tea.run("import", sheet(content), "--list", "news", *AT, code=code)

    assert said in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


def test_after_an_unclosed_quote_the_rest_is_accounted_for(tea: Gate, sheet: Sheet) -> None:
    text = 'email,nom\na@example.org,"open\n' + "".join(f"p{n}@example.org,{'x' * 60}\n" for n in range(3000))

    done = tea.json("import", sheet(text), "--list", "news", *AT, code=1)

    assert done["reasons"].get("unreadable", 0) >= 1
    assert [row["code"] for row in refused(Path(done["refused_file"]))].count("unreadable") >= 1


def test_a_formula_in_a_refused_row_is_disarmed(tea: Gate, sheet: Sheet) -> None:
    done = tea.json("import", sheet("email,nom\nbad,=1+1\n"), "--list", "news", *AT, code=1)

    assert refused(Path(done["refused_file"]))[0]["nom"] == "'=1+1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--map", "colour=email"], "there is no such column"),
        (["--map", "address=Mail"], "the file has no column Mail"),
        (["--map", "address"], "write COLUMN=HEADER"),
        (["--separator", "::"], "one sign"),
        (["--encoding", "klingon"], "cannot be read as klingon"),
        (["--from-person", "perhaps"], "--from-person: neither yes nor no: perhaps"),
    ],
)
def test_an_option_that_makes_no_sense_is_misuse_before_anything_is_written(
    tea: Gate, sheet: Sheet, words: list[str], said: str
) -> None:
    assert said in tea.run("import", sheet("email\na@example.org\n"), "--list", "news", *AT, *words, code=2).stderr
    assert tea.json("import", "list") == []


def test_nobody_is_added_to_a_closed_list(tea: Gate, sheet: Sheet) -> None:
    tea.run("list", "close", "news", "--yes")

    assert "is closed" in tea.run("import", sheet("email\na@example.org\n"), "--list", "news", *AT, code=2).stderr


def test_an_import_is_undone_as_a_whole(tea: Gate, sheet: Sheet) -> None:
    tea.run("import", sheet("email\nold@example.org\n"), "--list", "news", *AT)
    second = tea.json("import", sheet("email\nold@example.org\nnew@example.org\n", "2.csv"), "--list", "news", *AT)

    tea.run("import", "undo", second["batch"], code=2)  # asks, and nobody is there to answer
    done = tea.json("import", "undo", second["batch"], "--yes")

    # what the first import had said word for word is still its own
    assert (done["events"], done["people_removed"]) == (1, 1)
    tea.run("contact", "show", "new@example.org", code=2)
    tea.run("contact", "show", "old@example.org")
    assert tea.json("import", "list")[0]["state"] == "undone"
    assert "there is no import" in tea.run("import", "undo", "7", "--yes", code=2).stderr


def people(count: int) -> Iterator[str]:
    yield "email;nom;date;mode\n"
    for number in range(count):
        yield f"person{number}@example{number % 97}.org;Person {number};2026-01-{number % 28 + 1:02};unticked-box\n"


def test_fifty_thousand_rows_are_imported_in_bounded_memory(tea: Gate, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    with path.open("w") as file:
        file.writelines(people(50_000))
    script = (
        "import resource, sys; from gateway.commands import consentgate; import gateway.commands.imports\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "consentgate(sys.argv[1:], standalone_mode=False)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, file=sys.stderr)"
    )
    words = ["--config", tea.config, "--json", "import", path, "--list", "news"]

    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["taken"] == 50_000
    assert "━" not in done.stderr  # no bar in a pipe
    assert int(done.stderr.split()[-1]) < 40_000  # KiB more than at rest


def test_rows_shared_among_processes_come_to_the_same(tea: Gate, sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "CHUNK", 5)
    monkeypatch.setattr(crew, "FEW", 1)
    tea.run("contact", "object", "p44@example.org")
    tea.run("opposition", "add", "p44@example.org", "--advertiser", "tea")
    rows = [f"p{n}@example.org,2026-01-01" if n % 9 else f"nobody {n},2026-01-01" for n in range(60)]

    done = tea.json("import", sheet("\n".join(["email,date", *rows, *rows[50:]])), "--list", "news", code=1)

    wrong = [n + 2 for n in range(60) if n % 9 == 0 or n == 44]
    assert [int(row["line"]) for row in refused(Path(done["refused_file"]))] == [*wrong, 66]
    assert done["reasons"] == {"bad-address": 8, "opposed": 1}
    assert (done["taken"], done["same"]) == (61, 9)
    assert tea.json("check", "--list", "news", "p44@example.org", code=1)["code"] == "R-OBJECTED"
