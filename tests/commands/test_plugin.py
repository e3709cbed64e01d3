"""Writing a plugin, checking it, and comparing a tool's list with the ledger."""

import json
import re
from pathlib import Path

import pytest

from tests.support.https import Asked, HttpsServer
from tests.support.shell import PROOF, Gate


def test_a_new_plugin_works_and_is_checked_against_its_message(gate: Gate) -> None:
    folder = gate.folder / "plugins"
    made = gate.json("plugin", "new", "brevity", "--folder", folder)
    assert [Path(row["file"]).name for row in made] == ["brevity.py", "01-campaign.eml", "01-campaign.hints"]
    configure(gate, f'folder = "{folder}"')
    assert gate.json("plugin", "check", "brevity")["messages"] == [
        {"message": "01-campaign.eml", "passed": True, "problem": ""}
    ]
    hints = folder / "brevity/01-campaign.hints"
    hints.write_text(hints.read_text("utf-8").replace('"42"', '"43"'), "utf-8")
    assert "campaign: '42' instead of '43'" in " ".join(gate.run("plugin", "check", "brevity", code=1).stdout.split())
    assert "is there already" in gate.run("plugin", "new", "brevity", "--folder", folder, code=2).stderr
    assert "lower-case" in gate.run("plugin", "new", "Brevity!", "--folder", folder, code=2).stderr


def configure(gate: Gate, *lines: str, tool: str = "") -> None:
    text = re.sub(r"(?m)^\[plugins\]\n(?:(?!^\[).*\n)*", "", gate.config.read_text("utf-8"))
    gate.config.write_text(text + "\n[plugins]\n" + "\n".join(lines) + "\n" + tool, "utf-8")


@pytest.fixture
def listed(tea: Gate) -> Gate:
    """A gateway with three people on its list, one of whom objected, and an account of phpList."""
    people = tea.folder / "people.csv"
    people.write_text("email,at\n" + "".join(f"{name}@example.org,2026-10-01\n" for name in ("anna", "bob", "carl")))
    tea.run("import", people, "--list", "news", *PROOF)
    tea.run("contact", "object", "carl@example.org")
    tea.run("account", "add", "gazette", "--list", "news", "--plugin", "phplist")
    return tea


def may(gate: Gate, name: str) -> str:
    return str(gate.json("check", "--list", "news", f"{name}@example.org", code=0 if name == "anna" else 1)["code"])


def test_an_export_is_compared_and_its_opt_outs_are_recorded(listed: Gate) -> None:
    configure(listed, tool="[plugins.tools.gazette]\n")
    export = listed.folder / "export.csv"
    export.write_text(
        "email\tblacklisted\nanna@example.org\t0\nbob@example.org\t1\ncarl@example.org\t1\nnew@example.org\t0\n"
    )
    words = ("plugin", "sync", "gazette", "--list", "news", "--export", export)
    expected = {"members": 4, "alike": 2, "stopped_there": 1, "stopped_here": 0, "unknown": 1, "unreadable": 0}

    said = listed.json(*words, "--dry-run")
    assert {name: said[name] for name in expected} == expected
    assert listed.json("check", "--list", "news", "bob@example.org")["code"] == "A-CONSENT"

    said = listed.json(*words)
    assert {name: said[name] for name in expected} == expected
    assert may(listed, "bob") == "R-OBJECTED"
    assert may(listed, "anna") == "A-CONSENT"
    assert listed.json(*words)["stopped_there"] == 0


def test_a_tool_is_asked_and_told_over_https(listed: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    subscriptions = [{"email": f"{name}@example.org", "status": 1} for name in ("anna", "carl")]
    subscriptions.append({"email": "bob@example.org", "status": 2})
    left = []

    def answer(asked: Asked) -> tuple[int, bytes]:
        if asked.path.startswith("/api/subscriptions/L1?"):
            return 200, json.dumps({"data": {"subscriptions": subscriptions}}).encode()
        left.append((asked.path, asked.body))
        return 200, b"{}"

    server = HttpsServer()
    try:
        server.answer = answer
        monkeypatch.setenv("SSL_CERT_FILE", str(server.trust_file(listed.folder)))
        (listed.folder / "token").write_text("t0ken")
        listed.run("account", "add", "train", "--list", "news", "--plugin", "mailtrain")
        tool = f'[plugins.tools.train]\nurl = "{server.url}"\npassword = "file:token"\nlists = {{ news = "L1" }}\n'
        configure(listed, 'internal_hosts = ["localhost"]', tool=tool)
        said = listed.json("plugin", "sync", "train", "--list", "news")
        assert (said["members"], said["stopped_here"], said["stopped_there"], said["failed"]) == (3, 1, 1, 0)
        assert left == [("/api/unsubscribe/L1?access_token=t0ken", b"EMAIL=carl%40example.org")]
        assert may(listed, "bob") == "R-OBJECTED"
    finally:
        server.close()


def test_what_cannot_be_is_said(listed: Gate) -> None:
    assert "[plugins.tools.gazette]" in listed.run("plugin", "sync", "gazette", "--list", "news", code=2).stderr
    configure(listed, tool="[plugins.tools.gazette]\n")
    assert "--export FILE" in listed.run("plugin", "sync", "gazette", "--list", "news", code=2).stderr
