"""WordPress with MailPoet: recognises its newsletters; opt-outs go both ways by one address and a few lines of PHP.

MailPoet sets List-Unsubscribe with an address of its router (`mailpoet_router`) and, over https,
List-Unsubscribe-Post: add the site's host to the account's opt-out hosts, and MailPoet hears of every opt-out by RFC
8058. MailPoet tells of its own by the hook `mailpoet_subscriber_status_changed`: docs/howto/tools.md has the lines
that send it to /hooks/wordpress.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime

from gateway.plugin import Heard, Hints, Signature

BLOCK_STYLE = "refuse"
SIGNATURE = Signature("x-consentgate-signature", "sha256", "hex")

_URL = re.compile(r"<\s*https?://[^\s<>]*[?&]mailpoet_router[^\s<>]*\s*>", re.IGNORECASE)
_KINDS = {"unsubscribed": "objected", "bounced": "bounced"}


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return that a message is a newsletter of MailPoet, by the address in List-Unsubscribe."""
    said: dict[str, str] = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.strip())
    found = _URL.search(said.get("list-unsubscribe", ""))
    return Hints(tool="wordpress") if found else Hints()


def receive(headers: Sequence[tuple[str, str]], body: bytes) -> Sequence[Heard]:  # noqa: ARG001 - as the hook has it
    """Return whom MailPoet does not write to any more; raise ValueError for another body than docs/howto sends."""
    said = json.loads(body)
    if not isinstance(said, dict) or not isinstance(said.get("email"), str):
        raise ValueError('write {"email": …, "status": …, "at": …}')  # noqa: TRY004 - as the hook has it
    kind = _KINDS.get(str(said.get("status", "")))
    if kind is None:
        return []
    try:
        at = datetime.fromisoformat(str(said.get("at", "")))
    except ValueError:
        at = None
    return [Heard(kind, said["email"], at=at if at and at.tzinfo else None)]  # type: ignore[arg-type]
