"""The certificate of the SMTP door: readable, with its key, for our name, and not about to end."""

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from gateway.doctor.finding import Finding, bad, ok, warn
from gateway.settings import Settings

SOON = timedelta(days=21)
AREA = "tls"


def certificate(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Look at the certificate that tools are shown."""
    chain, key = settings.smtp.certificate, settings.smtp.private_key
    if chain is None or key is None:
        yield warn(AREA, "no-certificate", place=settings.smtp.listen)
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(chain, key)
        leaf = x509.load_pem_x509_certificates(Path(chain).read_bytes())[0]
    except (OSError, ValueError) as error:
        yield bad(AREA, "certificate-unusable", file=chain, why=error)
        return
    yield from _looked_at(leaf, chain, settings.gateway.hostname, now)


def _looked_at(leaf: x509.Certificate, chain: Path, hostname: str, now: datetime) -> Iterator[Finding]:
    ends = leaf.not_valid_after_utc
    if ends <= now:
        yield bad(AREA, "certificate-ended", file=chain, at=f"{ends:%Y-%m-%d}")
    elif ends - now < SOON:
        yield warn(AREA, "certificate-ends", file=chain, at=f"{ends:%Y-%m-%d}")
    names = _names(leaf)
    if not any(_covers(name, hostname) for name in names):
        yield bad(AREA, "certificate-name", names=", ".join(names) or "–", hostname=hostname)
    elif ends - now >= SOON:
        yield ok(AREA, "certificate-good", at=f"{ends:%Y-%m-%d}")


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = names.get_values_for_type(x509.DNSName)
    return [*hosts, *(str(ip) for ip in names.get_values_for_type(x509.IPAddress))]


def _covers(name: str, hostname: str) -> bool:
    """Return whether a name of a certificate stands for the host: a star for its first label (RFC 6125 6.4.3)."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(hostname)
    except ValueError:
        rest = hostname.partition(".")[2]
        return name.lower() == hostname or (name.startswith("*.") and rest != "" and name[2:].lower() == rest)
