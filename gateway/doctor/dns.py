"""What receivers read about us in the DNS: SPF, DKIM, DMARC, where bounces go, and our own name."""

import re
from collections.abc import Iterator, Sequence
from itertools import count, takewhile

from gateway.doctor.finding import Finding, bad, ok, warn
from gateway.errors import TryLater
from gateway.flow import dkimkeys
from gateway.flow.lookup import Lookup
from gateway.settings import Settings
from gateway.settings.kinds import is_loopback
from gateway.store.records import DkimKey
from gateway.store.tables import Advertiser

AREA = "dns"
LOOKUPS = 10  # terms of SPF that ask the DNS, at most (RFC 7208 4.6.4)
_SPF = re.compile(r"v=spf1(?:\s|$)", re.IGNORECASE)
_DMARC = re.compile(r"v=DMARC1\s*(?:;|$)", re.IGNORECASE)
_ASKS = re.compile(r"^[+?~-]?(?:include|a|mx|ptr|exists)(?:[:/]|$)|^redirect=", re.IGNORECASE)


def gateway(settings: Settings, lookup: Lookup) -> Iterator[Finding]:
    """Look at the names of the gateway itself."""
    hostname, inbound = settings.gateway.hostname, settings.inbound.domain
    try:
        if not is_loopback(hostname) and not (lookup(hostname, "A") or lookup(hostname, "AAAA")):
            yield bad(AREA, "hostname-unknown", hostname=hostname)
        if not is_loopback(inbound) and not lookup(inbound, "MX"):
            yield bad(AREA, "inbound-no-mx", domain=inbound, hostname=hostname)
        if settings.inbound.verp:  # copies leave with return paths at that domain, and SPF is asked for there
            yield from _spf(inbound, lookup)
    except TryLater as trouble:
        yield bad(AREA, "dns-away", why=trouble)


def advertiser(row: Advertiser, keys: Sequence[DkimKey], lookup: Lookup) -> Iterator[Finding]:
    """Look at the sending domains of an advertiser and at its active and waiting keys."""
    try:
        for domain in row.domains:
            yield from _domain(domain, lookup)
        for key in keys:
            yield from _key(key, lookup)
    except TryLater as trouble:
        yield bad(AREA, "dns-away", why=trouble)


def _domain(domain: str, lookup: Lookup) -> Iterator[Finding]:
    found = list(_spf(domain, lookup)) + list(_dmarc(domain, lookup))
    if not (lookup(domain, "MX") or lookup(domain, "A") or lookup(domain, "AAAA")):
        found.append(bad(AREA, "no-return-path", domain=domain))
    yield from found or [ok(AREA, "domain-good", domain=domain)]


def _spf(domain: str, lookup: Lookup) -> Iterator[Finding]:
    records = [text for text in lookup(domain, "TXT") if _SPF.match(text)]
    if not records:
        yield bad(AREA, "no-spf", domain=domain)
    elif len(records) > 1:
        yield bad(AREA, "many-spf", domain=domain, count=len(records))
    elif sum(bool(_ASKS.match(term)) for term in records[0].split()) > LOOKUPS:
        yield bad(AREA, "long-spf", domain=domain)


def _dmarc(domain: str, lookup: Lookup) -> Iterator[Finding]:
    """Look for the record of the domain or of the nearest domain above it (RFC 9989: the tree is walked upwards)."""
    labels = domain.split(".")
    parents = takewhile(lambda place: len(labels) - place >= 2, count())
    for name in (".".join(labels[place:]) for place in parents):
        records = [text for text in lookup(f"_dmarc.{name}", "TXT") if _DMARC.match(text)]
        if len(records) > 1:
            yield bad(AREA, "many-dmarc", domain=name)
        if records:
            return
    yield bad(AREA, "no-dmarc", domain=domain)


def _key(row: DkimKey, lookup: Lookup) -> Iterator[Finding]:
    if row.state == dkimkeys.RETIRED:
        return
    name, active = dkimkeys.host(row), row.state == dkimkeys.ACTIVE
    found = dkimkeys.look(row, lookup).found
    if found == "published":
        yield ok(AREA, "dkim-published", name=name) if active else warn(AREA, "dkim-waits", name=name)
    elif active:
        yield bad(AREA, f"dkim-{found}", name=name)
    else:
        yield warn(AREA, "dkim-unpublished", name=name)
