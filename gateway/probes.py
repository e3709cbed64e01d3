"""What operations ask of a running process: is it ready, and how is it doing."""

import asyncio
from collections.abc import Callable, Mapping

from gateway import clock, meters
from gateway.errors import TryLater
from gateway.flow import term
from gateway.flow.context import Context
from gateway.store import spool

ROOM = 64 * 2**20  # bytes; below it a database that grows is about to fail


def checks(context: Context, running: Mapping[str, "asyncio.Task[None]"]) -> Mapping[str, Callable[[], None]]:
    """Return what must hold before mail may be sent here, by name: each raises `errors.TryLater` while it does not.

    `running` are the tasks of this process that must not have ended.
    """

    def disk() -> None:
        free = context.store.room()
        if free is not None and free < ROOM:
            raise TryLater(f"the disk of the database is nearly full: {free} bytes are free")

    def drift() -> None:
        off = abs(context.store.drift())
        if off > term.spare(context.settings.limits.lease):
            raise TryLater(f"the clock is {off.total_seconds():.1f} s away from that of the database")

    def alive(name: str) -> Callable[[], None]:
        def check() -> None:
            if running[name].done():
                raise TryLater(f"{name} has ended")

        return check

    return {"store": context.store.ping, "disk": disk, "clock": drift, **{name: alive(name) for name in running}}


def figures(context: Context) -> bytes:
    """Return the page of `/metrics`; raise `errors.TryLater` when the store is away."""
    now = clock.now()
    with context.store.read() as tx:
        counted = spool.counts(tx, now)
    waited = (now - counted.oldest_due).total_seconds() if counted.oldest_due else 0.0
    return meters.page(counted.states, max(waited, 0.0))
