"""listmonk: recognises its campaigns and keeps its own one-click address.

Read in listmonk's source: `internal/manager/manager.go` sets X-Listmonk-Campaign and X-Listmonk-Subscriber (UUIDs) and,
with `privacy.unsubscribe_header`, List-Unsubscribe with one https address and List-Unsubscribe-Post. Both X-Listmonk
headers stay in the copies: its bounce scanner (`internal/bounce/mailbox`) looks for them in what comes back.

listmonk does not name its lists in a message. Give each campaign the custom header X-Consentgate-List, or use one
account, or one login of the form user+list, for each list.
"""

import re
from collections.abc import Sequence

from gateway.plugin import Hints

# A refusal (550) counts towards app.max_send_errors, at which listmonk pauses the whole campaign; refused recipients
# are therefore taken, kept out, and reported.
BLOCK_STYLE = "discard"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_HTTPS = re.compile(r"<\s*(https://[^\s<>]+)\s*>", re.IGNORECASE)


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return campaign, subscriber and one-click address of a message of listmonk; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    campaign, subscriber = _uuid(said.get("x-listmonk-campaign")), _uuid(said.get("x-listmonk-subscriber"))
    if campaign is None and subscriber is None:
        return Hints()
    return Hints(tool="listmonk", campaign=campaign, subscriber=subscriber, one_click=_one_click(said))


def _uuid(value: str | None) -> str | None:
    return value.lower() if value and _UUID.fullmatch(value) else None


def _one_click(said: dict[str, str]) -> str | None:
    """Return the https address only when the tool says that a POST to it acts (RFC 8058 3.1)."""
    if said.get("list-unsubscribe-post", "").replace(" ", "").lower() != "list-unsubscribe=one-click":
        return None
    found = _HTTPS.search(said.get("list-unsubscribe", ""))
    return found.group(1) if found else None
