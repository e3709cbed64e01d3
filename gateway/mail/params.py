"""Content-Type and Content-Disposition: the value and its parameters (RFC 2045 5.1, RFC 2183, RFC 2231).

Plain shapes are read by one regular expression; anything else by the standard library's parser. What even that finds
doubtful is reported as such, for the caller to treat as opaque: readers would differ on it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.policy import default as modern
from email.utils import collapse_rfc2231_value
from functools import lru_cache
from types import MappingProxyType

_TOKEN = rb"[A-Za-z0-9!#$&^_.+%~`|{}-]+"
_PLAIN = re.compile(
    rb"[ \t]*(%(t)s(?:/%(t)s)?)[ \t]*((?:;(?:[ \t]|\r\n)*%(t)s=(?:%(v)s|\"[^\"\\\r\n]*\")[ \t]*)*);?[ \t]*"
    % {b"t": _TOKEN, b"v": rb"[A-Za-z0-9!#$&^_.+%~`|{}'/:=?*@-]+"}
)
_PARAM = re.compile(rb";(?:[ \t]|\r\n)*(%s)=(?:\"([^\"]*)\"|([^\s;\"]+))" % _TOKEN)
_THAT_MATTER = ("boundary", "charset")
_MOST = 2_000  # a longer value is doubtful; bounds the time of the slow parser


@dataclass(frozen=True, slots=True)
class Value:
    """A lower-case value such as "text/html", its parameters by lower-case name, and whether readers may differ."""

    value: str
    params: Mapping[str, str]
    doubtful: bool = False


DOUBTFUL = Value("", MappingProxyType({}), doubtful=True)


def read(name: str, raw: bytes) -> Value:
    """Return the value of field `name` ("content-type", "content-disposition") from its raw, folded bytes."""
    return DOUBTFUL if len(raw) > _MOST else _read(name, raw)


@lru_cache(maxsize=512)
def _read(name: str, raw: bytes) -> Value:
    plain = _PLAIN.fullmatch(raw)
    if plain is None or not raw.isascii():
        return _slow(name, raw)
    found: dict[str, str] = {}
    for param in _PARAM.finditer(plain[2]):
        key = param[1].decode("ascii").lower()
        if key in found:
            return DOUBTFUL
        found[key] = (param[2] if param[2] is not None else param[3]).decode("ascii")
    value = plain[1].decode("ascii").lower()
    if (name == "content-type") is not ("/" in value):
        return DOUBTFUL
    return Value(value, MappingProxyType(found))


def _slow(name: str, raw: bytes) -> Value:
    try:
        text = raw.decode("ascii").replace("\r\n", "")
        parsed = modern.header_factory(name, text)
        value = parsed.content_type if name == "content-type" else parsed.content_disposition or ""
        params = {key.lower(): str(param) for key, param in parsed.params.items()}
        alike = not parsed.defects and _as_others_read(name, text, value.lower(), params)
    except Exception:
        return DOUBTFUL
    return Value(value.lower(), MappingProxyType(params), doubtful=not alike)


def _as_others_read(name: str, text: str, value: str, params: Mapping[str, str]) -> bool:
    """Return whether readers that know no comments, and no blanks within a value, find the same."""
    plain = Message()
    plain[name] = text
    return text.lstrip(" \t").lower().startswith(value) and all(
        collapse_rfc2231_value(plain.get_param(key, "", name)) == params.get(key, "") for key in _THAT_MATTER
    )
