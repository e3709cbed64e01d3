"""HTTP calls to places that others name: webhooks, tools, one-click addresses. Hostile until proven otherwise.

Only https, only public addresses: a name is resolved, every address it has is checked, and the connection goes to the
checked one, so that what resolves differently a moment later changes nothing (SSRF, DNS rebinding). Hosts that the
operator names are excepted. Redirects are not followed; time and sizes are bounded; no proxy, no cookie, no state.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import httpcore

from gateway.errors import Misuse, TryLater
from gateway.plugin import Answer, Call

MOST = 1_048_576  # bytes of a body, either way
PATIENCE = 15.0  # seconds for one call, from the name to the last byte
CONNECTIONS = 50
AGENT = "consentgate"
_EMBEDDING = ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
_SITE = ("fec0::/10", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24")  # inside somebody's network once, or in no one's
_CLOUD = ("168.63.129.16/32",)  # kept by Azure for its machines
_INWARD = tuple(map(ip_network, (*_EMBEDDING, *_SITE, *_CLOUD)))
IPAddress = IPv4Address | IPv6Address


class Hosts:
    """Which places may be called; `internal` are names, addresses and networks of the operator's own."""

    def __init__(self, internal: Iterable[str] = ()) -> None:
        self._names = {name.lower() for name in internal if _network(name) is None}
        self._networks = [network for name in internal if (network := _network(name)) is not None]

    def trusted(self, host: str) -> bool:
        """Return whether the operator named this host, by name or by the address that it is."""
        address = _address(host)
        return host.lower() in self._names or (address is not None and self._inside(address))

    def reachable(self, address: str) -> bool:
        """Return whether a resolved address may be connected to."""
        found = _address(address)
        return found is not None and (_public(found) or self._inside(found))

    def _inside(self, address: IPAddress) -> bool:
        return any(address in network for network in self._networks)

    def check(self, url: str) -> str:
        """Return the host of a URL that may be called; raise Misuse, in words for whoever wrote it."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            host = ""
        if not host or not url.isascii() or any(sign <= " " for sign in url) or parts.username is not None:
            raise Misuse("this is not the address of a site; write for example https://example.org/hook")
        if parts.scheme != "https" and not (parts.scheme == "http" and self.trusted(host)):
            raise Misuse(f"{host}: the address must begin with https:// (see [plugins] internal_hosts)")
        if not self.trusted(host) and _address(host) is not None and not self.reachable(host):
            raise Misuse(f"{host} is not a public address (see [plugins] internal_hosts)")
        return host


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> IPAddress | None:
    try:
        found = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _public(address: IPAddress) -> bool:
    inward = any(address in network for network in _INWARD)
    return address.is_global and not address.is_multicast and not address.is_reserved and not inward


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every address, connect to the first that answers."""
        addresses = await self._resolved(host, port)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def _resolved(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} has no address") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._hosts.trusted(host) and not all(self._hosts.reachable(address) for address in addresses):
            raise httpcore.ConnectError(f"{host} has an address that is not public")
        return addresses


class Caller:
    """Makes calls; one for each process. `trust`: what certificates are checked against, else those of the system."""

    def __init__(self, hosts: Hosts, *, trust: ssl.SSLContext | None = None, patience: float = PATIENCE) -> None:
        self.hosts = hosts
        self._patience = patience
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust or ssl.create_default_context(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=_Guarded(hosts),
        )

    async def call(self, call: Call) -> Answer:
        """Return what the other side answered, whatever it was.

        Raises Misuse when the place may not be called, TryLater when it could not be reached or took too long. The
        messages name the host and never the path, which may be somebody's key.
        """
        host = self.hosts.check(call.url)
        if len(call.body) > MOST:
            raise Misuse(f"{host}: a body of {len(call.body)} bytes is too large to send")
        try:
            async with asyncio.timeout(self._patience):
                return await self._call(call)
        except TimeoutError as error:
            raise TryLater(f"{host} did not answer within {self._patience:g} s") from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as error:
            raise TryLater(f"{host} cannot be reached: {str(error) or type(error).__name__}") from error

    async def _call(self, call: Call) -> Answer:
        headers = [*call.headers, ("User-Agent", AGENT), ("Accept", "*/*"), ("Content-Length", str(len(call.body)))]
        headers = [("Host", urlsplit(call.url).netloc), *headers]
        async with self._pool.stream(call.method, call.url, headers=headers, content=call.body) as response:
            body = bytearray()
            async for chunk in response.aiter_stream():
                body += chunk[: MOST - len(body)]
                if len(body) >= MOST:
                    break
            return Answer(response.status, bytes(body))

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
