"""However the network cuts the stream, the wire gives the same message as a plain reading of RFC 5321."""

import asyncio
import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flow.room import Room
from gateway.smtp.wire import END, Flaw, Gone, Taken, Wire

MOST = 40
alphabet = st.sampled_from([b"\r\n", b"\r\n.", b".", b"..", b"\r", b"\n", b"a", b"bc", b"\r\n.\r\n"])
streams = st.lists(alphabet, max_size=20).map(b"".join)


def plainly(stream: bytes) -> tuple[Taken | None, bytes]:
    """Read the message and the rest as the standard says it, slowly."""
    end = (b"\r\n" + stream).find(END)
    if end < 0:
        return None, b""
    body, rest = stream[:end], stream[end + 3 :]
    flaw = None
    if re.search(rb"\r(?!\n)|(?<!\r)\n", body):
        flaw = Flaw.NEWLINE
    content = b"".join(line.removeprefix(b".") for line in re.findall(rb".*?\r\n", body, re.DOTALL))
    if flaw is None and len(content) > MOST:
        flaw = Flaw.SIZE
    return Taken(b"" if flaw else content, flaw), rest


async def nothing() -> None:
    """There are no replies to flush."""


async def read(pieces: list[bytes]) -> tuple[Taken | None, bytes]:
    wire = Wire(asyncio.get_running_loop(), nothing)

    async def feed() -> None:
        for piece in pieces:
            wire.feed(piece)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        wire.feed_eof()

    feeding = asyncio.create_task(feed())
    try:
        taken = await wire.message(MOST, 60, Room(MOST).share(MOST))
    except Gone:
        return None, b""
    await feeding
    return taken, bytes(wire._buffer)


@settings(max_examples=300, deadline=None)
@given(stream=streams, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_the_wire_reads_what_the_standard_says(stream: bytes, cuts: list[int]) -> None:
    stops = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    pieces = [stream[a:b] for a, b in pairwise(stops)]
    taken, rest = asyncio.run(read(pieces))
    wanted, wanted_rest = plainly(stream)
    if taken is not None and not taken.ended:  # cut off for sending twice the size
        assert len(stream) > 2 * MOST
        return
    if wanted is not None and taken is not None and Flaw.SIZE in (wanted.flaw, taken.flaw):
        assert taken.flaw is not None  # which of two flaws is named depends on what came first
        assert wanted.flaw is not None
    else:
        assert taken == wanted
    assert rest == wanted_rest
