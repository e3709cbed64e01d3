"""Contestants around Postfix, of our own on loopback, each with its own queue and configuration.

Alone it does nothing to the mail; with the filter of `milter.py` it does the gateway's work without its evidence; with
OpenDKIM after that it signs, too. The machine's own Postfix is neither used nor touched. Only root can start Postfix.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from load import running, signing_key

from tests.support.ports import free_port, wait_for_port

PROGRAM = Path("/usr/sbin/postfix")
DAEMONS = Path("/usr/lib/postfix/sbin")
OPENDKIM = Path("/usr/sbin/opendkim")
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
smtpd_milters = {milters}
milter_default_action = tempfail
"""
SIGNER = """\
Mode s
Canonicalization relaxed/relaxed
Domain sender.test
Selector bench
KeyFile {key}
Socket inet:{port}@127.0.0.1
InternalHosts 127.0.0.1
Background no
Syslog no
RequireSafeKeys no
"""


def missing() -> str:
    """Return why Postfix cannot take part; empty when it can."""
    if not PROGRAM.exists() or not DAEMONS.is_dir():
        return "it is not installed"
    return "" if os.geteuid() == 0 else "only root can start it"


@contextmanager
def postfix(home: Path, sink: int, milters: str = "") -> Iterator[tuple[int, list[int]]]:
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
    (etc / "main.cf").write_text(MAIN.format(home=home, sink=sink, daemons=DAEMONS, milters=milters))
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


def signing() -> bool:
    """Return whether OpenDKIM can take part."""
    return OPENDKIM.exists() and not missing()


@contextmanager
def filtered(folder: Path, sink: int, contacts: Path, *, signed: bool = False) -> Iterator[tuple[int, list[int]]]:
    """Run Postfix with the filter, and with OpenDKIM after it if `signed`; yield its port and all first processes."""
    with ExitStack() as stack:
        port = free_port()
        script = Path(__file__).resolve().parent / "milter.py"
        filters = {port: stack.enter_context(running([sys.executable, script, port, contacts], folder / "milter.log"))}
        if signed:
            port = free_port()
            settings = folder / "opendkim.conf"
            settings.write_text(SIGNER.format(key=signing_key(folder), port=port))
            filters[port] = stack.enter_context(running([OPENDKIM, "-f", "-x", settings], folder / "opendkim.log"))
        for at, process in filters.items():
            wait_for_port(at, alive=lambda process=process: process.poll() is None)
        milters = " ".join(f"inet:127.0.0.1:{at}" for at in filters)
        at, roots = stack.enter_context(postfix(folder / "postfix", sink, milters))
        yield at, [*roots, *(process.pid for process in filters.values())]
