"""Mailtrain 2: recognises its campaigns, unsubscribes and blacklists by its API.

Mailtrain names campaign, list and subscription in `x-fbl` and its kin ("campaign.list.subscription"), and sets
List-ID and List-Unsubscribe.

`[plugins.tools.LOGIN]`: url of Mailtrain, password: an access token of its API; lists: our name = the list's cid. It
has no webhook: `plugin sync` fetches who unsubscribed there.
"""

import json
import re
from collections.abc import Generator, Sequence
from urllib.parse import quote, urlencode

from gateway.plugin import Answer, Call, Event, Hints, Member, Tool

BLOCK_STYLE = "refuse"

_IDS = re.compile(r"([A-Za-z0-9_-]{5,20})\.([A-Za-z0-9_-]{5,20})\.([A-Za-z0-9_-]{5,20})")
_NAMES = ("x-fbl", "x-msys-api", "x-smtpapi", "x-mailgun-variables")
_FORM = [("content-type", "application/x-www-form-urlencoded")]
_PAGE, _SUBSCRIBED = 1000, 1


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return campaign and subscription of a message of Mailtrain; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    if "list-unsubscribe" not in said or "/subscription/" not in said["list-unsubscribe"]:
        return Hints()
    for name in _NAMES:
        if found := _IDS.search(said.get(name, "")[:2000]):
            campaign, _, subscription = found.groups()
            return Hints(tool="mailtrain", campaign=campaign, subscriber=subscription, remove=_NAMES)
    return Hints()


def notify(event: Event, tool: Tool) -> Generator[Call, Answer, None]:
    """Unsubscribe from the list, or blacklist who refused everything; take off the blacklist who undid that."""
    form = urlencode({"EMAIL": event.address}).encode()
    key = f"?access_token={quote(tool.password, safe='')}"
    theirs = tool.lists.get(event.list or "")
    if event.kind == "unsubscribed" and theirs:
        yield Call("POST", f"{tool.url}/api/unsubscribe/{quote(theirs, safe='')}{key}", form, _FORM, fine=(404,))
    elif event.kind in {"unsubscribed", "complained"}:
        yield Call("POST", f"{tool.url}/api/blacklist/add{key}", form, _FORM)
    elif event.kind == "subscribed" and event.list is None:
        yield Call("POST", f"{tool.url}/api/blacklist/delete{key}", form, _FORM)


def members(tool: Tool, list: str) -> Generator[Call | Member, Answer | None, None]:  # noqa: A002 - the hook's word
    """Ask for the subscriptions of one list, page by page."""
    start = 0
    while True:
        query = urlencode({"access_token": tool.password, "start": start, "limit": _PAGE})
        answer = yield Call("GET", f"{tool.url}/api/subscriptions/{quote(list, safe='')}?{query}")
        found = json.loads(answer.body).get("data", {}).get("subscriptions", []) if answer else []
        for row in found:
            yield Member(row["email"], row.get("status") == _SUBSCRIBED)
        if len(found) < _PAGE:
            return
        start += _PAGE
