"""The door: listeners, certificates, limits of sessions, and how it closes."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gateway import journal
from gateway.errors import Misuse
from gateway.flow.gate import Gate
from gateway.flow.room import Room
from gateway.mail.reply import Reply
from gateway.smtp.connection import Connection
from gateway.smtp.guard import Guard, network_of
from gateway.smtp.handler import HOOKS, Handler, check_hooks
from gateway.smtp.handshakes import Handshakes, listening_at
from gateway.smtp.options import SmtpOptions, Where
from gateway.smtp.protocol import Dialog

_BACKLOG = 1024
_LAST_WORDS = 1.0  # seconds for the farewell of sessions that were cut off


class Door:
    """The listening half of the gateway. Make one with `start`, end it with `stop`."""

    def __init__(
        self, handler: object, options: SmtpOptions, dialog: type[Dialog] = Dialog, hooks: frozenset[str] = HOOKS
    ) -> None:
        self.options = options
        self.guard = Guard(options.free_failed_logins)
        self.room = Room(options.max_memory)
        self.closing = False
        self.tls: ssl.SSLContext | None = None
        self._handler = handler
        self._dialog = dialog
        check_hooks(handler, hooks)
        self._servers: list[asyncio.Server] = []
        self._tls_servers: list[Handshakes] = []
        self._shaking = 0  # handshakes under way
        self._connections: set[Connection] = set()
        self._hosts: Counter[str] = Counter()
        self._told: set[tuple[str, str]] = set()  # whose flood is in the log already; host "" is everybody
        self._empty = asyncio.Event()
        self.reload_certificates()

    @property
    def addresses(self) -> tuple[Where, ...]:
        """Return where STARTTLS is spoken, with the real ports."""
        return _bound(self._servers)

    @property
    def tls_addresses(self) -> tuple[Where, ...]:
        """Return where TLS is spoken from the first byte, with the real ports."""
        return _bound(self._tls_servers)

    @property
    def sessions(self) -> int:
        """Return how many clients are connected."""
        return len(self._connections)

    def reload_certificates(self) -> None:
        """Read certificate and key again; connections that exist keep theirs.

        Raises `Misuse`, and goes on with the old ones, when the files are not usable.
        """
        if self.options.certificate is not None and self.options.private_key is not None:
            self.tls = _context(self.options.certificate, self.options.private_key)

    def adopt(self, options: SmtpOptions) -> None:
        """Take other limits and other certificates, for connections from now on; where we listen stays.

        Raises `Misuse`, and goes on as before, when the certificates are not usable.
        """
        old, self.options = self.options, options
        try:
            self.reload_certificates()
        except Misuse:
            self.options = old
            raise
        self.guard.free = options.free_failed_logins

    async def listen(self) -> None:
        """Begin to accept connections; raises OSError when a place cannot be had."""
        try:
            for where in self.options.listen:
                self._servers.append(await self._listen(where))
            for where in self.options.tls_listen:
                self._tls_servers.append(await self._listen_tls(where))
        except OSError:
            await self.stop(0)
            raise

    async def _listen(self, where: Where) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        host, port = where
        return await loop.create_server(
            partial(self._dialog, self._handler, self, loop, secure=False),
            host or None,
            port,
            backlog=_BACKLOG,
            reuse_port=self.options.reuse_port or None,
        )

    async def _listen_tls(self, where: Where) -> Handshakes:
        loop, options = asyncio.get_running_loop(), self.options
        sockets = await listening_at(*where, backlog=_BACKLOG, reuse_port=options.reuse_port)
        made = partial(self._dialog, self._handler, self, loop, secure=True)
        return Handshakes(self, sockets, made, options.handshake_timeout)

    async def stop(self, grace: float) -> None:
        """Accept nobody any more; let transactions under way end for `grace` seconds; then cut off the others."""
        self.closing = True
        for server in self._servers:
            server.close()
        for listener in self._tls_servers:
            listener.close()
        for connection in list(self._connections):
            connection.close_when_idle()
        if not await self._left(grace):
            journal.warn("smtp.cut", sessions=len(self._connections))
            for connection in list(self._connections):
                connection.cut()
            await self._left(_LAST_WORDS)

    async def _left(self, seconds: float) -> bool:
        """Wait until everybody has left; return whether they have."""
        if self._connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), seconds)
            except TimeoutError:
                return False
        return True

    def arrive(self, host: str) -> bool:
        """Take a place for a handshake, as `enter` will for a session; return False when there is none."""
        if self._refusal(host, more=1):
            return False
        self._shaking += 1
        self._hosts[network_of(host)] += 1
        return True

    def depart(self, host: str) -> None:
        """Give the place of a handshake back."""
        self._shaking -= 1
        self._forget(host)

    def enter(self, connection: Connection, host: str) -> Reply | None:
        """Count a new connection; return the reply that turns it away, or None."""
        self._connections.add(connection)
        self._hosts[network_of(host)] += 1
        return self._refusal(host)

    def crowded(self, account: str) -> bool:
        """Return whether an account has as many sessions as it may."""
        sessions = sum(one.account == account for one in self._connections)
        if sessions < self.options.max_sessions_per_account:
            return False
        self._tell(account, sessions, kind="account")
        return True

    def _refusal(self, host: str, more: int = 0) -> Reply | None:
        """Return what keeps out a host, when `more` than those counted are to be let in."""
        host = network_of(host)
        sessions = len(self._connections) + self._shaking + more
        if self.closing:
            return Reply(421, "4.3.2", "closing for now, try again in a moment")
        if sessions > self.options.max_sessions:
            self._tell("", sessions)
            return Reply(421, "4.3.2", "too many sessions, try again later")
        if self._hosts[host] + more > self.options.max_sessions_per_host:
            self._tell(host, self._hosts[host] + more)
            return Reply(421, "4.7.0", "too many sessions from your host, try again later")
        return None

    def _tell(self, who: str, sessions: int, kind: str = "host") -> None:
        """Log a flood once, until it has ended."""
        if (kind, who) not in self._told:
            self._told.add((kind, who))
            journal.warn("smtp.full", **{kind: who}, sessions=sessions)

    def leave(self, connection: Connection, host: str) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        self._told.discard(("account", connection.account))
        self._forget(host)
        if not self._connections:
            self._empty.set()

    def _forget(self, host: str) -> None:
        host = network_of(host)
        self._hosts[host] -= 1
        if 2 * self._hosts[host] < self.options.max_sessions_per_host:
            self._told.discard(("host", host))
        if 2 * (len(self._connections) + self._shaking) < self.options.max_sessions:
            self._told.discard(("host", ""))
        if not self._hosts[host]:
            del self._hosts[host]
            self._told.discard(("host", host))


async def start(gate: Gate, options: SmtpOptions) -> Door:
    """Open the door: return it listening.

    Raises `Misuse` for certificates that cannot be used, OSError for places that cannot be had.
    """
    door = Door(Handler(gate), options)
    await door.listen()
    return door


def _bound(servers: Sequence[asyncio.Server | Handshakes]) -> tuple[Where, ...]:
    names = [socket.getsockname() for server in servers for socket in server.sockets]
    return tuple((str(name[0]), int(name[1])) for name in names)


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as problem:
        raise Misuse(
            f"smtp.certificate: {certificate} and {key} cannot be used: {problem};"
            " the first must be a PEM chain beginning with our certificate, the second its private key"
        ) from problem
    return context
