"""What the pages ask of the house, by the holder of a link.

Contract. Methods of a desk block and are called in a worker thread, many at once. None means that nothing is known of
what the link is about; the page then says exactly what it says to a forged link. `errors.TryLater` means that nothing
can be confirmed now; the page answers 503 and never claims a success. What changes something returns only when what was
asked is durable; asking twice is asking once.
"""

from collections.abc import Collection
from typing import Protocol

from gateway.flow.bursts import Press
from gateway.flow.optout import Scope, View
from gateway.tokens import Link


class Desk(Protocol):
    """The refusals of the person behind a link (`flow.optout.Desk`)."""

    def page(self, link: Link) -> View | None:
        """Return what the page of that link shows; changes nothing."""

    def choose(self, link: Link, scope: Scope, channels: Collection[str]) -> View | None:
        """Make the refusals exactly these."""

    def explain(self, link: Link, why: str) -> View | None:
        """Record why, of the words that `flow.optout.WHYS` has."""

    def untrack(self, link: Link) -> View | None:
        """Take back the agreement that openings and clicks are read."""

    def undo(self, link: Link) -> View | None:
        """Take the person's opt-outs back: what was before is again, nothing more."""


class Presses(Protocol):
    """The opt-outs by a link (`flow.presses.Presses`): awaited, because many come at once and share their work."""

    async def take(self, press: Press) -> bool | None:
        """Record an opt-out from everything; return whether it stands."""
