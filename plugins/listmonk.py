"""listmonk: recognises its campaigns.

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


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return campaign and subscriber of a message of listmonk; nothing for other messages."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    campaign, subscriber = _uuid(said.get("x-listmonk-campaign")), _uuid(said.get("x-listmonk-subscriber"))
    if campaign is None and subscriber is None:
        return Hints()
    return Hints(tool="listmonk", campaign=campaign, subscriber=subscriber)


def _uuid(value: str | None) -> str | None:
    return value.lower() if value and _UUID.fullmatch(value) else None
