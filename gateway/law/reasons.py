"""Verdicts and the public reason codes: what follows from each, as data.

The table `REASONS` holds every public code of `docs/rules.md`; consequences (SMTP code, enhanced status, article, what
is put into the message) sit here and never in a rule's question.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Fate(StrEnum):
    """What happens to the copy for one recipient."""

    SEND = "send"
    REFUSE = "refuse"
    DEFER = "defer"


class Token(StrEnum):
    """What must be put into a copy that is sent (docs/rules.md, The codes)."""

    FOOT = "foot"  # the mention, in every alternative
    LU = "list-unsubscribe"
    LUP = "list-unsubscribe-post"
    LID = "list-id"
    DKIM = "dkim"
    REL = "customer-since"
    PRO = "in-your-function"
    SRC = "source"
    ART14 = "art14"
    ADV = "advertising-line"  # neither From nor Subject shows that it is advertising
    STRIP = "no-tracking"  # what watches the person is taken out
    TRK = "tracking-link"  # the person agreed to be watched, and is told how to take that back


BASE = frozenset({Token.FOOT, Token.LU, Token.LUP, Token.LID, Token.DKIM})


@dataclass(frozen=True, slots=True)
class Reason:
    """One public code and its consequences.

    `code` is stable for ever; `gate` is where it belongs (docs/rules.md). `smtp` and `status` are the SMTP reply code
    and enhanced status (RFC 3463) of a refusal or deferral; `article` names the text of law; the sentence for people is
    `law.<code>` in the text room.
    """

    code: str
    fate: Fate
    article: str = ""
    smtp: int = 550
    status: str = "5.7.1"
    inject: frozenset[Token] = frozenset()
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one recipient: the reason, the rule that gave it, and what it rested on.

    `because` holds the ids of the events, `oppositions` those of the oppositions the rule looked at; `inject` is the
    reason's set plus what the facts add (SRC, ART14, ADV, STRIP, TRK); `also` the codes of further rules that fail.
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


def _no(gate: str, code: str, article: str, smtp: int = 550, status: str = "5.7.1") -> Reason:
    return Reason(code, Fate.REFUSE, article, smtp, status, gate=gate)


def _yes(code: str, article: str, inject: frozenset[Token] = frozenset()) -> Reason:
    return Reason(code, Fate.SEND, article, 250, "2.1.5", inject, gate="allow")


_ROWS = (
    _no("G0", "R-SMTP-BARE", "RFC 5321 2.3.8", 554, "5.6.0"),
    _no("G0", "R-SMTP-SIZE", "RFC 1870 6", 552, "5.3.4"),
    _no("G0", "R-SMTP-SYNTAX", "RFC 6409 8", 554, "5.6.0"),
    _no("G1", "R-MSG-IDENTITY", "CPCE L34-5 al. 5; LCEN 20", status="5.7.0"),
    _no("G1", "R-MSG-NOCONTACT", "CPCE L34-5 al. 5", status="5.7.0"),
    _no("G1", "R-MSG-SUBJECT", "CPCE L34-5 al. 5", status="5.7.0"),
    _no("G1", "R-MSG-NOTAD", "LCEN 20; C. conso. L122-8", status="5.7.0"),
    _no("G1", "R-MSG-LEGALID", "LCEN 19; C. com. R123-237", status="5.7.0"),
    _no("G1", "R-MSG-DISCLOSURE", "GDPR 5(1)(f), 32", status="5.7.0"),
    _no("G1", "R-MSG-NULLSENDER", "RFC 5321 4.5.5", status="5.7.0"),
    _no("G0", "R-SENDER-FORBIDDEN", "RFC 6409 6.1"),
    _no("class", "R-CLASS-FORBIDDEN", "RFC 6409 6.1"),
    _no("G2", "R-OBJECTED", "GDPR 7(3), 21(2)-(3)"),
    _no("G2", "R-RESTRICTED", "GDPR 18"),
    _no("G3", "R-SECTOR-BAN", "C. conso. L223-8"),
    _no("G4", "R-UNKNOWN", "GDPR 5(2)"),
    _no("G5", "R-MINOR", "GDPR 8; LIL 45"),
    _no("G6", "R-RECONFIRM-REPEAT", "GDPR 5(1)(e)"),
    _no("G6", "R-EXPIRED", "GDPR 5(1)(e)"),
    _no("G7", "R-LIST-UNNAMED", "GDPR 5(1)(b)", status="5.7.0"),
    _no("G7", "R-LIST-FORBIDDEN", "GDPR 28, 32", status="5.7.2"),
    _no("G7", "R-LIST-INACTIVE", "GDPR 5(1)(b)"),
    _no("G7", "R-LIST-CHANNEL", "CPCE L34-5 al. 1"),
    _no("G7", "R-LIST-NOGUARANTEE", "GDPR 5(2), 24"),
    _no("G8", "R-NOCONSENT", "CPCE L34-5 al. 1"),
    _no("G8", "R-CONSENT-INVALID", "GDPR 4(11), 7(4)"),
    _no("G8", "R-CONSENT-CHANNEL", "CPCE L34-5 al. 1"),
    _no("G8", "R-CONSENT-PURPOSE", "CPCE L34-5 al. 1"),
    _no("G8", "R-CONSENT-CONTROLLER", "GDPR 4(11), 13"),
    _no("G8", "R-LIST-NOTNAMED", "GDPR 4(11), 13"),
    _no("G8", "R-CONSENT-NOPROOF", "GDPR 7(1)"),
    _no("G8", "R-CUST-NOSALE", "CPCE L34-5 al. 4"),
    _no("G8", "R-CUST-INDIRECT", "CPCE L34-5 al. 4"),
    _no("G8", "R-CUST-ENTITY", "CPCE L34-5 al. 4"),
    _no("G8", "R-CUST-NOTANALOGOUS", "CPCE L34-5 al. 4"),
    _no("G8", "R-CUST-NOOPTOUT", "CPCE L34-5 al. 4"),
    _no("G8", "R-B2B-UNRELATED", "GDPR 6(1)(f)"),
    _no("G8", "R-B2B-NOINFO", "GDPR 13, 21(4)"),
    _no("G8", "R-B2B-FREEMAIL", "GDPR 6(1)(f)"),
    _no("G8", "R-B2B-COUNTRY", "dir. 2002/58 art. 13(5)"),
    _no("G9", "R-ART14-OVERDUE", "GDPR 14(3)"),
    _no("G10", "R-MSG-OPAQUE", "CPCE L34-5 al. 5", status="5.7.0"),
    _no("G10", "R-MSG-PLACEHOLDER", "CPCE L34-5 al. 5", status="5.7.0"),
    _no("G10", "R-MSG-NODKIM", "RFC 8058 4", status="5.7.0"),
    _yes("A-CONSENT", "CPCE L34-5 al. 1", BASE),
    _yes("A-CUSTOMER", "CPCE L34-5 al. 4", BASE | {Token.REL}),
    _yes("A-B2B", "GDPR 6(1)(f)", BASE | {Token.PRO}),
    _yes("A-GENERIC", "CPCE L34-5 al. 5", BASE),
    _yes("A-NONCOM", "GDPR 6(1)(f), 21", BASE),
    _yes("A-RECONFIRM", "GDPR 5(1)(e)", BASE),
    _yes("A-POST", "GDPR 6(1)(f), 21", BASE),
    _yes("A-SERVICE", "GDPR 6(1)(b)"),
    _yes("A-NOTICE", "GDPR 13, 14"),
    _yes("A-RIGHTS", "GDPR 12"),
    Reason("W-SECTOR", Fate.SEND, "sector codes", 250, "2.1.5", gate="G1"),
    Reason("D-UNREAD", Fate.DEFER, "GDPR 5(2)", 451, "4.3.0", gate="any"),
    Reason("D-PAUSED", Fate.DEFER, "GDPR 21(2)", 451, "4.7.1", gate="G11"),
)

REASONS: Mapping[str, Reason] = MappingProxyType({row.code: row for row in _ROWS})
