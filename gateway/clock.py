"""The only place that reads the time, so that everything else can be asked about any moment."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def ticks() -> float:
    """Return seconds on a clock that never goes back, for measuring durations."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Block the calling thread for `seconds`."""
    time.sleep(seconds)
