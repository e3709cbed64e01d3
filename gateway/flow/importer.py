"""The import: people and their evidence from a file into a list, in chunks, each chunk one transaction.

An import never turns an objection into a consent: a row whose address is opposed, to the list or to everything of the
advertiser, is refused with that reason. Every refused row is handed back with its reason; nothing is dropped silently.
What was written before a failure stays, named by the batch; the same file once more completes it, because what the
ledger says already, word for word, is not written twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gateway import clock
from gateway.errors import Misuse, NotFound
from gateway.flow.context import Context
from gateway.flow.crew import Lock, share
from gateway.flow.importfile import Line, Sheet
from gateway.flow.importrow import Entry, Places, RowError, RowReader, meanings
from gateway.law.events import Kind
from gateway.store import imports, ledger, oppositions, people
from gateway.store.bulk import Json
from gateway.store.tables import Batch, List
from gateway.store.tx import Tx

_Digests = Mapping[tuple[int, bytes], str]
CHUNK = 2000  # rows a transaction; a courier or a click waits no longer for the database than one of these takes
FIRST = 5  # chunks, after which the database has seen enough to know its way in the tables


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken: where, what it said, the code of the reason and what was found."""

    line: int
    values: Mapping[str, object]
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Instructions:
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
    asked: Instructions,
    *,
    on_refused: Callable[[RefusedRow], None],
    on_progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Import the rows of `sheet` into the list `row` and return the tally.

    Raises Misuse before anything is written when the columns are not understood, and TryLater when the store goes away;
    chunks already written stay.
    """
    if row.state == "closed":
        raise Misuse(f"the list {row.name} is closed; nobody is added to it any more")
    job = _Job(row, asked, sheet.columns, clock.now())
    tally = Tally(ignored=job.columns.ignored)
    job.open(context, nullcontext())  # says what is wrong with the defaults before anything is written
    batch = job.batch = _open(context, row, asked)
    tally.batch = batch.id
    for number, done in enumerate(share(context, job, _chunks(sheet)), 1):
        for refused in done.refused:
            tally.refuse(refused.code)
            on_refused(refused)
        tally.taken += done.taken
        tally.same += done.same
        on_progress(tally)
        if number == FIRST:
            with context.store.begin() as tx:
                imports.survey(tx)
    _finish(context, batch, tally)
    return tally


def _chunks(sheet: Sheet) -> Iterator[list[Line]]:
    lines = iter(sheet)
    while chunk := list(islice(lines, CHUNK)):
        yield chunk


class _Done(NamedTuple):
    """What came of a chunk."""

    taken: int
    same: int
    refused: list[RefusedRow]


class _Columns:
    """Which column of the file means what; NDJSON rows bring their own columns, asked once for each set of keys."""

    def __init__(self, headers: tuple[str, ...], chosen: Mapping[str, str]) -> None:
        self._chosen = chosen
        self._places: dict[tuple[str, ...], Places] = {}
        self.ignored: tuple[str, ...] = ()
        if headers:
            names = meanings(headers, chosen, lone=True)
            places = self._places[headers] = Places(headers, names)
            read = {*names, *(no.title for no in places.noes)}
            self.ignored = tuple(header for header in headers if header not in read)

    def places(self, columns: tuple[str, ...]) -> Places:
        """Return where what stands in a row with these columns."""
        found = self._places.get(columns)
        if found is None:
            if len(self._places) > 1000:
                self._places.clear()
            found = self._places[columns] = Places(columns, self._names(columns))
        return found

    def _names(self, columns: tuple[str, ...]) -> Mapping[str, str]:
        here = {name: header for name, header in self._chosen.items() if header in columns}
        try:
            return meanings(columns, here)
        except Misuse:
            return {}


class _Job:
    """All that the rows of one import have in common."""

    def __init__(self, row: List, asked: Instructions, headers: tuple[str, ...], now: datetime) -> None:
        self.row, self.asked, self.now = row, asked, now
        self.columns = _Columns(headers, asked.chosen)
        self.batch: Batch | None = None

    def open(self, context: Context, lock: Lock) -> Callable[[list[Line]], _Done]:
        """Return what takes a chunk of rows; one process writes at a time, so that none waits for a database lock."""
        row, asked = self.row, self.asked
        reading = RowReader(row, asked.defaults, self.now, ZoneInfo(context.policy.timezone), asked.kind)

        def take(chunk: list[Line]) -> _Done:
            refused: list[RefusedRow] = []
            fit = list(_fit(chunk, self.columns, reading, refused))
            digests = _digests(context, row, fit)
            with lock, context.store.begin() as tx:
                opposed, same = _write(context, tx, row, fit, digests, actor=asked.actor, batch_id=self.batch_id)
            refused += [RefusedRow(line.number, line.values, "opposed") for line in opposed]
            return _Done(len(fit) - len(opposed), same, sorted(refused, key=lambda one: one.line))

        return take

    @property
    def batch_id(self) -> int | None:
        """Return the number of the import."""
        return self.batch.id if self.batch else None


class _Fit(NamedTuple):
    """A row that can be taken: its line, and what is written of it, all but the numbers (`_write`)."""

    line: Line
    key: str
    contact: dict[str, Any]
    event: dict[str, Any]


def _fit(chunk: Iterable[Line], columns: _Columns, reading: RowReader, refused: list[RefusedRow]) -> Iterator[_Fit]:
    write = Json()
    for line in chunk:
        try:
            entry = reading.entry(line.cells, columns.places(line.columns), line.problem)
        except RowError as problem:
            refused.append(RefusedRow(line.number, line.values, problem.code, problem.detail))
        else:
            yield _ready(line, entry, write)


def _ready(line: Line, entry: Entry, write: Json) -> _Fit:
    contact = {**entry.contact, "address": entry.address.spelled, "address_key": entry.key}
    # Written out here, because everybody else waits for what is done inside the transaction.
    evidence = write(entry.evidence)
    kind, channel = entry.kind.value, entry.channel
    event = {"kind": kind, "at": entry.at, "channel": channel, "direct": entry.direct, "evidence": evidence}
    return _Fit(line, entry.key, contact, event)


def _open(context: Context, row: List, asked: Instructions) -> Batch:
    batch = Batch(
        id=context.store.take(1)[0], list_id=row.id, source=asked.source, actor=asked.actor, created_at=clock.now()
    )
    with context.store.begin() as tx:
        return imports.add(tx, batch)


def _finish(context: Context, batch: Batch, tally: Tally) -> None:
    batch.state, batch.taken, batch.refused = "done", tally.taken, tally.refused
    with context.store.begin() as tx:
        imports.save(tx, batch)
        imports.survey(tx)


def _write(
    context: Context, tx: Tx, row: List, fit: Sequence[_Fit], digests: _Digests, **written_by: object
) -> tuple[list[Line], int]:
    """Write the rows that nobody opposes; return the lines of the others, and how many were known word for word."""
    against = _opposed(tx, row, digests)
    kept = [one for one in fit if one.key not in against] if against else fit
    numbers, recorded = context.store.take(2 * len(kept)), clock.now()
    for number, one in zip(numbers, kept, strict=False):
        one.contact["id"] = number
    # A country that is not known is not France: the professional regime asks for the country.
    common = {"advertiser_id": row.advertiser_id, "created_at": recorded, "country": None}
    ids = people.upsert_many(tx, [one.contact for one in kept], common)
    for number, one in zip(numbers[len(kept) :], kept, strict=True):
        one.event.update({"id": number, "contact_id": ids[one.key]})
    known = {ids[one.key] for one in kept if ids[one.key] != one.contact["id"]}
    common = {"advertiser_id": row.advertiser_id, "list_id": row.id, "recorded_at": recorded}
    written = ledger.extend_unsaid(tx, [one.event for one in kept], common | written_by, known)
    return [one.line for one in fit if one.key in against] if against else [], len(kept) - written


def _digests(context: Context, row: List, fit: Iterable[_Fit]) -> _Digests:
    """Return the key of each address by its digests."""
    of, owner = context.digests.of, row.advertiser_id
    return {digest: one.key for one in fit for digest in of(owner, one.contact["address"], one.key)}


def _opposed(tx: Tx, row: List, digests: _Digests) -> set[str]:
    """Return the keys of the addresses that said no to this list, or to everything, on any channel the list has."""
    return {
        digests[one.key_version, one.digest]
        for one in oppositions.of_digests(tx, row.advertiser_id, digests)
        if one.list_id in {None, row.id} and one.channel in {None, *row.channels}
    }


def one(context: Context, row: List, values: Mapping[str, object], actor: str, kind: Kind | None = None) -> Entry:
    """Record what one person said or was told (column → value, as in a file) and return it.

    Raises RowError when it cannot be taken, with the code "opposed" when the person said no: only they can undo that.
    """
    reading = RowReader(row, {}, clock.now(), ZoneInfo(context.policy.timezone), kind)
    columns, cells = tuple(values), tuple(values.values())
    entry = reading.entry(cells, Places(columns, {name: name for name in columns}))
    fit = [_ready(Line(1, columns, cells), entry, Json())]
    digests = _digests(context, row, fit)
    with context.store.begin() as tx:
        opposed, _ = _write(context, tx, row, fit, digests, actor=actor)
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
