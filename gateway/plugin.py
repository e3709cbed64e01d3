"""What a plugin is: one file that translates for one campaign tool, and does nothing.

A plugin is a Python module. Its public names are hooks, and every hook is listed here with its exact arguments:

    BLOCK_STYLE = "refuse" | "discard" | "hold"      required: what the tool can bear when a recipient is refused
    def recognise(headers) -> Hints                  required: what the headers of a message say

`headers` is a sequence of (name, value) in the order of the message: names as written, values decoded and unfolded.
Hooks are pure: no network, no files, no database, no clock; the same headers always give the same hints. They must not
raise for what a stranger may put into a message. Hints claim, they never entitle: the account decides whether a claim
is believed, and nothing a plugin says can turn a no into a yes.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

Headers = Sequence[tuple[str, str]]

BLOCK_STYLES = ("refuse", "discard", "hold")
# Hook → its arguments. Any other public name in a plugin is an error at load, so that none is silently never called.
HOOKS: Mapping[str, tuple[str, ...]] = MappingProxyType({"recognise": ("headers",)})
CONSTANTS = frozenset({"BLOCK_STYLE"})
# Modules that do things; a plugin that imports one is refused. A guard against mistakes, not against malice: a plugin
# is code of the operator's choice and runs with the rights of the gateway.
BUSY = frozenset(
    {"asyncio", "ctypes", "ftplib", "http", "importlib", "multiprocessing", "os", "pathlib", "shutil", "signal"}
    | {"smtplib", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib.request"}
)


@dataclass(frozen=True, slots=True)
class Hints:
    """What the headers of one message say; None or "" where they say nothing.

    Values are as the tool wrote them and not checked. `remove` holds names of further headers, lower-case, that must
    not reach the recipient; list headers and `X-Consentgate-*` are removed anyway.
    """

    tool: str = ""
    list: str | None = None
    klass: str | None = None
    offer: str | None = None
    sector: str | None = None
    third_party: bool = False
    campaign: str | None = None
    subscriber: str | None = None
    one_click: str | None = None  # the tool's own RFC 8058 address, https
    trace: str | None = None
    remove: tuple[str, ...] = ()

    def over(self, other: "Hints") -> "Hints":
        """Return these hints, completed by `other` where they say nothing; third-party when either says so."""
        values = {
            field.name: getattr(self, field.name) or getattr(other, field.name) for field in dataclasses.fields(self)
        }
        return Hints(**{**values, "remove": tuple(dict.fromkeys(self.remove + other.remove))})


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin. `origin` is the file it came from, `title` the first sentence of its docstring."""

    name: str
    title: str
    origin: str
    block_style: str
    recognise: Callable[[Headers], Hints]
