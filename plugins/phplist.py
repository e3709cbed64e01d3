"""phpList: recognises its campaigns; its own one-click address is called after an opt-out here.

phpList sets X-phpList-version, X-MessageID (the campaign) and X-ListMember (the address), and List-Unsubscribe with
an address ending in `jo=1` that acts at once. It has no API for its blacklist: add the account's host to the opt-out
hosts (`account add --optout-host`), and phpList hears of every opt-out by RFC 8058.

A refused address (550) is tried again at every run and keeps the campaign from ever being "sent"; refused recipients
are therefore taken, kept out, and reported. Its own opt-outs come by `plugin sync --export` from Subscribers →
Export.
"""

import csv
import re
from collections.abc import Iterator, Sequence

from gateway.plugin import Hints, Member

BLOCK_STYLE = "discard"

_URL = re.compile(r"<\s*(https://[^\s<>]+)\s*>", re.IGNORECASE)
_YES = {"1", "yes", "y", "true", "oui"}


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return campaign, subscriber and one-click address of a message of phpList; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    if "x-phplist-version" not in said:
        return Hints()
    campaign = said.get("x-messageid", "")
    return Hints(
        tool="phplist",
        campaign=campaign if campaign.isascii() and campaign.isdecimal() else None,
        subscriber=_subscriber(said.get("list-unsubscribe", "")),
        one_click=_one_click(said.get("list-unsubscribe", "")),
        remove=("x-listmember",),  # the address once more, which a copy does not need
    )


def read(export: bytes) -> Iterator[Member]:
    """Read an export of subscribers: tabs, commas or semicolons; the columns email and, if chosen, blacklisted."""
    text = export.decode("utf-8-sig", "replace")
    first = text.partition("\n")[0]
    rows = csv.DictReader(text.splitlines(), delimiter="\t" if "\t" in first else ";" if ";" in first else ",")
    for row in rows:
        said = {(name or "").strip().lower().replace(" ", ""): (value or "").strip() for name, value in row.items()}
        if address := said.get("email"):
            barred = said.get("blacklisted", "") or said.get("isblacklisted", "")
            yield Member(address, barred.lower() not in _YES)


def _one_click(header: str) -> str | None:
    """Return the address of List-Unsubscribe that acts without a question (jo=1, "jump off")."""
    return next((url for url in _URL.findall(header) if re.search(r"[?&]jo=1(&|$)", url)), None)


def _subscriber(header: str) -> str | None:
    found = re.search(r"[?&]uid=([0-9a-f]{16,64})(?:[&>]|$)", header)
    return found.group(1) if found else None
