"""`audit`: sealing, checking, proof that needs nobody's trust, and answers about the past."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text

from gateway.store.engine import Store
from tests.support.shell import PROOF, Gate

ANNA = "anna@example.org"
AT = ["--at", "2026-01-10"]


def by_hand(gate: Gate, statement: str) -> None:
    store = Store(f"sqlite:///{gate.folder}/var/consentgate.db")
    with store.begin() as tx:
        tx.connection().execute(text(statement))
    store.close()


def judge(pack: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the verifier in a Python that has nothing but its standard library."""
    command = [sys.executable, "-I", "-S", str(pack / "verify.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd="/")


def packed(gate: Gate, name: str = "pack", address: str = ANNA) -> Path:
    pack = gate.folder / name
    gate.run("audit", "proof", address, "--advertiser", "tea", "--out", pack)
    return pack


def test_what_was_done_by_hand_is_found_and_told(tea: Gate) -> None:
    tea.run("contact", "grant", ANNA, "--list", "news", *AT, *PROOF)
    assert tea.json("audit", "seal") == {"rows": 1, "seals": 1, "busy": False}
    assert tea.json("audit", "verify")["ok"] is True
    tea.run("audit", "verify", CONSENTGATE_LANG="fr")

    by_hand(tea, "UPDATE event SET at = '2020-01-01 00:00:00'")
    said = tea.run("audit", "verify", code=1)

    assert "changed since it was sealed" in said.stdout
    findings = tea.json("audit", "verify", code=1)["findings"]
    assert [(one["kind"], one["finding"]) for one in findings] == [("event", "changed")]


def test_a_chain_made_anew_is_found_by_what_was_kept_elsewhere(tea: Gate, tmp_path: Path) -> None:
    tea.run("contact", "grant", ANNA, "--list", "news", *AT, *PROOF)
    tea.run("audit", "seal")
    kept = tmp_path / "kept.ndjson"
    kept.write_text(tea.run("audit", "export").stdout)
    assert [list(json.loads(line)) for line in kept.read_text().splitlines()] == [["seal"], ["leaf"]]
    assert ANNA not in kept.read_text()
    assert "salt" not in kept.read_text()
    tea.run("audit", "verify", "--against", kept)

    by_hand(tea, "DELETE FROM leaf")
    by_hand(tea, "DELETE FROM seal")
    tea.run("audit", "seal")

    assert tea.json("audit", "verify")["ok"] is True
    findings = tea.json("audit", "verify", "--against", kept, code=1)["findings"]
    assert [one["finding"] for one in findings] == ["other-chain"]
    kept.write_text("what?\n")
    assert "line 1" in tea.run("audit", "verify", "--against", kept, code=2).stderr


def test_a_pack_proves_itself_with_python_alone(tea: Gate) -> None:
    for number in range(5):
        tea.run("contact", "grant", f"x{number}@example.org", "--list", "news", *AT, *PROOF)
    tea.run("contact", "grant", ANNA, "--list", "news", *AT, *PROOF)
    tea.run("contact", "object", ANNA, "--list", "news")
    last = tea.json("audit", "verify")["last"]
    pack = packed(tea)
    last = tea.json("audit", "verify")["last"]

    said = judge(pack, last)

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.endswith("PROVEN\n")
    assert "3 of 3 rows proven" in said.stdout
    assert "x0@example.org" not in (pack / "proof.json").read_text()
    assert "PREUVE" in (pack / "README.txt").read_text()
    assert judge(pack, "1:00").returncode == 1
    assert "there already" in tea.run("audit", "proof", ANNA, "--out", pack, code=2).stderr


def test_a_pack_that_was_touched_proves_nothing(tea: Gate) -> None:
    tea.run("contact", "grant", ANNA, "--list", "news", *AT, *PROOF)
    tea.run("contact", "object", ANNA, "--list", "news")
    pack = packed(tea)
    whole: dict[str, Any] = json.loads((pack / "proof.json").read_text())
    chain = (pack / "seals.ndjson").read_text()

    for path, value in {
        ("personal", "evidence"): {"mode": "signed"}, ("public", "at"): "2020-01-01T00:00:00.000000Z",
        ("commitment",): "00" * 32, ("salt",): "00" * 16, ("position",): 7, ("path",): [], ("seal",): 9,
    }.items():  # fmt: skip
        changed = json.loads(json.dumps(whole))
        place = changed["rows"][0]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        (pack / "proof.json").write_text(json.dumps(changed))
        said = judge(pack)
        assert (said.returncode, said.stdout.splitlines()[-1]) == (1, "NOT PROVEN"), path

    (pack / "proof.json").write_text(json.dumps(whole))
    (pack / "seals.ndjson").write_text(chain.replace('"leaves":3', '"leaves":2'))
    assert judge(pack).returncode == 1


def test_nothing_is_known_of_a_stranger(tea: Gate) -> None:
    assert "nothing is known" in tea.run("audit", "proof", "who@example.org", code=2).stderr


def test_the_past_is_answered_from_what_was_known_then(tea: Gate) -> None:
    tea.run("contact", "grant", ANNA, "--list", "news", *AT, *PROOF)

    # the list did not exist in January, and nobody had recorded the consent yet
    assert tea.json("audit", "asof", ANNA, "--list", "news", "--at", "2026-02-01", code=1)["fate"] == "refuse"
    now = tea.json("audit", "asof", ANNA, "--list", "news", "--at", "2099-01-01T00:00Z", code=1)
    assert now["code"] == "R-EXPIRED"

    by_hand(tea, "UPDATE list SET activated_at = '2026-01-01 00:00:00'")
    before = tea.json("audit", "asof", ANNA, "--list", "news", "--at", "2026-02-01", code=1)
    by_hand(tea, "UPDATE event SET recorded_at = '2026-01-11 00:00:00'")
    then = tea.json("audit", "asof", ANNA, "--list", "news", "--at", "2026-02-01")
    eve = tea.json("audit", "asof", ANNA, "--list", "news", "--at", "2026-01-09", code=1)

    assert before["code"] == eve["code"] == "R-UNKNOWN"
    assert (then["code"], then["texts"]) == ("A-CONSENT", ["v3"])
    assert then["events"][0]["kind"] == "granted"
    assert "v3" in tea.run("audit", "asof", ANNA, "--list", "news", "--at", "2026-02-01T10:00").stdout
    assert "not a day" in tea.run("audit", "asof", ANNA, "--list", "news", "--at", "yesterday", code=2).stderr


def test_an_opposition_lifted_later_counts_while_it_stood(tea: Gate) -> None:
    by_hand(tea, "UPDATE list SET activated_at = '2026-01-01 00:00:00'")
    tea.run("contact", "grant", ANNA, "--list", "news", *AT, *PROOF)
    tea.run("contact", "object", ANNA, "--list", "news")
    by_hand(tea, "UPDATE event SET recorded_at = '2026-01-11 00:00:00', at = '2026-01-10 00:00:00'")
    by_hand(tea, "DELETE FROM event WHERE kind = 'objected'")
    by_hand(tea, "UPDATE opposition SET at = '2026-02-01 00:00:00', lifted_at = '2026-03-01 00:00:00'")

    codes = [
        tea.json("audit", "asof", ANNA, "--list", "news", "--at", day, code=code)["code"]
        for day, code in (("2026-01-20", 0), ("2026-02-10", 1), ("2026-03-10", 0))
    ]

    assert codes == ["A-CONSENT", "R-OBJECTED", "A-CONSENT"]
