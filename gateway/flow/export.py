"""The people of a list as rows: what is known of them, the evidence, and whether they may be written to now."""

from collections.abc import Iterator
from typing import Any

from gateway.flow import members
from gateway.flow.context import Context
from gateway.flow.facts import Case
from gateway.flow.importrow import COLUMNS
from gateway.law.events import Event
from gateway.law.reasons import Verdict
from gateway.store.tables import Contact, List

_CONTACT = tuple(column.name for column in COLUMNS if column.part == "contact" and column.name != "first_name")
_EVIDENCE = tuple(column.name for column in COLUMNS if column.part == "evidence")
# Whom, whether, on what: `import` reads the columns that it knows back.
NAMES = ("address", "fate", "code", "event", "at", "channel", *_CONTACT, "restricted", *_EVIDENCE)


def rows(context: Context, row: List) -> Iterator[dict[str, Any]]:
    """Yield one row a person of the list, in no particular order.

    `fate` and `code` are the verdict on a plain prospecting message at this moment; `event` is the one that it rests
    on, else the latest on the list; `events` are all of this list.
    """
    for page in members.of_list(context, row):
        for contact, case in page:
            yield _row(contact, case, row, case.verdict)


def _row(contact: Contact, case: Case, row: List, verdict: Verdict) -> dict[str, Any]:
    events = [event for event in _events(case) if event.list in {None, row.id}]
    ground = next((event for event in events if event.id in verdict.because), events[-1] if events else None)
    found: dict[str, Any] = {
        "address": contact.address,
        "fate": verdict.fate.value,
        "code": verdict.code,
        "event": ground.kind.value if ground else None,
        "at": ground.at if ground else None,
        "channel": ground.channel if ground else None,
        **{name: _known(getattr(contact, name)) for name in (*_CONTACT, "restricted")},
    }
    evidence = ground.evidence if ground else {}
    found |= {name: evidence.get(name) for name in _EVIDENCE}
    return found | {"events": [_told(event) for event in events]}


def _known(value: object) -> object:
    return None if value == "unknown" else value


def _events(case: Case) -> tuple[Event, ...]:
    person = case.person
    return tuple(getattr(person, "events", ()))


def _told(event: Event) -> dict[str, Any]:
    return {
        "event": event.kind.value,
        "at": event.at,
        "channel": event.channel,
        "direct": event.direct,
        "evidence": dict(event.evidence),
    }
