"""Many large messages at once take the memory of a few, on their way in and on their way out."""

import asyncio
import quopri
import re
from concurrent.futures import ThreadPoolExecutor
from email.policy import SMTP
from pathlib import Path

from gateway import sample
from tests.support.gateway import World, campaign
from tests.support.sink import postfix_sink

SIZE, MESSAGES = 4_000_000, 8
AGREED = "camille.durand@mailbox.example"
LIMITS = "[limits]\nmemory = 8388608\n"  # two such messages on their way in, one on its way out
MOST = 90  # MB more than before: 61 here, and 155 without turns


def large() -> bytes:
    """Return a message that takes several times its size to be planned and copied."""
    page = b'<p class="b">Les nouveaut\xc3\xa9s de l\xe2\x80\x99\xc3\xa9t\xc3\xa9 sont l\xc3\xa0, au jardin.</p>\n'
    lines = quopri.encodestring(page).replace(b"\n", b"\r\n")
    head = (
        f"From: {sample.SENDER}\r\nTo: lettre@maison-lavande.example\r\nSubject: large\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="=_a"\r\n\r\n'
        "--=_a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour\r\n--=_a\r\n"
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>\r\n"
    )
    return head.encode() + lines * (SIZE // len(lines)) + b"</body></html>\r\n--=_a--\r\n"


def most_memory(pid: int) -> float:
    """Return the most that a process has had in memory so far, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    assert found
    return int(found[1]) / 1000


def send(world: World, content: bytes) -> None:
    with world.connect("lettre") as session:
        session.sendmail("lettre@maison-lavande.example", [AGREED], content)


async def delivered(world: World, count: int) -> None:
    """Wait until the next hop has taken that many copies."""
    async with asyncio.timeout(120):
        while sum(entry.get("outcome") == "delivered" for entry in world.entries()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def test_large_messages_take_turns_for_memory_both_ways(tmp_path: Path) -> None:
    async def session() -> None:
        async with postfix_sink("-w", "1") as port:  # so that all would stand before DATA at once
            world = World(tmp_path, f"smtp://127.0.0.1:{port}")
            text = world.config.read_text("utf-8").replace("[limits]\n", LIMITS)
            world.config.write_text(text.replace("[smtp]\n", "[smtp]\nmax_size = 4194304\n"), "utf-8")
            try:
                world.start()
                await asyncio.to_thread(send, world, campaign().as_bytes(policy=SMTP))
                await delivered(world, 1)
                before = most_memory(world.pid)
                with ThreadPoolExecutor(MESSAGES) as pool:
                    list(pool.map(lambda content: send(world, content), [large()] * MESSAGES))
                await delivered(world, MESSAGES + 1)
                assert most_memory(world.pid) - before < MOST
            finally:
                world.kill()

    asyncio.run(session())
