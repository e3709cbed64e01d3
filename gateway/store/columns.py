"""The kinds of columns the tables are made of."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Index, Integer, text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment, also on SQLite, which forgets time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse naive moments; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must be aware")
        return value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Return what writes a value; SQLite's text is written once for all rows of a moment, as most come in many."""
        write = super().bind_processor(dialect)
        return lru_cache(maxsize=256)(write) if write and dialect.name == "sqlite" else write

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the moment, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return what reads a value; SQLite's text is read in one go, as every event of every person has two."""
        return _read if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


# "INTEGER PRIMARY KEY" is the row's own place in a SQLite table; a BIGINT would be an index beside it.
NUMBER: Any = BigInteger().with_variant(Integer(), "sqlite")

# Names that do not depend on the database, so that a migration can name what it changes.
SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(column_0_label)s",
}


# Any, as sqlmodel's Field has it: the annotation of the attribute says the type.
def id_() -> Any:  # noqa: ANN401
    """Return the column of an identity number, given by `Store.take`."""
    return Field(primary_key=True, sa_type=NUMBER, sa_column_kwargs={"autoincrement": False})


def big(*, null: bool = False, index: bool = False) -> Any:  # noqa: ANN401
    """Return a column for a number of 64 bits."""
    return Field(default=None if null else ..., sa_type=BigInteger, nullable=null, index=index)


def moment(*, null: bool = False) -> Any:  # noqa: ANN401
    """Return a column for a moment."""
    return Field(default=None if null else ..., sa_type=Moment, nullable=null)


def json_(kind: type) -> Any:  # noqa: ANN401
    """Return a column for a list or a mapping, empty by default."""
    return Field(default_factory=kind, sa_type=JSON)


def index_where(name: str, *columns: str, where: str) -> Index:
    """Index only the rows that `where` holds for; a query finds it when it repeats those very words."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
