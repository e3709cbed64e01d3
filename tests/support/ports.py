"""Ports for servers that cannot tell which one they got."""

import socket
import time
from collections.abc import Callable


def free_port() -> int:
    """Return a loopback port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for_port(port: int, seconds: float = 30, alive: Callable[[], bool] = lambda: True) -> None:
    """Return when something on loopback takes connections on `port`.

    Raises TimeoutError when nothing does in time, or as soon as `alive` says that nothing will.
    """
    limit = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > limit or not alive():
                raise TimeoutError(f"nothing listens on port {port}") from error
            time.sleep(0.05)
        else:
            return


def wait_for_silence(port: int, seconds: float) -> None:
    """Return once nobody listens on the port any more; TimeoutError after `seconds`."""
    limit = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return
        if time.monotonic() > limit:
            raise TimeoutError(f"somebody still listens on port {port}")
        time.sleep(0.02)
