"""What was sent, refused and why, and who said no: the figures of `report`, by the day of the law's calendar."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.law.events import Kind
from gateway.law.standing import OPT_OUTS
from gateway.store import figures, lists
from gateway.store.figures import Span
from gateway.store.tx import Tx

KINDS = (*OPT_OUTS, Kind.GRANTED, Kind.CONFIRMED, Kind.RESTORED, Kind.BOUNCED)
OUTCOMES = ("delivered", "failed", "dropped")  # of a copy that was let in
MEASURES = ("delivered", "refused", "dropped", "failed", "opt_outs", "complaints", "bounces", "consents", "restored")
COMPLAINTS_MOST = 0.002  # of what was delivered; mailbox providers block above 0.3 %


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a span: by day (every day, also quiet ones), by list (name), in all, and refusals by code."""

    since: datetime
    until: datetime
    days: Mapping[date, Counter[str]]
    lists: Mapping[str, Counter[str]]
    total: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def complaint_rate(self) -> float | None:
        """Return complaints for each copy delivered; None when nothing was delivered."""
        delivered = self.total["delivered"]
        return self.total["complaints"] / delivered if delivered else None

    def document(self) -> dict[str, object]:
        """Return the figures as plain values."""
        return {
            "since": self.since,
            "until": self.until,
            "total": _all(self.total),
            "complaint_rate": self.complaint_rate,
            "reasons": dict(self.reasons.most_common()),
            "lists": {name: _all(counted) for name, counted in self.lists.items()},
            "days": {day.isoformat(): _all(counted) for day, counted in self.days.items()},
        }


def build(tx: Tx, span: Span, timezone: str) -> Figures:
    """Return the figures of a span, its days in that time zone."""
    zone = ZoneInfo(timezone)
    names = {row.id: row.name for row in lists.all(tx)}
    days: dict[date, Counter[str]] = {day: Counter() for day in _days(span, zone)}
    by_list: dict[str, Counter[str]] = {}
    found = Figures(span.since, span.until, days, by_list)

    def add(measure: str, hour: datetime, list_id: int | None, count: int) -> None:
        name = names.get(list_id or 0, "–")
        for counted in (days.setdefault(hour.astimezone(zone).date(), Counter()), found.total):
            counted[measure] += count
        by_list.setdefault(name, Counter())[measure] += count

    _add_decisions(tx, span, add, found.reasons)
    _add_events(tx, span, add)
    return found


Add = Callable[[str, datetime, int | None, int], None]


def _add_decisions(tx: Tx, span: Span, add: Add, reasons: Counter[str]) -> None:
    for row in figures.decided(tx, span):
        if row.fate == "refuse":
            reasons[row.code] += row.count
        if row.stage == "delivery" and row.outcome in OUTCOMES:
            add(row.outcome, row.hour, row.list_id, row.count)
        elif row.fate == "refuse":
            add("refused", row.hour, row.list_id, row.count)


def _add_events(tx: Tx, span: Span, add: Add) -> None:
    for row in figures.said(tx, span, [kind.value for kind in KINDS]):
        for measure in _measures(Kind(row.kind)):
            add(measure, row.hour, row.list_id, row.count)


def _measures(kind: Kind) -> Iterable[str]:
    if kind in OPT_OUTS:
        yield "opt_outs"
    if kind is Kind.COMPLAINED:
        yield "complaints"
    elif kind is Kind.BOUNCED:
        yield "bounces"
    elif kind is Kind.RESTORED:
        yield "restored"
    elif kind in {Kind.GRANTED, Kind.CONFIRMED}:
        yield "consents"


def _days(span: Span, zone: ZoneInfo) -> Iterable[date]:
    day, last = span.since.astimezone(zone).date(), (span.until - timedelta(microseconds=1)).astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _all(counted: Counter[str]) -> dict[str, int]:
    return {name: counted[name] for name in MEASURES}
