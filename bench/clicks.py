"""One-click POSTs a second, each acknowledged durably, alone and while mail flows.

    bench/clicks.py [--clicks 3000] [--clients 20] [--workers 2] [--folder DIR] [--postgres]

Each person presses once (RFC 8058), over connections that are kept. While mail flows, the load of `load.py` sends
newsletters to other people at the same time, and its messages a second are shown beside. `--postgres` starts a server
of its own, which syncs every commit; its seconds on a processor are shown beside those of the gateway.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import uvloop
from load import Result, Sink, Work, cpu, send, sink
from mail_parts import newsletter
from run import gateway, people, serve
from serve import settings_for

from gateway.flow.context import open_context
from gateway.tokens import Link, Purpose
from tests.support.ports import free_port, wait_for_port
from tests.support.postgres import Cluster

BODY = b"List-Unsubscribe=One-Click"
HEAD = (
    b"POST /1/%s HTTP/1.1\r\nHost: gate.bench.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)


def tokens(folder: Path, store: str | None, skip: int, count: int) -> list[str]:
    """Return the tokens of `count` people."""
    options = argparse.Namespace(spool=folder / "spool", store=store, contacts=folder / "people.db", web="127.0.0.1:0")
    options.listen, options.upstream, options.connections, options.log = "127.0.0.1:0", "127.0.0.1:1", 1, "warning"
    context = open_context(settings_for(options))
    with context.store.read() as tx:
        query = f"SELECT id, (SELECT min(id) FROM list) FROM contact ORDER BY id LIMIT {int(count)} OFFSET {int(skip)}"
        rows = tx.connection().exec_driver_sql(query).all()
    found = [context.tokens.seal(Purpose.LINK, Link(contact, row, contact)) for contact, row in rows]
    context.close()
    return found


async def press(port: int, waiting: list[str]) -> None:
    """Press one after the other over one connection, anew where it was closed."""
    reader = writer = None
    while waiting:
        token = waiting.pop().encode()
        if writer is None or reader is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD % (token, len(BODY), BODY))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a press was answered {head[:60]!r}")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        if b"connection: close" in head.lower():
            writer.close()
            reader = writer = None
    if writer is not None:
        writer.close()


async def pressed(port: int, presses: Sequence[str], clients: int) -> float:
    """Return how many presses a second were acknowledged."""
    waiting = list(presses)
    start = time.monotonic()
    async with asyncio.timeout(300):
        await asyncio.gather(*(press(port, waiting) for _ in range(clients)))
    return len(presses) / (time.monotonic() - start)


def mail(port: int, end: Sink, letter: Path, roots: list[int], stop: threading.Event) -> list[Result]:
    """Send mail until told to stop; return the results of the rounds."""
    found: list[Result] = []
    while not stop.is_set():
        found.append(send(port, end, letter, Work("mail", 200, limit=120), roots, 1))
    return found


@contextmanager
def database(*, server: bool) -> Iterator[tuple[list[str], list[int]]]:
    """Have a store: its `--store` for `serve.py`, and the processes beside the gateway that work for it."""
    if not server:
        yield [], []
        return
    cluster = Cluster()
    try:
        cluster.start(fsync="on", full_page_writes="on", shared_buffers="128MB")
        cluster.run("CREATE DATABASE bench")
        yield ["--store", cluster.url("bench")], [cluster.pid]
    finally:
        cluster.remove()


def measure(options: argparse.Namespace, folder: Path, store: Sequence[str], servers: Sequence[int]) -> None:
    """Run both works and print them."""
    letter = folder / "letter"
    letter.write_bytes(newsletter(10_240).replace(b"\r\n", b"\n"))
    # smtp-source -N begins with the first person again in each round: those who press come after them all.
    people(folder / "people.db", 1000 + 2 * options.clicks + 100)
    subprocess.run([str(word) for word in serve(folder, 1, "--prepare", *store)], check=True, timeout=600)
    presses = tokens(folder, store[1] if store else None, 1000, 2 * options.clicks + 100)
    web = free_port()
    more = ["--web", f"127.0.0.1:{web}", *store]
    with sink(folder) as end, gateway(folder, end.port, options.workers, *more) as (port, roots):
        wait_for_port(web)
        uvloop.run(pressed(web, presses[-100:], options.clients))
        before = cpu(roots), cpu(servers), time.process_time()
        alone = uvloop.run(pressed(web, presses[: options.clicks], options.clients))
        after = cpu(roots), cpu(servers), time.process_time()
        spent, server, own = ((then - now) / options.clicks * 1000 for now, then in zip(before, after, strict=True))
        print(
            f"alone            {alone:7.0f} presses/s  CPU-s/1000 {spent:.2f}, "
            f"of the database server {server:.2f}, of the client {own:.2f}"
        )
        stop, rounds = threading.Event(), []
        sending = threading.Thread(target=lambda: rounds.extend(mail(port, end, letter, roots, stop)))
        sending.start()
        begun = time.monotonic()
        beside = uvloop.run(pressed(web, presses[options.clicks : 2 * options.clicks], options.clients))
        took = time.monotonic() - begun
        stop.set()
        sending.join()
        print(
            f"while mail flows {beside:7.0f} presses/s, in {took:.1f} s; mail {rounds[0].arrived:.0f} messages/s beside"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=3000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", help="where files are kept meanwhile (default: the temporary folder)")
    parser.add_argument("--postgres", action="store_true", help="on a server of its own")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clicks-", dir=options.folder))
    try:
        with database(server=options.postgres) as (store, servers):
            measure(options, folder, store, servers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
