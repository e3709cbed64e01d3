"""Waiting for what other tasks, threads and processes do: always with an end."""

import asyncio
import time
from collections.abc import Callable


async def until(holds: Callable[[], object], seconds: float = 30) -> None:
    """Return once something holds; TimeoutError when it does not in `seconds`."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


def wait(holds: Callable[[], object], why: Callable[[], object] = str, seconds: float = 60) -> None:
    """The same without a loop; AssertionError with what `why` returns."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, why()
        time.sleep(0.05)
