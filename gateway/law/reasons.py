"""Verdicts and the public reason codes: what follows from each, as data.

The table `REASONS` is filled from `docs/rules.md`; consequences (SMTP code, enhanced status, article, what is put into
the message) sit here and never in a rule's question.
"""

from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What happens to the copy for one recipient."""

    SEND = "send"
    REFUSE = "refuse"
    DEFER = "defer"


class Token(StrEnum):
    """What must be put into a copy that is sent (rules.md, A2)."""

    FOOT = "foot"  # the mention, in every alternative
    LU = "list-unsubscribe"
    LUP = "list-unsubscribe-post"
    LID = "list-id"
    DKIM = "dkim"
    REL = "customer-since"
    PRO = "in-your-function"
    SRC = "source"
    ART14 = "art14"


BASE = frozenset({Token.FOOT, Token.LU, Token.LUP, Token.LID, Token.DKIM})


@dataclass(frozen=True, slots=True)
class Reason:
    """One public code and its consequences.

    `code` is stable for ever. `smtp` and `status` are the SMTP reply code and enhanced status (RFC 3463) of a refusal
    or deferral; `article` names the text of law; the sentence for people is `law.<code>` in the text room.
    """

    code: str
    fate: Fate
    article: str = ""
    smtp: int = 550
    status: str = "5.7.1"
    inject: frozenset[Token] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one recipient: the reason, the rule that gave it, and what it rested on.

    `because` holds the ids of the events, `oppositions` those of the oppositions the rule looked at; `inject` is the
    reason's set plus what the facts add (REL, PRO, SRC, ART14); `also` the codes of further rules that fail.
    """

    reason: Reason
    rule: str
    because: tuple[int, ...] = ()
    oppositions: tuple[int, ...] = ()
    inject: frozenset[Token] = frozenset()
    also: tuple[str, ...] = ()

    @property
    def fate(self) -> Fate:
        """Return what happens to the copy."""
        return self.reason.fate

    @property
    def code(self) -> str:
        """Return the public reason code."""
        return self.reason.code
