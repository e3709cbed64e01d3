"""What is done again and again while the program serves: sealing, reporting, expiring, telling others."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import ClassVar

from gateway import clock, journal
from gateway.errors import TryLater


class Chore(ABC):
    """One such work, of which one worker of several is in charge. What goes wrong is logged, and tried again later.

    `waits` and `failed` are the lines of the journal for what cannot be reached now, and for a mistake of ours, which
    must not stop the mail. `every` so many seconds it is done, and for the first time after `first`.
    """

    waits: ClassVar[str]
    failed: ClassVar[str]
    every: ClassVar[float]

    def __init__(self, first: float = 0.0) -> None:
        self._first = first
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Work until stopped."""
        await self._rest(self._first)
        while not self._stop.is_set():
            began = clock.ticks()
            more = await self._safely()
            if not more:
                await self._rest(self.pause(clock.ticks() - began))

    async def stop(self) -> None:
        """Stop after what is in hand."""
        self._stop.set()

    @abstractmethod
    async def work(self) -> bool:
        """Do what there is to do; return whether there is more, to be done at once."""

    def pause(self, took: float) -> float:  # noqa: ARG002 - for those that rest the longer, the more there was to do
        """Return for how many seconds there is nothing to do, after work that `took` so many."""
        return self.every

    async def _safely(self) -> bool:
        try:
            return await self.work()
        except TryLater as error:
            journal.warn(self.waits, why=str(error))
        except Exception as error:
            journal.fault(self.failed, error)
        return False

    async def _rest(self, seconds: float) -> None:
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)
