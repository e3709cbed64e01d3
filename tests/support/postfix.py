"""A real next hop: a Postfix of our own on loopback, which delivers everything it gets into one Maildir.

It has its own configuration, queue and port; the machine's own Postfix is neither used nor touched. Postfix must be
started by root; for anybody else `smtp-sink` from the same package stands in, which speaks SMTP and writes files.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tests.support.ports import free_port, wait_for_port

PROGRAM = Path("/usr/sbin/postfix")
DAEMONS = Path("/usr/lib/postfix/sbin")
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
smtp unix - - n - - smtp
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
alias_maps =
alias_database =
maillog_file = {home}/maillog
maillog_file_prefixes = {home}
"""
DELIVERY = "virtual unix - n n - - virtual\n"
MAILBOXES = """\
myhostname = hop.test
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {home}
virtual_minimum_uid = 1
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
"""


class Hop:
    """A running next hop: `port` takes mail, `messages` shows what arrived."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port

    def contents(self) -> list[bytes]:
        """Return what has arrived, each message with the header lines of its delivery on top."""
        return [path.read_bytes() for path in self._paths()]

    def _paths(self) -> list[Path]:
        folders = (self.home / "inbox/new", self.home / "sink")
        return [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]

    def empty(self) -> None:
        """Forget what has arrived."""
        for path in self._paths():
            path.unlink()

    def messages(self) -> list[EmailMessage]:
        """Return what has arrived, parsed by Python's `email`."""
        return [message_from_bytes(content, policy=policy.default) for content in self.contents()]

    def recipients(self) -> list[str]:
        """Return the address each message was delivered to, sorted."""
        names = ("X-Original-To", "X-Rcpt-Args")
        found = (message[name] for message in self.messages() for name in names if message[name])
        return sorted(value.strip("<> ").split(">")[0] for value in found)

    def wait(self, count: int, seconds: float = 60) -> list[EmailMessage]:
        """Return the messages once at least `count` have arrived; raise TimeoutError when they do not."""
        limit = time.monotonic() + seconds
        while len(self.contents()) < count:
            if time.monotonic() > limit:
                raise TimeoutError(f"{len(self.contents())} of {count} messages arrived\n{self.log()}")
            time.sleep(0.05)
        return self.messages()

    def log(self) -> str:
        """Return the end of the server's log."""
        return log(self.home)


@contextmanager
def next_hop(port: int = 0, *more: str) -> Iterator[Hop]:
    """Run a next hop for the time of a `with` block, on a free port unless one is named; `more` goes into main.cf."""
    # not below pytest's folder: Postfix delivers as `nobody`, which may not enter it
    home = Path(tempfile.mkdtemp(prefix="hop-"))
    home.chmod(0o755)
    hop = Hop(home, port or free_port())
    try:
        with _postfix(hop, more) if os.geteuid() == 0 else _sink(hop):
            yield hop
    finally:
        shutil.rmtree(home)


@contextmanager
def _postfix(hop: Hop, more: Sequence[str]) -> Iterator[None]:
    (hop.home / "inbox").mkdir()
    os.chown(hop.home / "inbox", 65534, 65534)
    with serving(hop.home, hop.port, DELIVERY, MAILBOXES.format(home=hop.home) + "\n".join([*more, ""])):
        yield


@contextmanager
def serving(home: Path, port: int, services: str, settings: str) -> Iterator[None]:
    """Run a Postfix in a folder of its own, with these lines of master.cf and main.cf besides those that all have."""
    etc = home / "etc"
    for name in ("etc", "queue", "data"):
        (home / name).mkdir()
    shutil.chown(home / "data", "postfix")
    for name in ("dynamicmaps.cf", "postfix-files"):
        if (Path("/etc/postfix") / name).exists():
            shutil.copy(Path("/etc/postfix") / name, etc)
        if (Path("/etc/postfix") / f"{name}.d").is_dir():
            shutil.copytree(Path("/etc/postfix") / f"{name}.d", etc / f"{name}.d")
    (etc / "master.cf").write_text(MASTER.format(port=port) + services, "utf-8")
    (etc / "main.cf").write_text(MAIN.format(home=home, daemons=DAEMONS) + settings, "utf-8")
    command = [PROGRAM, "-c", etc]
    started = subprocess.run([*command, "start"], capture_output=True, text=True, check=False)
    if started.returncode:
        raise RuntimeError(f"postfix: {started.stderr}{log(home)}")
    try:
        wait_for_port(port)
        yield
    finally:
        subprocess.run([*command, "stop"], capture_output=True, check=False)


def log(home: Path) -> str:
    """Return the end of what Postfix has logged."""
    file = home / "maillog"
    return file.read_text("utf-8", errors="replace")[-4000:] if file.exists() else ""


@contextmanager
def _sink(hop: Hop) -> Iterator[None]:
    (hop.home / "sink").mkdir()
    command = ["/usr/sbin/smtp-sink", "-d", "sink/%s.", f"127.0.0.1:{hop.port}", "100"]
    process = subprocess.Popen(command, cwd=hop.home)
    try:
        wait_for_port(hop.port)
        yield
    finally:
        process.terminate()
        process.wait(10)
