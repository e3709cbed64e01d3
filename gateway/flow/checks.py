"""What must be true of a message before it may go to anybody (CPCE L34-5; LCEN 20), and what its sender should know."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.errors import Misuse
from gateway.flow import hosted, listcheck, nature
from gateway.flow.gate import Draft
from gateway.flow.intake import PERSONAL, Intake, Refusal, allowed_domains, within
from gateway.flow.sectors import Sectors
from gateway.flow.signing import Keys
from gateway.law.facts import MessageClass
from gateway.law.reasons import REASONS
from gateway.mail import looks, tracking
from gateway.mail.headers import Headers
from gateway.mail.looks import Author
from gateway.mail.page import CLIPPED
from gateway.store.tables import Advertiser
from gateway.text import say

UNANSWERED = re.compile(r"no-?reply|do-?not-?reply|ne-?pas-?repondre|nepasrepondre", re.IGNORECASE)
NO_WAY = "no-way-to-reach"


@dataclass(frozen=True, slots=True)
class Caution:
    """Something the sender should know that stops nothing; its sentence is `promotion.<key>`.

    A field may differ by language. `cure` is the key of another sentence, for the field of that name; `code` is the
    public code, where there is one.
    """

    key: str
    fields: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    cure: str = ""
    code: str = ""

    def say(self, lang: str) -> str:
        """Return the sentence in `lang`."""
        filled = {name: value if isinstance(value, str) else value[lang] for name, value in self.fields.items()}
        if self.cure:
            filled["cure"] = say(f"promotion.{self.cure}", lang)
        return " ".join(filter(None, (self.code, say(f"promotion.{self.key}", lang, **filled))))


def check(draft: Draft, intake: Intake, headers: Headers, advertiser: Advertiser, keys: Keys) -> Refusal | None:
    """Return why the message may go to nobody, or None. Mail that is no prospecting needs a right From field only."""
    authors = _authors(draft, headers, advertiser)
    if isinstance(authors, Refusal):
        return authors
    if intake.message.klass in PERSONAL:
        return None
    return (
        _return_path(draft)
        or _subject(headers)
        or _nature(headers, intake)
        or _identity(authors, advertiser)
        or _company(advertiser)
        or _disclosure(draft, headers, advertiser)
        or _signature(authors, advertiser, keys)
    )


def cautions(intake: Intake, headers: Headers, content: bytes, sectors: Sectors, *, wrapped: bool) -> Iterator[Caution]:
    """Yield what stops nothing. The message has passed `check`; `wrapped`: the mention gets a part of its own."""
    if intake.message.klass in PERSONAL:
        if intake.promotes:
            yield Caution("promotes", {"words": ", ".join(intake.promotes)})
        return
    authors = looks.authors(headers)
    if not all(author.name for author in authors):
        yield Caution("nameless")
    answers = headers.get("reply-to") or ", ".join(author.address.spelled for author in authors)
    if UNANSWERED.search(answers):
        yield Caution("unanswered", {"address": answers})
    if intake.opening:
        yield Caution("hidden-nature")
    for name, cure in hosted.optouts(headers):
        yield Caution("second-optout", {"header": name}, cure)
    if intake.message.tracks:
        yield Caution("pixels")
    if wrapped:
        yield Caution("wrapped")
    elif looks.longest(content) > CLIPPED:
        yield Caution("clipped")
    if hosts := tracking.counters(looks.markup_of(content)):
        yield Caution("clicks", {"hosts": ", ".join(hosts)})
    for found in sectors.found_in(f"{headers.get('subject') or ''}\n{looks.text_of(content)}"):
        yield Caution("sector", found, code="W-SECTOR")


def _no(code: str, detail: str) -> Refusal:
    return Refusal(REASONS[code], detail)


def _authors(draft: Draft, headers: Headers, advertiser: Advertiser) -> tuple[Author, ...] | Refusal:
    """Check RFC 5322 3.6.2 (one From field) and CPCE L34-5 al. 5 (it, and Sender, name the advertiser's own domain)."""
    count = sum(found.name == "from" for found in headers.fields)
    if count != 1:
        return _no("R-SMTP-SYNTAX", f"there must be one From field, not {count}")
    name = "From"
    try:
        authors = looks.authors(headers)
        name = "Sender"  # some readers show it: "on behalf of"
        senders = looks.authors(headers, "sender")
    except Misuse as problem:
        return _no("R-SMTP-SYNTAX", f"{name}: {problem}")
    if not authors:
        return _no("R-SMTP-SYNTAX", "the From field names no address")
    allowed = allowed_domains(draft.login.account, advertiser)
    for name, mailboxes in (("From", authors), ("Sender", senders)):
        foreign = sorted({mailbox.domain for mailbox in mailboxes if not within(mailbox.domain, allowed)})
        if foreign:
            known = ", ".join(sorted(allowed)) or "none: `consentgate advertiser edit --domain` adds one"
            detail = f"the {name} domain {foreign[0]} is not a sending domain of {advertiser.name} ({known})"
            return _no("R-MSG-IDENTITY", detail)
    return authors


def _return_path(draft: Draft) -> Refusal | None:
    if draft.mail_from:
        return None
    return _no("R-MSG-NULLSENDER", "prospecting needs a return path; MAIL FROM:<> is for notifications")


def _subject(headers: Headers) -> Refusal | None:
    """CPCE L34-5 al. 5: the subject is that of the offer, and there is one: nobody knows which of two a person sees."""
    if (count := sum(found.name == "subject" for found in headers.fields)) > 1:
        return _no("R-SMTP-SYNTAX", f"there must be one Subject field, not {count}")
    if not looks.words(headers.get("subject") or ""):
        return _no("R-MSG-SUBJECT", "the subject is empty")
    if looks.answers_nothing(headers):
        return _no("R-MSG-SUBJECT", "the subject pretends to answer a message, which no References field names")
    return None


def _nature(headers: Headers, intake: Intake) -> Refusal | None:
    """LCEN 20; C. conso. L122-8: what is advertising does not look like something else until it is opened."""
    if intake.message.klass is not MessageClass.PROSPECTING:
        return None
    found = nature.pretence(headers)
    return found and _no("R-MSG-NOTAD", say(f"promotion.not-advertising-{found[0]}", "en", words=found[1]))


def _identity(authors: tuple[Author, ...], advertiser: Advertiser) -> Refusal | None:
    """CPCE L34-5 al. 5: the name shown for the sender is a name of the advertiser."""
    for author in authors:
        if not author.name:
            continue
        stranger = next((each for each in looks.domains_in(author.name) if not within(each, advertiser.domains)), None)
        if stranger is not None:
            return _no("R-MSG-IDENTITY", f"the name shown in From holds an address of another domain, {stranger}")
        if not looks.named(author.name, names(advertiser)):
            cure = f"`consentgate advertiser edit {advertiser.name} --trade-name` adds a brand"
            return _no("R-MSG-IDENTITY", f"the name shown in From is no name of {advertiser.legal_name}; {cure}")
    return None


def names(advertiser: Advertiser) -> list[str]:
    """Return the names under which an advertiser may show itself: company, brands, short name, sending domains."""
    labels = [label for domain in advertiser.domains for label in (domain, domain.split(".")[-2:][0])]
    return [name for name in (advertiser.legal_name, *advertiser.trade_names, advertiser.name, *labels) if name]


def _company(advertiser: Advertiser) -> Refusal | None:
    """LCEN 19, C. com. R123-237: the mention can name the company; CPCE L34-5 al. 5: and a way to reach it."""
    lacking = [finding.code for finding in listcheck.of_company(advertiser) if finding.blocks]
    missing = [code.removeprefix("no-") for code in lacking if code != NO_WAY]
    cure = f"`consentgate advertiser edit {advertiser.name}` completes it"
    if missing:
        return _no("R-MSG-LEGALID", f"missing or wrong of the advertiser: {', '.join(missing)}; {cure}")
    if NO_WAY in lacking:
        return _no("R-MSG-NOCONTACT", f"the advertiser has neither e-mail address nor telephone; {cure}")
    return None


def _disclosure(draft: Draft, headers: Headers, advertiser: Advertiser) -> Refusal | None:
    """GDPR 5(1)(f): whoever gets a copy does not learn who else does."""
    try:
        shown = looks.disclosed(headers, allowed_domains(draft.login.account, advertiser))
    except Misuse as problem:
        return _no("R-MSG-DISCLOSURE", str(problem))
    if len(shown) <= 1:
        return None
    return _no("R-MSG-DISCLOSURE", f"To and Cc show {len(shown)} addresses; each copy may show its own only")


def _signature(authors: tuple[Author, ...], advertiser: Advertiser, keys: Keys) -> Refusal | None:
    """RFC 8058 4: one-click needs a signature, aligned with the From domain."""
    if advertiser.upstream_signs or keys.signs([author.domain for author in authors]):
        return None
    domain = next(author.domain for author in authors if not keys.aligned(author.domain))
    cure = (
        f"`consentgate dkim new --advertiser {advertiser.name} --domain {domain}` makes a key, "
        f"`consentgate advertiser edit {advertiser.name} --upstream-signs` says that the next hop signs"
    )
    return _no("R-MSG-NODKIM", f"one-click needs a DKIM signature of {domain} (RFC 8058); {cure}")
