"""listmonk: recognises its campaigns, blocklists and unsubscribes by its API, reports bounces to it.

Read in listmonk's source: `internal/manager/manager.go` sets X-Listmonk-Campaign and X-Listmonk-Subscriber (UUIDs) and,
with `privacy.unsubscribe_header`, List-Unsubscribe with one https address and List-Unsubscribe-Post. Both X-Listmonk
headers stay in the copies: its bounce scanner (`internal/bounce/mailbox`) looks for them in what comes back.

listmonk does not name its lists in a message. Give each campaign the custom header X-Consentgate-List, or use one
account, or one login of the form user+list, for each list.

`[plugins.tools.LOGIN]`: url of listmonk, username and password of an API user that may manage subscribers and lists;
lists: our name = the number of the list there. It has no webhook for opt-outs: `plugin sync` fetches them.
"""

import base64
import csv
import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from gateway.plugin import Answer, Call, Event, Hints, Member, Tool

# A refusal (550) counts towards app.max_send_errors, at which listmonk pauses the whole campaign; refused recipients
# are therefore taken, kept out, and reported.
BLOCK_STYLE = "discard"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_PAGE = 1000


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return campaign and subscriber of a message of listmonk; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    campaign, subscriber = _uuid(said.get("x-listmonk-campaign")), _uuid(said.get("x-listmonk-subscriber"))
    if campaign is None and subscriber is None:
        return Hints()
    return Hints(tool="listmonk", campaign=campaign, subscriber=subscriber)


def notify(event: Event, tool: Tool) -> Generator[Call, Answer, None]:
    """Unsubscribe from the list, or blocklist who refused everything; report bounces and complaints."""
    headers = _login(tool)
    if event.kind in {"bounced", "complained"}:
        kind = "complaint" if event.kind == "complained" else "hard"
        bounce = {"email": event.address, "source": "consentgate", "type": kind, "meta": "{}"}
        if event.campaign:
            bounce["campaign_uuid"] = event.campaign
        yield Call("POST", f"{tool.url}/webhooks/bounce", json.dumps(bounce).encode(), headers)
    if event.kind not in {"unsubscribed", "complained"}:
        return
    answer = yield Call("GET", f"{tool.url}/api/subscribers?per_page=1&query={_where(event.address)}", b"", headers)
    for found in _results(answer):
        number = int(found["id"])
        theirs = tool.lists.get(event.list or "", "")
        if event.kind == "unsubscribed" and theirs.isdecimal():
            change = {"ids": [number], "action": "unsubscribe", "target_list_ids": [int(theirs)]}
            yield Call("PUT", f"{tool.url}/api/subscribers/lists", json.dumps(change).encode(), headers)
        else:
            yield Call("PUT", f"{tool.url}/api/subscribers/{number}/blocklist", b"{}", headers)


def members(tool: Tool, list: str) -> Generator[Call | Member, Answer | None, None]:  # noqa: A002 - the hook's word
    """Ask for the subscribers of one list, page by page."""
    page = 1
    while True:
        url = f"{tool.url}/api/subscribers?list_id={int(list)}&page={page}&per_page={_PAGE}&order_by=id&order=asc"
        answer = yield Call("GET", url, b"", _login(tool))
        found = _results(answer)
        for row in found:
            there = [one for one in row["lists"] if str(one["id"]) == list]
            status = there[0].get("subscription_status") if there else "unsubscribed"
            yield Member(row["email"], row["status"] == "enabled" and status != "unsubscribed", _when(row))
        if len(found) < _PAGE:
            return
        page += 1


def read(export: bytes) -> Iterator[Member]:
    """Read Subscribers → Export (CSV with email, status)."""
    for row in csv.DictReader(export.decode("utf-8-sig").splitlines()):
        if row.get("email"):
            yield Member(row["email"], row.get("status") == "enabled", _when(row))


def _login(tool: Tool) -> Sequence[tuple[str, str]]:
    secret = base64.b64encode(f"{tool.username}:{tool.password}".encode()).decode()
    return [("authorization", f"Basic {secret}"), ("content-type", "application/json")]


def _where(address: str) -> str:
    """Return the condition that names one subscriber, as listmonk's query parameter wants it (SQL)."""
    return quote("subscribers.email = '" + address.lower().replace("'", "''") + "'", safe="")


def _results(answer: Answer | None) -> Sequence[dict[str, Any]]:
    found = json.loads(answer.body) if answer else {}
    return list(found.get("data", {}).get("results") or [])


def _when(row: Mapping[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(row.get("updated_at", "")))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _uuid(value: str | None) -> str | None:
    return value.lower() if value and _UUID.fullmatch(value) else None
