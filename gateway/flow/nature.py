"""Is it plain on receipt that a message is advertising? Its From and Subject must say so (LCEN 20; C. conso. L122-8).

What does not say so gets a first line that does. What looks like an invoice, a letter from an authority or one from
an acquaintance, and says nothing of an offer, is refused: a line inside would come too late.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache

from gateway.flow.intake import Intake
from gateway.mail import looks
from gateway.mail.headers import Headers
from gateway.text import languages, say

PRETENCES = ("invoice", "official", "personal")
_SHOWN = ("promotion.words", "promotion.nature")
_FIGURES = re.compile(r"\d\s?%|[€$£]|\b\d+\s?(?:eur|euros?|usd|gbp)\b", re.IGNORECASE)


def seen(intake: Intake, fields: Headers) -> Intake:
    """Return the intake with what From and Subject show; it says that they show advertising before."""
    if advertises(fields):
        return intake
    return replace(intake, message=replace(intake.message, advertises=False))


def advertises(fields: Headers) -> bool:
    """Return whether From or Subject show that this is advertising."""
    return _advertises(fields.get("subject") or "", fields.get("from") or "")


def pretence(fields: Headers) -> tuple[str, str] | None:
    """Return what the subject of a message that shows no offer imitates (of `PRETENCES`), and by which words."""
    if advertises(fields):
        return None
    said = looks.words(fields.get("subject") or "")
    for kind in PRETENCES:
        if words := _holds(said, (f"promotion.imitates-{kind}",)):
            return kind, words
    return None


@lru_cache(maxsize=1024)
def _advertises(subject: str, sender: str) -> bool:
    return _FIGURES.search(subject) is not None or bool(_holds(looks.words(f"{subject} {sender}"), _SHOWN))


def _holds(said: Sequence[str], keys: tuple[str, ...]) -> str:
    """Return the first of the terms under `keys`, in any language, that the words `said` hold; else ""."""
    terms, longest = _terms(keys)
    for start in range(len(said)):
        for end in range(start + 1, min(start + longest, len(said)) + 1):
            if (term := " ".join(said[start:end])) in terms:
                return term
    return ""


@cache
def _terms(keys: tuple[str, ...]) -> tuple[frozenset[str], int]:
    """Return the terms as they are compared, and how many words the longest has."""
    spelled = (looks.words(term) for lang in languages() for key in keys for term in say(key, lang).split(","))
    terms = [words for words in spelled if words]
    return frozenset(" ".join(words) for words in terms), max(map(len, terms))
