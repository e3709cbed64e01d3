"""Statements of the hot path: written with SQLAlchemy, compiled once for each database, run by the driver itself.

Around a statement SQLAlchemy takes 40 to 100 µs for what is never different here: finding the compiled form, laying out
parameters, wrapping rows; more than the database needs for the work. What a statement says, and how values go in and
come back, stays SQLAlchemy's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Executable
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session

_DRIVER = "prepared"  # where a session, which lives for one transaction, keeps its driver's connection

Values = Mapping[str, Any]
Convert = Callable[[Any], Any]


class _Given(NamedTuple):
    """A parameter: its name in the values, what they go through, or what it always is."""

    name: str
    convert: Convert | None
    constant: bool
    value: Any


class _Compiled(NamedTuple):
    """A statement as one driver takes it."""

    sql: str
    write: Callable[[Values], Any]  # lays values out as the driver takes them
    read: Convert  # makes a row of what the driver gives


class Prepared:
    """One statement. `values` name its parameters; for an insert, every column."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def __call__(self, tx: Session, values: Values) -> list[Any]:
        """Run it and return its rows, which are tuples."""
        rows, read = self.unread(tx, values)
        return [read(row) for row in rows]

    def unread(self, tx: Session, values: Values) -> tuple[list[Any], Callable[[Any], Any]]:
        """Run it and return its rows as the driver gives them, which can be compared, and what reads one of them."""
        compiled, cursor = self._on(tx)
        try:
            cursor.execute(compiled.sql, compiled.write(values))
            rows: list[Any] = cursor.fetchall()
        finally:
            cursor.close()
        return rows, compiled.read

    def count(self, tx: Session, values: Values) -> int:
        """Run it and return how many rows it changed."""
        compiled, cursor = self._on(tx)
        try:
            cursor.execute(compiled.sql, compiled.write(values))
            changed: int = cursor.rowcount
        finally:
            cursor.close()
        return changed

    def each(self, tx: Session, rows: Iterable[Values]) -> int:
        """Run it for each of `rows` (none is fine), in order, and return how many rows were changed in all."""
        compiled, cursor = self._on(tx)
        changed = 0
        try:
            if values := [compiled.write(row) for row in rows]:
                cursor.executemany(compiled.sql, values)
                changed = cursor.rowcount
        finally:
            cursor.close()
        return changed

    def _on(self, tx: Session) -> tuple[_Compiled, Any]:
        """Return the statement for the database of `tx`, and a cursor there."""
        driver: tuple[Dialect, Any] | None = tx.info.get(_DRIVER)
        if driver is None:
            connection = tx.connection()
            driver = tx.info[_DRIVER] = (connection.dialect, connection.connection.driver_connection)
        dialect, connected = driver
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._statement, dialect)
        return compiled, connected.cursor()


def _by_name(given: Sequence[_Given]) -> Callable[[Values], Any]:
    """Return what makes the mapping that a driver takes."""

    def write(values: Values) -> dict[str, Any]:
        return {one.name: _value(one, values) for one in given}

    return write


def _value(given: _Given, values: Values) -> Any:  # noqa: ANN401 - as its column
    if given.constant:
        return given.value
    value = values[given.name]
    return given.convert(value) if given.convert else value


def _by_place(given: Sequence[_Given]) -> Callable[[Values], Any]:
    """Return what makes the tuple that a driver takes; most values go in as they are, and are taken at once."""
    named = [(place, one) for place, one in enumerate(given) if not one.constant]
    if len(named) < len(given) or len(named) < 2:
        return lambda values: tuple([_value(one, values) for one in given])
    take = itemgetter(*(one.name for one in given))
    converts = [(place, one.convert) for place, one in named if one.convert]

    def write(values: Values) -> tuple[Any, ...]:
        row = [*take(values)]
        for place, convert in converts:
            row[place] = convert(row[place])
        return tuple(row)

    return write


def _reader(results: tuple[tuple[int, Convert], ...]) -> Convert:
    """Return what converts a row at the places of columns that go through something."""

    def read(row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for place, convert in results:
            values[place] = convert(values[place])
        return tuple(values)

    return read if results else _as_it_is


def _as_it_is(row: Any) -> Any:  # noqa: ANN401 - a row of any driver
    return row


def _compile(statement: Executable, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]  # every Executable of ours can be
    if not isinstance(compiled, SQLCompiler):
        raise TypeError("only statements with parameters and rows are prepared")
    names = compiled.positiontup if compiled.positional else list(compiled.params)
    given = tuple(_given(compiled, name, dialect) for name in names or ())
    converts = [entry.type.dialect_impl(dialect).result_processor(dialect, None) for entry in compiled._result_columns]
    results = tuple((place, convert) for place, convert in enumerate(converts) if convert)
    write = _by_place(given) if compiled.positional else _by_name(given)
    return _Compiled(compiled.string, write, _reader(results))


def _given(compiled: SQLCompiler, name: str, dialect: Dialect) -> _Given:
    bind = compiled.binds[name]
    convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
    if bind.required:
        return _Given(name, convert, constant=False, value=None)
    return _Given(name, convert, constant=True, value=convert(bind.value) if convert else bind.value)
