"""What the mention says to one recipient, in their language: who writes, why, and where their address comes from."""

from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from gateway.flow.context import Context
from gateway.flow.facts import Case
from gateway.law.events import Event, Kind
from gateway.law.facts import MessageClass, PersonFacts
from gateway.law.reasons import Token, Verdict
from gateway.mail.mention import Mention, MentionFields, render
from gateway.store.tables import Advertiser
from gateway.text import local, say


class Said(NamedTuple):
    """What the mention says to some that it does not say to others, links aside; plain text in `lang`."""

    lang: str
    basis: str
    source: str
    art14: str


def said(context: Context, case: Case, verdict: Verdict) -> Said:
    """Return what the mention says to this recipient, in the recipient's language, else the list's."""
    row, contact = case.list, case.contact
    lang = (contact.language if contact else "") or (row.language if row else "fr")
    return Said(
        lang,
        _basis(context, case, verdict, lang),
        _source(context, case, verdict, lang),
        _art14(context, case, verdict, lang),
    )


def mention(context: Context, case: Case, verdict: Verdict, words: Said, page: str, mailto: str) -> Mention:
    """Return the mention for all to whom it says `words`, with the address of their page, and one to write to or ""."""
    row, advertiser, lang = case.list, case.advertiser, words.lang
    fields = MentionFields(
        **identity(advertiser, lang),
        basis_sentence=words.basis,
        source_sentence=words.source,
        art14_sentence=words.art14,
        nature="noncom" if case.message.klass is MessageClass.NONCOM else "",
        tracking_sentence=say("flow.tracking", lang) if Token.TRK in verdict.inject else "",
        tracking_url=f"{page}#tracking" if Token.TRK in verdict.inject else "",
        optout_url=page,
        preferences_url=page,
        optout_mailto=mailto,
        list_name=(row.title or row.name) if row else "",
    )
    return render(fields, lang, context.mentions.of(advertiser.name, lang))


def identity(advertiser: Advertiser, lang: str) -> dict[str, str]:
    """Return who advertises, by the names of the mention's places."""
    return {
        "legal_name": advertiser.legal_name or advertiser.name,
        "trade_name": advertiser.trade_names[0] if advertiser.trade_names else "",
        "legal_form_capital": _form(advertiser, lang),
        "registered_office": advertiser.office,
        "siren_rcs": advertiser.registered or (advertiser.siren and f"SIREN {advertiser.siren}"),
        "vat": say("flow.vat", lang, number=advertiser.vat) if advertiser.vat[2:3].isdigit() else advertiser.vat,
        "phone_or_email": advertiser.email or advertiser.phone,
        "privacy_url": advertiser.privacy_url,
        "rights_contact": advertiser.dpo,
    }


def _form(advertiser: Advertiser, lang: str) -> str:
    """Return legal form and capital; not the form when the name ends with it already, as "Exemple SAS" does."""
    named = advertiser.legal_name.casefold().endswith(f" {advertiser.legal_form.casefold()}")
    form, capital = "" if named else advertiser.legal_form, advertiser.capital
    if capital[:1].isdigit():
        return f"{form} {say('flow.capital', lang, amount=capital)}".strip()
    return ", ".join(part for part in (form, capital) if part)


def _basis(context: Context, case: Case, verdict: Verdict, lang: str) -> str:
    """Return the sentence that says why the person receives this, from the event the verdict rests on."""
    code, zone = verdict.code, context.policy.timezone
    match code:
        case "A-CONSENT":
            event = _last(case, verdict, Kind.GRANTED)
            form = str(event.evidence.get("form", "")) if event else ""
            return _because(f"{code}-form" if form else code, lang, zone, event and event.at, "form", form)
        case "A-CUSTOMER":
            event = _last(case, verdict, Kind.SOLD)
            return _because(code, lang, zone, event and event.at)
        case "A-B2B":
            function = case.contact.function if case.contact else ""
            return _because(f"{code}-function" if function else code, lang, zone, None, "function", function)
        case "A-GENERIC":
            company = case.contact.company if case.contact else ""
            return _because(f"{code}-company" if company else code, lang, zone, None, "company", company)
        case _:
            return _because(code, lang, zone, None)


@lru_cache(maxsize=4096)
def _because(key: str, lang: str, zone: str, at: datetime | None, name: str = "", value: str = "") -> str:
    """Return a sentence about a moment and one more thing; those of many people are the same."""
    return say(f"flow.basis-{key}", lang, date=local.day_of(at, lang, zone) if at else "", **{name: value})


def _source(context: Context, case: Case, verdict: Verdict, lang: str) -> str:
    """Return the sentence naming where the address came from (GDPR 14(2)(f)), or "" when it came from the person."""
    person = case.person
    if Token.SRC not in verdict.inject or not isinstance(person, PersonFacts):
        return ""
    source = person.source_name or person.source
    if person.acquired_at is None:
        return say("flow.source-undated", lang, source=source)
    return say("flow.source", lang, source=source, date=local.day_of(person.acquired_at, lang, context.policy.timezone))


def _art14(context: Context, case: Case, verdict: Verdict, lang: str) -> str:
    """Return purpose with its legal basis, categories of data and retention (GDPR 14(1)(c)(d), 14(2)(a)(b)), or "".

    Who writes, the source, the rights and the address to write to are said elsewhere in the mention.
    """
    if Token.ART14 not in verdict.inject or case.contact is None:
        return ""
    known = [name for name in ("company", "function") if getattr(case.contact, name)]
    return say(
        "flow.art14",
        lang,
        basis=say(f"flow.art14-basis-{verdict.code}", lang),
        data=", ".join(say(f"flow.data-{name}", lang) for name in ("address", "name", *known)),
        years=context.policy.prospect_years,
    )


def _last(case: Case, verdict: Verdict, kind: Kind) -> Event | None:
    """Return the last event of a kind on which the verdict rests."""
    person = case.person
    events = person.events if isinstance(person, PersonFacts) else ()
    found = [event for event in events if event.kind is kind and event.id in verdict.because]
    return max(found, key=attrgetter("at"), default=None)
