"""The next hop by SMTP."""

import asyncio

from gateway.courier.connection import Line, Lost
from gateway.courier.courier import Letter, Outcome, deferred
from gateway.courier.envelope import check, seal
from gateway.courier.pool import Pool, SmarthostOptions, Unreachable
from gateway.courier.transaction import Doubt, judged, transact


class Smarthost:
    """A courier to one host, over at most `options.connections` connections."""

    def __init__(self, options: SmarthostOptions) -> None:
        """Raise `Misuse` for a URL or authorities that cannot be used."""
        self._pool = Pool(options)
        self._most = options.connections
        self._free = asyncio.Semaphore(options.connections)

    async def hand(self, letter: Letter) -> Outcome:
        """Offer one letter; see `Courier`."""
        problem = check(letter)
        if problem:
            return problem
        async with self._free:
            line = self._pool.take_idle()
            if line is not None:
                outcome = await self._offer(letter, line, again=True)
                if outcome is not None:
                    return outcome
            try:
                line = await self._pool.connect()
            except Unreachable as trouble:
                return trouble.outcome
            outcome = await self._offer(letter, line, again=False)
        assert outcome is not None  # noqa: S101 (only a connection used before may give None)
        return outcome

    async def _offer(self, letter: Letter, line: Line, *, again: bool) -> Outcome | None:
        """Offer a letter on a connection.

        None when the connection had been used before (`again`) and was over before the message was sent: a next hop
        may close a connection at any time, and that says nothing about the letter.
        """
        envelope = seal(letter, line.offers)
        if isinstance(envelope, Outcome):
            self._pool.give_back(line)
            return envelope
        line.used += 1
        try:
            outcome = await transact(line, envelope, letter.ours)
        except Lost as trouble:
            line.abort()
            if again:
                return None
            return judged(trouble.refusal) if trouble.refusal else deferred(451, "4.4.2", str(trouble))
        except Doubt as trouble:
            line.abort()
            return deferred(451, "4.4.2", str(trouble))
        except BaseException:
            line.abort()
            raise
        if outcome.reply.code == 421:
            line.abort()
        else:
            self._pool.give_back(line)
        return Outcome(outcome.fate, outcome.reply, reports="dsn" in line.offers)

    async def close(self) -> None:
        """Wait for the letters under way; say goodbye on all connections."""
        for _ in range(self._most):
            await self._free.acquire()
        await self._pool.close()
