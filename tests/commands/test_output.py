"""Tables on a terminal, on a narrow one, and in a pipe."""

import os
import pty
import re
import struct
import subprocess
import sys
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from tests.support.shell import Gate

ROOT = Path(__file__).parents[2]


def on_terminal(gate: Gate, columns: int, *words: str) -> list[str]:
    """Return the lines that a command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    where = {"CONSENTGATE_LANG": "fr", "TERM": "xterm", "PATH": os.environ["PATH"]}
    program = [sys.executable, str(ROOT / "cli.py"), *words]
    with subprocess.Popen(program, cwd=gate.folder, env=where, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE):
        os.close(theirs)
        said = b""
        try:
            while part := os.read(ours, 65536):
                said += part
        except OSError:  # Linux says so that nobody writes any more
            pass
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).replace("\r\n", "\n").rstrip().split("\n")


def test_a_table_is_no_wider_than_the_terminal_and_breaks_no_word(tea: Gate) -> None:
    lines = on_terminal(tea, 80, "advertiser", "check", "tea")

    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["bloque", "ce", "qui", "manque", "texte"]
    assert not [
        line for line in lines if line.strip().startswith("»") or ("« " in line and line.rstrip().endswith("«"))
    ]


def test_on_a_narrow_terminal_rows_stand_one_below_the_other(tea: Gate) -> None:
    lines = on_terminal(tea, 36, "law", "table")

    assert max(map(len, lines)) <= 36
    assert ["règle", "opposed"] in [line.split() for line in lines]


def test_in_a_pipe_every_row_is_one_line(tea: Gate, tmp_path: Path) -> None:
    where = {"CONSENTGATE_LANG": "fr", "PATH": os.environ["PATH"]}
    with (tmp_path / "said").open("wb") as file:
        program = [sys.executable, str(ROOT / "cli.py"), "advertiser", "check", "tea"]
        subprocess.run(program, cwd=tea.folder, env=where, stdout=file, stderr=subprocess.DEVNULL, check=True)

    rows = (tmp_path / "said").read_text("utf-8").splitlines()
    assert "RGPD 26, 30(1)(a)" in next(row for row in rows if "joint_controllers" in row)
    assert len(rows) == 1 + len(tea.json("advertiser", "check", "tea"))
