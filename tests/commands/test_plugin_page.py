"""The page about writing a plugin is followed as it is written."""

import re
from pathlib import Path

from tests.support.shell import Gate

ROOT = Path(__file__).parents[2]


def test_the_page_about_plugins_can_be_followed_word_by_word(gate: Gate) -> None:
    page = (ROOT / "docs/howto/plugins.md").read_text("utf-8")
    begin, check = re.findall(r"(?ms)^```sh\n(.*?)^```", page)
    (configuration,) = re.findall(r"(?ms)^```toml\n(.*?)^```", page)
    (hints,) = re.findall(r"(?ms)^```hints\n(.*?)^```", page)
    (notify,) = re.findall(r"(?ms)^```python\n(.*?)^```", page)
    gate.follow(begin)
    text = re.sub(r"(?m)^\[plugins\]\n(?:(?!^\[).*\n)*", "", gate.config.read_text("utf-8"))
    gate.config.write_text(f"{text}\n{configuration}", "utf-8")
    folder = gate.folder / "plugins"
    (folder / "brevity/02-real.eml").write_text("X-Brevity-Campaign: 42\nSubject: x\n\nx\n", "utf-8")
    (folder / "brevity/02-real.hints").write_text(hints, "utf-8")
    plugin = folder / "brevity.py"
    begun = plugin.read_text("utf-8").replace("import Hints", "import Call, Hints")
    plugin.write_text(begun.replace("from collections", "import json\nfrom collections", 1) + "\n\n" + notify, "utf-8")

    said = gate.follow(check)

    assert said.count("✓") == 2
