"""Moments as people, spreadsheets and tools write them: ISO 8601, or day, month, year in figures or words. Pure."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.flow.headers import plain

# 3/4/2026, 03.04.26, 03-04-2026 10:11:12 (Brevo), 1er avril 2026, 3-avr.-26 (spreadsheets).
_EUROPEAN = re.compile(
    r"(?P<day>\d{1,2})(?:er)?"
    r"(?:[/.](?P<month>\d{1,2})[/.](?P<year>\d{4}|\d\d)|-(?P<month_>\d{1,2})-(?P<year_>\d{4})"
    r"|[ -](?P<word>[^\W\d_]{3,9})\.?[ -](?P<year__>\d{4}|\d\d))"
    r"(?:(?: |T| à )(?P<hour>\d{1,2})[:h](?P<minute>\d\d)(?::(?P<second>\d\d))?)?"
)
_MONTHS = {
    word: number
    for number, words in enumerate(
        ("janvier january janv jan", "fevrier february fevr fev feb", "mars march mar", "avril april avr apr",
         "mai may", "juin june jun", "juillet july juil jul", "aout august aou aug", "septembre september sept sep",
         "octobre october oct", "novembre november nov", "decembre december dec"), 1)
    for word in words.split()
}  # fmt: skip


def read(written: str, zone: ZoneInfo) -> datetime:
    """Return an aware moment; without a time zone it is of `zone`. Raises ValueError when it is none."""
    written = " ".join(written.split())
    at = _european(found, zone) if (found := _EUROPEAN.fullmatch(written)) else datetime.fromisoformat(written)
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _european(found: re.Match[str], zone: ZoneInfo) -> datetime:
    parts = found.groupdict()
    month = _MONTHS.get(plain(parts["word"]), 0) if parts["word"] else int(parts["month"] or parts["month_"])
    year = int(parts["year"] or parts["year_"] or parts["year__"])
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    return datetime(year + 2000 if year < 100 else year, month, int(parts["day"]), hour, minute, second, tzinfo=zone)
