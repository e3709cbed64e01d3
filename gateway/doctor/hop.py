"""The next hop: reached over the very connection that mail will take, logged in, and asked what it can."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gateway.courier.pool import Pool, SmarthostOptions, Unreachable
from gateway.doctor.finding import Finding, bad, ok, warn
from gateway.settings import Settings

AREA = "next hop"
WANTED = ("size", "8bitmime", "pipelining", "enhancedstatuscodes")
# Relays that may put an opt-out of their own into the mail: host ends → the text that says what to switch off there.
HOSTED = {
    "amazonaws.com": "ses",
    "sendgrid.net": "sendgrid",
    "mailgun.org": "mailgun",
    "sparkpostmail.com": "sparkpost",
    "mailjet.com": "mailjet",
    "postmarkapp.com": "postmark",
    "brevo.com": "brevo",
    "sendinblue.com": "brevo",
}


async def reached(settings: Settings, options: SmarthostOptions | None) -> list[Finding]:
    """Look at the next hop; `options` is None when it is a folder."""
    if options is None:
        return list(_folder(Path(settings.upstream.url.partition(":")[2])))
    pool = Pool(options)
    try:
        line = await pool.connect()
    except Unreachable as trouble:
        return [bad(AREA, "hop-away", url=options.url, why=trouble.outcome.reply), *hosted(options.url)]
    offers = line.offers
    await line.quit()
    return [*_offers(offers, settings), *hosted(options.url)]


def _folder(folder: Path) -> Iterator[Finding]:
    yield warn(AREA, "hop-folder", folder=folder)
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not os.access(nearest, os.W_OK):
        yield bad(AREA, "hop-folder-closed", folder=folder)


def _offers(offers: dict[str, str], settings: Settings) -> Iterator[Finding]:
    missing = [name.upper() for name in WANTED if name not in offers]
    if missing:
        yield warn(AREA, "hop-lacks", names=", ".join(missing))
    most = offers.get("size", "")
    if most.isdigit() and 0 < int(most) < settings.smtp.max_size:
        yield warn(AREA, "hop-small", most=f"{int(most) // 2**20} MiB", ours=f"{settings.smtp.max_size // 2**20} MiB")
    if not missing:
        yield ok(AREA, "hop-answers", names=", ".join(sorted(offers)).upper())


def hosted(url: str) -> Iterator[Finding]:
    """Say what to switch off at a hosted relay, so that a message carries one opt-out and not two."""
    host = (urlsplit(url).hostname or "").lower()
    for end, name in HOSTED.items():
        if host == end or host.endswith("." + end):
            yield warn(AREA, f"hosted-{name}")
