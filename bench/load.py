"""The near end and the far end of a mail benchmark, and the account of what lay between them.

`smtp-source` sends, `smtp-sink` swallows and counts. Processor time is read from /proc for a tree of processes, with
the children it has reaped. Every process is started by a context manager that also ends it.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.support.ports import free_port, wait_for_port

TICK = os.sysconf("SC_CLK_TCK")
SOURCE = Path("/usr/sbin/smtp-source")
SINK = Path("/usr/sbin/smtp-sink")


@dataclass(frozen=True, slots=True)
class Work:
    """What is sent: `messages` transactions of `recipients` each over `sessions` connections, within `limit` s."""

    name: str
    messages: int
    recipients: int = 1
    sessions: int = 20
    limit: float = 60


@dataclass(frozen=True, slots=True)
class Result:
    """Copies per second accepted and arrived, and processor seconds of the contestant for 1000 copies."""

    accepted: float
    arrived: float
    cpu: float


class Sink:
    """A running smtp-sink: `port` takes mail, `count` says how many messages came in since the start."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    def count(self) -> int:
        """Return the last of the numbers that the sink writes over one another."""
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - 200))
            found = re.findall(rb"mesg=(\d+)", file.read())
        return int(found[-1]) if found else 0


@contextmanager
def running(command: Sequence[object], log: Path, error: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own, output in `log`; end it, and by force whatever does not end in time."""
    with log.open("wb") as out, (error or log).open("ab") as err:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own session, so only what it started
            process.wait()


@contextmanager
def listening(command: Sequence[object], port: int, log: Path) -> Iterator[list[int]]:
    """Run a contestant for the time of a `with` block, from when it answers at `port`."""
    with running(command, log) as process:
        try:
            wait_for_port(port, alive=lambda: process.poll() is None)
        except TimeoutError as error:
            raise RuntimeError(f"{log.name}: {log.read_text(errors='replace')[-1000:]}") from error
        yield [process.pid]


@contextmanager
def sink(folder: Path, port: int = 0, kept: Path | None = None) -> Iterator[Sink]:
    """Run a sink at `port`, or at any, for the time of a `with` block; it leaves each message as a file in `kept`."""
    port, log, root = port or free_port(), folder / "sink.out", os.geteuid() == 0
    keep = ["-d", f"{kept}/"] if kept else []
    if root and kept:
        shutil.chown(kept, "nobody")
    command = [SINK, "-c", "-m", 500, *keep, *(["-u", "nobody"] if root else []), f"127.0.0.1:{port}", 1000]
    with running(command, log, folder / "sink.err") as process:
        wait_for_port(port, alive=lambda: process.poll() is None)
        yield Sink(port, log)


def signing_key(folder: Path) -> Path:
    """Write an rsa-2048 key (PEM, PKCS #8) and, beside it, its public half (base64), unless it is there; return it."""
    key = folder / "dkim.pem"
    if not key.exists():
        made = generate_private_key(65537, 2048)
        key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        key.with_suffix(".public").write_bytes(b64encode(public))
    return key


def send(port: int, end: Sink, letter: Path, work: Work, roots: Sequence[int], each: int) -> Result:
    """Send `work` to `port` and wait until all has arrived, `each` messages a transaction.

    `roots` are the contestant's first processes. Raise RuntimeError when it refuses or is late.
    """
    base, expected, before, start = end.count(), work.messages * each, cpu(roots), time.monotonic()
    command = [SOURCE, "-s", work.sessions, "-m", work.messages, "-r", work.recipients, "-N", "-d", "-F", letter]
    command += ["-f", "news@sender.test", "-t", "user@list.test", "-M", "client.bench.test", f"127.0.0.1:{port}"]
    limit, accepted = start + work.limit, 0.0
    said = letter.with_suffix(".source")
    with running(command, said) as source:
        while not accepted or end.count() - base < expected:
            if not accepted and source.poll() is not None:
                accepted = time.monotonic() - start
                if source.returncode:
                    raise RuntimeError(f"{work.name}: smtp-source: {said.read_text(errors='replace')[-300:]}")
            if time.monotonic() > limit:
                raise RuntimeError(f"{work.name}: {end.count() - base} of {expected} arrived in {work.limit:.0f} s")
            time.sleep(0.01)
    took = time.monotonic() - start
    copies = work.messages * work.recipients
    return Result(copies / accepted, copies / took, (cpu(roots) - before) / copies * 1000)


def cpu(roots: Sequence[int]) -> float:
    """Return the processor seconds of these processes, of all their descendants, and of those already reaped."""
    known, children = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                known[int(entry.name)] = sum(map(int, fields[11:15]))
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    todo, total = [root for root in roots if root in known], 0
    while todo:
        process = todo.pop()
        total += known[process]
        todo += children.get(process, [])
    return total / TICK
