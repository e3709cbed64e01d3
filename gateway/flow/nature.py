"""Is it plain on receipt that a message is advertising? Its From and Subject must say so (LCEN 20; C. conso. L122-8).

What does not say so gets a first line that does. What looks like an invoice, a letter from an authority or one from
an acquaintance, and says nothing of an offer, is refused: a line inside would come too late.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache

from gateway.flow.intake import Intake
from gateway.mail import looks
from gateway.mail.headers import Headers
from gateway.text import languages, say

PRETENCES = ("invoice", "official", "personal")
_FIGURES = re.compile(r"\d\s?%|[€$£]|\b\d+\s?(?:eur|euros?|usd|gbp)\b", re.IGNORECASE)


def seen(intake: Intake, fields: Headers) -> Intake:
    """Return the intake with what From and Subject show."""
    return replace(intake, message=replace(intake.message, advertises=advertises(fields)))


def advertises(fields: Headers) -> bool:
    """Return whether From or Subject show that this is advertising."""
    shown = f"{fields.get('subject') or ''} {fields.get('from') or ''}"
    return _FIGURES.search(shown) is not None or bool(_holds(shown, ("promotion.words", "promotion.nature")))


def pretence(fields: Headers) -> tuple[str, str] | None:
    """Return what the subject of a message that shows no offer imitates (of `PRETENCES`), and by which words."""
    if advertises(fields):
        return None
    for kind in PRETENCES:
        if words := _holds(fields.get("subject") or "", (f"promotion.imitates-{kind}",)):
            return kind, words
    return None


@lru_cache(maxsize=2048)  # the subjects of a campaign are few
def _holds(shown: str, keys: tuple[str, ...]) -> str:
    """Return the first of the terms under `keys`, in any language, that `shown` holds as whole words; else ""."""
    said = f" {' '.join(looks.words(shown))} "
    return next((term for term in _terms(keys) if f" {term} " in said), "")


@cache
def _terms(keys: tuple[str, ...]) -> tuple[str, ...]:
    spelled: Iterable[str] = (term for lang in languages() for key in keys for term in say(key, lang).split(","))
    return tuple(sorted({" ".join(looks.words(term)) for term in spelled}, key=len, reverse=True))
