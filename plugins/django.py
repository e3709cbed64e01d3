"""Django: django-newsletter's mail, and a site of your own that speaks django-anymail's names.

django-newsletter sets List-Unsubscribe with the page of a newsletter, the same for everybody. It has no API: a view
of a few lines (docs/howto/tools.md) takes what happened here, and a signal sends what happened there.

`[plugins.tools.LOGIN]`: url of that view, password: the secret that it checks, sent as Bearer; `hook`: the secret of
the way back. The events have the names and fields of anymail's tracking events: event_type, recipient, timestamp, and
`list`.
"""

import json
import re
from collections.abc import Generator, Sequence
from datetime import datetime

from gateway.plugin import Answer, Call, Event, Heard, Hints, Tool

BLOCK_STYLE = "refuse"

_PAGE = re.compile(r"<\s*https?://[^\s<>]+/([-\w]{1,100})/unsubscribe/\s*>", re.ASCII)
_TOLD = {"unsubscribed", "subscribed", "complained", "bounced"}
_HEARD = {"unsubscribed": "objected", "complained": "complained", "bounced": "bounced"}


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return the newsletter of a message of django-newsletter; nothing for other messages."""
    for name, value in headers:
        if name.lower() == "list-unsubscribe" and (found := _PAGE.search(value)):
            return Hints(tool="django", campaign=found.group(1))
    return Hints()


def notify(event: Event, tool: Tool) -> Generator[Call, Answer, None]:
    """Tell the site's view; it names the list as the site does."""
    if event.kind not in _TOLD:
        return
    said = {
        "event_type": event.kind,
        "recipient": event.address,
        "timestamp": event.at.isoformat(),
        "list": tool.lists.get(event.list, event.list) if event.list else None,
        "description": event.reason,
    }
    headers = [("content-type", "application/json"), ("authorization", f"Bearer {tool.password}")]
    yield Call("POST", tool.url, json.dumps(said, ensure_ascii=False).encode(), headers)


def receive(headers: Sequence[tuple[str, str]], body: bytes) -> Sequence[Heard]:  # noqa: ARG001 - as the hook has it
    """Return what the site says of people: one event, or a list of them; ValueError for another body."""
    said = json.loads(body)
    events = said if isinstance(said, list) else [said]
    if not all(isinstance(one, dict) and isinstance(one.get("recipient"), str) for one in events):
        raise ValueError('write {"event_type": …, "recipient": …, "timestamp": …, "list": …}')
    return [
        Heard(kind, one["recipient"], one.get("list"), _when(one.get("timestamp")))  # type: ignore[arg-type]
        for one in events
        if (kind := _HEARD.get(str(one.get("event_type"))))
    ]


def _when(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None
