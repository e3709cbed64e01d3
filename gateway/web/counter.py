"""Between the routes and the desk: opens tokens, keeps blocking work off the loop, trusts no unproven success."""

from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException, Request

from gateway.errors import Bug
from gateway.flow.bursts import Press
from gateway.flow.optout import Scope, View
from gateway.tokens import NOBODY, Link, Purpose, Tokens
from gateway.web.desk import Desk, Presses
from gateway.web.network import Networks
from gateway.web.throttle import Throttle

T = TypeVar("T")


class Counter:
    """Asks the desk on behalf of whoever holds a token.

    Methods raise HTTPException 404, always the same, for a token that does not open and for one about which nothing
    is known any more: a stranger learns nothing from trying.
    """

    def __init__(
        self, desk: Desk, presses: Presses, tokens: Tokens, networks: Networks, throttle: Throttle, threads: int
    ) -> None:
        self._desk = desk
        self._presses = presses
        self._tokens = tokens
        self._networks = networks
        self._throttle = throttle
        self._limiter = CapacityLimiter(threads)

    def link(self, request: Request, purpose: Purpose = Purpose.LINK) -> Link:
        """Return what the token in the path names; HTTPException 429 for a network that guessed too often.

        Only wrong tokens are counted and only they are slowed down: a good one is always honoured, whoever else
        guesses from the same network.
        """
        link = self._tokens.open(purpose, request.path_params["token"])
        if link is None:
            wait = self._throttle.more(self._networks.of(request))
            raise HTTPException(429, headers={"Retry-After": str(wait)}) if wait else HTTPException(404)
        return link

    async def page(self, link: Link) -> View:
        """Return what the page shows."""
        return await self.ask(partial(self._desk.page, link))

    async def stop(self, request: Request, link: Link, origin: str) -> None:
        """Record an opt-out; return only when it stands."""
        stands = await self._presses.take(Press(link, origin, self._networks.of(request)))
        if stands is None:
            if link == NOBODY:  # sealed with our secrets, so it is ours: `doctor` tries the pages
                return
            raise HTTPException(404)
        if not stands:
            raise Bug("an opt-out was acknowledged that does not stand")

    async def choose(self, link: Link, scope: Scope, channels: Collection[str]) -> View:
        """Make the refusals exactly these; return only when they stand."""
        view = await self.ask(partial(self._desk.choose, link, scope, channels))
        if not {"list": view.stopped, "email": view.stopped_all, "all": view.stopped_everywhere}[scope]:
            raise Bug("a choice was acknowledged that does not stand")
        return view

    async def explain(self, link: Link, why: str) -> View:
        """Record why somebody refuses."""
        return await self.ask(partial(self._desk.explain, link, why))

    async def untrack(self, link: Link) -> View:
        """Take the agreement to be watched back; return only when it is."""
        view = await self.ask(partial(self._desk.untrack, link))
        if view.tracked:
            raise Bug("a withdrawal was acknowledged that does not stand")
        return view

    async def undo(self, link: Link) -> View:
        """Take the person's opt-outs back."""
        return await self.ask(partial(self._desk.undo, link))

    async def ask(self, question: Callable[[], T | None]) -> T:
        """Return the answer to a question that blocks; None is a 404."""
        answer = await self.run(question)
        if answer is None:
            raise HTTPException(404)
        return answer

    async def run(self, work: Callable[[], T]) -> T:
        """Do what blocks in a thread, as many at once as there may be."""
        return await to_thread.run_sync(work, limiter=self._limiter)
