"""Where a request comes from: the network only, never the address, because more than that nobody needs to know."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import Request

HOME = ("127.0.0.0/8", "::1/128")  # proxies on this machine are ours
PREFIX = {4: 24, 6: 48}  # what one household or company usually has, and no person


class Networks:
    """Says from which network a request comes; `trusted` are those whose X-Forwarded-For is believed."""

    def __init__(self, trusted: Sequence[str] = HOME) -> None:
        self._trusted = tuple(ip_network(text) for text in trusted)

    def of(self, request: Request) -> str:
        """Return the network as "192.0.2.0/24" or "2001:db8:1::/48"; "" when it cannot be known.

        Of the forwarded addresses the last one counts that no trusted proxy has: what stands before it, anybody may
        have written.
        """
        hops = [part.strip() for part in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
        nearest = [request.client.host if request.client else "", *reversed([hop for hop in hops if hop])]
        found = ""
        for hop in nearest:
            address = _parsed(hop)
            if address is None:
                break
            found = _network(address)
            if not any(address in network for network in self._trusted):
                break
        return found


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(address: IPv4Address | IPv6Address) -> str:
    prefix = PREFIX[address.version]
    host = address.max_prefixlen - prefix  # bits
    return f"{type(address)(int(address) >> host << host)}/{prefix}"
