"""What the tests of real tools wait for."""

from tests.support.gateway import World


def copies(world: World) -> list[bytes]:
    """Return the copies of posts; the report about who was left out lies beside them."""
    found = [path.read_bytes() for path in sorted((world.folder / "outgoing/new").glob("*"))]
    return [one for one in found if b"List-Unsubscribe:" in one]
