"""Writing rows: one at a time as objects, or in bulk by SQLAlchemy Core without any."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import JSON, Table, insert, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import Session, SQLModel

from gateway.errors import Misuse
from gateway.store.prepared import Prepared
from gateway.store.tables import Account, Advertiser, List

Row: TypeAlias = SQLModel | Mapping[str, Any]
Model = TypeVar("Model", bound=SQLModel)

# Says to `store.catalogue` that what it keeps is no longer true.
_CHANGED = text(
    "INSERT INTO numbers (name, next) VALUES ('catalogue', 1) ON CONFLICT (name) DO UPDATE SET next = numbers.next + 1"
)


def table_of(model: type[SQLModel]) -> Table:
    """Return the table behind a model."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


class Inserter:
    """Inserts many rows of one table with one statement.

    A row is an object of the model, or a mapping of column names to values in which columns that have a default may be
    missing; mappings are several times cheaper to make.
    """

    def __init__(self, model: type[SQLModel]) -> None:
        table = table_of(model)
        self._insert = Prepared(insert(table))
        self._names = tuple(column.name for column in table.columns)
        self._defaults = defaults_of(model)

    def __call__(self, tx: Session, rows: Sequence[Row]) -> int:
        """Insert `rows` in order (none is fine), and return how many were written."""
        return self._insert.each(tx, [self._values(row) for row in rows]) if rows else 0

    def _values(self, row: Row) -> Mapping[str, Any]:
        if isinstance(row, SQLModel):
            return {name: getattr(row, name) for name in self._names}
        return {**self._defaults, **row}


class NewOnes(Inserter):
    """An inserter that leaves out the rows that a unique column refuses; for some rows at a time (else `bulk.Bulk`)."""

    def __init__(self, model: type[SQLModel]) -> None:
        super().__init__(model)
        self._table = table_of(model)

    def __call__(self, tx: Session, rows: Sequence[Row]) -> int:
        """Insert what is new of `rows` (none is fine), and return how many were written."""
        if not rows:
            return 0
        connection = tx.connection()
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(self._table).values([self._values(row) for row in rows]).on_conflict_do_nothing()
        # Counted by what comes back: the driver's own count is unknown on PostgreSQL.
        return len(connection.execute(statement.returning(*self._table.primary_key)).all())


def defaults_of(model: type[SQLModel]) -> dict[str, Any]:
    """Return what the columns of a model have when nothing is said."""
    fields = model.model_fields.items()
    return {name: field.get_default(call_default_factory=True) for name, field in fields if not field.is_required()}


def keep(tx: Session, row: Model, taken: str) -> Model:
    """Write one new or changed row; raise `errors.Misuse` saying `taken` when a unique value is."""
    try:
        tx.add(row)
        for name in _json_names(row):
            flag_modified(row, name)  # a list that was changed in place looks unchanged
        tx.flush()
        if isinstance(row, Advertiser | Account | List):
            changed(tx)
    except IntegrityError as error:
        raise Misuse(taken) from error
    return row


def changed(tx: Session) -> None:
    """Say that something of which `store.catalogue` keeps a copy has changed."""
    tx.connection().execute(_CHANGED)


def _json_names(row: SQLModel) -> list[str]:
    state = inspect(row)
    return [column.name for column in table_of(type(row)).columns if isinstance(column.type, JSON) and state.persistent]
