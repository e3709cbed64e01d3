"""A next hop that keeps what it is given, and may do something at the end of each message before it answers."""

import email
import email.policy
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.waiting import wait


class Keeper:
    """aiosmtpd's handler: who got which subject, once for each copy."""

    def __init__(self) -> None:
        self.copies: Counter[tuple[str, str]] = Counter()
        self.reply = "250 2.0.0 kept"
        self.meanwhile: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        message = email.message_from_bytes(bytes(envelope.content or b""), policy=email.policy.default)
        self.meanwhile()
        if self.reply.startswith("250"):
            with self._lock:
                self.copies.update((recipient, str(message["Subject"])) for recipient in envelope.rcpt_tos)
        return self.reply

    @property
    def subjects(self) -> Counter[str]:
        """Return how many copies of each message there are."""
        with self._lock:
            return Counter({subject: count for (_, subject), count in self.copies.items()})

    def wait(self, subjects: set[str], recipients: int = 1, seconds: float = 60) -> None:
        """Wait until copies of each are here, for that many recipients."""

        def missing() -> list[str]:
            return sorted(subject for subject in subjects if self._reached(subject) < recipients)

        wait(lambda: not missing(), missing, seconds)

    def _reached(self, subject: str) -> int:
        with self._lock:
            return sum(1 for _, about in self.copies if about == subject)


@contextmanager
def keeping(port: int) -> Iterator[Keeper]:
    """Run a next hop on a port of loopback."""
    keeper = Keeper()
    server = Controller(keeper, hostname="127.0.0.1", port=port, ready_timeout=30)
    server.start()
    try:
        yield keeper
    finally:
        server.stop()
