"""A door on loopback, with a certificate of its own authority."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trustme

from gateway.smtp import Door, SmtpOptions, start
from tests.support.recording import RecordingGate

ANYWHERE = (("127.0.0.1", 0),)
Opener = Callable[..., AbstractAsyncContextManager[Door]]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def gate() -> RecordingGate:
    return RecordingGate()


def write_certificate(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return folder / "chain.pem", folder / "key.pem"


@pytest.fixture
def opened(gate: RecordingGate, authority: trustme.CA, tmp_path: Path) -> Opener:
    """Return what opens a door for a `with`; options may be changed."""

    @asynccontextmanager
    async def open_door(**changed: object) -> AsyncIterator[Door]:
        chain, key = write_certificate(authority, tmp_path)
        common = {"listen": ANYWHERE, "tls_listen": ANYWHERE, "certificate": chain, "private_key": key}
        limits = {"max_size": 50_000, "max_recipients": 100, "failed_login_delay": 0.01}
        door = await start(gate, SmtpOptions("gw.test", **{**common, **limits, **changed}))
        try:
            yield door
        finally:
            await door.stop(0)

    return open_door
