"""A PostgreSQL server of our own: started from the installed binaries, reached through a socket in its own folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

# Safe to lose, so that tests are fast; what durability costs is measured in bench/.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "autovacuum": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "warning",
}


def binary(name: str) -> Path:
    """Return one of the newest server's programs; fail with the cure when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    beside = shutil.which(name)
    if not found and beside is None:
        raise AssertionError(f"{name} is missing: apt-get install --no-install-recommends postgresql")
    return found[-1] if found else Path(beside or "")


class Cluster:
    """A server with its data in a folder below /tmp: socket paths are short, and the server's user may go there."""

    def __init__(self) -> None:
        self._user = _user()
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._made = 0
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        done = subprocess.run(
            [
                *self._as_user(),
                binary("initdb"),
                *("-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"),
                *("--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, as `[store] url` wants it."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def start(self, **changed: str) -> None:
        """Start the server, its settings `FAST` but for what is `changed`, and return when it answers."""
        settings = [part for name, value in (FAST | changed).items() for part in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        # --pdeathsig: a test run that is killed leaves no server behind
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "QUIT", *self._as_user()[1:]),
                *(binary("postgres"), "-D", self.folder / "data", "-k", self.folder, *settings),
            ],
            stdout=log,
            stderr=log,
            cwd=self.folder,
        )
        log.close()
        self._wait()

    def stop(self) -> None:
        """Stop the server at once, as a failing machine would; clients see their connections end."""
        if self._process:
            self._process.send_signal(3)  # SIGQUIT: immediate shutdown
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Stop the server and delete everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Return the number of the server's first process."""
        assert self._process, "the server is not running"
        return self._process.pid

    def create(self, template: str = "template0") -> str:
        """Make a database, a copy of `template`, and return its name."""
        self._made += 1
        name = f"test_{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, name: str) -> None:
        """Delete a database and end whoever uses it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def _wait(self) -> None:
        limit = time.monotonic() + 30
        while True:
            try:
                return self.run("SELECT 1")
            except psycopg.OperationalError:
                alive = self._process is not None and self._process.poll() is None
                assert alive, (self.folder / "log").read_text()
                assert time.monotonic() < limit, (self.folder / "log").read_text()
                time.sleep(0.02)

    def _as_user(self) -> list[str]:
        """Return the words before a command: PostgreSQL refuses to run as root."""
        if self._user is None:
            return ["env"]
        return ["setpriv", "--reuid", str(self._user.pw_uid), "--regid", str(self._user.pw_gid), "--clear-groups"]


def _user() -> pwd.struct_passwd | None:
    if os.getuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]
