"""The loader finds plugins, checks them before they run, and says what is wrong in words."""

import sys
from pathlib import Path

import pytest

from gateway.errors import Misuse
from gateway.loader import available, load

GOOD = '''"""A tool of ours. With more text."""
from gateway.plugin import Hints
BLOCK_STYLE = "hold"
_LIMIT: int = 3
def recognise(headers):
    return Hints(tool="ours")
'''


def write(folder: Path, text: str, name: str = "ours") -> Path:
    path = folder / f"{name}.py"
    path.write_text(text, "utf-8")
    return path


def test_the_built_in_plugins_load_and_say_what_their_tool_can_bear() -> None:
    styles = {name: load(name).block_style for name in available()}

    assert styles == {
        **dict.fromkeys(("django", "generic", "mailtrain", "mautic", "odoo", "wordpress"), "refuse"),
        **dict.fromkeys(("listmonk", "mailman", "phplist", "sympa"), "discard"),
    }


def test_a_plugin_of_the_operator_loads_from_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)

    plugin = load("ours", tmp_path)

    assert plugin.name == "ours"
    assert plugin.title == "A tool of ours. With more text"
    assert plugin.origin == str(path)
    assert plugin.recognise([]).tool == "ours"
    assert available(tmp_path)["ours"] == path


def test_hooks_that_a_plugin_does_not_have_are_none(tmp_path: Path) -> None:
    more = "def receive(headers, body):\n    return []\n"
    write(tmp_path, GOOD + more)

    plugin = load("ours", tmp_path)

    assert plugin.receive
    assert plugin.receive([], b"") == []
    assert (plugin.notify, plugin.read, plugin.signature) == (None, None, None)


def test_the_operators_file_goes_before_a_built_in_one(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "generic")

    assert load("generic", tmp_path).block_style == "hold"
    assert load("generic").block_style == "refuse"


def test_every_plugin_has_one_module_name(tmp_path: Path) -> None:
    write(tmp_path, GOOD)

    plugin = load("ours", tmp_path)

    assert plugin.recognise.__module__ == "gateway._plugins.ours"
    assert "gateway._plugins.ours" in sys.modules
    assert load("listmonk").recognise.__module__ == "gateway._plugins.listmonk"


WRONG = {
    "a misspelt hook": (
        GOOD + "def recognize(headers): ...\n",
        "recognize is not a hook and would never be called; did you mean recognise?",
    ),
    "a public constant": (GOOD + "LIMIT = 3\n", "line 7: LIMIT is not a hook"),
    "a public class": (GOOD + "class Parser: ...\n", "Parser is not a hook"),
    "other arguments": (
        GOOD.replace("recognise(headers)", "recognise(headers, body)"),
        "line 5: it must read def recognise(headers)",
    ),
    "keyword arguments": (GOOD.replace("recognise(headers)", "recognise(headers, **more)"), "it must read def"),
    "an async hook": (GOOD.replace("def recognise", "async def recognise"), "recognise must be a plain function"),
    "no hook": (GOOD.split("def ", maxsplit=1)[0], "recognise is missing"),
    "no block style": (GOOD.replace("BLOCK_STYLE", "_STYLE"), "BLOCK_STYLE is missing"),
    "an unknown block style": (GOOD.replace("hold", "bounce"), "it must be one of refuse, discard, hold"),
    "a plugin that would do something": (GOOD + "from urllib.request import urlopen\n", "it imports urllib.request"),
    "a plugin that reads the clock": (GOOD + "import time\n", "it imports time; a plugin translates and does nothing"),
    "a signature of another kind": (GOOD + "SIGNATURE = 'sha256'\n", "it must be a gateway.plugin.Signature"),
    "another argument of a hook": (GOOD + "def notify(event): ...\n", "it must read def notify(event, tool)"),
    "no Python": ("def (", "not Python"),
    "an exception": (GOOD + "_X = 1 / 0\n", "it fails when loaded: ZeroDivisionError"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_a_plugin_is_refused_with_file_and_reason(case: str, tmp_path: Path) -> None:
    text, message = WRONG[case]
    path = write(tmp_path, text)

    with pytest.raises(Misuse) as caught:
        load("ours", tmp_path)

    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_plugin_is_checked_before_it_runs(tmp_path: Path) -> None:
    write(tmp_path, GOOD + "def nothing(): ...\nraise SystemExit(9)\n")

    with pytest.raises(Misuse, match="nothing is not a hook"):
        load("ours", tmp_path)


@pytest.mark.parametrize("name", ["../../etc/passwd", "Generic", "generic.py", "", "a/b", "__init__", "é"])
def test_a_name_is_never_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="is not the name of a plugin"):
        load(name, tmp_path)


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(Misuse, match="did you mean listmonk"):
        load("listmonkk")
