"""What every command has in common: help, JSON, exit codes, width, languages, the reference page."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.commands import NOUNS, consentgate
from gateway.commands.common import Noun
from gateway.commands.pages import commands_page
from gateway.flow.importer import RefusedRow
from gateway.flow.importrow import COLUMNS
from gateway.text import languages, sentences
from tests.support.shell import ENGLISH, Gate

ROOT = Path(__file__).parents[2]


def every(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from every(child, click.Context(child, info_name=name, parent=context))


COMMANDS = dict(every(consentgate, click.Context(consentgate, info_name="consentgate")))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_a_page_of_help_that_fits(path: str) -> None:
    result = CliRunner().invoke(consentgate, [*path.split()[1:], "--help"], env=ENGLISH, terminal_width=80)

    assert result.exit_code == 0
    assert f"Usage: {path}" in result.stdout.replace("consentgate.", "consentgate") or "Usage:" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 100
    assert COMMANDS[path].help


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_is_listed_with_what_its_help_begins_with(noun: str) -> None:
    context = click.Context(consentgate, info_name="consentgate")

    assert consentgate.summary(context, noun) == Noun.summary(consentgate, context, noun)


def test_lists_of_commands_have_whole_sentences_and_nothing_hidden() -> None:
    for words in (["--help"], ["list", "--help"], ["config", "--help"]):
        said = CliRunner().invoke(consentgate, words, env=ENGLISH, terminal_width=80).stdout
        listed = said.partition("Commands:")[2]
        assert listed
        assert "..." not in listed
        assert "reference" not in listed


def test_nouns_are_listed_and_completed_without_being_loaded() -> None:
    code = (
        "import sys, click\nfrom gateway.commands import consentgate\n"
        "found = consentgate.shell_complete(click.Context(consentgate), 're')\n"
        "assert [one.value for one in found] == ['register', 'request', 'retention', 'report']\n"
        "try: consentgate(['--help'])\nexcept SystemExit: pass\n"
        "assert not [name for name in sys.modules if name in ('gateway.commands.lists', 'gateway.commands.serve')]"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "retention" in done.stdout


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_takes_json_and_explains_every_option(path: str) -> None:
    command = COMMANDS[path]

    if not isinstance(command, click.Group):
        assert any("--json" in parameter.opts for parameter in command.params)
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []
    names = [name for option in options for name in option.opts]
    assert len(names) == len(set(names))


def test_the_reference_page_is_the_commands() -> None:
    """On failure: .venv/bin/python cli.py config reference commands > docs/reference/commands.md."""
    assert (ROOT / "docs/reference/commands.md").read_text("utf-8") == commands_page(consentgate)


def test_every_listing_fits_eighty_columns(tea: Gate) -> None:
    tea.run("account", "add", "a-rather-long-login-name", "--list", "news", "--class", "prospecting")
    tea.run("contact", "grant", "a.very.long.local.part.indeed@a-very-long-domain.example.org", "--list", "news",
            "--at", "2026-01-01", "--controllers", "La Maison du Thé SAS, Une Autre Société SARL")  # fmt: skip
    tea.run("opposition", "add", "other@example.org")
    for words in (
        ["advertiser", "list"], ["advertiser", "show"], ["advertiser", "check"], ["account", "list"], ["list", "show"],
        ["opposition", "list"], ["queue", "list"], ["law", "table"], ["plugin", "list"], ["config", "show"],
        ["db", "status"], ["contact", "show", "a.very.long.local.part.indeed@a-very-long-domain.example.org"],
    ):  # fmt: skip
        said = tea.run(*words).stdout
        assert all(len(line) <= 80 for line in said.splitlines()), words


def test_json_is_taken_before_and_after_the_noun(tea: Gate) -> None:
    before = tea.run("--json", "list", "show", "news").stdout
    after = tea.run("list", "show", "news", "--json").stdout

    assert json.loads(before) == json.loads(after)


def test_the_keys_of_json_stay_the_same(tea: Gate) -> None:
    """Scripts rely on them; a key may be added, never renamed."""
    assert {"name", "advertiser", "title", "regime", "channels", "families", "origin", "state"} <= set(
        tea.json("list", "show", "news")
    )
    assert {"name", "legal_name", "siren", "domains", "ready"} == set(tea.json("advertiser", "list")[0])


def test_talk_is_in_the_language_of_the_locale(tea: Gate) -> None:
    french = tea.run("list", "show", "news", CONSENTGATE_LANG="fr_FR.UTF-8").stdout
    english = tea.run("list", "show", "news", CONSENTGATE_LANG="", LC_ALL="C").stdout

    assert "annonceur" in french
    assert "advertiser" in english


def test_what_a_stranger_wrote_cannot_play_with_the_terminal(tea: Gate) -> None:
    tea.run("advertiser", "edit", "tea", "--legal-name", "Thé\x1b[2J\u202e SAS")

    said = tea.run("advertiser", "show").stdout

    assert "\x1b" not in said
    assert "\u202e" not in said


def test_every_code_of_a_refused_row_has_a_sentence_in_every_language() -> None:
    codes = {"opposed", "opposed-there", "not-agreed", "no-address", "bad-address", "no-at", "no-acquired-at",
             "in-the-future", "not-a-date", "not-yes-or-no", "not-a-country", "not-one-of", "too-many-values",
             "unreadable"}  # fmt: skip
    for language in languages():
        known = {
            key.removeprefix("commands.refused.") for key in sentences(language) if key.startswith("commands.refused.")
        }
        assert known == codes
    assert RefusedRow(1, {}, "opposed").detail == ""
    assert len({name for column in COLUMNS for name in (column.name, *column.names)}) == sum(
        1 + len(column.names) for column in COLUMNS
    )


def run(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTGATE")}
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    return subprocess.run(command, cwd=cwd, env=clean | ENGLISH | env, capture_output=True, text=True, timeout=60)


def test_the_checkout_runs_from_any_folder(tmp_path: Path) -> None:
    said = run("--help", cwd=tmp_path)

    assert said.returncode == 0
    assert "Usage: consentgate" in said.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_process_ends_with_the_exit_code_of_its_answer(tea: Gate, tmp_path: Path) -> None:
    config = {"CONSENTGATE_CONFIG": str(tea.config)}

    assert run("list", "show", "news", cwd=tmp_path, **config).returncode == 0
    assert run("check", "--list", "news", "x@example.org", cwd=tmp_path, **config).returncode == 1
    assert run("list", "show", "newz", cwd=tmp_path, **config).returncode == 2
    assert run("lists", cwd=tmp_path, **config).returncode == 2
    assert run("--config", "nothing.toml", "list", "show", cwd=tmp_path).returncode == 2


def test_without_a_configuration_everything_is_made_in_var(tmp_path: Path) -> None:
    said = run("advertiser", "list", "--json", cwd=tmp_path)

    assert (said.returncode, json.loads(said.stdout)) == (0, [])
    assert (tmp_path / "var/consentgate.db").is_file()


def test_serve_says_what_it_lacks_before_it_starts(gate: Gate) -> None:
    (gate.folder / "var/secret-1").unlink()

    assert "gateway.secrets.1" in gate.run("serve", code=2).stderr
    assert "there is no such part" in gate.run("serve", "--only", "smpt", code=2).stderr


def test_serve_runs_until_it_is_told_to_stop_and_logs_as_the_settings_say(gate: Gate) -> None:
    text = gate.config.read_text().replace('# listen = "127.0.0.1:2525"', 'listen = "127.0.0.1:0"')
    gate.config.write_text(text)
    command = [sys.executable, str(ROOT / "cli.py"), "--config", str(gate.config), "serve", "--only", "smtp"]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=gate.folder) as process:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        process.terminate()
        process.communicate(timeout=60)

    assert "event" in first
    assert process.returncode == 0
