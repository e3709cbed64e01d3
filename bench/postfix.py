"""A contestant that does nothing to the mail: a Postfix of our own on loopback, with its own queue and configuration.

The machine's own Postfix is neither used nor touched. Postfix must be started by root.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
scache unix - - n - 1 scache
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
# One recipient a copy: what it is compared with gives everybody a copy of his own.
MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtp_destination_recipient_limit = 1
smtp_tls_security_level =
alias_maps =
alias_database =
local_recipient_maps =
maillog_file = {home}/maillog
maillog_file_prefixes = {home}
"""


def missing() -> str:
    """Return why Postfix cannot take part; empty when it can."""
    if not PROGRAM.exists() or not DAEMONS.is_dir():
        return "it is not installed"
    return "" if os.geteuid() == 0 else "only root can start it"


@contextmanager
def postfix(home: Path, sink: int) -> Iterator[tuple[int, list[int]]]:
    """Run it for the time of a `with` block; yield its port and its first process."""
    port, etc = free_port(), home / "etc"
    home.mkdir(mode=0o755)
    for name in ("etc", "queue", "data"):
        (home / name).mkdir()
    shutil.chown(home / "data", "postfix")
    for name in ("dynamicmaps.cf", "postfix-files"):
        if (Path("/etc/postfix") / name).exists():
            shutil.copy(Path("/etc/postfix") / name, etc)
        if (Path("/etc/postfix") / f"{name}.d").is_dir():
            shutil.copytree(Path("/etc/postfix") / f"{name}.d", etc / f"{name}.d")
    (etc / "master.cf").write_text(MASTER.format(port=port))
    (etc / "main.cf").write_text(MAIN.format(home=home, sink=sink, daemons=DAEMONS))
    command = [str(PROGRAM), "-c", str(etc)]
    try:
        started = subprocess.run([*command, "start"], capture_output=True, text=True, check=False)
        if started.returncode:
            raise RuntimeError(f"postfix: {started.stderr}")
        wait_for_port(port)
        yield port, [int((home / "queue/pid/master.pid").read_text())]
    finally:
        subprocess.run([*command, "stop"], capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)
