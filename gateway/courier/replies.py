"""What the next hop answers, as `Reply` values."""

import re
from functools import lru_cache

from gateway.courier.courier import plain
from gateway.mail.reply import Reply

_LINE = re.compile(rb"([2-5][0-9]{2})([ -]?)([^\r\n]*)\r?\n")
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|$)")
_MOST = 65_536  # bytes of one reply; RFC 5321 4.5.3.1.5 has 512 a line


class Nonsense(Exception):
    """What came is no SMTP reply."""


class Replies:
    """Cuts replies (RFC 5321 4.2) out of the stream of the next hop."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that are complete now; raises `Nonsense`."""
        self._buffer += data
        found: list[Reply] = []
        lines: list[bytes] = []
        done = start = 0
        while match := _LINE.match(self._buffer, start):
            start = match.end()
            lines.append(match[3])
            if match[2] != b"-":
                found.append(_reply(match[1], tuple(lines)))
                lines = []
                done = start
        if b"\n" in self._buffer[start:] or len(self._buffer) - done > _MOST:
            raise Nonsense(plain(self._buffer[start : start + 100].decode("ascii", "replace")))
        self._buffer = self._buffer[done:]
        return found


@lru_cache(maxsize=256)
def _reply(code: bytes, lines: tuple[bytes, ...]) -> Reply:
    """Make one line of several; the status that begins each (RFC 2034 4) is kept once, if it fits the code.

    Most replies of a next hop are the same for every letter.
    """
    number = code.decode("ascii")
    status = ""
    texts = []
    for line in lines:
        text = line.decode("ascii", "replace")
        match = _STATUS.match(text)
        if match and match[1][0] == number[0]:
            status = match[1]
            text = text[match.end() :]
        texts.append(text)
    return Reply(int(number), status, plain(" ".join(texts)))
