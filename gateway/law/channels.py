"""What the law asks for on each channel (docs/rules.md, Channels): data, so that a new channel is a new row."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Exemption(StrEnum):
    """When a customer may be written to without consent."""

    ALWAYS = "always"
    NEVER = "never"
    CONTRACT = "contract"  # only while a contract is in progress
    POLICY = "policy"  # text and doctrine disagree; `Policy.automated_call_customer` decides


@dataclass(frozen=True, slots=True)
class Channel:
    """One row: the article, the customer exemption, whether the professional regime exists, how long consent lasts.

    `informed_is_enough` is True where no consent is asked for and information with a refusal carries the message.
    """

    article: str
    customer: Exemption = Exemption.NEVER
    professional: bool = True
    consent_years: int | None = None
    informed_is_enough: bool = False


CHANNELS: Mapping[str, Channel] = {
    "email": Channel("CPCE L34-5", Exemption.ALWAYS),
    "sms": Channel("CPCE L34-5", Exemption.ALWAYS),
    "mms": Channel("CPCE L34-5", Exemption.ALWAYS),
    "social": Channel("CPCE L34-5; CJEU C-102/20", professional=False),
    "fax": Channel("CPCE L34-5"),
    "autocall": Channel("CPCE L34-5; C. conso. L223-7", Exemption.POLICY),
    "phone": Channel("C. conso. L223-1", Exemption.CONTRACT, consent_years=1),
    "post": Channel("GDPR 6(1)(f), 21", informed_is_enough=True),
}

# A channel that nobody has described gets consent and nothing else.
STRICTEST = Channel("CPCE L34-5", professional=False, consent_years=1)


def channel(name: str) -> Channel:
    """Return the row of a channel; the strictest one for a name that is not in the table."""
    return CHANNELS.get(name, STRICTEST)
