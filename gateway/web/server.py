"""Runs an application inside our own event loop, on a listening socket that several processes may share."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from gateway.web.wire import Wire

BACKLOG = 2048
GRACE = 30  # seconds that running answers have when we stop; an opt-out may wait for a courier


def bind(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """Return a listening socket; `port` 0 takes a free one. OSError when the address is taken.

    Bound before the processes are forked it is shared by them; with `reuse_port` each process binds its own.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=reuse_port)
    listening.setblocking(False)
    return listening


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the program around it."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self._socket = listening
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        address = listening.getsockname()
        self.host: str = address[0]
        self.port: int = address[1]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the program decides what a signal means."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when uvicorn has begun to listen."""
        await super().startup(sockets)
        self._ready.set()

    async def start(self) -> None:
        """Return when connections are answered."""
        self._task = asyncio.create_task(self.serve(sockets=[self._socket]))
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            await self._task  # raises what went wrong

    async def stop(self) -> None:
        """Take no more connections, finish the answers under way, and return."""
        self.should_exit = True
        if self._task:
            await self._task


def serve(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, listening: socket.socket | None = None) -> Server:
    """Return a server for `app`, not yet started, on `listening` or else on a new socket at `host` and `port`.

    No access log, because the paths are keys; no warnings, because strangers could fill the log with their malformed
    requests; no Server field, because it helps only them; no trust in forwarded addresses, because no answer depends
    on who asks.
    """
    config = uvicorn.Config(
        app,
        http=Wire,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=GRACE,
    )
    return Server(config, listening or bind(host, port))
