"""One of many values, handed over as a single parameter.

The text of a statement is then the same for one value and for a thousand: it is compiled once and stays prepared, and
there is no limit to the number of values. PostgreSQL takes an array, SQLite a JSON array, and both the bytes of digests
in a row.
"""

from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii
from typing import Any, Literal

from sqlalchemy import BigInteger, Boolean, ColumnElement, LargeBinary, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine

Kind = Literal["number", "text", "digest"]

_ITEMS: dict[Kind, TypeEngine[Any]] = {"number": BigInteger(), "text": Text()}
DIGEST = 32  # bytes of an HMAC-SHA-256


class _Many(TypeDecorator[Any]):
    """The type of the parameter."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return bytes for digests, else an array on PostgreSQL and text on SQLite."""
        if self.kind == "digest":
            return LargeBinary()
        return ARRAY(_ITEMS[self.kind]) if dialect.name == "postgresql" else Text()

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Return what makes of values what the database takes: nothing between, as every question has three of them."""
        if self.kind == "digest":
            return b"".join
        if dialect.name == "postgresql":
            return list
        return _numbers if self.kind == "number" else _texts


def _numbers(values: Iterable[int]) -> str:
    return str([*values])


def _texts(values: Iterable[str]) -> str:
    return f"[{','.join(map(encode_basestring_ascii, values))}]"


class Among(ColumnElement[bool]):
    """The condition that a column has one of the values of the parameter `name`; digests are of 32 bytes."""

    inherit_cache = True
    type = Boolean()
    _is_implicitly_boolean = True  # otherwise SQLite gets "(… IN …) = 1" and uses no index
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's; what tells one such condition from another
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
        ("kind", InternalTraversal.dp_string),
    ]

    def __init__(self, column: ColumnElement[Any], name: str, kind: Kind = "number") -> None:
        self.column = column
        self.values = bindparam(name, type_=_Many(kind))
        self.kind = kind


# Below, names and placeholders are put together, never values.


@compiles(Among, "postgresql")
def _postgresql(element: Among, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    if element.kind == "digest":
        # Taking an array of them apart would be most of the work of a question about thousands.
        cut = f"SELECT substring({values} FROM at FOR {DIGEST}) FROM generate_series(1, length({values}), {DIGEST}) at"  # noqa: S608
        return f"{column} = ANY (ARRAY({cut}))"
    return f"{column} = ANY ({values})"


@compiles(Among, "sqlite")
def _sqlite(element: Among, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    if element.kind != "digest":
        return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608
    again = compiler.process(element.values, **kw)
    cut = f"SELECT 1 UNION ALL SELECT at + {DIGEST} FROM cut WHERE at + {DIGEST} < length({values})"  # noqa: S608
    return f"{column} IN (WITH RECURSIVE cut(at) AS ({cut}) SELECT substr({again}, at, {DIGEST}) FROM cut)"  # noqa: S608
