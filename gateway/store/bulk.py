"""Writing rows by the thousand: an import takes most of its time here, so values go to the driver without detours.

SQLite takes tuples, in the very form in which SQLAlchemy would store them; PostgreSQL takes a COPY, by way of a
temporary table where rows that are known already are to be left out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Session, SQLModel

from gateway.store.columns import Moment
from gateway.store.rows import defaults_of, table_of

NOTHING: Mapping[str, Any] = {}
_Encode = Callable[[Any], Any]


class Bulk:
    """Inserts many rows of one table, mappings of column names in which columns with a default may be missing.

    `common` is what all rows say unless they say otherwise. With `unless_known`, rows that a unique column refuses are
    left out. Names come from the tables, never from data.
    """

    def __init__(self, model: type[SQLModel], *, unless_known: bool = False) -> None:
        table = table_of(model)
        self._table, self._unless_known = table.name, unless_known
        self._columns: list[Column[Any]] = list(table.columns)
        names = [column.name for column in self._columns]
        self._picked = itemgetter(*names)
        self._names = ", ".join(f'"{name}"' for name in names)
        self._defaults = defaults_of(model)

    def __call__(self, tx: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = NOTHING) -> int:
        """Insert `rows` (none is fine), and return how many were written."""
        if not rows:
            return 0
        connection = tx.connection()
        embedded = connection.dialect.name == "sqlite"
        values = self._values(rows, {**self._defaults, **common}, embedded=embedded)
        if not embedded:
            return self._copy(tx, values)
        marks, end = ", ".join("?" * len(self._columns)), " ON CONFLICT DO NOTHING" if self._unless_known else ""
        statement = f"INSERT INTO {self._table} ({self._names}) VALUES ({marks}){end}"  # noqa: S608 - names only
        return connection.exec_driver_sql(statement, values).rowcount

    def _copy(self, tx: Session, values: list[tuple[Any, ...]]) -> int:
        driver = tx.connection().connection.driver_connection
        if driver is None:
            raise LookupError("the connection is gone")
        target = f"fresh_{self._table}" if self._unless_known else self._table
        with driver.cursor() as cursor:
            if self._unless_known:
                cursor.execute(
                    f"CREATE TEMPORARY TABLE IF NOT EXISTS {target} (LIKE {self._table}) ON COMMIT DELETE ROWS"
                )
                cursor.execute(f"TRUNCATE {target}")
            with cursor.copy(f"COPY {target} ({self._names}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
            if self._unless_known:
                cursor.execute(
                    f"INSERT INTO {self._table} ({self._names}) SELECT {self._names} FROM {target} "  # noqa: S608
                    "ON CONFLICT DO NOTHING"
                )
            return int(cursor.rowcount)

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
        return _Json()
    if isinstance(column.type, Moment) and embedded:
        return _Moments().__getitem__
    return None


class _Json:
    """Writes values as JSON; one value shared by neighbouring rows is written out once."""

    def __init__(self) -> None:
        self._encode = json.JSONEncoder(check_circular=False).encode
        self._last: object = None
        self._text: str | None = None

    def __call__(self, value: object) -> str | None:
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
