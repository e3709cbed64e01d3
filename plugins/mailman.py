"""Mailman 3: recognises the list of its mail, ends memberships and disables bouncing members by its REST API.

Mailman sets X-Mailman-Version, List-Id and Precedence: list. Its List-Unsubscribe is replaced by ours.

`[plugins.tools.LOGIN]`: url of the REST API with its version, such as http://127.0.0.1:8001/3.1 (then the host must
be an internal one), username and password of `[webservice]`; lists: our name = the list id, such as
news.lists.example.org. A refusal would be a bounce that in the end disables the member; refused recipients are taken,
kept out, and reported.
"""

import base64
import json
import re
from collections.abc import Generator, Sequence
from urllib.parse import quote

from gateway.plugin import Answer, Call, Event, Hints, Member, Tool

BLOCK_STYLE = "discard"

_LIST_ID = re.compile(r"<\s*([A-Za-z0-9._-]+)\s*>\s*$")
_PAGE = 500


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return the list of a message of Mailman 3; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    if not said.get("x-mailman-version", "").startswith("3"):
        return Hints()
    found = _LIST_ID.search(said.get("list-id", ""))
    return Hints(tool="mailman", campaign=found.group(1).lower() if found else None)


def notify(event: Event, tool: Tool) -> Generator[Call, Answer, None]:
    """End the membership of the list, or every membership that we know of, when the person said no."""
    if event.kind not in {"unsubscribed", "complained"}:
        return
    ours = event.list if event.kind == "unsubscribed" else None  # a complaint is about everything
    theirs = [tool.lists[ours]] if ours and ours in tool.lists else sorted(set(tool.lists.values()))
    for list_id in theirs:
        url = f"{tool.url}/lists/{quote(list_id, safe='')}/member/{quote(event.address, safe='')}"
        yield Call("DELETE", url, b"", _login(tool), fine=(404,))


def members(tool: Tool, list: str) -> Generator[Call | Member, Answer | None, None]:  # noqa: A002 - the hook's word
    """Ask for the roster of one list, page by page; whoever left is not on it any more."""
    page = 1
    while True:
        url = f"{tool.url}/lists/{quote(list, safe='')}/roster/member?count={_PAGE}&page={page}"
        answer = yield Call("GET", url, b"", _login(tool))
        found = json.loads(answer.body).get("entries", []) if answer else []
        for row in found:
            yield Member(row["email"], row.get("delivery_mode", "regular") != "none")
        if len(found) < _PAGE:
            return
        page += 1


def _login(tool: Tool) -> Sequence[tuple[str, str]]:
    secret = base64.b64encode(f"{tool.username}:{tool.password}".encode()).decode()
    return [("authorization", f"Basic {secret}"), ("accept", "application/json")]
