"""What a plugin is: one file that translates for one campaign tool, and does nothing.

A plugin is a Python module. Its public names are hooks, and every hook is listed here with its exact arguments:

    BLOCK_STYLE = "refuse" | "discard" | "hold"      required: what the tool can bear when a recipient is refused
    def recognise(headers) -> Hints                  required: what the headers of a message say
    def notify(event, tool) -> Generator             the HTTP calls that tell the tool what happened here
    def receive(headers, body) -> Sequence[Heard]    what the tool's own webhook says
    SIGNATURE = Signature(…)                         how the tool signs its webhook; without it the secret is sent along
    def members(tool, list) -> Generator             who is on a list there: calls, and what their answers say
    def read(export) -> Iterable[Member]             the same, from a file that the tool exports

`headers` is a sequence of (name, value) in the order of the message or request: names as written, values decoded and
unfolded. Hooks are pure: no network, no files, no database, no clock; the same input always gives the same output.
`recognise` must not raise for what a stranger may put into a message; `receive` may raise ValueError for a body that
the tool would never write. Hints and what is heard claim, they never entitle: the account decides whether a claim is
believed, and nothing a plugin says can turn a no into a yes.

`notify` is a generator: it yields a `Call` and is given the tool's `Answer`, so that one call may need what another
one said. The gateway makes the calls, keeps the order of events of one person, and tries again from the first call when
one fails; so calling twice must be calling once.

`members` is a generator too: where it yields a `Call` it is given the `Answer`; where it yields a `Member`, None.
`list` is the tool's own name. It serves `consentgate plugin sync`, which makes no consent out of a member.

    def notify(event, tool):
        if event.kind in ("unsubscribed", "complained"):
            yield Call("POST", f"{tool.url}/api/blacklist/add", b"EMAIL=" + quote(event.address).encode())
"""

import dataclasses
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

Headers = Sequence[tuple[str, str]]

BLOCK_STYLES = ("refuse", "discard", "hold")
# Hook → its arguments. Any other public name in a plugin is an error at load, so that none is silently never called.
HOOKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "recognise": ("headers",),
        "notify": ("event", "tool"),
        "receive": ("headers", "body"),
        "members": ("tool", "list"),
        "read": ("export",),
    }
)
CONSTANTS = frozenset({"BLOCK_STYLE", "SIGNATURE"})
REQUIRED = frozenset({"BLOCK_STYLE", "recognise"})
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
class Tool:
    """The tool of one account as `[plugins.tools.LOGIN]` describes it; `lists` maps our lists to the tool's own."""

    url: str = ""  # without a slash at the end
    username: str = ""
    password: str = ""
    lists: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something the tool should know.

    `kind` is one of django-anymail's names ("unsubscribed", "complained", "bounced", "rejected", "delivered",
    "subscribed") or one of ours ("consentgate.erased" …). `list` is our name of the list; None: everything of the
    advertiser. `campaign` and `subscriber` are the hints of the last message that this tool sent to the person.
    """

    kind: str
    address: str
    at: datetime
    list: str | None = None
    reason: str = ""
    campaign: str = ""
    subscriber: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; a 2xx answer, or one of the statuses in `fine`, says that it was understood.

    "https://…" only, unless the settings allow the host. The body is at most a megabyte.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str
    body: bytes = b""
    headers: Headers = ()
    fine: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and at most a megabyte of the body."""

    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Heard:
    """Something the tool's webhook says about a person.

    `list` is the tool's own name of the list (`Tool.lists` says which of ours it is) or our name; None: everything.
    `at` is when it happened, aware; None: now. A soft bounce is not worth an event.
    """

    kind: Literal["withdrawn", "objected", "complained", "bounced"]
    address: str
    list: str | None = None
    at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on a list of the tool: whether the tool would still write to them. `at`: since when, aware, if known."""

    address: str
    subscribed: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """How a tool signs its webhook: HMAC of the body, under the account's secret, in this header."""

    header: str
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""  # what stands before the digest, such as "sha256="


Notify = Callable[[Event, Tool], Generator[Call, Answer, None]]
Receive = Callable[[Headers, bytes], Sequence[Heard]]
Members = Callable[[Tool, str], Generator[Call | Member, Answer | None, None]]
Read = Callable[[bytes], Iterable[Member]]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin; None for a hook that it does not have.

    `origin` is the file it came from, `title` the first sentence of its docstring.
    """

    name: str
    title: str
    origin: str
    block_style: str
    recognise: Callable[[Headers], Hints]
    notify: Notify | None = None
    receive: Receive | None = None
    members: Members | None = None
    read: Read | None = None
    signature: Signature | None = None
