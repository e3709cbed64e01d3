"""AUTH PLAIN and LOGIN (RFC 4616, RFC 4954). The password goes to the gate and nowhere else, least of all to a log."""

# ruff: noqa: N802 (aiosmtpd finds these methods by their names)

import asyncio
import binascii
from base64 import b64decode

from gateway import journal
from gateway.errors import TryLater
from gateway.flow.gate import Gate
from gateway.smtp.protocol import Dialog
from gateway.smtp.wire import BadLine

_LINE_MOST = 12_288  # RFC 4954 4


class _Broken(Exception):
    """The exchange ended without credentials; carries the reply."""


class Auth:
    """The mechanisms, found by aiosmtpd by their names. They are coroutines: checking takes long, on purpose."""

    gate: Gate

    async def auth_PLAIN(self, server: Dialog, args: list[str]) -> None:
        """RFC 4616: one response with authorization identity, name and password."""
        try:
            parts = _decoded(args[1]) if len(args) > 1 else await _ask(server, "")
            identity, name, password = _split(parts)
        except _Broken as problem:
            await server.protest(str(problem))
            return
        if identity not in {b"", name}:
            await server.protest("535 5.7.8 logging in for somebody else is not possible")
            return
        await self._check(server, name, password)

    async def auth_LOGIN(self, server: Dialog, args: list[str]) -> None:
        """Name and password one after the other (draft-murchison-sasl-login)."""
        try:
            name = _decoded(args[1]) if len(args) > 1 else await _ask(server, "VXNlcm5hbWU6")
            password = await _ask(server, "UGFzc3dvcmQ6")
        except _Broken as problem:
            await server.protest(str(problem))
            return
        await self._check(server, name, password)

    async def _check(self, server: Dialog, name: bytes, password: bytes) -> None:
        """Ask the gate, unless too many wrong passwords came from this network or for this account (`smtp.guard`)."""
        guard, said = server.house.guard, name.decode("utf-8", "replace")
        if guard.wait(server.host, said, server.loop.time()):
            await server.hang_up("421 4.7.0 too many failed logins, try again later")
            return
        try:
            login = await self.gate.login(said, password)
        except TryLater:
            await server.push("454 4.7.0 logins cannot be checked now, try again later")
            return
        if login is None:
            await self._refuse(server, said)
            return
        guard.succeeded(server.host, said, server.loop.time())
        if server.house.crowded(login.account.login):
            await server.hang_up("421 4.7.0 too many sessions of your account, try again later")
            return
        server.session.login = login
        server.session.authenticated = True
        await server.push("235 2.7.0 welcome")

    async def _refuse(self, server: Dialog, name: str) -> None:
        """Make guessing slow and loud."""
        server.failed_logins += 1
        journal.warn("smtp.login", host=server.host, failed=server.failed_logins)
        for blocked in server.house.guard.failed(server.host, name, server.loop.time()):
            kind, key = blocked.key
            journal.warn("smtp.guessing", **{kind: key}, failed=blocked.failed, seconds=blocked.seconds)
        await asyncio.sleep(server.options.failed_login_delay * server.failed_logins)
        if server.failed_logins < server.options.max_failed_logins:
            await server.push("535 5.7.8 name or password is wrong")
        else:
            await server.hang_up("421 4.7.0 too many failed logins")


async def _ask(server: Dialog, challenge: str) -> bytes:
    """Send a challenge (base64 already) and return the decoded response."""
    await server.push(f"334 {challenge}")
    try:
        line = await server.wire.line(_LINE_MOST)
    except BadLine as problem:
        raise _Broken(f"500 5.5.6 {problem}") from None
    if line == b"*":
        raise _Broken("501 5.7.0 as you wish")
    return _decoded(line)


def _decoded(text: str | bytes) -> bytes:
    if text in {"=", b"="}:  # RFC 4954 4: an empty initial response
        return b""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _Broken("501 5.5.2 that is not base64") from None


def _split(parts: bytes) -> tuple[bytes, bytes, bytes]:
    try:
        identity, name, password = parts.split(b"\0")
    except ValueError:
        raise _Broken("501 5.5.2 that is not identity NUL name NUL password") from None
    return identity, name, password
