"""What the dead held goes to whoever is there: parcels and errands whose leases would otherwise have to end."""

import asyncio
from collections.abc import Callable, Collection

from gateway import clock, journal
from gateway.errors import TryLater
from gateway.flow.context import Context
from gateway.store import errands, spool

_PAUSE = 1.0  # seconds until the store is asked again


async def inherit(context: Context, dead: Collection[str], settle: Callable[[], None]) -> None:
    """Free what is leased to `dead`, however long the store is away, and call `settle` once nothing is any more."""
    while dead:
        try:
            freed = await asyncio.to_thread(_free, context, dead)
        except TryLater as trouble:
            journal.warn("not-yet-inherited", why=str(trouble))
            await asyncio.sleep(_PAUSE)
        except Exception as error:  # a mistake of ours: the leases end by themselves
            journal.fault("not-inherited", error)
            return
        else:
            settle()
            if freed:
                journal.note("inherited", **freed)
            return


def _free(context: Context, dead: Collection[str]) -> dict[str, int]:
    now = clock.now()
    with context.store.begin() as tx:
        found = {
            "parcels": spool.inherit(tx, dead, now, context.settings.limits.lease),
            "errands": errands.inherit(tx, dead, now),
        }
    return {name: number for name, number in found.items() if number}
