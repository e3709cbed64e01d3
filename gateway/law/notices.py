"""Which information text the law knows for which collection, and what it must hold (GDPR 13, 14; CPCE L34-5).

A notice belongs to a collection (what the address is asked for) and a channel. Its control is what the person can do
on the form: tick to accept, tick to refuse. Combinations that do not exist in law are rows too, with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.law.channels import CHANNELS, Exemption
from gateway.law.facts import Regime


class Collection(StrEnum):
    """What people are asked or told. The first three are the regimes of a list."""

    OPT_IN = "opt-in"
    CUSTOMER = "customer"
    PROFESSIONAL = "professional"
    OPT_OUT = "opt-out"  # information and a refusal, for people who are neither customers nor professionals
    PARTNERS = "partners"  # the address goes to the partners named
    TRACKING = "tracking"  # openings and clicks are read


class Control(StrEnum):
    """What the box on the form says; it is never ticked in advance."""

    ACCEPT = "accept"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Form:
    """A combination that exists: its control, its legal basis, and the fields it cannot do without, by name."""

    control: Control
    article: str
    fields: tuple[str, ...]

    @property
    def interest(self) -> bool:
        """Return whether it rests on a legitimate interest, which the full text must name (GDPR 13(1)(d))."""
        return self.control is Control.REFUSE


@dataclass(frozen=True, slots=True)
class Refusal:
    """A combination that does not exist: the key of the sentence that says why and what to do, and the article."""

    code: str
    article: str


# Field → article, for those who must say why something is missing.
FIELDS: Mapping[str, str] = {
    "company": "GDPR 13(1)(a)",
    "office": "GDPR 13(1)(a)",
    "contact": "GDPR 13(1)(a), 13(2)(b)",
    "link": "GDPR 12(1), 13",
    "families": "GDPR 13(1)(c); CPCE L34-5",
    "partners": "GDPR 13(1)(e); CPCE L34-5",
    "partners_date": "GDPR 13(1)(e); CPCE L34-5",
    "stop": "CPCE L34-5 al. 5",
    "source": "GDPR 14(2)(f)",
    "dpo": "GDPR 13(1)(b)",
    "transfers": "GDPR 13(1)(f)",
    "profiling": "GDPR 13(2)(f)",
}
ALWAYS = ("company", "office", "contact", "link")
ADVICE = ("dpo", "transfers", "profiling")  # told where they apply; not recorded is a gap, not a mistake


def form(collection: Collection, channel: str, *, automated_call_customer: bool = False) -> Form | Refusal:
    """Return what a notice of `collection` for `channel` must be, or why the law knows none."""
    if channel not in CHANNELS:
        return Refusal("unknown-channel", "CPCE L34-5")
    return _FORMS[collection](channel, automated_call_customer)


def of_regime(regime: str, channel: str) -> Collection:
    """Return the notice that a list of `regime` needs on `channel`; without a consent asked for, by post, a refusal."""
    if channel == "post" and regime == Regime.OPT_IN:
        return Collection.OPT_OUT
    return Collection(regime)


def _consent(channel: str, _automated: bool) -> Form | Refusal:
    if CHANNELS[channel].informed_is_enough:
        return Refusal("post-needs-no-consent", "GDPR 6(1)(f), 21")
    return Form(Control.ACCEPT, f"{CHANNELS[channel].article}; GDPR 6(1)(a)", _needs(channel, "families"))


def _customer(channel: str, automated: bool) -> Form | Refusal:
    row = CHANNELS[channel]
    if row.informed_is_enough:
        return Form(Control.REFUSE, "GDPR 6(1)(f), 21", _needs(channel, "families"))
    if row.customer is Exemption.ALWAYS or (row.customer is Exemption.POLICY and automated):
        return Form(Control.REFUSE, "CPCE L34-5 al. 4; GDPR 6(1)(f)", _needs(channel, "families"))
    code = "customer-phone" if row.customer is Exemption.CONTRACT else "customer-none"
    return Refusal(code, "C. conso. L223-1" if channel == "phone" else "CPCE L34-5 al. 1, al. 4")


def _professional(channel: str, _automated: bool) -> Form | Refusal:
    if not CHANNELS[channel].professional:
        return Refusal("professional-none", CHANNELS[channel].article)
    return Form(Control.REFUSE, "GDPR 6(1)(f), 21", _needs(channel, "families"))


def _opt_out(channel: str, _automated: bool) -> Form | Refusal:
    if CHANNELS[channel].informed_is_enough:
        return Form(Control.REFUSE, "GDPR 6(1)(f), 21", _needs(channel, "families"))
    code = "opt-out-customers" if CHANNELS[channel].customer is Exemption.ALWAYS else "opt-out-none"
    return Refusal(code, CHANNELS[channel].article)


def _partners(channel: str, _automated: bool) -> Form | Refusal:
    needs = _needs(channel, "partners", "partners_date")
    if CHANNELS[channel].informed_is_enough:
        return Form(Control.REFUSE, "GDPR 6(1)(f), 21", needs)
    return Form(Control.ACCEPT, f"{CHANNELS[channel].article}; GDPR 6(1)(a)", needs)


def _tracking(channel: str, _automated: bool) -> Form | Refusal:
    if channel != "email":
        return Refusal("tracking-email-only", "LIL 82; CNIL 2026-042")
    return Form(Control.ACCEPT, "LIL 82; CNIL 2026-042; GDPR 6(1)(a)", ALWAYS)


def _needs(channel: str, *more: str) -> tuple[str, ...]:
    return (*ALWAYS, *more, *(("stop",) if channel == "fax" else ()))


_FORMS = {
    Collection.OPT_IN: _consent,
    Collection.CUSTOMER: _customer,
    Collection.PROFESSIONAL: _professional,
    Collection.OPT_OUT: _opt_out,
    Collection.PARTNERS: _partners,
    Collection.TRACKING: _tracking,
}
