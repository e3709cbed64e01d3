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

import pytest

from gateway.flow import crew, importer
from tests.support.shell import Gate

ROOT = Path(__file__).parents[2]


def events(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM event").fetchone()[0])


def wait(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + 120
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.005)


def is_over(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("rows", "after"), [(20_000, 0), (46_000, importer.CHUNK * crew.FEW)], ids=["alone", "with workers"]
)
def test_everybody_is_there_exactly_once_after_a_second_run(
    tea: Gate, sheet: Callable[..., Path], rows: int, after: int
) -> None:
    written = [f"p{n}@example.org,2026-02-01,log {n}" for n in range(rows)]
    path = sheet("\n".join(["email,date,proof", *written, "nobody,2026-02-01,"]))
    [database] = tea.folder.rglob("*.db")
    words = ["--config", tea.config, "import", path, "--list", "news", "--mode", "unticked-box"]

    with subprocess.Popen(
        [sys.executable, ROOT / "cli.py", *words], stdout=subprocess.DEVNULL, start_new_session=True
    ) as running:
        wait(lambda: events(database) > after or running.poll() is not None)
        os.kill(running.pid, signal.SIGKILL)
    wait(lambda: is_over(running.pid))  # its workers end by themselves
    half = events(database)
    assert after < half < rows
    assert tea.json("import", "list")[0]["state"] == "running"

    done = tea.json(*words[2:], code=1)

    assert (done["taken"], done["same"], done["refused"]) == (rows, half, 1)
    with closing(sqlite3.connect(database)) as connection:
        [counts] = connection.execute(
            "SELECT count(*), count(DISTINCT contact_id), (SELECT count(*) FROM contact) FROM event"
        )
    assert counts == (rows, rows, rows)
