"""The record that must stand behind a list that came from somebody else (docs/rules.md, The guarantee of a list)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from gateway.law.clocks import add_months, day

# A contract's promise is no proof: each of these must be on record.
REQUIRED = (
    "seller",
    "siren",
    "contract",
    "collection_url",
    "screenshot",
    "form_version",
    "consent_text",
    "partner_list",
    "collected_from",
    "collected_to",
    "audit_size",
    "audit_failures",
    "audited_at",
    "washed_at",
    "chain",
    "rights_contact",
    "objection_channel",
)

AUDIT_MONTHS = 12
WASH_DAYS = 30


def lacks(guarantee: Mapping[str, Any] | None, now: datetime, timezone: str) -> tuple[str, ...]:
    """Return the keys that are missing or too old at `now`; empty when the licence stands.

    Dates are `date`, `datetime` or ISO 8601 text. An empty `chain` means that there was no intermediary.
    """
    record = guarantee or {}
    missing = [key for key in REQUIRED if record.get(key) is None or record[key] == ""]
    today = day(now, timezone)
    audited, washed = _date(record.get("audited_at")), _date(record.get("washed_at"))
    if audited is None or not audited <= today <= add_months(audited, AUDIT_MONTHS):
        missing.append("audited_at")
    if washed is None or not 0 <= (today - washed).days <= WASH_DAYS:
        missing.append("washed_at")
    return tuple(dict.fromkeys(missing))


def _date(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
