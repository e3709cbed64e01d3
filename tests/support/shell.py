"""consentgate used through its commands, as a person does."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from gateway.commands import consentgate

ROOT = Path(__file__).parents[2]
ENGLISH = {"CONSENTGATE_LANG": "en", "COLUMNS": "80", "TERM": "dumb"}
TEA = [
    "--legal-name", "La Maison du Thé SAS", "--siren", "732 829 320", "--office", "1 rue du Thé, 69001 Lyon",
    "--email", "bonjour@tea.example", "--privacy-url", "https://tea.example/rgpd", "--domain", "news.tea.example",
    "--upstream-signs",
]  # fmt: skip
PROOF = ["--mode", "unticked-box", "--notice", "v3", "--proof", "log 7", "--controllers", "La Maison du Thé SAS",
         "--purpose", "prospecting"]  # fmt: skip


class Gate:
    """One gateway in a folder; calls commands as a person does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"

    def run(self, *words: object, code: int = 0, stdin: str | bytes | None = None, **env: str) -> Result:
        """Run a command and demand its exit code."""
        args = ["--config", str(self.config), *(str(word) for word in words)]
        result = CliRunner().invoke(consentgate, args, input=stdin, env=ENGLISH | env)
        assert result.exit_code == code, f"{result.exit_code}: {result.stdout}{result.stderr}{result.exception!r}"
        assert "\x1b" not in result.stdout
        return result

    def json(self, *words: object, **more: Any) -> Any:
        """Run a command with --json and return what it says."""
        return json.loads(self.run(*words, "--json", **more).stdout)

    def follow(self, page: str) -> str:
        """Run lines of a page in a shell, in this gateway's folder, as its reader would; return what they print."""
        program = f'{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / "cli.py"))} --config config.toml "$@"'
        done = subprocess.run(
            ["bash", "-euc", f"consentgate() {{ {program}; }}\n{page}"], cwd=self.folder,
            env=ENGLISH | {"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
