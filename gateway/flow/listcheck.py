"""What an advertiser or a list still lacks before it may be mailed, as data.

A finding is a code (its sentence is `commands.check.<code>`), the article it comes from, whether it blocks, and a
detail. The text and the cure are for the commands and pages to say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from gateway.law import guarantee
from gateway.law.facts import Origin, Regime
from gateway.store.tables import Advertiser, List


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is missing. `blocks` is False for advice."""

    code: str
    article: str
    blocks: bool = True
    detail: str = ""


_SIREN = re.compile(r"\d{9}")


def of_advertiser(row: Advertiser, *, signed: bool = False) -> list[Finding]:
    """Return what an advertiser lacks before it may send, the gravest first.

    `signed` says that one of its DKIM keys is active.
    """
    found = list(of_company(row))
    if not row.domains:
        found.append(Finding("no-domains", "CPCE L34-5 al. 5"))
    if not row.upstream_signs and not signed:
        found.append(Finding("not-signed", "RFC 8058 4; RFC 6376"))
    if not row.privacy_url:
        found.append(Finding("no-privacy-url", "GDPR 13, 14"))
    if not row.dpo:
        found.append(Finding("no-dpo", "GDPR 37", blocks=False))
    return sorted(found, key=lambda finding: not finding.blocks)


def of_company(row: Advertiser) -> Iterator[Finding]:
    """Yield what the mention needs and lacks to name the company and how to reach it."""
    if not row.legal_name:
        yield Finding("no-legal-name", "LCEN 1-1; C. com. R123-237")
    if not row.siren:
        yield Finding("no-siren", "C. com. R123-237")
    elif not is_siren(row.siren):
        yield Finding("bad-siren", "C. com. R123-237", detail=row.siren)
    if not row.office:
        yield Finding("no-office", "LCEN 1-1; C. com. R123-237")
    if not row.email and not row.phone:
        yield Finding("no-way-to-reach", "CPCE L34-5 al. 5; LCEN 19")
    if not row.registered:
        yield Finding("no-registry", "C. com. R123-237", blocks=False)
    if not row.vat:
        yield Finding("no-vat", "LCEN 1-1", blocks=False)


def of_list(row: List, now: datetime, timezone: str) -> list[Finding]:
    """Return what the law still asks for before the list may be mailed at `now`, the gravest first."""
    found: list[Finding] = []
    if not row.title:
        found.append(Finding("no-title", "GDPR 12", blocks=False))
    if not row.channels:
        found.append(Finding("no-channels", "CPCE L34-5 al. 1"))
    if row.regime in {Regime.CUSTOMER, Regime.PROFESSIONAL} and not row.families:
        found.append(Finding("no-families", "CPCE L34-5 al. 4" if row.regime == Regime.CUSTOMER else "CNIL, B2B"))
    if row.regime == Regime.CUSTOMER and row.origin != Origin.OWN:
        found.append(Finding("customers-of-others", "CPCE L34-5 al. 4", detail=row.origin))
    if row.origin != Origin.OWN:
        missing = guarantee.lacks(row.guarantee, now, timezone)
        if missing:
            found.append(Finding("guarantee", "CPCE L34-5; GDPR 7(1), 14", detail=", ".join(missing)))
    return sorted(found, key=lambda finding: not finding.blocks)


@lru_cache(maxsize=1024)
def is_siren(number: str) -> bool:
    """Return whether a text is nine digits with a right check digit (Luhn; INSEE)."""
    digits = number.replace(" ", "")
    if not _SIREN.fullmatch(digits):
        return False
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(digits))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
