"""An import that is killed on its way is completed by the same command again."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.support.shell import Gate

ROOT = Path(__file__).parents[2]
ROWS = 20_000


def events(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM event").fetchone()[0])


def test_everybody_is_there_exactly_once_after_a_second_run(tea: Gate, sheet: Callable[..., Path]) -> None:
    rows = [f"p{n}@example.org,2026-02-01,log {n}" for n in range(ROWS)]
    path = sheet("\n".join(["email,date,proof", *rows, "nobody,2026-02-01,"]))
    [database] = tea.folder.rglob("*.db")
    words = ["--config", tea.config, "import", path, "--list", "news", "--mode", "unticked-box"]

    with subprocess.Popen([sys.executable, ROOT / "cli.py", *words], stdout=subprocess.DEVNULL) as running:
        limit = time.monotonic() + 60
        while events(database) == 0 and running.poll() is None and time.monotonic() < limit:
            time.sleep(0.005)
        os.kill(running.pid, signal.SIGKILL)
    half = events(database)
    assert 0 < half < ROWS
    assert tea.json("import", "list")[0]["state"] == "running"

    done = tea.json(*words[2:], code=1)

    assert (done["taken"], done["same"], done["refused"]) == (ROWS, half, 1)
    with closing(sqlite3.connect(database)) as connection:
        [counts] = connection.execute(
            "SELECT count(*), count(DISTINCT contact_id), (SELECT count(*) FROM contact) FROM event"
        )
    assert counts == (ROWS, ROWS, ROWS)
