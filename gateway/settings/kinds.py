"""The kinds of values settings are made of: secrets, places to listen on, durations, sizes."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, ByteSize, PlainSerializer, Strict, WithJsonSchema

from gateway.errors import Misuse

_DURATION = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret lies: `env:NAME` or `file:path`. The value is read when asked for and never printed."""

    source: str
    folder: Path = Path()

    def read_bytes(self) -> bytes:
        """Return the secret in UTF-8; see `read`."""
        return self.read().encode()

    def read(self) -> str:
        """Return the secret text, without the line end of a file.

        Raises Misuse, which names the place but not the content, when it is missing, unreadable or empty.
        """
        kind, _, name = self.source.partition(":")
        if kind == "env":
            text = os.environ.get(name, "")
            if not text:
                raise Misuse(f"the environment variable {name} is not set; it should hold the secret")
            return text
        try:
            text = (self.folder / name).read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise Misuse(f"the secret file {name} cannot be read ({cause}); `consentgate init` writes one") from error
        if not text:
            raise Misuse(f"the secret file {name} is empty")
        return text

    def __str__(self) -> str:
        return self.source


class Listen(NamedTuple):
    """A place to listen on; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Return whether only programs on the same machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Return whether a host name or IP address is this machine itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _secret(value: object) -> object:
    if isinstance(value, Secret):
        return value
    kind, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind not in {"env", "file"} or not name.strip():
        # The value itself is not repeated: it may be the secret.
        raise ValueError('secrets do not stand in the configuration; write "env:NAME" or "file:path"')
    return Secret(f"{kind}:{name}")


def _listen(value: object) -> object:
    if isinstance(value, Listen):
        return value
    text = value if isinstance(value, str) else ""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not bare or (":" in bare and bare == host) or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f'{value!r} is not a place to listen on; write for example "127.0.0.1:2525" or "[::1]:2525"')
    return Listen(bare, int(port))


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and value and not _DURATION.sub("", value):
        seconds = sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))
        if 0 < seconds <= 366 * 86400:
            return timedelta(seconds=seconds)
    raise ValueError(f'{value!r} is not a duration of at most a year; write for example "30s", "10m", "1h30m" or "5d"')


def spell_duration(value: timedelta) -> str:
    """Return the duration as it is written in the configuration, such as "1h30m"."""
    rest, text = int(value.total_seconds()), ""
    for unit in "dhms":
        number, rest = divmod(rest, _UNITS[unit])
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def _size(value: object) -> object:
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        return value
    raise ValueError(f'{value!r} is not a size; write bytes or for example "25MiB"')


def _hostname(value: str) -> str:
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if len(value) > 253 or not re.fullmatch(rf"{label}(\.{label})*", value.lower()):
        raise ValueError(f'{value!r} is not a host name; write for example "gate.example.org"')
    return value.lower()


def _public_url(value: str) -> str:
    url = _site(value, "https://consent.example.org")
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise ValueError(f"{value!r:.200} must begin with https: one-click links are https only (RFC 8058)")
    return value.rstrip("/")


def _web_url(value: str) -> str:
    url = _site(value, "https://lists.example.org")
    if url.username or url.password:
        raise ValueError('a password does not stand in a URL; set username and password = "env:NAME"')
    return value.rstrip("/")


def _site(value: str, example: str) -> SplitResult:
    """Return the parts of the address of a site: http or https, nothing behind the path."""
    try:
        url = urlsplit(value)
        good = bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        good = False
    if not good or url.query or url.fragment or url.scheme not in {"http", "https"}:
        raise ValueError(f'{value!r:.200} is not the address of a site; write for example "{example}"')
    return url


def _takes(format_: str) -> WithJsonSchema:
    """Return what the reference page is to say that a value is (`settings.reference`)."""
    return WithJsonSchema({"type": "string", "format": format_})


def _unset(value: object) -> object:
    return None if value == "" else value


# "" means not set; put it last in an `Annotated[... | None, UNSET]`.
UNSET = BeforeValidator(_unset)
SecretRef = Annotated[Secret, BeforeValidator(_secret), PlainSerializer(str), _takes("secret")]
ListenOn = Annotated[Listen, BeforeValidator(_listen), PlainSerializer(str), _takes("listen")]
Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(spell_duration), _takes("duration")]
Size = Annotated[ByteSize, BeforeValidator(_size), _takes("size")]
Hostname = Annotated[str, AfterValidator(_hostname), _takes("host")]
PublicUrl = Annotated[str, AfterValidator(_public_url), _takes("url")]
WebUrl = Annotated[str, AfterValidator(_web_url), _takes("url")]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
