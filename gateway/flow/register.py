"""The record of processing of one company (GDPR 30): controller entry and processor record, from what is known.

A record is nested mappings and lists of words in one language, in the order in which they are read; `registerpage`
makes documents of it. What only people can tell comes from `formalities.PAPERS`; what is missing is named in `gaps`.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from gateway.flow import formalities
from gateway.flow.context import Context
from gateway.flow.listcheck import Finding, of_company, of_list
from gateway.flow.noticetext import NONE
from gateway.law.facts import Origin, Regime
from gateway.store import advertisers, lists, notices, transfers
from gateway.store.records import Notice
from gateway.store.tables import Advertiser, List
from gateway.store.tx import Tx
from gateway.text import say

Record = dict[str, Any]
_PURPOSES = {Regime.OPT_IN: "opt-in", Regime.CUSTOMER: "customer", Regime.PROFESSIONAL: "professional"}
_MEASURES = ("tls", "passwords", "digests", "access", "ledger", "log", "backup")


def build(context: Context, tx: Tx, owner: Advertiser, now: datetime, lang: str) -> Record:
    """Return the whole record of one company at `now`; `version` changes with its contents only."""
    known = lists.all(tx, owner.id)
    written = notices.all(tx, owner.id)
    record = {
        "name": _say("name", lang, company=owner.legal_name or owner.name),
        "controller": _controller(owner),
        **{key: _told(owner, key, lang) for key in ("joint_controllers", "representative")},
        "dpo": owner.dpo,
        "purposes": _purposes(context, known, written, lang),
        "data_subjects": _subjects(known, lang),
        "data_categories": _each("category", ("identity", "contact", "work", "proof", "refusal", "messages"), lang),
        "sources": _sources(known, lang),
        "recipients": [*_recipients(context, tx, known, lang), *_list_of(owner, "recipients", lang)],
        "transfers": _own_and_lists(owner, known, "transfers", lang),
        "security_measures": [*_each("measure", _MEASURES, lang), *_list_of(owner, "security_measures", lang)],
        "lists": [_list(row, written) for row in known],
        "notice_versions": [_notice(row) for row in written],
        "profiling": _own_and_lists(owner, known, "profiling", lang),
        "dpia_ref": _own_and_lists(owner, known, "dpia_ref", lang),
        "lia_ref": _own_and_lists(owner, known, "lia_ref", lang),
        "processor": _processor(owner, lang),
        "gaps": [_gap(finding, lang) for finding in gaps(context, tx, owner, now)],
    }
    version = hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return {"name": record.pop("name"), "version": version, "created_at": now, **record}


def gaps(context: Context, tx: Tx, owner: Advertiser, now: datetime) -> list[Finding]:
    """Return what the record lacks, each with its article."""
    zone = context.settings.law.timezone
    found = [*of_company(owner), *formalities.of_advertiser(tx, owner)]
    if not owner.dpo:
        found.append(Finding("no-dpo", "GDPR 30(1)(a), 37", blocks=False))
    for row in lists.all(tx, owner.id):
        own = [*of_list(row, now, zone), *formalities.of_list(tx, row, context.settings.law.policy())]
        found += [Finding(one.code, one.article, one.blocks, _about(row, one)) for one in own]
    return found


def processing(tx: Tx, now: datetime, lang: str) -> Record:
    """Return the record of the operator of this gateway for all companies it acts for (GDPR 30(2))."""
    owners = advertisers.all(tx)
    return {
        "name": _say("processing", lang),
        "created_at": now,
        "records": [{"controller": _controller(owner), **_processor(owner, lang)} for owner in owners],
        "gaps": [
            _gap(Finding(f"register.gap.{key}", formalities.PAPERS[key].article, False, owner.name), lang, owner.name)
            for owner in owners
            for key in ("processor", "sub_processors", "transfers")
            if not owner.art30.get(key)
        ],
    }


def _controller(owner: Advertiser) -> Record:
    return {
        "name": owner.legal_name or owner.name,
        "legal_form": owner.legal_form,
        "siren": owner.siren,
        "registered": owner.registered,
        "office": owner.office,
        "contact": ", ".join(filter(None, (owner.email, owner.phone))),
    }


def _purposes(context: Context, known: list[List], written: list[Notice], lang: str) -> list[Record]:
    """Return each purpose with its basis and how long it is kept."""
    law = context.settings.law
    codes = [_PURPOSES[regime] for regime in Regime if any(row.regime == regime for row in known)]
    told = {row.regime for row in written}
    codes += [kind for kind in ("partners", "tracking") if kind in told]
    codes += ["post"] if any("post" in row.channels for row in known) else []
    codes += ["phone"] if any("phone" in row.channels for row in known) else []
    return [
        {
            "purpose": _say(f"purpose.{code}", lang),
            "legal_basis": _say(f"basis.{code}", lang),
            "retention": _say(f"retention.{code}", lang, years=law.prospect_years),
        }
        for code in (*codes, "suppression", "proof", "sending")
    ]


def _subjects(known: list[List], lang: str) -> list[str]:
    codes = [_PURPOSES[regime] for regime in Regime if any(row.regime == regime for row in known)]
    codes += ["children"] if any(row.child_directed for row in known) else []
    return _each("subject", tuple(codes), lang)


def _sources(known: list[List], lang: str) -> list[str]:
    direct = [_say("source.own", lang)] if any(row.origin == Origin.OWN for row in known) else []
    others = [row for row in known if row.origin != Origin.OWN]
    return direct + [
        _say(f"source.{row.origin}", lang, list=row.name, seller=(row.guarantee or {}).get("seller") or "?")
        for row in others
    ]


def _recipients(context: Context, tx: Tx, known: list[List], lang: str) -> list[str]:
    url = context.settings.upstream.url
    hop = [] if url.startswith("maildir:") else [_say("recipient.upstream", lang, url=url)]
    handed = [
        _say("recipient.partner", lang, partner=one.partner, list=row.name, day=f"{one.at:%Y-%m-%d}")
        for row in known
        for one in transfers.all(tx, row.id)
    ]
    return [_say("recipient.own", lang), *hop, *handed]


def _list(row: List, written: list[Notice]) -> Record:
    guarantee = row.guarantee or {}
    shown = ("seller", "siren", "contract", "partner_list", "audited_at", "washed_at", "rights_contact")
    return {
        "name": row.name,
        "title": row.title,
        "regime": row.regime,
        "origin": row.origin,
        "channels": list(row.channels),
        "families": list(row.families),
        "state": row.state,
        "since": row.created_at,
        "guarantee": {key: guarantee[key] for key in shown if guarantee.get(key)},
        "notices": sorted({f"{one.name}/{one.version}" for one in written if _is_for(one, row)}),
    }


def _is_for(one: Notice, row: List) -> bool:
    opt_out = one.regime == "opt-out" and one.channel == "post"
    regime = one.regime == row.regime or opt_out
    return one.channel in row.channels and regime and one.fields.get("list", row.name) == row.name


def _notice(row: Notice) -> Record:
    return {
        "name": f"{row.name}/{row.version}",
        "language": row.language,
        "regime": row.regime,
        "channel": row.channel,
        "since": row.created_at,
    }


def _processor(owner: Advertiser, lang: str) -> Record:
    return {
        "processor": _told(owner, "processor", lang),
        "processing_categories": _each("processing-category", ("sending", "refusals", "proof", "rights"), lang),
        "sub_processors": _list_of(owner, "sub_processors", lang),
        "transfers": _list_of(owner, "transfers", lang),
        "security_measures": _each("measure", _MEASURES, lang),
    }


def _own_and_lists(owner: Advertiser, known: list[List], key: str, lang: str) -> list[str]:
    of_lists = [f"{row.name}: {words}" for row in known for words in _list_of(row, key, lang)]
    return [*_list_of(owner, key, lang), *of_lists]


def _list_of(row: Advertiser | List, key: str, lang: str) -> list[str]:
    value = row.art30.get(key) or []
    values = value if isinstance(value, list) else [value]
    return [_say("none", lang) if one == NONE else str(one) for one in values]


def _told(owner: Advertiser, key: str, lang: str) -> str:
    return "; ".join(_list_of(owner, key, lang))


def _each(part: str, codes: tuple[str, ...], lang: str) -> list[str]:
    return [_say(f"{part}.{code}", lang) for code in codes]


def _about(row: List, finding: Finding) -> str:
    return finding.detail if finding.detail == row.name else f"{row.name} – {finding.detail}".rstrip("– ")


def _gap(finding: Finding, lang: str, about: str = "") -> Record:
    key = finding.code if "." in finding.code else f"commands.check.{finding.code}"
    what = say(key, lang, detail=finding.detail)
    about = about or finding.detail
    return {"what": what if not about or about in what else f"{about} – {what}", "article": finding.article}


def _say(key: str, lang: str, **fields: object) -> str:
    return say(f"register.{key}", lang, **fields)
