"""When to try again (RFC 5321 4.5.4.1)."""

from collections.abc import Sequence
from datetime import timedelta

DELAYED = timedelta(hours=4)  # after which a sender who asked for it hears that it takes long (RFC 3461 4.1)


def wait(table: Sequence[timedelta], attempts: int) -> timedelta:
    """Return how long to wait after the attempt number `attempts`, counted from 0; the last row repeats."""
    return table[min(attempts, len(table) - 1)]


def delayed(table: Sequence[timedelta], attempts: int) -> bool:
    """Return whether the attempt after `attempts` others is the first one made when `DELAYED` is over."""
    before = sum((wait(table, attempt) for attempt in range(attempts - 1)), timedelta())
    return attempts > 0 and before < DELAYED <= before + wait(table, attempts - 1)
