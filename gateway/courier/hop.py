"""The next hop as the settings name it."""

from pathlib import Path

from gateway.courier.courier import Courier
from gateway.courier.maildir import Maildir
from gateway.courier.pool import SmarthostOptions
from gateway.courier.smarthost import Smarthost
from gateway.settings import Settings


def courier_of(settings: Settings) -> Courier:
    """Return the courier to the next hop that `[upstream] url` names."""
    options = smarthost_of(settings)
    return Smarthost(options) if options else Maildir(Path(settings.upstream.url.partition(":")[2]))


def smarthost_of(settings: Settings) -> SmarthostOptions | None:
    """Return how to reach the next hop by SMTP, None when it is a folder; `errors.Misuse` without its password."""
    upstream = settings.upstream
    if upstream.url.startswith("maildir:"):
        return None
    return SmarthostOptions(
        url=upstream.url,
        hostname=settings.gateway.hostname,
        tls=upstream.tls,
        username=upstream.username,
        password=upstream.password.read() if upstream.password else "",
        connections=upstream.connections,
    )
