"""An SMTP reply as a value: code, enhanced status and text in one object, so that the two numbers cannot disagree."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply (RFC 5321 4.2) with its enhanced status code (RFC 3463).

    `text` is one line of printable ASCII without CR or LF. A reply to us may come without a status: then it is "".
    """

    code: int
    status: str
    text: str

    def __post_init__(self) -> None:
        """Refuse a status of another class than the code (RFC 2034 4)."""
        if self.status and self.status[0] != str(self.code)[0]:
            raise ValueError(f"status {self.status} does not fit code {self.code}")

    def __str__(self) -> str:
        """Return the reply as it goes over the wire, without CRLF."""
        return f"{self.code} {self.status} {self.text}" if self.status else f"{self.code} {self.text}"

    @property
    def ok(self) -> bool:
        """Return whether the command succeeded."""
        return self.code < 400

    @property
    def temporary(self) -> bool:
        """Return whether trying again later makes sense."""
        return 400 <= self.code < 500
