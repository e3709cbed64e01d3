"""Bringing a database to the tables of this version (Alembic; the steps are in `migrations/versions`).

Every command and every process asks where the database stands, and hardly any has to bring it further: so Alembic is
loaded only then. It takes a tenth of the start of a command, and 10 MB.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import inspect, text

from gateway.store.engine import Store

_FOLDER = Path(__file__).with_name("migrations")
_HEAD = max(path.stem.partition("_")[0] for path in (_FOLDER / "versions").glob("v*.py"))
_CURRENT = text("SELECT version_num FROM alembic_version")
_LOCK = text("SELECT pg_advisory_xact_lock(7173284)")  # any number that nobody else uses in this database


@dataclass(frozen=True, slots=True)
class Status:
    """The revision of a database (None: it has no tables yet), the one of this program, and whether they are one."""

    current: str | None
    head: str

    @property
    def ok(self) -> bool:
        """Say whether the program can work with the database."""
        return self.current == self.head


def upgrade(store: Store) -> None:
    """Bring the database to the head revision in one transaction; several nodes may do so at once, one does the work.

    Raises `errors.TryLater` when another process is writing for too long (SQLite) or the server cannot be reached.
    """
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with store.begin() as tx:
        if not store.embedded:
            tx.connection().execute(_LOCK)
        config.attributes["connection"] = tx.connection()
        command.upgrade(config, "head")


def status(store: Store) -> Status:
    """Return where the database stands; raise `errors.TryLater` when it cannot be asked."""
    with store.read() as tx:
        connection = tx.connection()
        known = inspect(connection).has_table("alembic_version")
        return Status(connection.execute(_CURRENT).scalar() if known else None, _HEAD)
