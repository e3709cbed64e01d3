"""Connections to one next hop, kept and used again."""

import asyncio
import ipaddress
import ssl
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException

from gateway import journal
from gateway.courier.connection import Line, Timeouts
from gateway.courier.courier import Outcome, deferred
from gateway.errors import Misuse


@dataclass(frozen=True, slots=True)
class SmarthostOptions:
    """Where the next hop is and how we talk to it."""

    url: str  # smtp://host:port or smtps://host:port; user:password@ are taken too
    hostname: str  # our own name, for EHLO
    tls: Literal["may", "must", "none"] = "may"
    username: str = ""
    password: str = field(default="", repr=False)
    connections: int = 20
    letters_each: int = 1000  # letters on one connection before it is renewed
    idle: float = 60.0  # seconds after which an unused connection is closed
    verify: bool | None = None  # certificates; None: wherever TLS is a must or a password is sent
    authorities: Path | None = None  # PEM file of certificate authorities instead of the system's
    timeouts: Timeouts = field(default_factory=Timeouts)


class Unreachable(Exception):
    """There is no connection to be had; carries the outcome for the letter that needed it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome.reply))
        self.outcome = outcome


class Pool:
    """Opens, keeps and closes connections; how many there are at a time is for the courier to say.

    `tls`: "may" is STARTTLS when offered, "must" insists on it with a valid certificate. A password is never sent
    without verified TLS, except to loopback or when `tls` is "none".
    """

    def __init__(self, options: SmarthostOptions) -> None:
        self._options = options
        url = urlsplit(options.url)
        if url.scheme not in {"smtp", "smtps"} or not url.hostname:
            raise Misuse(f"upstream.url: {url.scheme}://{url.hostname} is not a next hop; write smtp://host:port")
        self._host = url.hostname
        self._implicit = url.scheme == "smtps"
        self._port = url.port or (465 if self._implicit else 25)
        self._username = options.username or unquote(url.username or "")
        self._password = options.password or unquote(url.password or "")
        must = options.tls == "must" or (options.tls == "may" and bool(self._username) and not _is_loopback(self._host))
        self._starttls = None if options.tls == "may" and not must else options.tls != "none"
        verify = options.verify if options.verify is not None else must or self._implicit
        self._context = _context(options.authorities, verify=verify)
        self._idle: deque[Line] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def take_idle(self) -> Line | None:
        """Return a connection that waits to be used, or None."""
        while self._idle:
            line = self._idle.pop()  # the one used last, so that the others may grow old
            if line.usable:
                return line
            line.abort()
        return None

    def give_back(self, line: Line) -> None:
        """Take a connection back after use."""
        loop = asyncio.get_running_loop()
        if not line.usable:
            line.abort()
        elif line.used >= self._options.letters_each:
            self._part_from(line)
        else:
            line.idle_since = loop.time()
            self._idle.append(line)
            if self._sweeper is None:
                self._sweeper = loop.call_later(self._options.idle, self._sweep)

    def _sweep(self) -> None:
        """Close connections that nobody has needed for a while; the oldest are on the left."""
        loop = asyncio.get_running_loop()
        self._sweeper = None
        while self._idle and self._idle[0].idle_since + self._options.idle <= loop.time():
            self._part_from(self._idle.popleft())
        if self._idle:
            self._sweeper = loop.call_at(self._idle[0].idle_since + self._options.idle, self._sweep)

    def _part_from(self, line: Line) -> None:
        task = asyncio.create_task(line.quit())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def connect(self) -> Line:
        """Return a new connection, ready for mail; raises `Unreachable`."""
        times = self._options.timeouts
        client = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username or None,
            password=self._password or None,
            local_hostname=self._options.hostname,
            timeout=times.connect,
            use_tls=self._implicit,
            start_tls=False if self._implicit else self._starttls,
            tls_context=self._context,
        )
        try:
            await client.connect(timeout=times.connect)
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except (SMTPException, OSError, ValueError) as problem:
            client.close()
            raise Unreachable(_trouble(problem)) from problem
        return Line(client, times, asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Say goodbye on the connections that wait."""
        if self._sweeper:
            self._sweeper.cancel()
        await asyncio.gather(*(line.quit() for line in self._idle), *self._closing)
        self._idle.clear()


def _trouble(problem: Exception) -> Outcome:
    """Return what becomes of a letter when there is no connection: it waits, whatever the next hop says of us."""
    if isinstance(problem, SMTPAuthenticationError):
        outcome = deferred(454, "4.7.0", f"the next hop refuses our login: {problem.code} {problem.message}")
    elif isinstance(problem, SMTPResponseException):
        outcome = deferred(451, "4.4.0", f"the next hop refuses the connection: {problem.code} {problem.message}")
    elif isinstance(problem.__cause__ or problem, ssl.SSLError):
        outcome = deferred(454, "4.7.5", f"no TLS with the next hop: {problem}")
    else:
        outcome = deferred(451, "4.4.1", f"the next hop cannot be reached: {problem}")
    journal.warn("courier.unreachable", reply=str(outcome.reply))
    return outcome


def _context(authorities: Path | None, *, verify: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as problem:
        raise Misuse(f"upstream: certificate authorities cannot be read from {authorities}: {problem}") from problem
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
