"""`db`: migrations and backups."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway import clock
from gateway.commands.common import Noun, Shell, confirm, no, pass_shell, yes_option
from gateway.settings import provide
from gateway.store import backup as copies
from gateway.store import migrate
from gateway.store.engine import Store


@click.group(cls=Noun)
def db() -> None:
    """Upgrade, back up and restore the database."""


@contextmanager
def _store(shell: Shell) -> Iterator[Store]:
    """Open the database whatever its version is."""
    if shell.path is None:
        provide(shell.settings)
    store = Store(shell.settings.store.url)
    try:
        yield store
    finally:
        store.close()


@db.command()
@pass_shell
def status(shell: Shell) -> None:
    """Say which version the database is of. Exit code 1 when it must be upgraded."""
    with _store(shell) as store:
        found = migrate.status(store)
        shown = store.url.render_as_string(hide_password=True)
        shell.out.record({"store": shown, "current": found.current, "head": found.head, "ok": found.ok})
    if not found.ok:
        shell.out.note("upgrade-needed")
        no()


@db.command()
@pass_shell
def upgrade(shell: Shell) -> None:
    """Bring the database to the version of this program. Does nothing when it is."""
    with _store(shell) as store:
        before = migrate.status(store).current
        migrate.upgrade(store)
        shell.out.record({"before": before, "current": migrate.status(store).current})


@db.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@pass_shell
def backup(shell: Shell, file: Path | None) -> None:
    """Write a consistent copy of the database to FILE, while the gateway runs.

    Without FILE, to consentgate-<date>.backup in the current folder. Keep the secrets too: without them the links in
    mail already sent, and the oppositions, cannot be read.
    """
    with _store(shell) as store:
        target = file or Path(f"consentgate-{clock.now():%Y%m%dT%H%M%SZ}.backup")
        copies.save(store, target)
    shell.out.record({"file": str(target), "bytes": target.stat().st_size})


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@yes_option
@pass_shell
def restore(shell: Shell, file: Path, yes: bool) -> None:
    """Replace everything in the database by a copy made with `db backup`. Stop the gateway first.

    Objections recorded since the copy was made are lost: import them again before you send.
    """
    confirm(shell, yes, "ask-restore", file=file)
    with _store(shell) as store:
        copies.restore(store, file)
        found = migrate.status(store)
    shell.out.record({"file": str(file), "current": found.current, "head": found.head, "ok": found.ok})
    if not found.ok:
        shell.out.note("upgrade-needed")
