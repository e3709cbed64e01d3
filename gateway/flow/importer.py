"""The import: people and their evidence from a file into a list, in chunks, each chunk one transaction.

An import never turns an objection into a consent: a row whose address is opposed, to the list or to everything of the
advertiser, is refused with that reason. Every refused row is handed back with its reason; nothing is dropped silently.
What was written before a failure stays, named by the batch; the same file once more completes it, because what the
ledger says already, word for word, is not written twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from gateway.law.events import Event, Kind
from gateway.store import imports, ledger, oppositions, people
from gateway.store.tables import Batch, List
from gateway.store.tx import Tx

CHUNK = 2000  # rows a transaction; a courier or a click waits no longer for the database than one of these takes


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
    """How far an import is, and what came of it; `same` of those taken were in the ledger already, word for word."""

    batch: int = 0
    taken: int = 0
    same: int = 0
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
            opposed, same = _write(context, tx, row, fit, actor=plan.actor, batch_id=batch.id)
        for line in opposed:
            tally.refuse("opposed")
            on_refused(Refused(line.number, line.values, "opposed"))
        tally.taken += len(fit) - len(opposed)
        tally.same += same
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


def _write(
    context: Context, tx: Tx, row: List, fit: Sequence[tuple[Line, Entry]], **written_by: object
) -> tuple[list[Line], int]:
    """Write the rows that nobody opposes; return the lines of the others, and how many were known word for word."""
    against = _opposed(context, tx, row, [entry for _, entry in fit])
    kept = [entry for _, entry in fit if entry.key not in against] if against else [entry for _, entry in fit]
    numbers, recorded = context.store.take(len(kept)), clock.now()
    contacts = [_contact(number, row, entry, recorded) for number, entry in zip(numbers, kept, strict=True)]
    known = people.upsert_many(tx, contacts)
    new = list(_unsaid(tx, row, kept, numbers, known))
    common = {**written_by, "advertiser_id": row.advertiser_id, "list_id": row.id, "channel": CHANNEL}
    common["recorded_at"] = recorded
    ledger.extend(
        tx,
        [
            _event(common, number, known[entry.key], entry)
            for number, entry in zip(context.store.take(len(new)), new, strict=True)
        ],
    )
    return [line for line, entry in fit if entry.key in against] if against else [], len(kept) - len(new)


def _unsaid(
    tx: Tx, row: List, entries: Sequence[Entry], numbers: Sequence[int], known: Mapping[str, int]
) -> Iterator[Entry]:
    """Yield the entries that the ledger does not have word for word: a file may come twice, whole or in part."""
    pairs = zip(entries, numbers, strict=True)
    before = {known[entry.key] for entry, number in pairs if known[entry.key] != number}
    if not before:
        yield from entries
        return
    events = people.events_of(tx, before)
    for entry in entries:
        contact = known[entry.key]
        if contact in before:
            said = Event(entry.kind, entry.at, row.id, CHANNEL, entry.direct, entry.evidence)
            have = events.setdefault(contact, [])
            if any(replace(event, id=0) == said for event in have if event.at == said.at):
                continue
            have.append(said)
        yield entry


def _opposed(context: Context, tx: Tx, row: List, entries: Iterable[Entry]) -> set[str]:
    """Return the keys of the addresses that said no to this list, or to everything, on any channel the list has."""
    of = context.digests.of
    digests = {
        digest: entry.key for entry in entries for digest in of(row.advertiser_id, entry.address.spelled, entry.key)
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
        "address_key": entry.key,
        "created_at": now,
    }


def _event(common: Mapping[str, object], number: int, contact: int, entry: Entry) -> dict[str, Any]:
    return {
        **common,
        "id": number,
        "contact_id": contact,
        "kind": entry.kind.value,
        "at": entry.at,
        "direct": entry.direct,
        "evidence": entry.evidence,
    }


def one(context: Context, row: List, values: Mapping[str, object], actor: str, kind: Kind | None = None) -> Entry:
    """Record what one person said or was told (column → value, as in a file) and return it.

    Raises RowError when it cannot be taken, with the code "opposed" when the person said no: only they can undo that.
    """
    reading = Reading(row, {}, clock.now(), ZoneInfo(context.policy.timezone), kind)
    entry = reading.entry(values)
    with context.store.begin() as tx:
        opposed, _ = _write(context, tx, row, [(Line(1, values), entry)], actor=actor)
        if opposed:
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
