"""Writing rows by the thousand: an import takes most of its time here, so values go to the driver without detours.

SQLite takes tuples, in the very form in which SQLAlchemy would store them; PostgreSQL takes a COPY.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Column, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from gateway.store.columns import Moment
from gateway.store.rows import defaults_of, table_of

NOTHING: Mapping[str, Any] = {}
_Encode = Callable[[Any], Any]


class Bulk:
    """Inserts many rows of one table, mappings of column names in which columns with a default may be missing.

    What is kept as JSON, a list or a mapping, may be its text already (`Json`). Names come from the tables, never from
    data.
    """

    def __init__(self, model: type[SQLModel]) -> None:
        table = table_of(model)
        self._table = table.name
        self._columns: list[Column[Any]] = list(table.columns)
        self.names = [column.name for column in self._columns]
        self._picked = itemgetter(*self.names)
        self._quoted = ", ".join(f'"{name}"' for name in self.names)
        self._defaults = defaults_of(model)

    def __call__(self, tx: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = NOTHING) -> None:
        """Insert `rows` (none is fine); `common` is what all of them say unless they say otherwise.

        Raises `sqlalchemy.exc.IntegrityError` when a unique column refuses one.
        """
        self.pour(tx, self.laid_out(tx, rows, common))

    def laid_out(
        self, tx: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = NOTHING
    ) -> list[tuple[Any, ...]]:
        """Return the rows as `pour` takes them: a value for each of `names`, as the database keeps it."""
        embedded = tx.connection().dialect.name == "sqlite"
        return self._values(rows, {**self._defaults, **common}, embedded=embedded) if rows else []

    def pour(self, tx: Session, values: list[tuple[Any, ...]]) -> None:
        """Insert rows that were laid out."""
        connection = tx.connection()
        if not values:
            return
        if connection.dialect.name == "sqlite":
            marks = ", ".join("?" * len(self.names))
            statement = f"INSERT INTO {self._table} ({self._quoted}) VALUES ({marks})"  # noqa: S608 - names only
            connection.exec_driver_sql(statement, values)
            return
        driver = connection.connection.driver_connection
        if driver is None:
            raise LookupError("the connection is gone")
        statement = f"COPY {self._table} ({self._quoted}) FROM STDIN"
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in values:
                    copy.write_row(row)
        except connection.dialect.loaded_dbapi.IntegrityError as error:  # SQLAlchemy is not asked, so it tells nobody
            raise IntegrityError(statement, None, error) from error

    def _values(
        self, rows: Sequence[Mapping[str, Any]], common: dict[str, Any], *, embedded: bool
    ) -> list[tuple[Any, ...]]:
        """Return the rows as the driver takes them; what they share is written out once, the rest column by column."""
        own = set().union(*rows)
        encoders = {column.name: _encoder(column, embedded=embedded) for column in self._columns}
        for name, encode in encoders.items():
            if encode and name in common and name not in own:
                common[name] = encode(common[name])
        columns = list(zip(*(self._picked(common | row) for row in rows), strict=True))  # type: ignore[operator]
        for place, (name, encode) in enumerate(encoders.items()):
            if encode and name in own:
                columns[place] = tuple(map(encode, columns[place]))
        return list(zip(*columns, strict=True))


def _encoder(column: Column[Any], *, embedded: bool) -> _Encode | None:
    if isinstance(column.type, JSON):
        return Json()
    if isinstance(column.type, Moment) and embedded:
        return _Moments().__getitem__
    return None


class Json:
    """Writes lists and mappings as JSON; one that neighbouring rows share is written out once, and a text stays."""

    def __init__(self) -> None:
        self._encode = json.JSONEncoder(check_circular=False).encode
        self._last: object = None
        self._text: str | None = None

    def __call__(self, value: object) -> str:
        """Return the text."""
        if isinstance(value, str):
            return value
        if self._text is None or value is not self._last:
            self._last, self._text = value, self._encode(value)
        return self._text


class _Moments(dict[datetime | None, str | None]):
    """Moments as SQLite keeps them: UTC without its name, with microseconds."""

    def __missing__(self, value: datetime | None) -> str | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment must be aware")
        text = value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds") if value else None
        self[value] = text
        return text


def survey(tx: Session, *models: type[SQLModel]) -> None:
    """Have PostgreSQL look at tables that have grown by the thousand; SQLite needs no such thing.

    It plans by what it knows of a table, and until its autovacuum has come by, a minute or more, that is nothing: it
    would read all of a table for every question about some dozen people. Waits for nobody.
    """
    if tx.connection().dialect.name == "postgresql":
        tx.connection().execute(text(f"ANALYZE (SKIP_LOCKED) {', '.join(table_of(model).name for model in models)}"))
