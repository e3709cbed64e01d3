"""What the tests of real tools wait for."""

import time
from collections.abc import Callable

from tests.support.gateway import World


def eventually(true: Callable[[], bool], what: str, story: Callable[[], str] = str) -> None:
    """Return once it is true; AssertionError with `what`, and what the tool tells, when it is not within a minute."""
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit, f"{what}\n{story()}"
        time.sleep(0.2)


def copies(world: World) -> list[bytes]:
    """Return the copies of posts; the report about who was left out lies beside them."""
    found = [path.read_bytes() for path in sorted((world.folder / "outgoing/new").glob("*"))]
    return [one for one in found if b"List-Unsubscribe:" in one]
