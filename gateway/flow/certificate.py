"""The certificate of an erasure, as a document of plain values, a page, and plain text. It does not name the person."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from gateway.flow import access
from gateway.flow.privacy import Certificate
from gateway.store.tables import Advertiser
from gateway.text import labelled, local, say

KEPT = ("digest", "proof", "request")


def document(done: Certificate, owner: Advertiser, request: int) -> dict[str, Any]:
    """Return what an erasure did, as a program reads it; moments are aware, `kept` are codes."""
    return {
        "certificate": done.reference,
        "at": done.at,
        "controller": {"name": done.advertiser, "siren": owner.siren, "contact": owner.dpo or owner.email},
        "request": request,
        "deleted": dict(done.deleted),
        "kept": list(KEPT),
        "tell": [asdict(one) for one in done.told],
    }


def machine(found: Mapping[str, Any]) -> str:
    """Return the document as JSON; moments in ISO 8601."""
    return access.machine(found)


def html(found: Mapping[str, Any], lang: str, timezone: str) -> str:
    """Return the document as one HTML page that needs nothing else."""
    return access.page(_readable(found, lang), lang, timezone, "rights.certificate-title")


def text(found: Mapping[str, Any], lang: str, timezone: str) -> str:
    """Return the document as plain text."""
    title = say("rights.certificate-title", lang)
    lines = [title, "=" * len(title)]
    for name, value in _readable(found, lang).items():
        lines += ["", say(f"rights.section-{name}", lang), *_lines(value, timezone, lang)]
    return "\n".join(lines) + "\n"


def words(found: Mapping[str, Any], lang: str, timezone: str) -> dict[str, list[str]]:
    """Return the document as headings with their lines; `found` may come back from JSON, its moments as text."""
    whole = {**found, "at": datetime.fromisoformat(found["at"]) if isinstance(found["at"], str) else found["at"]}
    return {
        say(f"rights.section-{name}", lang): [line.removeprefix("- ") for line in _lines(value, timezone, lang)]
        for name, value in _readable(whole, lang).items()
        if name != "note"  # which speaks of a letter
    }


def _readable(found: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """Return the document in words."""
    deleted = [
        labelled(say(f"rights.deleted-{name}", lang), count, lang) for name, count in found["deleted"].items() if count
    ]
    tell = [f"{one['partner']} (SIREN {one['siren']}), {one['reference']}" for one in found["tell"]]
    controller = ", ".join(value for value in found["controller"].values() if value)
    return {
        "certificate": found["certificate"],
        "at": found["at"],
        "controller": controller,
        "request": found["request"],
        "deleted": deleted,
        "kept": [say(f"rights.kept-{name}", lang) for name in found["kept"]],
        "tell": tell,
        "note": say("rights.certificate-note", lang),
    }


def _lines(value: object, timezone: str, lang: str) -> list[str]:
    if isinstance(value, list):
        return [f"- {one}" for one in value] or [say("rights.none", lang)]
    if isinstance(value, datetime):
        return [local.minute_of(value, lang, timezone)]
    return [str(value)]
