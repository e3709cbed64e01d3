"""What can happen between a person and an advertiser: the lines of the ledger.

An event is never changed. Everything that is known of a person's agreement is a fold over events (`law.standing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The closed list of what an event can be."""

    INFORMED = "informed"  # a notice was shown (GDPR 13 or 14); evidence says which and whether refusal was offered
    GRANTED = "granted"  # consent was given (GDPR 4(11))
    CONFIRMED = "confirmed"  # a double opt-in link was followed, or a re-confirmation answered yes
    SOLD = "sold"  # a sale or service was really supplied (CPCE L34-5 al. 4)
    ENDED = "ended"  # the customer relation ended
    ACTED = "acted"  # a contact that comes from the person: order, reply, click on an offer, request
    CONTACTED = "contacted"  # we wrote to the person
    ASKED = "asked"  # the one re-confirmation message was sent
    WITHDRAWN = "withdrawn"  # consent was taken back (GDPR 7(3))
    OBJECTED = "objected"  # prospecting was refused (GDPR 21(2))
    COMPLAINED = "complained"  # reported as spam (RFC 5965)
    BOUNCED = "bounced"  # the address does not accept mail; about accuracy, not about will
    RESTORED = "restored"  # the person undid an opt-out
    RECTIFIED = "rectified"
    RESTRICTED = "restricted"
    ERASED = "erased"
    TRANSFERRED = "transferred"

    __hash__ = str.__hash__  # that of every enumeration is written in Python


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the ledger.

    `list` and `channel` narrow it; None means every list, every channel. `direct` is True when the person said it to
    this advertiser and False when a third party reported it (a seller's consent never lifts a direct objection).
    `evidence` holds what is particular to the kind; the keys the law reads are documented in `docs/rules.md`.
    """

    kind: Kind
    at: datetime
    list: int | None = None
    channel: str | None = None
    direct: bool = True
    evidence: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


def words(value: object) -> tuple[str, ...]:
    """Return evidence that may be one word or several as several."""
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, (list, tuple, set, frozenset)) else ()
