"""Pressing a link as the web does, once."""

import asyncio

from gateway.flow.bursts import Press
from gateway.flow.context import Context
from gateway.flow.presses import Presses
from gateway.tokens import Link


async def press(context: Context, link: Link, origin: str = "one-click", network: str = "") -> bool | None:
    """Return whether the no stands, once it is acknowledged."""
    presses = Presses(context)
    try:
        return await presses.take(Press(link, origin, network))
    finally:
        await presses.close()


def pressed(context: Context, link: Link, origin: str = "one-click", network: str = "") -> bool | None:
    """Do the same where no loop runs."""
    return asyncio.run(press(context, link, origin, network))
