"""The log: one line an event, on standard error, with nothing in it that a log must not hold.

Addresses are masked, tokens, passwords and the credentials of URLs are taken out of every value, also of tracebacks
and of what libraries log, so that a careless caller cannot leak them.
"""

import json
import logging
import re
import secrets
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from gateway import clock

Format = Literal["json", "console"]

HIDDEN_NAMES = frozenset({"password", "secret", "token", "authorization", "cookie", "url"})
HIDDEN = "(hidden)"
DOMAIN_CHARS = 100

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_CREDENTIALS = re.compile(r"://[^/\s@]{1,500}@")
# Lengths are bounded so that a hostile value cannot make the search slow.
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"'=]{1,320}(?:@|%40)[^\s@<>()\[\],;:\"'=/?#]{1,255}")
_PLAIN_DOMAIN = re.compile(r"[A-Za-z0-9.-]*")
_MASKED = re.compile(r"\w?…\w?@\S+")
_TOKEN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z2-7]{53}(?![A-Za-z0-9])")


class _Stderr:
    """Whatever standard error is at the moment of writing (tests and daemons replace it)."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Bridge(logging.Handler):
    """What libraries log, in our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, object] = {"logger": record.name, "text": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            fields["traceback"] = _story(record.exc_info[1])
        level = (
            "error" if record.levelno >= logging.ERROR else "warning" if record.levelno >= logging.WARNING else "info"
        )
        getattr(_log, level)("library", **fields)


def setup(level: str = "info", format: Format = "json") -> None:  # noqa: A002 (the setting's name)
    """Write events of `level` ("debug", "info", "warning", "error") and above as JSON lines or for a person's eyes."""
    global _log  # noqa: PLW0603 (there is one log in a process)
    _log = _logger(level, format)
    bridge = _Bridge()
    bridge.setLevel(logging.WARNING)  # libraries name addresses in their lesser lines
    logging.getLogger().handlers = [bridge]


def note(event: str, **fields: object) -> None:
    """Log that something happened (info); values may be str, numbers, bool, None, or sequences and mappings of them."""
    _log.info(event, **fields)


def warn(event: str, **fields: object) -> None:
    """Log something that an administrator should look at."""
    _log.warning(event, **fields)


def fault(event: str, error: BaseException, **fields: object) -> str:
    """Log a bug with its traceback; return the reference (8 hex digits) to put into the bland reply."""
    reference = secrets.token_hex(4)
    _log.error(event, reference=reference, error=type(error).__name__, traceback=_story(error), **fields)
    return reference


def mask(address: str) -> str:
    """Return enough of an address to recognise it and too little to write to it: `j…e@example.org`.

    Takes anything, addresses or not; what comes out is one short line without control characters.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        return "…"
    first = local[0] if len(local) > 1 and local[0].isalnum() else ""
    last = local[-1] if len(local) > 4 and local[-1].isalnum() else ""
    shown = domain[:DOMAIN_CHARS]
    if not _PLAIN_DOMAIN.fullmatch(shown):
        shown = "".join([c if c.isalnum() or c in ".-" else "?" for c in shown])
    return f"{first}…{last}@{shown}"


def scrub(text: str) -> str:
    """Return `text` with addresses masked, and tokens and URL credentials taken out."""
    if "@" in text or "%40" in text:
        text = _CREDENTIALS.sub(f"://{HIDDEN}@", text)
        text = _ADDRESS.sub(_masked, text)
    return _TOKEN.sub(HIDDEN, text) if len(text) >= 53 else text


def _masked(match: re.Match[str]) -> str:
    found = match[0]
    return found if _MASKED.fullmatch(found) else mask(found.replace("%40", "@"))


def _story(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _clean(value: object) -> object:
    if isinstance(value, str):
        return scrub(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {scrub(str(k)): HIDDEN if k in HIDDEN_NAMES else _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item) for item in value]
    return HIDDEN if isinstance(value, (bytes, bytearray, memoryview)) else scrub(str(value))


def _clean_fields(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        event[name] = HIDDEN if name in HIDDEN_NAMES else _clean(value)
    return event


def _stamp(_logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    at = clock.now().isoformat(timespec="milliseconds")
    return {"at": at, "level": method, "event": event.pop("event"), **event}


def _json_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return _ENCODE(event)


def _logger(level: str, format: Format) -> FilteringBoundLogger:  # noqa: A002
    lines: list[Processor] = [_json_line]
    if format == "console":
        lines = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                timestamp_key="at",
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(_Stderr()),  # type: ignore[arg-type]  # only write and flush are used
        processors=[_clean_fields, _stamp, *lines],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    ).bind()
    return logger


_log = _logger("warning", "console")  # until `setup` is called, as in tests: little, and readable
