"""HTTP as strangers may speak it: uvicorn's protocol, with an end to what is sent slowly, without end, or by too many.

uvicorn alone waits for ever for a request, and keeps whatever header is sent.
"""

import asyncio
import resource

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MOST = 65_536  # bytes of a request besides its body: line, header, what chunks are wrapped in, trailers
HEAD_PATIENCE = 20.0  # seconds for a request to begin and its header to end
CONNECTIONS_MOST = 4_000
_FRAMES = 8  # bytes that may wrap one byte of a body


class Wire(HttpToolsProtocol):
    """One connection."""

    _over = 0  # bytes that are no body, of the request that comes
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > _most():
            transport.abort()
        else:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what comes, up to what a request may have."""
        self._over += len(data)
        super().data_received(data)
        if self._over > HEAD_MOST:
            self.transport.abort()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; what comes once the answer is given is nobody's."""
        if not self.cycle.response_complete:
            self._over = max(0, self._over - _FRAMES * len(body))
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._came()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count anew: the next request may follow in the same piece."""
        self._over = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._expect()

    def _expect(self) -> None:
        self._came()
        self._late = self.loop.call_later(HEAD_PATIENCE, self.transport.abort)

    def _came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _most() -> int:
    """Return how many connections there may be: the doors for mail need files too."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(CONNECTIONS_MOST, files // 2) if files > 0 else CONNECTIONS_MOST
