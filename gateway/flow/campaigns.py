"""Campaigns that too many people complain about are paused: further copies are held until `queue release`.

A campaign is what the tool names so (its plugin's hint), within one list; copies without such a name belong to the
campaign of the day they were handed in. Mailbox providers stop a sender at 0.3 %.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway import clock, journal
from gateway.flow.context import Context
from gateway.store import lists, spool, trails
from gateway.store.trails import Pause, Trail
from gateway.store.tx import Tx

NAME_MOST = 200


def name(hints: Mapping[str, Any], received_at: datetime) -> str:
    """Return which campaign of its list a submission belongs to."""
    return str(hints.get("campaign") or received_at.date().isoformat())[:NAME_MOST]


def complained(context: Context, tx: Tx, trail: Trail) -> bool:
    """Count a complaint about a submission; return whether its campaign was paused for it."""
    limits = context.settings.limits
    counted = trails.complained(tx, trail)
    too_few = counted.complaints < limits.complaint_minimum
    if trail.list_id is None or not limits.complaint_rate or too_few:
        return False
    if counted.complaints * 100 < limits.complaint_rate * max(counted.sent, 1):
        return False
    if any((row.list_id, row.campaign) == (trail.list_id, trail.campaign) for row in trails.pauses(tx)):
        return False
    row = Pause(
        id=context.store.take(1)[0],
        list_id=trail.list_id,
        campaign=trail.campaign,
        sent=counted.sent,
        complaints=counted.complaints,
        at=clock.now(),
    )
    trails.pause(tx, row)
    journal.warn("campaign-paused", **described(tx, row))
    return True


def release(tx: Tx, row: Pause, now: datetime, actor: str) -> int:
    """Let a paused campaign go on; return how many held copies are due now. The law is asked again for each."""
    return spool.release(tx, trails.lift(tx, row, now, actor), now)


def described(tx: Tx, row: Pause) -> dict[str, Any]:
    """Return a pause as commands and the journal show it."""
    listed = lists.get(tx, row.list_id)
    shown = {"list": listed.name if listed else "", "campaign": row.campaign, "since": row.at.isoformat()}
    return {**shown, "sent": row.sent, "complaints": row.complaints}
