"""What a database driver throws, told in our words.

`errors.TryLater` when trying again can help, `errors.Misuse` when somebody has to do something first; everything else
is a mistake of ours and passes through unchanged.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from gateway.errors import Full, GatewayError, Misuse, TryLater

# Primary result codes (https://sqlite.org/rescode.html) after which nothing was changed.
_SQLITE = {
    sqlite3.SQLITE_BUSY: "the database is busy: another process has been writing for too long",
    sqlite3.SQLITE_LOCKED: "the database is busy: another process has been writing for too long",
    sqlite3.SQLITE_PERM: "the database file may not be read or written by this user",
    sqlite3.SQLITE_AUTH: "the database file may not be read or written by this user",
    sqlite3.SQLITE_READONLY: "the database file or its folder cannot be written to",
    sqlite3.SQLITE_IOERR: "the disk under the database reports an error",
    sqlite3.SQLITE_FULL: "the disk under the database is full",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_NOMEM: "there is not enough memory for the database",
    sqlite3.SQLITE_PROTOCOL: "the database is busy: its lock could not be had",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged; restore a backup with `consentgate db restore`",
}

# Classes of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL = {
    "08": "the connection to the database was lost",
    "25": "the database takes no writes at the moment",
    "28": "the database refuses the user or the password of [store] url",
    "3D": "the database that [store] url names does not exist",
    "40": "another transaction was in the way",
    "53": "the database server is out of disk, memory or connections",
    "55": "another process holds what is needed for too long",
    "57": "the database server is stopping or starting",
    "58": "the disk under the database reports an error",
}

_DISK_FULL = "53100"
_NO_TABLES = "the database has no tables or old ones; run `consentgate db upgrade`"


@contextmanager
def told() -> Iterator[None]:
    """Raise what the drivers throw inside as `errors.TryLater` or `errors.Misuse` where it is one of those."""
    try:
        yield
    except exc.TimeoutError as error:
        raise TryLater("the database is busy: every connection to it is in use") from error
    except exc.DBAPIError as error:
        raise (_told(error.orig) or error) from error
    except Exception as error:
        found = _told(error)
        if found is None:
            raise
        raise found from error


def _told(error: BaseException | None) -> GatewayError | None:
    if isinstance(error, sqlite3.Error):
        return _sqlite(error)
    # Its 65 ms and 8 MB are for those who use a server: where it is not loaded it cannot have raised anything.
    return _postgresql(error) if "psycopg" in sys.modules else None


def _sqlite(error: sqlite3.Error) -> GatewayError | None:
    code = (
        getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    )  # the low byte of an extended code is the primary
    if code in _SQLITE:
        return (Full if code == sqlite3.SQLITE_FULL else TryLater)(f"{_SQLITE[code]} ({error})")
    if code == sqlite3.SQLITE_NOTADB:
        return Misuse("[store] url names a file that is not a database")
    if code == sqlite3.SQLITE_ERROR and str(error).startswith(("no such table", "no such column")):
        return Misuse(f"{_NO_TABLES} ({error})")
    return None


def _postgresql(error: BaseException | None) -> GatewayError | None:
    import psycopg  # noqa: PLC0415

    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate or ""
    if state in ("42P01", "42703"):
        return Misuse(f"{_NO_TABLES} ({_first_line(error)})")
    if state[:2] in _POSTGRESQL:
        return (Full if state == _DISK_FULL else TryLater)(f"{_POSTGRESQL[state[:2]]} ({_first_line(error)})")
    if not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return TryLater(f"the database cannot be reached ({_first_line(error)})")
    return None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
