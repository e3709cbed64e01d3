"""Who guesses passwords has to wait: a minute at first, twice as long each time, an hour at most.

Wrong passwords are counted for the network they come from and for the account they are for, so that neither one machine
that tries many accounts nor many machines that try one get far. An account is never closed to a network that has just
logged in to it: nobody can shut a tool out by guessing badly. Counts are those of one process and bounded in number.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

_FIRST, _LONGEST = 60.0, 3600.0  # seconds
_KEPT = 10_000  # networks and accounts remembered
_NAME_MOST = 100  # characters of a name that count
Key = tuple[str, str]


@dataclass(slots=True)
class _Count:
    failed: int = 0
    last: float = 0.0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Blocked:
    """A wait that has begun: whose, after how many failures, for how many seconds."""

    key: Key
    failed: int
    seconds: float


class Guard:
    """Counts for one process. `free` wrong passwords cost nothing but their own delay."""

    def __init__(self, free: int) -> None:
        self.free = free
        self._counts: OrderedDict[Key, _Count] = OrderedDict()
        self._trusted: OrderedDict[tuple[str, str], float] = OrderedDict()

    def wait(self, host: str, name: str, now: float) -> float:
        """Return for how many seconds no password from `host` for account `name` is looked at, 0 for none."""
        network, account = _keys(host, name)
        trusted = self._trusted.get((network[1], account[1]), now - _LONGEST) > now - _LONGEST
        return max(self._left(network, now), 0.0 if trusted else self._left(account, now))

    def _left(self, key: Key, now: float) -> float:
        count = self._counts.get(key)
        return max(0.0, count.until - now) if count else 0.0

    def failed(self, host: str, name: str, now: float) -> list[Blocked]:
        """Count a wrong password; return the waits that begin with it."""
        begun = []
        for key in _keys(host, name):
            count = self._counts.pop(key, None)
            if count is None or now - max(count.last, count.until) > _LONGEST:
                count = _Count()
            self._counts[key] = count
            count.failed, count.last = count.failed + 1, now
            if count.failed >= self.free:
                seconds = min(_FIRST * 2.0 ** min(count.failed - self.free, 10), _LONGEST)
                count.until = now + seconds
                begun.append(Blocked(key, count.failed, seconds))
        while len(self._counts) > _KEPT:
            self._counts.popitem(last=False)
        return begun

    def succeeded(self, host: str, name: str, now: float) -> None:
        """Forget the failures for this account, and know the network again; the network's own failures still count."""
        network, account = _keys(host, name)
        self._counts.pop(account, None)
        self._trusted.pop((network[1], account[1]), None)
        self._trusted[network[1], account[1]] = now
        if len(self._trusted) > _KEPT:
            self._trusted.popitem(last=False)


def _keys(host: str, name: str) -> tuple[Key, Key]:
    return ("host", network_of(host)), ("account", name.partition("+")[0][:_NAME_MOST].casefold())


def network_of(host: str) -> str:
    """Return what one customer of a provider has: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
