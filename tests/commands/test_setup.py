"""The first steps: init, config, db, plugin."""

import sqlite3
from pathlib import Path

from gateway.settings import load
from tests.support.ports import free_port
from tests.support.shell import Gate


def test_init_writes_a_configuration_secrets_and_the_database(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "new")
    said = gate.run("init", "--hostname", "gate.example.org", "--upstream", "smtp://relay.example.org:25")

    settings = load(gate.config)
    assert settings.gateway.hostname == "gate.example.org"
    assert settings.upstream.url == "smtp://relay.example.org:25"
    assert len(settings.gateway.secrets[1].read()) >= 32
    assert (gate.folder / "var/secret-1").stat().st_mode & 0o777 == 0o600
    assert "consentgate advertiser add" in said.stderr
    assert gate.json("db", "status")["ok"] is True


def test_init_never_overwrites(gate: Gate) -> None:
    before = gate.config.read_text()

    said = gate.run("init", code=2)

    assert "is there already" in said.stderr
    assert gate.config.read_text() == before


def test_init_with_a_bad_value_leaves_nothing_behind(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "new")

    said = gate.run("init", "--upstream", "https://example.org", code=2)

    assert "upstream.url" in said.stderr
    assert list((tmp_path / "new").iterdir()) == []


def test_init_without_its_server_can_be_asked_again(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "new")

    said = gate.run("init", "--store", f"postgresql://nobody@127.0.0.1:{free_port()}/people", code=3)

    assert "cannot be reached" in said.stderr
    assert not gate.config.exists()
    secret = (gate.folder / "var/secret-1").read_text()
    gate.run("init")
    assert (gate.folder / "var/secret-1").read_text() == secret


def test_config_show_names_secrets_and_never_shows_them(gate: Gate) -> None:
    secret = (gate.folder / "var/secret-1").read_text().strip()
    shown = gate.json("config", "show")

    assert shown["gateway"]["secrets"] == {"1": "file:var/secret-1"}
    assert shown["limits"]["expire"] == "5d"
    assert secret not in gate.run("config", "show").stdout


def test_config_check_says_what_the_machine_lacks(gate: Gate) -> None:
    assert "as it should be" in gate.run("config", "check").stderr
    (gate.folder / "var/secret-1").unlink()

    said = gate.run("config", "check", code=1)

    assert "gateway.secrets.1" in said.stdout


def test_a_broken_configuration_is_misuse_with_every_problem(gate: Gate) -> None:
    gate.config.write_text("[smtp]\nlissten = 1\n[law]\nprospect_years = 9\n")

    said = gate.run("advertiser", "list", code=2)

    assert "did you mean listen?" in said.stderr
    assert "at most 3" in said.stderr
    assert said.stdout == ""


def test_a_missing_secret_is_misuse_that_names_it(gate: Gate) -> None:
    (gate.folder / "var/secret-1").unlink()

    assert "var/secret-1 cannot be read" in gate.run("list", "show", code=2).stderr


def test_an_unreachable_database_is_exit_code_3(gate: Gate) -> None:
    gate.config.write_text('[store]\nurl = "postgresql://nobody@127.0.0.1:9/none"\n')

    assert gate.run("advertiser", "list", code=3).stdout == ""


def test_a_backup_brings_back_what_was_lost(tea: Gate) -> None:
    copy = tea.folder / "copy.backup"
    tea.run("db", "backup", copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    tea.run("list", "close", "news", "--yes")

    tea.run("db", "restore", copy, code=2)  # asks, and nobody is there to answer
    tea.run("db", "restore", copy, "--yes")

    assert tea.json("list", "show", "news")["state"] == "active"
    assert tea.json("advertiser", "list")[0]["name"] == "tea"


def test_a_backup_overwrites_nothing_and_a_restore_takes_only_a_backup(tea: Gate) -> None:
    other = tea.folder / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("create table x (y)")
    connection.close()

    assert "exists already" in tea.run("db", "backup", other, code=2).stderr
    tea.run("db", "restore", other, "--yes", code=2)
    tea.run("db", "restore", tea.config, "--yes", code=2)
    assert tea.json("list", "show", "news")["state"] == "active"


def test_plugins_are_listed_with_what_their_tool_can_bear(gate: Gate) -> None:
    rows = {row["name"]: row for row in gate.json("plugin", "list")}

    assert rows["listmonk"]["block_style"] == "discard"
    assert rows["generic"]["ok"] is True


def test_a_broken_plugin_is_listed_and_named(gate: Gate) -> None:
    mine = gate.folder / "mine"
    mine.mkdir()
    (mine / "broken.py").write_text("def recognize(headers): ...\n")
    with gate.config.open("a") as file:
        file.write("\n")
    gate.config.write_text(gate.config.read_text().replace('# folder = ""', 'folder = "mine"'))

    rows = {row["name"]: row for row in gate.json("plugin", "list")}

    assert rows["broken"]["ok"] is False
    assert "did you mean recognise" in gate.run("plugin", "check", "broken", code=2).stderr


def test_plugin_check_shows_what_is_read_in_a_message(gate: Gate) -> None:
    data = Path(__file__).parent.parent / "plugins/data"

    shown = gate.json("plugin", "check", "listmonk", data / "01-listmonk-campaign.eml")

    assert shown["hints"]["one_click"].startswith("https://listmonk.example/subscription/")
    gate.run("plugin", "check", "listmonk", data / "05-not-listmonk.eml", code=1)
