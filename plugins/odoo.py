"""Odoo (mass_mailing): recognises its mailings, keeps its blacklist by its JSON-RPC interface.

Odoo sets List-Unsubscribe with its own address (`/mailing/NUMBER/…`), List-Unsubscribe-Post and Precedence: list; the
address is kept, so that it can be called after an opt-out here.

`[plugins.tools.LOGIN]`: url of Odoo; username: `database/login`; password: an API key of that user, who may manage
the blacklist. Its blacklist has no lists: what is said there holds for everything. The way back is `plugin sync
--export` with the blacklist exported as CSV (column Email).
"""

import csv
import json
import re
from collections.abc import Generator, Iterator, Sequence

from gateway.plugin import Answer, Call, Event, Hints, Member, Tool

BLOCK_STYLE = "refuse"

_MAILING = re.compile(r"<\s*https?://[^\s<>]+/mailing/(\d{1,18})/[^\s<>]*\s*>", re.IGNORECASE)
_JSON = [("content-type", "application/json")]


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return the mailing of a message of Odoo; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    found = _MAILING.search(said.get("list-unsubscribe", ""))
    return Hints(tool="odoo", campaign=found.group(1)) if found else Hints()


def notify(event: Event, tool: Tool) -> Generator[Call, Answer, None]:
    """Put an address on the blacklist, and archive the entry when the person undid their opt-out."""
    if event.kind not in {"unsubscribed", "complained", "subscribed"}:
        return
    database, _, login = tool.username.partition("/")
    answer = yield _call(tool, "common", "authenticate", database, login, tool.password, {})
    user = _result(answer)
    found = yield _object(tool, database, user, "search", [[["email", "=ilike", event.address]]])
    numbers = _result(found)
    if event.kind == "subscribed":
        if numbers:
            yield _object(tool, database, user, "write", [numbers, {"active": False}])
    elif not numbers:
        yield _object(tool, database, user, "create", [{"email": event.address}])


def read(export: bytes) -> Iterator[Member]:
    """Read the exported blacklist: everybody on it wants no mail."""
    for row in csv.DictReader(export.decode("utf-8-sig").splitlines()):
        said = {(name or "").strip().lower(): (value or "").strip() for name, value in row.items()}
        if address := said.get("email") or said.get("email address") or said.get("adresse e-mail"):
            yield Member(address, subscribed=False)


def _object(tool: Tool, database: str, user: object, method: str, arguments: Sequence[object]) -> Call:
    return _call(tool, "object", "execute_kw", database, user, tool.password, "mail.blacklist", method, arguments)


def _call(tool: Tool, service: str, method: str, *arguments: object) -> Call:
    params = {"service": service, "method": method, "args": arguments}
    body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
    return Call("POST", f"{tool.url}/jsonrpc", json.dumps(body).encode(), _JSON)


def _result(answer: Answer) -> object:
    """Return the result of a call; ValueError when Odoo says that it failed, so that it is tried again."""
    said = json.loads(answer.body)
    if said.get("error") or said.get("result") is False:
        raise ValueError(f"Odoo refuses: {said.get('error') or 'login'}")
    return said.get("result")
