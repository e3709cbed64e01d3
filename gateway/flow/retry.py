"""When to try again (RFC 5321 4.5.4.1)."""

from collections.abc import Sequence
from datetime import timedelta


def wait(table: Sequence[timedelta], attempts: int) -> timedelta:
    """Return how long to wait after the attempt number `attempts`, counted from 0; the last row repeats."""
    return table[min(attempts, len(table) - 1)]
