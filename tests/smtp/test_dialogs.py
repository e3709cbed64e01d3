"""Each file in `dialogs` is a session, played against a real server, on both event loops."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from tests.support.dialog import play
from tests.support.recording import RecordingGate

DIALOGS = sorted((Path(__file__).parent / "dialogs").glob("*.cmy"))


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("path", DIALOGS, ids=[path.stem for path in DIALOGS])
def test_the_dialog_goes_as_written(
    path: Path, loop: Callable[[], asyncio.AbstractEventLoop], opened, gate: RecordingGate, trust: ssl.SSLContext
) -> None:
    script = path.read_text("utf-8")

    async def session() -> None:
        async with opened() as door:
            await play(script, door.addresses[0], gate, trust)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(session())


def test_every_dialog_states_a_fact() -> None:
    assert [path.name for path in DIALOGS if not path.read_text("utf-8").startswith("# ")] == []
