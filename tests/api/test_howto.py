"""The page that explains the API works as it is written, line by line, with curl and the program itself."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.gateway import ROOT, World, running

PAGE = (ROOT / "docs/howto/api.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def run(world: World, script: str, **env: str) -> str:
    """Run one block of the page as a reader would."""
    config = {"CONSENTGATE_CONFIG": str(world.config), "PATH": f"{world.folder}:{os.environ['PATH']}"}
    said = subprocess.run(
        ["bash", "-euc", script],
        cwd=world.folder,
        env={**os.environ, **config, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, f"{script}\n{said.stdout}\n{said.stderr}"
    return said.stdout


def answers(text: str) -> list[dict]:
    """Return the JSON documents that stand one behind the other."""
    found, at = [], 0
    while at < len(text.rstrip()):
        value, at = json.JSONDecoder().raw_decode(text, at)
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def test_the_page_works_as_it_is_written(tmp_path: Path) -> None:
    with running(tmp_path, f"maildir:{tmp_path / 'out'}", "--only", "smtp,web") as world:
        program = tmp_path / "consentgate"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {ROOT / "cli.py"} "$@"\n', "utf-8")
        program.chmod(0o755)
        made, names, *asked, account = BLOCKS
        key = re.search(r"cg_\d+_\S+", run(world, made))
        assert key
        env = {"KEY": key[0], "API": f"{world.url}/api/v1"}
        said = [answers(run(world, names + block, **env)) for block in asked]

    [[one], bulk, people, events, [webhook]] = said
    assert (one["may"], one["code"]) == (True, "A-CONSENT")
    assert [line.get("code") for line in bulk] == ["A-CONSENT", "R-OBJECTED", None]
    assert bulk[-1] == {"end": True, "answers": 2}
    assert [list(answer) for answer in people] == [["list", "event", "at"], ["recorded", "known"]]
    assert all({"events", "cursor", "more"} == answer.keys() for answer in events)
    assert webhook["secret"].startswith("whsec_")
    assert account.startswith("consentgate account add")
