"""A gateway and its next hop, both to be mistreated."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.flow.context import open_context
from gateway.mail.address import parse
from gateway.store import lists, people
from gateway.tokens import Link, Purpose
from tests.support.gateway import World
from tests.support.hop import Keeper, keeping
from tests.support.ports import free_port

AGREED = "camille.durand@mailbox.example"


@dataclass
class Scene:
    """A gateway, not yet started; its next hop answers once `open_hop` was called."""

    world: World
    port: int
    stack: ExitStack

    def open_hop(self) -> Keeper:
        """Let the next hop answer."""
        return self.stack.enter_context(keeping(self.port))

    def link(self, address: str = AGREED) -> str:
        """Return the one-click address of a person on the sample's list, as it stands in their mail."""
        context = open_context(self.world.settings)
        try:
            with context.store.read() as tx:
                row = lists.by_name(tx, "lettre")
                assert row is not None
                contact = people.find(tx, row.advertiser_id, parse(address).key)
                assert contact is not None
                link = Link(contact.id, row.id, 0)
            return f"{self.world.url}/1/{context.tokens.seal(Purpose.LINK, link)}"
        finally:
            context.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Make a gateway: `scene(store=…, folder=…)`."""
    with ExitStack() as stack:

        def make(store: str = "sqlite:///gateway.db", folder: Path = tmp_path) -> Scene:
            port = free_port()
            world = World(folder, f"smtp://127.0.0.1:{port}", store)
            stack.callback(world.kill)
            return Scene(world, port, stack)

        yield make
