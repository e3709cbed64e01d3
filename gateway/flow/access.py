"""Everything held on one person, for the person (GDPR 15): a document of plain values, and the same as a page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from gateway import clock
from gateway.flow import consent
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import handles, ledger, lists, receipts, requests, seals, signups
from gateway.store.tables import Advertiser, Contact, Event, List, Receipt
from gateway.store.tx import Tx
from gateway.text import FALLBACK, has, local, say

_PAGE = 1000
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "h1{line-height:1.2}h2{margin:2em 0 .5em;font-size:1.2em}dl{margin:0}dt{font-weight:bold}dd{margin:0 0 .5em}"
    "ul{padding-inline-start:1.25em;margin:0}li{margin-bottom:1em}dd dl{padding-inline-start:1em;border-inline-start:"
    "1px solid #767676}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:0;padding-inline-start:1em;"
    "border-inline-start:3px solid #767676}body{overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#f0f0ec;background:#1d1f1e}}"
)


def document(context: Context, tx: Tx, owner: Advertiser, contact: Contact, lang: str = "") -> dict[str, Any]:
    """Return what GDPR 15(1) and (3) ask for, in sections; moments are aware. `lang`: the person's own unless given."""
    events = ledger.of_contact(tx, contact.id)
    rows = {row.id: row for row in lists.all(tx, owner.id)}
    names: dict[int | None, str] = {row.id: row.name for row in rows.values()}
    lang = lang or language(contact)
    hidden = {"id", "advertiser_id", "address_key"}
    opposed = consent.noes(context, tx, owner.id, parse(contact.address))
    return {
        "at": clock.now(),
        "controller": {
            "name": owner.legal_name or owner.name, "office": owner.office, "contact": owner.email or owner.phone,
            "privacy": owner.privacy_url, "dpo": owner.dpo,
        },
        "data": {name: getattr(contact, name) for name in type(contact).model_fields if name not in hidden},
        "purposes": [say("rights.purpose", lang), say("rights.purpose-proof", lang)],
        "categories": [say(f"rights.category-{name}", lang) for name in ("identity", "consent", "sending")],
        "source": contact.source_name or say(f"rights.source-{_way(contact)}", lang),
        "recipients": _recipients(owner, events),
        "retention": say("rights.retention", lang, years=context.policy.prospect_years),
        "rights": say("rights.rights", lang, contact=owner.dpo or owner.email or owner.privacy_url),
        "automated": say("rights.automated", lang),
        "events": [_event(one, rows) for one in events],
        "texts": _texts(tx, owner, events),
        "objections": [
            {"at": one.at, "list": names.get(one.list_id), "channel": one.channel}
            for one in consent.each_once(opposed)
        ],
        "tools": [
            {"list": names.get(one.list_id), "campaign": one.campaign, "subscriber": one.subscriber,
             "one_click": one.one_click, "at": one.at}
            for one in handles.of_contact(tx, contact.id)
        ],
        "messages": [_message(one, rows) for one in _sent(tx, contact)],
        "requests": [
            {"right": one.right, "received_at": one.received_at, "closed_at": one.closed_at, "outcome": one.outcome}
            for one in requests.of_contact(tx, contact.id)
        ],
        "sign_ups": [
            {"at": one.created_at, "until": one.expires_at, "form": one.asked["form"], "boxes": one.asked["boxes"]}
            for one in signups.waiting(tx, owner.id, contact.address_key)
        ],
    }  # fmt: skip


def _way(contact: Contact) -> str:
    return "direct" if contact.source == "direct" else "other"


def language(contact: Contact) -> str:
    """Return the language to answer the person in; French unless they have another."""
    return contact.language or "fr"


def _recipients(owner: Advertiser, events: list[Event]) -> list[str]:
    """Return who received the data, by name: those handed over to, and those that the register names (C-154/21)."""
    named = [str(one.evidence.get("partner", "")) for one in events if one.kind == Kind.TRANSFERRED]
    for key in ("recipients", "processor", "sub_processors"):
        told = owner.art30.get(key, [])
        named += map(str, told if isinstance(told, list) else [told])
    return sorted({*named} - {"", "none"})


def _event(one: Event, rows: Mapping[int, List]) -> dict[str, Any]:
    row = rows.get(one.list_id) if one.list_id else None
    return {
        "at": one.at,
        "event": one.kind,
        "list": row.title or row.name if row else None,
        "channel": one.channel,
        "evidence": one.evidence,
    }


def _texts(tx: Tx, owner: Advertiser, events: list[Event]) -> dict[str, dict[str, str]]:
    """Return the information texts that the evidence names, as they were shown: `name/version` → language → text."""
    shown = {str(one.evidence["text"]) for one in events if one.evidence.get("text")}
    shown |= {str(text) for one in events for text in one.evidence.get("shown", ())}
    found: dict[str, dict[str, str]] = {}
    for row in seals.notices(tx, owner.id, {text.rpartition("/")[0] for text in shown}):
        if f"{row.name}/{row.version}" in shown:
            found.setdefault(f"{row.name}/{row.version}", {})[row.language] = row.text
    return found


def _sent(tx: Tx, contact: Contact) -> list[Receipt]:
    found: list[Receipt] = []
    after = 0
    while page := receipts.of_contact(tx, contact.id, after, _PAGE):
        found += [row for row in page if row.outcome == "delivered"]
        after = page[-1].id
    return found


def _message(one: Receipt, rows: Mapping[int, List]) -> dict[str, Any]:
    row = rows.get(one.list_id) if one.list_id else None
    return {"at": one.at, "ref": one.ref, "list": row.title or row.name if row else None, "why": one.code}


def machine(found: Mapping[str, Any]) -> str:
    """Return the document as JSON; moments in ISO 8601."""
    return json.dumps(found, ensure_ascii=False, indent=2, default=_moment) + "\n"


def _moment(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def page(found: Mapping[str, Any], lang: str, timezone: str, heading: str = "rights.title") -> str:
    """Return the document as one HTML page that needs nothing else and runs nothing."""
    title = escape(say(heading, lang))
    words = _Words(lang, timezone)
    sections = "".join(
        f"<h2>{escape(say(f'rights.section-{name}', lang))}</h2>{words.html(value)}" for name, value in found.items()
    )
    return (
        f'<!doctype html><html lang="{escape(lang)}" dir="{local.direction(lang)}"><head><meta charset="utf-8">'
        f'<title>{title}</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{sections}</main></body></html>\n"
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """Says names and values as people do; what has no words here stands as it is, because nothing is left out."""

    lang: str
    timezone: str

    def html(self, value: object) -> str:
        if isinstance(value, Mapping):
            rows = "".join(
                f"<dt>{escape(self._known('label', str(key)))}</dt><dd>{self.html(item)}</dd>"
                for key, item in value.items()
                if item not in (None, "", [], {})
            )
            return f"<dl>{rows}</dl>"
        if isinstance(value, list):
            items = "".join(f"<li>{self.html(item)}</li>" for item in value)
            return f"<ul>{items}</ul>" if items else f"<p>{escape(say('rights.none', self.lang))}</p>"
        text = escape(self._plain(value))
        return f"<pre>{text}</pre>" if "\n" in text else text

    def _plain(self, value: object) -> str:
        if isinstance(value, datetime):
            return local.minute_of(value, self.lang, self.timezone)
        if isinstance(value, bool):
            return say("rights.yes" if value else "rights.no", self.lang)
        return self._known("value", str(value))

    def _known(self, kind: str, word: str) -> str:
        key = f"rights.{kind}.{word}"
        return say(key, self.lang) if has(key, FALLBACK) else word
