"""Mautic: recognises its mail, sets and hears Do Not Contact.

Mautic sets X-EMAIL-ID (the number of the e-mail), Precedence: Bulk, List-Unsubscribe and List-Unsubscribe-Post. Its
own one-click address is kept, so that it can be called after an opt-out here.

`[plugins.tools.LOGIN]`: url of Mautic, username and password of a user with the API on and basic authentication. For
the way back make a webhook in Mautic for "Contact Channel Subscription Change Event" to /hooks/mautic/LOGIN, and put
its secret under `hook`: Mautic signs with it. Do Not Contact has no lists: what is said there holds for everything.
"""

import base64
import json
from collections.abc import Generator, Sequence
from datetime import datetime
from urllib.parse import quote

from gateway.plugin import Answer, Call, Event, Heard, Hints, Signature, Tool

BLOCK_STYLE = "refuse"
SIGNATURE = Signature("webhook-signature", "sha256", "base64")

_CHANGED = "mautic.lead_channel_subscription_changed"
_UNSUBSCRIBED, _BOUNCED = 1, 2  # Mautic\LeadBundle\Entity\DoNotContact


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return the campaign of a message of Mautic; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    campaign = said.get("x-email-id", "")
    if not campaign.isascii() or not campaign.isdecimal() or len(campaign) > 18:
        return Hints()
    return Hints(tool="mautic", campaign=campaign)


def notify(event: Event, tool: Tool) -> Generator[Call, Answer, None]:
    """Set Do Not Contact for e-mail, and take it away when the person undid their opt-out."""
    reason = {"unsubscribed": _UNSUBSCRIBED, "complained": _UNSUBSCRIBED, "bounced": _BOUNCED}.get(event.kind)
    if reason is None and event.kind != "subscribed":
        return
    headers = _login(tool)
    search = quote(f"email:{event.address}", safe="")
    answer = yield Call("GET", f"{tool.url}/api/contacts?search={search}&minimal=true&limit=5", b"", headers)
    for number in _contacts(answer, event.address):
        if reason is None:
            yield Call("POST", f"{tool.url}/api/contacts/{number}/dnc/email/remove", b"{}", headers, fine=(404,))
            continue
        words = json.dumps({"reason": reason, "comments": f"consentgate: {event.kind}"}).encode()
        yield Call("POST", f"{tool.url}/api/contacts/{number}/dnc/email/add", words, headers, fine=(404,))


def receive(headers: Sequence[tuple[str, str]], body: bytes) -> Sequence[Heard]:  # noqa: ARG001 - as the hook has it
    """Return whom Mautic does not write to any more; raise ValueError for a body that is not Mautic's."""
    said = json.loads(body)
    if not isinstance(said, dict) or not isinstance(said.get(_CHANGED, []), list):
        raise ValueError("there is no list of subscription changes in it")  # noqa: TRY004 - as the hook has it
    heard = []
    for one in said.get(_CHANGED, []):
        kind = {"unsubscribed": "objected", "manual": "objected", "bounced": "bounced"}.get(one.get("new_status", ""))
        address = one.get("contact", {}).get("fields", {}).get("core", {}).get("email", {}).get("value")
        if kind and address and one.get("channel") == "email":
            heard.append(Heard(kind, str(address), at=_when(one.get("timestamp"))))  # type: ignore[arg-type]
    return heard


def _login(tool: Tool) -> Sequence[tuple[str, str]]:
    secret = base64.b64encode(f"{tool.username}:{tool.password}".encode()).decode()
    return [("authorization", f"Basic {secret}"), ("content-type", "application/json")]


def _contacts(answer: Answer, address: str) -> list[int]:
    """Return the numbers of the contacts with that very address: Mautic's search also finds longer ones."""
    contacts = json.loads(answer.body).get("contacts") or {}
    rows = contacts.values() if isinstance(contacts, dict) else contacts
    return [int(row["id"]) for row in rows if _address(row).casefold() == address.casefold()]


def _address(row: dict[str, object]) -> str:
    fields = row.get("fields")
    if isinstance(fields, dict):
        for place in (fields.get("all"), fields.get("core")):
            value = place.get("email") if isinstance(place, dict) else None
            if value:
                return str(value.get("value", "") if isinstance(value, dict) else value)
    return str(row.get("email", ""))


def _when(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None
