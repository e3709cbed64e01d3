"""Bringing a database to the tables of this version (Alembic; the steps are in `migrations/versions`)."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gateway.store.engine import Store

_FOLDER = Path(__file__).with_name("migrations")
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
    config = _config()
    with store.begin() as tx:
        if not store.embedded:
            tx.connection().execute(_LOCK)
        config.attributes["connection"] = tx.connection()
        command.upgrade(config, "head")


def status(store: Store) -> Status:
    """Return where the database stands; raise `errors.TryLater` when it cannot be asked."""
    head = ScriptDirectory.from_config(_config()).get_current_head() or ""
    with store.read() as tx:
        return Status(MigrationContext.configure(tx.connection()).get_current_revision(), head)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
