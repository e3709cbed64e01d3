"""Is a message that claims to be service mail an offer? A lexicon, because a false claim would escape the law.

Any promotional element makes a message prospecting (CPCE L34-5 al. 3). An order confirmation that is
lost harms too: the account's `promo_check` says `enforce`, `warn` or `off`, and the reply names the words found.
"""

import re
from dataclasses import replace
from functools import cache

from gateway.flow.intake import PERSONAL, Intake
from gateway.law.facts import MessageClass
from gateway.mail import looks
from gateway.mail.headers import Headers
from gateway.store.tables import Account
from gateway.text import languages, say

CHECKS = ("enforce", "warn", "off")
TOLD = 5  # that many words are named


def checked(intake: Intake, account: Account, fields: Headers, content: bytes) -> Intake:
    """Return the intake with the promotional words found; as prospecting, when the account's check is enforced."""
    if intake.message.klass not in PERSONAL or account.promo_check == "off":
        return intake
    found = found_in(f"{fields.get('subject') or ''}\n{looks.text_of(content)}")
    if not found:
        return intake
    message = intake.message
    if account.promo_check == "enforce":
        message = replace(message, klass=MessageClass.PROSPECTING)
    return replace(intake, message=message, promotes=found)


def found_in(text: str) -> tuple[str, ...]:
    """Return the promotional words of a text in the order in which they come, each once, at most `TOLD`."""
    found = dict.fromkeys(" ".join(match[0].split()) for match in _lexicon().finditer(looks.visible(text).casefold()))
    return tuple(found)[:TOLD]


@cache
def _lexicon() -> re.Pattern[str]:
    """Return the words of every language as one expression; a space in them is any white space."""
    terms = [term.strip().casefold() for lang in languages() for term in say("promotion.words", lang).split(",")]
    words = "|".join(re.escape(term).replace(r"\ ", r"\s+") for term in sorted(set(terms), key=len, reverse=True))
    discount = r"[-−]\s?\d{1,2}\s?%|\b\d{1,2}\s?%\s+(?:off\b|de\s+(?:remise|réduction|rabais)\b)"
    return re.compile(rf"\b(?:{words})\b|{discount}")
