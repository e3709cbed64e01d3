"""Contestants around Postfix, of our own on loopback, each with its own queue and configuration.

Alone it does nothing to the mail; with the filter of `milter.py` it does the gateway's work without its evidence; with
OpenDKIM after that it signs, too. The machine's own Postfix is neither used nor touched. Only root can start Postfix.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from load import running, signing_key

from tests.support.ports import free_port, wait_for_port
from tests.support.postfix import DAEMONS, PROGRAM, serving

OPENDKIM = Path("/usr/sbin/opendkim")
RELAYING = """\
relay unix - - n - - smtp
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
"""
# One recipient a copy: what it is compared with gives everybody a copy of his own.
RELAY = """\
myhostname = postfix.bench.test
relayhost = [127.0.0.1]:{sink}
smtp_destination_recipient_limit = 1
smtp_tls_security_level =
local_recipient_maps =
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
    port = free_port()
    home.mkdir(mode=0o755)
    try:
        with serving(home, port, RELAYING, RELAY.format(sink=sink, milters=milters)):
            yield port, [int((home / "queue/pid/master.pid").read_text())]
    finally:
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
