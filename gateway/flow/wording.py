"""What is put into one recipient's copy: the mention's fields, the links and the list headers."""

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from operator import attrgetter

from gateway.flow.context import Context
from gateway.flow.facts import Case
from gateway.law.events import Event, Kind
from gateway.law.facts import MessageClass, PersonFacts
from gateway.law.reasons import Token, Verdict
from gateway.mail.mention import Mention, MentionFields, render
from gateway.mail.rewrite import Insert, Plan, Unfit, plain
from gateway.store.spool import Handed
from gateway.store.tables import Advertiser, List
from gateway.text import local, say
from gateway.tokens import Link, Purpose


def written(
    context: Context, submission: Handed, plan: Plan | Unfit, case: Case, verdict: Verdict, *, parcel: int
) -> bytes:
    """Return the person's own copy, unsigned: everything that `verdict.inject` asks for, below our trace fields.

    A message that needs no mention (service, notices, answers about rights) stays as it is.
    """
    fields = tuple(trace(context, submission, parcel))
    if Token.FOOT not in verdict.inject:
        copy = plain(submission.content, fields, remove=frozenset(submission.hints["remove"]))
        if isinstance(copy, Unfit):
            raise TypeError("a message that cannot be read was let through")
        return copy
    if isinstance(plan, Unfit):
        raise TypeError("a message that cannot carry the mention was let through")
    link = Link(case.contact.id if case.contact else 0, case.list.id if case.list else 0, parcel)
    links = _Links(context, link)
    return plan.copy(
        Insert(
            headers=(*fields, *_headers(context, case.list, verdict, links)),
            mention=mention(context, case, verdict, links),
            links={"unsubscribe_url": links.page, "preferences_url": links.page},
            tracking=Token.TRK in verdict.inject,
        )
    )


def trace(context: Context, submission: Handed, parcel: int) -> list[tuple[str, str]]:
    """Return our Received field (RFC 5321 4.4) and the fields that the tool left out (RFC 6409 8.2, 8.3).

    No FOR clause: a copy tells nothing about other recipients. A letter of our own, and the message of a dry run, were
    received from nobody.
    """
    host = context.settings.gateway.hostname
    date = _date(submission.received_at.replace(microsecond=0))
    came = f"by {host} id {parcel}; {date}"
    if submission.hints["from"]:
        helo, peer, protocol = submission.hints["from"]
        came = f"from {helo} ({peer}) by {host} with {protocol} id {parcel}; {date}"
    fields = [("Received", came)]
    if "date" in submission.hints["missing"]:
        fields.append(("Date", date))
    if "message-id" in submission.hints["missing"]:
        fields.append(("Message-ID", f"<{submission.id}@{host}>"))
    return fields


@lru_cache(maxsize=64)
def _date(second: datetime) -> str:
    """Return the moment as header fields have it; the copies of a second share it."""
    return format_datetime(second)


def return_path(context: Context, case: Case, parcel: int) -> str:
    """Return the envelope sender of one copy: a bounce that comes to it says whose it is (VERP)."""
    link = Link(case.contact.id if case.contact else 0, case.list.id if case.list else 0, parcel)
    return f"b+{context.tokens.seal(Purpose.BOUNCE, link)}@{context.settings.inbound.domain}"


class _Links:
    """The addresses at which one recipient says stop."""

    def __init__(self, context: Context, link: Link) -> None:
        base = context.settings.web.public_url
        token = context.tokens.seal(Purpose.LINK, link)
        self.one_click = f"{base}/1/{token}"
        self.page = f"{base}/p/{token}"
        inbound = context.settings.inbound  # without a door for it, an address to write to would lead nowhere
        self.mailto = f"stop+{context.tokens.seal(Purpose.MAILTO, link)}@{inbound.domain}" if inbound.listen else ""


def _headers(context: Context, row: List | None, verdict: Verdict, links: _Links) -> list[tuple[str, str]]:
    """RFC 2369, RFC 8058, RFC 2919."""
    headers = []
    if Token.LU in verdict.inject:
        write = f", <mailto:{links.mailto}>" if links.mailto else ""
        headers.append(("List-Unsubscribe", f"<{links.one_click}>{write}"))
    if Token.LUP in verdict.inject:
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    if Token.LID in verdict.inject and row:
        headers.append(("List-Id", f"<{row.name}.lists.{context.settings.gateway.hostname}>"))
    return headers


def mention(context: Context, case: Case, verdict: Verdict, links: _Links) -> Mention:
    """Return the mention for this recipient in the recipient's language, else the list's (rules.md, B2)."""
    row, contact, advertiser = case.list, case.contact, case.advertiser
    lang = (contact.language if contact else "") or (row.language if row else "fr")
    fields = MentionFields(
        **_identity(advertiser),
        basis_sentence=_basis(context, case, verdict, lang),
        source_sentence=_source(context, case, verdict, lang),
        art14_sentence=_art14(context, case, verdict, lang),
        nature="noncom" if case.facts.message.klass is MessageClass.NONCOM else "",
        tracking_sentence=say("flow.tracking", lang) if Token.TRK in verdict.inject else "",
        tracking_url=f"{links.page}#tracking" if Token.TRK in verdict.inject else "",
        optout_url=links.page,
        preferences_url=links.page,
        optout_mailto=links.mailto,
        list_name=(row.title or row.name) if row else "",
    )
    return render(fields, lang, context.mentions.of(advertiser.name, lang))


def _identity(advertiser: Advertiser) -> dict[str, str]:
    return {
        "legal_name": advertiser.legal_name or advertiser.name,
        "trade_name": advertiser.trade_names[0] if advertiser.trade_names else "",
        "legal_form_capital": ", ".join(part for part in (advertiser.legal_form, advertiser.capital) if part),
        "registered_office": advertiser.office,
        "siren_rcs": advertiser.registered or advertiser.siren,
        "vat": advertiser.vat,
        "phone_or_email": advertiser.email or advertiser.phone,
        "privacy_url": advertiser.privacy_url,
        "rights_contact": advertiser.dpo,
    }


def _basis(context: Context, case: Case, verdict: Verdict, lang: str) -> str:
    """Return the sentence that says why the person receives this, from the event the verdict rests on."""
    events = [event for event in _events(case) if event.id in verdict.because]
    key = f"flow.basis-{verdict.code}"
    match verdict.code:
        case "A-CONSENT":
            event = _last(events, Kind.GRANTED)
            form = str(event.evidence.get("form", "")) if event else ""
            return say(f"{key}-form" if form else key, lang, date=_day(context, event, lang), form=form)
        case "A-CUSTOMER":
            return say(key, lang, date=_day(context, _last(events, Kind.SOLD), lang))
        case "A-B2B":
            function = case.contact.function if case.contact else ""
            return say(f"{key}-function" if function else key, lang, function=function)
        case "A-GENERIC":
            company = case.contact.company if case.contact else ""
            return say(f"{key}-company" if company else key, lang, company=company)
        case _:
            return say(key, lang)


def _source(context: Context, case: Case, verdict: Verdict, lang: str) -> str:
    """Return the sentence naming where the address came from (GDPR 14(2)(f)), or "" when it came from the person."""
    person = case.facts.person
    if Token.SRC not in verdict.inject or not isinstance(person, PersonFacts):
        return ""
    source = person.source_name or person.source
    if person.acquired_at is None:
        return say("flow.source-undated", lang, source=source)
    return say("flow.source", lang, source=source, date=_written(context, person.acquired_at, lang))


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


def _events(case: Case) -> tuple[Event, ...]:
    person = case.facts.person
    return person.events if isinstance(person, PersonFacts) else ()


def _last(events: list[Event], kind: Kind) -> Event | None:
    return max([event for event in events if event.kind is kind], key=attrgetter("at"), default=None)


def _day(context: Context, event: Event | None, lang: str) -> str:
    return _written(context, event.at, lang) if event else ""


def _written(context: Context, moment: datetime, lang: str) -> str:
    return local.day_of(moment, lang, context.policy.timezone)
