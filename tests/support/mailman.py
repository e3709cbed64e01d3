"""A real Mailman 3 core of our own: its REST interface, its pipeline, and its outgoing mail through an SMTP server."""

import base64
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.ports import free_port

PROGRAMS = Path("/usr/lib/mailman3/bin")
IDLE = ("archive", "bounces", "command", "digest", "lmtp", "nntp", "retry", "task", "virgin")  # runners not needed
CONFIG = """\
[mailman]
layout: here
site_owner: postmaster@{domain}
[paths.here]
var_dir: {home}
bin_dir: {programs}
log_dir: {home}/logs
lock_dir: {home}/locks
data_dir: {home}/data
cache_dir: {home}/cache
etc_dir: {home}
messages_dir: {home}/messages
archive_dir: {home}/archives
template_dir: {home}/templates
ext_dir: {home}/ext
list_data_dir: {home}/lists
queue_dir: {home}/queue
pid_file: {home}/master.pid
lock_file: {home}/locks/master.lck
[webservice]
hostname: 127.0.0.1
port: {rest}
admin_user: restadmin
admin_pass: key
workers: 1
[mta]
incoming: mailman.mta.null.NullMTA
smtp_host: 127.0.0.1
smtp_port: {smtp}
smtp_user: {login}
smtp_pass: {password}
lmtp_port: {lmtp}
"""


class Mailman:
    """A running core with one list; `api` speaks to its REST interface."""

    def __init__(self, home: Path, address: str, smtp_port: int, login: str, password: str) -> None:
        self.home = home
        self.address = address
        self.list_id = address.replace("@", ".")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/3.1"
        idle = "".join(f"[runner.{name}]\nstart: no\n" for name in IDLE)
        text = CONFIG.format(
            home=home, programs=PROGRAMS, rest=self.port, smtp=smtp_port, lmtp=free_port(), login=login,
            password=password, domain=address.partition("@")[2],
        )  # fmt: skip
        self.config = home / "mailman.cfg"
        self.config.write_text(text + idle, "utf-8")

    def command(self, *words: str) -> None:
        """Run one command of Mailman."""
        done = subprocess.run(
            ["/usr/bin/mailman", "--run-as-root", "-C", self.config, *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def api(self, method: str, path: str, **fields: str) -> Any:
        """Return what the REST interface answers; None for an empty answer."""
        data = urlencode(fields).encode() if fields else None
        secret = base64.b64encode(b"restadmin:key").decode()
        headers = {"Authorization": f"Basic {secret}"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def members(self) -> set[str]:
        """Return the addresses on the roster."""
        found = self.api("GET", f"/lists/{self.list_id}/roster/member")
        return {row["email"] for row in found.get("entries", [])}

    def join(self, address: str) -> None:
        """Make somebody a member, without a word to them."""
        yes = dict.fromkeys(("pre_verified", "pre_confirmed", "pre_approved"), "true")
        self.api("POST", "/members", list_id=self.list_id, subscriber=address, send_welcome_message="false", **yes)

    def post(self, message: bytes) -> None:
        """Post a message to the list, as the list's MTA would."""
        file = self.home / "post.eml"
        file.write_bytes(message)
        self.command("inject", "-f", str(file), self.address)


@contextmanager
def running(home: Path, address: str, smtp_port: int, login: str, password: str) -> Iterator[Mailman]:
    """Run a core whose outgoing mail goes to `smtp_port`, with one list that takes everybody's posts."""
    assert shutil.which("mailman"), "mailman is missing: apt-get install --no-install-recommends mailman3"
    mailman = Mailman(home, address, smtp_port, login, password)
    mailman.command("create", "-d", address)
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            [PROGRAMS / "master", "-C", mailman.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait(mailman, process)
        mailman.api("PATCH", f"/lists/{mailman.list_id}/config", default_nonmember_action="accept")
        yield mailman
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _wait(mailman: Mailman, process: "subprocess.Popen[bytes]") -> None:
    limit = time.monotonic() + 90
    while True:
        try:
            mailman.api("GET", "/lists")
        except (urllib.error.URLError, ConnectionError) as error:
            story = (mailman.home / "log").read_text("utf-8", "replace")
            assert process.poll() is None, story
            if time.monotonic() > limit:
                raise AssertionError(f"Mailman did not start: {story}") from error
            time.sleep(0.2)
        else:
            return
