"""The rows that a verdict leaves behind: submissions, parcels, receipts; and their lines in the journal."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from gateway import clock, journal
from gateway.flow import campaigns
from gateway.flow.commit import Filing, Row
from gateway.flow.facts import Case
from gateway.flow.gate import Draft, Peer, Recipient
from gateway.flow.intake import Intake
from gateway.law.events import Kind
from gateway.law.facts import ListFacts, MessageClass
from gateway.law.reasons import Token, Verdict
from gateway.mail.feedback import INVALID
from gateway.store.spool import Handed

TOLD = ("ref", "fate", "code", "outcome", "reply")


def submission(draft: Draft, case: Case, taken: Intake, content: bytes, missing: list[str], peer: Peer | None) -> Row:
    """Return the row that keeps what one transaction handed in, byte for byte; a dry run has no `peer`.

    What the tool calls the person is kept only of a message to one person: of several it would be anybody's.
    """
    hints = taken.hints if len(draft.recipients) == 1 else replace(taken.hints, one_click=None, subscriber=None)
    return {
        "account_id": draft.login.account.id,
        "advertiser_id": case.advertiser.id,
        "list_id": case.list.id if case.list else None,
        "klass": taken.message.klass.value,
        "offer": taken.message.offer,
        "sector": taken.message.sector,
        "third_party": taken.message.third_party,
        "trace": hints.trace or "",
        "mail_from": draft.mail_from,
        "content": content,
        "smtputf8": draft.smtputf8,
        "envid": draft.envid,
        "ret": draft.ret,
        "hints": {
            "from": [peer.helo, peer.address, peer.protocol] if peer else [],
            "missing": missing,
            "remove": list(hints.remove),
            "opening": taken.opening,
            "one_click": hints.one_click,
            "tool": hints.tool,
            "campaign": hints.campaign,
            "subscriber": hints.subscriber,
        },
        "received_at": case.now,
    }


def trail(submission: Row, copies: int) -> Row:
    """Return what is remembered of a submission of which `copies` leave, for what comes back."""
    return {
        "account_id": submission["account_id"],
        "list_id": submission["list_id"],
        "campaign": campaigns.name(submission["hints"], submission["received_at"]),
        "copies": copies,
        "mail_from": submission["mail_from"],
        "created_at": submission["received_at"],
    }


def parcel(case: Case, recipient: Recipient, state: str, reason: str, lifetime: timedelta) -> Row:
    """Return the parcel for a recipient whose copy is kept: `waiting` to be sent, or `held`."""
    now = case.now
    return {
        "contact_id": case.contact.id if case.contact else None,
        "recipient": recipient.address.spelled,
        "notify": recipient.notify,
        "orcpt": recipient.orcpt,
        "state": state,
        "attempts": 0,
        "due_at": now,
        "expires_at": now + lifetime,
        "leased_until": None,
        "node": "",
        "last_reply": "",
        "reason": reason,
        "created_at": now,
    }


def receipt(case: Case, verdict: Verdict, account_id: int, stage: str) -> Row:
    """Return the receipt of `verdict`: what was decided, by which rule, on which evidence, about whom (digest only)."""
    facts, contact = case.setting.facts, case.contact
    return {
        "account_id": account_id,
        "advertiser_id": case.wanted.advertiser_id,
        "list_id": facts.list.id if isinstance(facts.list, ListFacts) else None,
        "contact_id": contact.id if contact else None,
        "klass": facts.message.klass.value,
        "stage": stage,
        "at": case.now,
        "fate": verdict.fate.value,
        "code": verdict.code,
        "rule": verdict.rule,
        "evidence": _evidence(verdict),
        "recipient_digest": case.wanted.digest,
        "content_digest": b"",
        "outcome": "",
        "reply": "",
    }


def _evidence(verdict: Verdict) -> dict[str, Any]:
    found = {"events": verdict.because, "oppositions": verdict.oppositions, "also": verdict.also}
    return {name: list(values) for name, values in found.items() if values}


def told(case: Case, verdict: Verdict, ref: int) -> list[Row]:
    """Return the events that a delivered copy is: the notice of GDPR 14 was given, the one re-confirmation was asked.

    The law counts both (`law.standing`), so they are written in the very commit that settles the copy.
    """
    if case.contact is None:
        return []
    found: list[tuple[Kind, dict[str, Any]]] = []
    if Token.ART14 in verdict.inject:
        found.append((Kind.CONTACTED, {"art14": True, "ref": ref}))
    if case.message.klass is MessageClass.RECONFIRM:
        found.append((Kind.ASKED, {"ref": ref}))
    return [_event(case, case.contact.id, kind, evidence) for kind, evidence in found]


def bounced(case: Case, reply: str, ref: int) -> list[Row]:
    """Return the event that a refused copy is, when the next hop said that there is no such address."""
    status = reply.split()[1:2]
    if case.contact is None or not INVALID.intersection(status):
        return []
    return [_event(case, case.contact.id, Kind.BOUNCED, {"ref": ref, "status": status[0]})]


def _event(case: Case, contact_id: int, kind: Kind, evidence: dict[str, Any]) -> Row:
    now = clock.now()
    return {
        "advertiser_id": case.advertiser.id,
        "contact_id": contact_id,
        "list_id": case.list.id if case.list else None,
        "channel": case.setting.facts.channel,
        "kind": kind.value,
        "at": now,
        "recorded_at": now,
        "actor": "delivery",
        "evidence": evidence,
    }


def handle(case: Case, submission: Handed, ref: int) -> Row | None:
    """Return how the tool calls the person whom a copy reached, so that an opt-out can be carried there; or None."""
    hints = submission.hints
    said = {name: hints.get(name) or "" for name in ("one_click", "campaign", "subscriber")}
    if case.contact is None or not any(said.values()):
        return None
    return {
        "contact_id": case.contact.id,
        "account_id": submission.account_id,
        "list_id": submission.list_id or 0,
        "ref": ref,
        "at": clock.now(),
        **said,
    }


def note(event: str, filing: Filing, **fields: str) -> None:
    """Write one line a recipient to the journal."""
    for entry in filing.entries:
        told = {name: entry.receipt[name] for name in TOLD if entry.receipt[name]}
        journal.note(event, **told, **fields)
