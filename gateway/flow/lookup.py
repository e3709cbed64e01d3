"""What the DNS says: one question, by the system's resolver or by a name server that an administrator names."""

import re
from collections.abc import Callable, Sequence

import dns.exception
import dns.resolver

from gateway.errors import TryLater

_PATIENCE = 5.0  # seconds for one question

# Name and type ("TXT", "MX", "A", …) → the records as text; none when there are none. Raises `errors.TryLater`.
Lookup = Callable[[str, str], Sequence[str]]


def resolver(nameserver: str | None = None) -> Lookup:
    """Return a lookup by the system's resolver, or by a name server given as `address` or `address:port`."""
    if nameserver is None:
        asked = dns.resolver.Resolver()
    else:
        address, port = _place(nameserver)
        asked = dns.resolver.Resolver(configure=False)
        asked.nameservers, asked.port = [address], port
    asked.lifetime = _PATIENCE

    def lookup(name: str, kind: str) -> list[str]:
        try:
            answer = asked.resolve(f"{name}.", kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise TryLater(f"the DNS does not answer for {name}: {error}") from error
        if kind == "TXT":
            return [b"".join(data.strings).decode("utf-8", "replace") for data in answer]
        return [data.to_text() for data in answer]

    return lookup


def _place(text: str) -> tuple[str, int]:
    if text.count(":") > 1 and not text.startswith("["):
        return text, 53  # an IPv6 address alone
    address, _, port = text.rpartition(":") if re.search(r":\d+$", text) else (text, "", "53")
    return address.strip("[]"), int(port)
