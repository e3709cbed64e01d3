"""Chores go on, whatever goes wrong, until they are told to stop."""

import asyncio

import pytest

from gateway.errors import TryLater
from gateway.flow.chores import Chore


class Counting(Chore):
    """Raises or returns what it was given, once each, and then has nothing to do."""

    waits, failed, every = "counting-waits", "counting-failed", 0.001

    def __init__(self, *said: Exception | bool) -> None:
        super().__init__()
        self.said = list(said)
        self.done = asyncio.Event()

    async def work(self) -> bool:
        """Take the next."""
        if not self.said:
            self.done.set()
            return False
        one = self.said.pop(0)
        if isinstance(one, Exception):
            raise one
        return one


@pytest.mark.anyio
async def test_what_goes_wrong_is_logged_and_the_work_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    chore = Counting(TryLater("the store is away"), ValueError("ours"), True, False)
    running = asyncio.create_task(chore.run())
    await asyncio.wait_for(chore.done.wait(), 20)
    await chore.stop()
    await asyncio.wait_for(running, 20)

    log = capsys.readouterr().err
    assert log.index("counting-waits") < log.index("the store is away") < log.index("counting-failed")


@pytest.mark.anyio
async def test_one_that_was_stopped_before_its_first_time_does_nothing() -> None:
    chore = Counting()
    await chore.stop()
    await asyncio.wait_for(chore.run(), 20)

    assert not chore.done.is_set()
