"""Haraka on two processes with its own outbound queue, and a plugin that does the gateway's work without its evidence.

The plugin is `haraka.js`; with `signed` Haraka's own plugin `dkim` follows it. People lie in the memory of each
process, as not every Node.js has SQLite. Each turn has a folder, a configuration and a queue of its own.
"""

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from load import listening, signing_key

from tests.support.ports import free_port

PROGRAM = shutil.which("haraka")
PLUGIN = Path(__file__).resolve().with_suffix(".js")
SETTINGS = {
    "smtp.ini": "listen=127.0.0.1:{port}\nnodes=2\n",
    "me": "haraka.bench.test\n",
    "log.ini": "[main]\nlevel=warn\n",
    "outbound.ini": "enable_tls=false\nconcurrency_max=50\n",
    "dkim.ini": "[sign]\nenabled=true\nselector=bench\ndomain=sender.test\n"
    "headers=From, To, Subject, Date, Message-ID, MIME-Version, Content-Type, List-Unsubscribe, List-Unsubscribe-Post\n"
    "[canon]\nbody=relaxed\n[verify]\nenabled=false\n",
}


def missing() -> str:
    """Return why Haraka cannot take part; empty when it can."""
    if PROGRAM:
        return ""
    return "it is not on the PATH (npm install --prefix DIR Haraka; PATH=$PATH:DIR/node_modules/.bin make bench)"


@contextmanager
def plugged(folder: Path, sink: int, contacts: Path, *, signed: bool = False) -> Iterator[tuple[int, list[int]]]:
    """Run it for the time of a `with` block; yield its port and its first process."""
    home, port = folder / "haraka", free_port()
    subprocess.run([PROGRAM, "-i", home], capture_output=True, check=True)
    for name, text in SETTINGS.items():
        (home / "config" / name).write_text(text.format(port=port))
    (home / "config/plugins").write_text("bench\n" + "dkim\n" * signed)
    if signed:
        shutil.copy(signing_key(folder), home / "config/dkim.private.key")
    shutil.copy(PLUGIN, home / "plugins/bench.js")
    with sqlite3.connect(contacts) as database:
        people = database.execute("SELECT addr, token FROM consent WHERE state = 'granted'").fetchall()
    database.close()
    (home / "bench.json").write_text(json.dumps({"people": people, "port": sink}))
    try:
        with listening([PROGRAM, "-c", home], port, folder / "haraka.log") as roots:
            time.sleep(0.5)  # the second process
            yield port, roots
    finally:
        shutil.rmtree(home, ignore_errors=True)
