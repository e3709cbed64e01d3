"""Until when a lease surely lasts, as the process that holds it may believe.

A person's no is acknowledged once no lease covers a copy for them (`flow.consent.settle`), so a copy may only leave
under a lease that everybody else still takes for one. A process may sleep through its end (a suspended machine, a
debugger, a disk that hangs), and a clock may leap over it: so both clocks are asked, at the last moment, and the last
tenth of a lease is never used, because other nodes have clocks of their own.
"""

from datetime import timedelta

from gateway import clock

_USED = 0.9


def spare(period: timedelta) -> timedelta:
    """Return by how much the clocks of nodes may differ: the part of a lease of `period` that is never used."""
    return period * (1 - _USED)


class Term:
    """The time of a lease of `period` that was asked for at this moment; make it before the statement that asks."""

    __slots__ = ("_moment", "_ticks")

    def __init__(self, period: timedelta) -> None:
        used = period * _USED
        self._moment = clock.now() + used
        self._ticks = clock.ticks() + used.total_seconds()

    @property
    def lasts(self) -> bool:
        """Return whether nobody can take the lease for ended."""
        return clock.ticks() < self._ticks and clock.now() < self._moment
