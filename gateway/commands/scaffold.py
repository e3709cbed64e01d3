"""The beginning of a plugin, and the messages that a plugin is checked against.

They lie in the folder of the plugin's name beside it: `NN-name.eml` as the tool wrote it, `NN-name.hints` (TOML) with
the hints that the plugin should give, and where the message comes from.
"""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

from gateway.errors import Misuse
from gateway.mail import headers
from gateway.mail.lines import crlf
from gateway.plugin import Hints, Plugin

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

_PLUGIN = '''"""{title}: recognises its campaigns.

Say here where you read how the tool behaves (its source, its documentation, a message that it really sent), and what
`[plugins.tools.LOGIN]` must hold.
"""

from collections.abc import Sequence

from gateway.plugin import Hints

# What the tool can bear when a recipient is refused: "refuse" (550), "discard" (250, kept out), "hold".
BLOCK_STYLE = "refuse"


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return what the headers of one message say; nothing for the messages of other tools."""
    said = {{name.lower(): value.strip() for name, value in reversed(headers)}}
    if "x-{name}-campaign" not in said:
        return Hints()
    return Hints(tool="{name}", campaign=said["x-{name}-campaign"], subscriber=said.get("x-{name}-subscriber"))
'''
_MESSAGE = """\
From: Exemple <bonjour@news.example>
To: anna@example.org
Subject: Nouvelles
X-{title}-Campaign: 42
X-{title}-Subscriber: 7
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Bonjour
"""
_HINTS = """\
origin = "documentation"  # or "recorded", with the version of the tool and the day
tool = "{name}"
campaign = "42"
subscriber = "7"
"""


def write(folder: Path, name: str) -> list[Path]:
    """Write a plugin that works and its first message; return the files. Raises Misuse when one is there already."""
    if not _NAME.fullmatch(name):
        raise Misuse(f"{name!r} is not the name of a plugin: lower-case letters, digits and _ only")
    texts = {f"{name}.py": _PLUGIN, f"{name}/01-campaign.eml": _MESSAGE, f"{name}/01-campaign.hints": _HINTS}
    for file in texts:
        if (folder / file).exists():
            raise Misuse(f"{folder / file} is there already")
    (folder / name).mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (folder / file).write_text(text.format(name=name, title=name.capitalize()), "utf-8")
    return [folder / file for file in texts]


def examine(plugin: Plugin) -> list[dict[str, Any]]:
    """Return for each message beside a plugin whether it gives the hints it should, and what is wrong if not."""
    folder = Path(plugin.origin).parent / plugin.name
    return [_examined(plugin, path) for path in sorted(folder.glob("*.eml"))]


def _examined(plugin: Plugin, path: Path) -> dict[str, Any]:
    try:
        expected = tomllib.loads(path.with_suffix(".hints").read_text("utf-8"))
        origin = expected.pop("origin", "")
        wanted = Hints(**{**expected, "remove": tuple(expected.get("remove", ()))})
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        return {"message": path.name, "passed": False, "problem": f"{path.stem}.hints: {error}"}
    content = crlf(path.read_bytes())
    got = plugin.recognise(headers.parse(content).pairs())
    wrong = [
        f"{field.name}: {getattr(got, field.name)!r} instead of {getattr(wanted, field.name)!r}"
        for field in dataclasses.fields(Hints)
        if getattr(got, field.name) != getattr(wanted, field.name)
    ]
    if origin not in {"recorded", "documentation"}:
        wrong.append('origin: write "recorded" or "documentation"')
    return {"message": path.name, "passed": not wrong, "problem": "; ".join(wrong)}
