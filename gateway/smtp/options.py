"""How the door is set up; `gateway.service` fills this in from the settings."""

from dataclasses import dataclass
from pathlib import Path

Where = tuple[str, int]  # host and port; port 0 takes any free one


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """Names, places and limits of the door. Sizes in bytes, times in seconds."""

    hostname: str
    listen: tuple[Where, ...] = ()  # STARTTLS when there is a certificate
    tls_listen: tuple[Where, ...] = ()  # TLS from the first byte
    certificate: Path | None = None  # PEM chain
    private_key: Path | None = None
    max_size: int = 26_214_400
    max_recipients: int = 1000
    max_sessions: int = 1000
    max_sessions_per_host: int = 100  # an IPv4 address, or the /64 of an IPv6 address
    max_sessions_per_account: int = 100
    max_memory: int = 268_435_456  # for the messages that come in at once; `flow.room`
    max_errors: int = 20  # protocol errors of one session; refused recipients are none
    max_chatter: int = 200  # commands that lead to no message, since the last message
    max_failed_logins: int = 3  # of one session
    free_failed_logins: int = 10  # of one network, or for one account, before they have to wait; `smtp.guard`
    failed_login_delay: float = 1.0
    idle_timeout: float = 300.0  # RFC 5321 4.5.3.2.7
    login_timeout: float = 120.0  # from the connection to the login
    message_timeout: float = 900.0  # from DATA to its end, our own work and waiting aside
    handshake_timeout: float = 30.0
    reuse_port: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work."""
        if self.max_recipients < 100:
            raise ValueError("max_recipients: RFC 5321 4.5.3.1.8 forbids less than 100")
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key go together")
        if self.tls_listen and self.certificate is None:
            raise ValueError("tls_listen needs a certificate")
        if not self.listen and not self.tls_listen:
            raise ValueError("listen: nowhere to listen")
