"""Sympa: recognises the list of its mail, signs people off by its SOAP interface.

Sympa sets X-Loop and X-Sequence, List-Id, Precedence: list, and the List-* fields of RFC 2369.

`[plugins.tools.LOGIN]`: url of the SOAP interface, such as https://lists.example.org/sympasoap; username and password
of a trusted application (trusted_applications.conf), which needs the variable USER_EMAIL of a listmaster as username:
`name/listmaster@example.org`. lists: our name = the list's name there. Its own sign-offs come by `plugin sync
--export` with the `member.dump` that `sympa dump LIST@DOMAIN` writes into the list's folder.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from html import escape

from gateway.plugin import Answer, Call, Event, Hints, Member, Tool

# Sympa counts refusals as bounces of the member, which in the end removes them.
BLOCK_STYLE = "discard"

_LIST_ID = re.compile(r"<\s*([A-Za-z0-9._-]+)\s*>\s*$")
# In the answers of Sympa/WWW/SOAP.pm, `del` and `amI`. A fault other than "Undef", such as that of a wrong password or
# list, says that nothing was done.
_UNDEF = re.compile(rb"<faultstring[^>]*>Undef</faultstring>")
_FALSE = re.compile(rb"<result[^>]*>(?:false|0)</result>")
_FAULT = re.compile(rb"<faultstring[^>]*>([^<]{1,200})<")
_EMAIL = re.compile(r"(?mi)^email\s+(\S+)\s*$")


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return the list of a message of Sympa; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    if "x-loop" not in said or "x-sequence" not in said or said.get("precedence", "").lower() != "list":
        return Hints()
    found = _LIST_ID.search(said.get("list-id", ""))
    return Hints(tool="sympa", campaign=found.group(1).lower() if found else None)


def notify(event: Event, tool: Tool) -> Generator[Call, Answer, None]:
    """Delete the membership of the list, or each that we know of, without a letter to the person."""
    if event.kind not in {"unsubscribed", "complained"}:
        return
    ours = event.list if event.kind == "unsubscribed" else None  # a complaint is about everything
    theirs = [tool.lists[ours]] if ours and ours in tool.lists else sorted(set(tool.lists.values()))
    for name in theirs:
        answer = yield _call(tool, (500,), "del", name, event.address, "1")
        if answer.status != 500:
            continue
        if _UNDEF.search(answer.body):  # not a member, or no longer; but a list that is closed gives the same fault
            answer = yield _call(tool, (), "amI", name, "subscriber", event.address)
            if _FALSE.search(answer.body):
                continue
        raise ValueError(f"Sympa refuses to delete a member of {name}: {_fault(answer.body)}")


def read(export: bytes) -> Iterator[Member]:
    """Read a dump of the members of a list: blocks of lines, one of them `email ADDRESS`."""
    for found in _EMAIL.finditer(export.decode("utf-8", "replace")):
        yield Member(found.group(1), subscribed=True)


def _fault(body: bytes) -> str:
    found = _FAULT.search(body)
    return found[1].decode("utf-8", "replace") if found else "is the list open?"


def _call(tool: Tool, fine: tuple[int, ...], service: str, *parameters: str) -> Call:
    headers = [
        ("content-type", "text/xml; charset=utf-8"),
        ("soapaction", '"urn:sympasoap#authenticateRemoteAppAndRun"'),
    ]
    return Call("POST", tool.url, _request(tool, service, *parameters), headers, fine)


def _request(tool: Tool, service: str, *parameters: str) -> bytes:
    """Return the envelope of `authenticateRemoteAppAndRun` (Sympa's documentation, SOAP)."""
    name, _, master = tool.username.partition("/")
    items = "".join(f'<item xsi:type="xsd:string">{escape(one)}</item>' for one in parameters)
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/">'
        '<soap:Body><n:authenticateRemoteAppAndRun xmlns:n="urn:sympasoap">'
        f"<appname>{escape(name)}</appname><apppassword>{escape(tool.password)}</apppassword>"
        f"<vars>USER_EMAIL={escape(master)}</vars><service>{service}</service>"
        f'<parameters enc:arrayType="xsd:string[{len(parameters)}]">{items}</parameters>'
        "</n:authenticateRemoteAppAndRun></soap:Body></soap:Envelope>"
    ).encode()
