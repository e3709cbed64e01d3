"""The gateway as an operator runs it: a process of its own, with a configuration, a database and the sample data."""

import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import trustme

from gateway import clock, sample, settings
from gateway.flow import consent
from gateway.flow.consent import Saying
from gateway.flow.context import open_context
from gateway.mail.address import parse
from gateway.store import advertisers, lists, migrate, people
from gateway.store.tables import Contact
from tests.support.ports import free_port, wait_for_silence

ROOT = Path(__file__).parent.parent.parent
CONFIG = """\
[gateway]
hostname = "localhost"
secrets = {{ 1 = "file:secret" }}
[store]
url = "{store}"
[smtp]
listen = "127.0.0.1:{smtp}"
certificate = "certificate.pem"
private_key = "key.pem"
[upstream]
url = "{upstream}"
tls = "none"
[web]
listen = "127.0.0.1:{web}"
public_url = "http://127.0.0.1:{web}"
[inbound]
domain = "in.test"
[limits]
lease = "3s"
retries = ["1s"]
report_after = "1s"
"""


class World:
    """A configured gateway in `folder`; `start` runs it, `kill` ends it as a power cut would.

    `store` is a database address; without one it is SQLite in the folder. The sample data of `gateway.sample` is in the
    database, and `password` is that of its account. With `inbound`, a port, mail for in.test is taken there.
    """

    def __init__(self, folder: Path, upstream: str, store: str = "sqlite:///gateway.db", inbound: int = 0) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.smtp_port, self.web_port = free_port(), free_port()
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0  # how much of a log was there before
        self._authority = trustme.CA()
        certificate = self._authority.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(folder / "certificate.pem", append=True)
        self._authority.cert_pem.write_to_path(folder / "authority.pem")
        text = CONFIG.format(smtp=self.smtp_port, web=self.web_port, upstream=upstream, store=store)
        door = f'listen = "127.0.0.1:{inbound}"\npostmaster = "admin@office.test"\n' if inbound else ""
        self.config.write_text(text.replace('domain = "in.test"\n', f'domain = "in.test"\n{door}'), "utf-8")
        self.settings = settings.load(self.config)
        settings.provide(self.settings)
        context = open_context(self.settings)
        migrate.upgrade(context.store)
        self.password = sample.fill(context, clock.now())
        context.close()

    @property
    def url(self) -> str:
        """Return where the pages are."""
        return f"http://127.0.0.1:{self.web_port}"

    def agree(self, addresses: Sequence[str]) -> None:
        """Add people who agreed to the list `lettre` just as the sample's first person did."""
        first = sample.PEOPLE[0]
        context = open_context(self.settings)
        with context.store.begin() as tx:
            row = lists.by_name(tx, "lettre")
            assert row is not None
            advertiser = advertisers.get(tx, row.advertiser_id)
            assert advertiser is not None
            for address, number in zip(addresses, context.store.take(len(addresses)), strict=True):
                contact = Contact(
                    id=number,
                    advertiser_id=advertiser.id,
                    address=address,
                    address_key=parse(address).key,
                    subject="consumer",
                    age="adult",
                    created_at=clock.now(),
                )
                people.add(tx, contact)
                for past in first.past:
                    said = Saying(clock.now(), "sample", channel=past.channel, evidence=past.evidence)
                    consent.record(context, tx, contact, row, past.kind, said)
        context.close()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the program on this configuration."""
        command = [sys.executable, ROOT / "cli.py", "--config", self.config, *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)

    def start(self, *arguments: str, program: Sequence[str | Path] = (ROOT / "cli.py",)) -> None:
        """Run the gateway until it says that all of it is ready; raise AssertionError with its log when it does not.

        `program` is the Python file that is run, with arguments of its own.
        """
        self._process = process = self._launch(self.log, program, arguments)
        workers = int(arguments[arguments.index("--workers") + 1]) if "--workers" in arguments else 1
        self._until_ready(process, self.log, workers)

    @contextmanager
    def beside(self, *arguments: str, state: Path | None = None) -> Iterator[None]:
        """Run another process of the gateway for the time of a `with` block, with a log of its own.

        `state` is the folder that it keeps as its own; else it is that of the first one.
        """
        log = self.folder / "beside.log"
        process = self._launch(log, (ROOT / "cli.py",), arguments, state)
        try:
            self._until_ready(process, log, 1)
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(40)

    def _launch(
        self, log: Path, program: Sequence[str | Path], arguments: Sequence[str], state: Path | None = None
    ) -> "subprocess.Popen[bytes]":
        self._read = log.stat().st_size if log.exists() else 0
        command = [sys.executable, *program, "--config", self.config, "serve", *arguments]
        with log.open("ab") as file:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, "STATE_DIRECTORY": str(state or self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def _until_ready(self, process: "subprocess.Popen[bytes]", log: Path, workers: int) -> None:
        limit = time.monotonic() + 60
        while log.read_bytes()[self._read :].count(b'"event":"ready"') < workers:
            running = process.poll() is None and time.monotonic() < limit
            assert running, f"the gateway did not start\n{log.read_text('utf-8')}"
            time.sleep(0.05)

    def died(self, seconds: float = 60) -> bool:
        """Return whether the gateway has come to its end by itself within that time."""
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._process = None
        return True

    def kill(self) -> None:
        """End every process of the gateway at once, without a word (SIGKILL)."""
        self._end(signal.SIGKILL)

    @property
    def pid(self) -> int:
        """Return the process id of the gateway."""
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """Return the process ids of the workers that `serve --workers N` started."""
        pid = self.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]

    def reload(self) -> None:
        """Ask the gateway to read its certificates again (SIGHUP)."""
        os.kill(self.pid, signal.SIGHUP)

    def stop(self) -> int:
        """Ask the gateway to end (SIGTERM); return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        os.killpg(process.pid, number)
        code = process.wait(40)
        for port in (self.smtp_port, self.web_port):
            wait_for_silence(port, 20)  # workers that are killed end a moment after the process that watched them
        return code

    def entries(self) -> list[dict[str, object]]:
        """Return what the gateway wrote to its journal."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines() if line.startswith("{")]

    def connect(self, list_name: str = "") -> smtplib.SMTP:
        """Return a session of Python's `smtplib`, over verified TLS and logged in, for one list or none."""
        session = smtplib.SMTP("localhost", self.smtp_port, local_hostname="tool.test", timeout=30)
        try:
            session.starttls(context=ssl.create_default_context(cafile=str(self.folder / "authority.pem")))
            session.login(f"{sample.LOGIN}+{list_name}" if list_name else sample.LOGIN, self.password)
        except BaseException:
            session.close()
            raise
        return session


def campaign(subject: str = "Le printemps arrive") -> EmailMessage:
    """Return a message with a text and an HTML body, as campaign tools write it."""
    message = EmailMessage()
    message["From"] = sample.SENDER
    message["To"] = "Nos amis <lettre@maison-lavande.example>"
    message["Subject"] = subject
    message["Message-ID"] = f"<{abs(hash(subject))}@tool.test>"
    message.set_content("Bonjour,\n\nles nouveautés de l’été sont là.\n")
    message.add_alternative(
        "<html><body><p>Bonjour,</p><p>les <b>nouveautés</b> de l’été sont là.</p></body></html>", subtype="html"
    )
    return message


@contextmanager
def running(
    folder: Path, upstream: str, *arguments: str, store: str = "sqlite:///gateway.db", inbound: int = 0
) -> Iterator[World]:
    """Run a gateway with the sample data for the time of a `with` block."""
    world = World(folder, upstream, store, inbound)
    try:
        world.start(*arguments)
        yield world
    finally:
        world.kill()
