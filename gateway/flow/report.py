"""What a tool is told that the SMTP dialogue did not tell it: the outbox, and the delivery reports made from it.

A report is a row, written in the very transaction that decides what it tells of. Accounts hear as they chose (`account
add --report`): `dsn`, a delivery report to the return path (RFC 3464), or `none`; webhooks tell it too (`flow.outbox`).
NOTIFY is honoured (RFC 3461 4.1) and nothing is ever reported to the null sender. Turning rows into a report is one
transaction too, from the outbox into the spool, so that it happens once, on whichever node; from the spool the report
leaves like any mail.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from gateway import clock, journal
from gateway.flow import letters
from gateway.flow.chores import Chore
from gateway.flow.context import Context
from gateway.law.facts import MessageClass
from gateway.law.reasons import REASONS
from gateway.mail import dsn
from gateway.mail.dsn import Action, Reported
from gateway.mail.reply import Reply
from gateway.store import advertisers, reports, spool
from gateway.store.spool import Handed
from gateway.store.tables import Account, Report
from gateway.store.tx import Tx
from gateway.text import say

WAYS = ("dsn", "none")
MOST = 100  # reports of one transaction, and recipients of one delivery report
EVERY = 2.0  # seconds between looks at the outbox


@dataclass(frozen=True, slots=True)
class ReportKind:
    """What can be told: as which action, and with which word of NOTIFY the sender asks for it.

    `unasked` says whether it is told when there is no NOTIFY.
    """

    action: Action
    wishes: frozenset[str]
    unasked: bool = True


_FAILURE = frozenset({"FAILURE"})
KINDS: Mapping[str, ReportKind] = {
    "refused": ReportKind("failed", _FAILURE),  # by the law, after DATA
    "dropped": ReportKind("failed", _FAILURE),  # by the law, before it left
    "failed": ReportKind("failed", _FAILURE),  # by the next hop, or after the last attempt
    "held": ReportKind("delayed", frozenset({"FAILURE", "DELAY"})),  # by the law, until `queue release`
    "delayed": ReportKind("delayed", frozenset({"DELAY"}), unasked=False),  # by the next hop; tried again
    "relayed": ReportKind("relayed", frozenset({"SUCCESS"}), unasked=False),  # to a next hop that will not report
}


def row(
    account: Account | None, mail_from: str, notify: str, kind: str, due_at: datetime, body: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the row that tells `account` of one recipient, or None when it wants to hear nothing of the kind.

    `body`: `code` (public reason), `recipient` and `orcpt`, and the `reply` of the next hop if it was its doing. The
    gateway's own letters have no account.
    """
    if account is None or not wanted(account, mail_from, notify, kind):
        return None
    return {
        "account_id": account.id,
        "kind": kind,
        "body": dict(body),
        "due_at": due_at,
        "attempts": 0,
        "created_at": clock.now(),
    }


def wanted(account: Account | None, mail_from: str, notify: str, kind: str) -> bool:
    """Return whether `account` is to be told of one recipient; see `row`."""
    return account is not None and account.report == "dsn" and bool(mail_from) and _wished(notify, KINDS[kind])


def _wished(notify: str, kind: ReportKind) -> bool:
    """Return whether NOTIFY asks for it: `NEVER`, or some of SUCCESS, FAILURE and DELAY, or "" (RFC 3461 4.1)."""
    return not kind.wishes.isdisjoint(notify.split(",")) if notify else kind.unasked


def send(context: Context, now: datetime) -> int:
    """Turn the reports that are due into delivery reports in the spool; return how many. Blocks; raise TryLater."""
    with context.store.read() as tx:
        if not reports.waiting(tx, now):
            return 0
    with context.store.begin() as tx:
        rows = reports.due(tx, now, MOST)
        about = {one.submission_id for one in rows}
        spool.lock(tx, about)
        for number, group in groupby(rows, key=lambda one: one.submission_id):
            handed = spool.submissions(tx, [number]).get(number)  # one at a time: they may be large
            if handed is not None:
                _post(context, tx, handed, list(group), now)
        reports.drop(tx, [one.id for one in rows])
        spool.clear(tx, about)
    return len(rows)


def _post(context: Context, tx: Tx, handed: Handed, rows: Sequence[Report], now: datetime) -> None:
    """Put one delivery report into the spool, from the null sender to the return path."""
    advertiser = advertisers.get(tx, handed.advertiser_id)
    if advertiser is None:
        return
    try:
        content = _written(context, handed, letters.sender(context, advertiser), rows, now)
    except Exception as error:  # one that cannot be written must not keep all others from being told
        journal.fault("report-broken", error, about=[one.ref for one in rows])
        return
    ref = letters.post(context, tx, letters.Letter(advertiser.id, handed.mail_from, content, MessageClass.NOTICE))
    journal.note("reported", ref=ref, about=[one.ref for one in rows], kinds=sorted({one.kind for one in rows}))


def _written(context: Context, handed: Handed, sender: str, rows: Sequence[Report], now: datetime) -> bytes:
    letter = dsn.DeliveryReport(
        mta=context.settings.gateway.hostname,
        author=f"postmaster@{sender.rpartition('@')[2]}",
        to=handed.mail_from,
        date=now,
        arrived=handed.received_at,
        original=handed.content,
        fates=[_fate(context, one) for one in rows],
        envid=handed.envid,
        full=handed.ret == "FULL",
    )
    return dsn.report(letter)


def _fate(context: Context, report: Report) -> Reported:
    body, reason = report.body, REASONS[report.body["code"]]
    words, action = {}, KINDS[report.kind].action
    if body.get("reply"):
        diagnostic, remote = str(body["reply"]), _next_hop(context)
        status = _status(diagnostic, action)
    else:
        sentence = say(f"law.{reason.code}", "en")
        diagnostic, remote = str(Reply(reason.smtp, reason.status, f"{reason.code} ref={report.ref} {sentence}")), ""
        status = f"4{reason.status[1:]}" if action == "delayed" else reason.status
        words = {lang: say(f"law.{reason.code}", lang) for lang in dsn.LANGUAGES}
    return Reported(body["recipient"], action, status, diagnostic, body.get("orcpt", ""), remote, words)


def _status(reply: str, action: Action) -> str:
    """Return the enhanced status of the next hop's reply, or what is known without one (RFC 3463)."""
    words = reply.split(maxsplit=2)
    if action == "failed" and reply.startswith("4"):
        return "4.4.7"  # tried until the time was over
    if len(words) > 1 and words[1].count(".") == 2 and words[1].replace(".", "").isdigit():
        return words[1]
    return f"{reply[:1]}.0.0"


def _next_hop(context: Context) -> str:
    url = context.settings.upstream.url
    return urlsplit(url).hostname or "" if url.startswith("smtp") else ""


class Reporter(Chore):
    """Sends delivery reports while the program serves; several nodes may, each row is told by one."""

    waits, failed, every = "reports-wait", "reports-failed", EVERY

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    async def work(self) -> bool:
        """Tell what is due."""
        return await asyncio.to_thread(send, self._context, clock.now()) >= MOST
