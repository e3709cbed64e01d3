"""The import: people and their evidence from a file into a list, in chunks, each chunk one transaction.

An import never turns an objection into a consent: a row whose address is opposed, to the list or to everything of the
advertiser, is refused with that reason. Every refused row is handed back with its reason; nothing is dropped silently.
What was written before a failure stays, named by the batch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from gateway import clock
from gateway.errors import Misuse, NotFound
from gateway.flow.consent import CHANNEL
from gateway.flow.context import Context
from gateway.flow.importfile import Line, Sheet
from gateway.flow.importrow import Entry, Reading, RowError, meanings
from gateway.law.events import Kind
from gateway.store import imports, ledger, oppositions, people
from gateway.store.tables import Batch, List
from gateway.store.tx import Tx

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken: where, what it said, the code of the reason and what was found."""

    line: int
    values: Mapping[str, object]
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import is asked to do: `chosen` columns (column → header) and `defaults` for what a row does not say."""

    source: str
    actor: str
    chosen: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    kind: Kind | None = None


@dataclass(slots=True)
class Tally:
    """How far an import is, and what came of it."""

    batch: int = 0
    taken: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def refuse(self, code: str) -> None:
        """Count one refused row."""
        self.refused += 1
        self.reasons[code] = self.reasons.get(code, 0) + 1


def run(
    context: Context,
    row: List,
    sheet: Sheet,
    plan: Plan,
    *,
    on_refused: Callable[[Refused], None],
    on_progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Import the rows of `sheet` into the list `row` and return the tally.

    Raises Misuse before anything is written when the columns are not understood, and TryLater when the store goes away;
    chunks already written stay.
    """
    if row.state == "closed":
        raise Misuse(f"the list {row.name} is closed; nobody is added to it any more")
    zone = ZoneInfo(context.policy.timezone)
    reading = Reading(row, plan.defaults, clock.now(), zone, plan.kind)
    columns = _Columns(sheet.columns, plan.chosen)
    tally = Tally(ignored=columns.ignored)
    batch = _open(context, row, plan)
    tally.batch = batch.id
    lines = iter(sheet)
    while chunk := list(islice(lines, CHUNK)):
        fit = list(_fit(chunk, columns, reading, tally, on_refused))
        with context.store.begin() as tx:
            opposed = _write(context, tx, row, fit, actor=plan.actor, batch_id=batch.id)
        for line in opposed:
            tally.refuse("opposed")
            on_refused(Refused(line.number, line.values, "opposed"))
        tally.taken += len(fit) - len(opposed)
        on_progress(tally)
    _finish(context, batch, tally)
    return tally


class _Columns:
    """Which column of the file means what; NDJSON rows bring their own columns, asked once for each set of keys."""

    def __init__(self, headers: tuple[str, ...], chosen: Mapping[str, str]) -> None:
        self._chosen = chosen
        self._cache: dict[tuple[str, ...], dict[str, str]] = {}
        self._fixed = meanings(headers, chosen, lone=True) if headers else None
        self.ignored = tuple(header for header in headers if self._fixed and header not in self._fixed)

    def named(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the values by the names of our columns."""
        return {name: values[header] for header, name in self._of(tuple(values)).items() if header in values}

    def _of(self, keys: tuple[str, ...]) -> dict[str, str]:
        if self._fixed is not None:
            return self._fixed
        if keys not in self._cache:
            if len(self._cache) > 1000:
                self._cache.clear()
            here = {name: header for name, header in self._chosen.items() if header in keys}
            try:
                self._cache[keys] = meanings(keys, here)
            except Misuse:
                self._cache[keys] = {}
        return self._cache[keys]


def _fit(
    chunk: Iterable[Line], columns: _Columns, reading: Reading, tally: Tally, on_refused: Callable[[Refused], None]
) -> Iterator[tuple[Line, Entry]]:
    for line in chunk:
        try:
            yield line, reading.entry(columns.named(line.values), line.problem)
        except RowError as problem:
            tally.refuse(problem.code)
            on_refused(Refused(line.number, line.values, problem.code, problem.detail))


def _open(context: Context, row: List, plan: Plan) -> Batch:
    batch = Batch(
        id=context.store.take(1)[0], list_id=row.id, source=plan.source, actor=plan.actor, created_at=clock.now()
    )
    with context.store.begin() as tx:
        return imports.add(tx, batch)


def _finish(context: Context, batch: Batch, tally: Tally) -> None:
    batch.state, batch.taken, batch.refused = "done", tally.taken, tally.refused
    with context.store.begin() as tx:
        imports.save(tx, batch)


def _write(context: Context, tx: Tx, row: List, fit: Sequence[tuple[Line, Entry]], **written_by: object) -> list[Line]:
    """Write the rows that nobody opposes; return the lines of the others."""
    against = _opposed(context, tx, row, [entry for _, entry in fit])
    kept = [entry for _, entry in fit if entry.address.key not in against]
    if kept:
        people_, events = context.store.take(len(kept)), context.store.take(len(kept))
        recorded = clock.now()
        known = people.upsert_many(
            tx, [_contact(number, row, entry, recorded) for number, entry in zip(people_, kept, strict=True)]
        )
        ledger.append(
            tx,
            [
                _event(entry, row, id=number, contact_id=known[entry.address.key], recorded_at=recorded, **written_by)
                for number, entry in zip(events, kept, strict=True)
            ],
        )
    return [line for line, entry in fit if entry.address.key in against]


def _opposed(context: Context, tx: Tx, row: List, entries: Iterable[Entry]) -> set[str]:
    """Return the keys of the addresses that said no to this list, or to everything, on any channel the list has."""
    digests = {
        digest: entry.address.key
        for entry in entries
        for digest in context.digests.of(row.advertiser_id, entry.address.spelled, entry.address.key)
    }
    found = oppositions.of_digests(tx, row.advertiser_id, digests)
    return {
        digests[one.key_version, one.digest]
        for one in found
        if one.list_id in {None, row.id} and one.channel in {None, *row.channels}
    }


def _contact(number: int, row: List, entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "country": None,  # not known is not France: the professional regime asks for the country
        **entry.contact,
        "id": number,
        "advertiser_id": row.advertiser_id,
        "address": entry.address.spelled,
        "address_key": entry.address.key,
        "created_at": now,
    }


def _event(entry: Entry, row: List, **known: object) -> dict[str, Any]:
    return {
        **known,
        "advertiser_id": row.advertiser_id,
        "list_id": row.id,
        "channel": CHANNEL,
        "kind": entry.kind.value,
        "at": entry.at,
        "direct": entry.direct,
        "evidence": dict(entry.evidence),
    }


def one(context: Context, row: List, values: Mapping[str, object], actor: str, kind: Kind | None = None) -> Entry:
    """Record what one person said or was told (column → value, as in a file) and return it.

    Raises RowError when it cannot be taken, with the code "opposed" when the person said no: only they can undo that.
    """
    reading = Reading(row, {}, clock.now(), ZoneInfo(context.policy.timezone), kind)
    entry = reading.entry(values)
    with context.store.begin() as tx:
        if _write(context, tx, row, [(Line(1, values), entry)], actor=actor):
            raise RowError("opposed")
    return entry


def undo(context: Context, number: int) -> tuple[int, int]:
    """Undo an import: return how many events count no longer, and how many people nothing is known of any more.

    Those people are removed. Oppositions stay, whatever came with them. Raises NotFound when there is no such batch.
    """
    with context.store.begin() as tx:
        if imports.get(tx, number) is None:
            raise NotFound(f"there is no import with the number {number}; `consentgate import list` shows them")
        events = imports.undo(tx, number)
    removed, after = 0, 0
    while True:
        with context.store.begin() as tx:
            ids = imports.orphans(tx, number, after, CHUNK)
            if not ids:
                return events, removed
            removed += people.remove(tx, ids)
            after = ids[-1]
