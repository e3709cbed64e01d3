"""What a message says about itself: list, class and offer; and whether it may be sent in that name at all."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from email import policy
from functools import lru_cache

from gateway.errors import Misuse
from gateway.flow.context import Context
from gateway.flow.gate import Draft, Login
from gateway.law.facts import MessageClass, MessageFacts
from gateway.law.reasons import REASONS, Reason
from gateway.mail.address import Address, parse
from gateway.mail.headers import Headers
from gateway.plugin import Hints
from gateway.store.tables import Account, Advertiser

PERSONAL = frozenset({MessageClass.SERVICE, MessageClass.NOTICE, MessageClass.RIGHTS})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason and the words that name the place and the cure."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What the law needs to know about the message, and what the tool said of it."""

    message: MessageFacts
    list: int | str | None
    hints: Hints


def read(context: Context, login: Login, headers: Headers) -> Intake | Refusal:
    """Return what login, headers, plugin and account say, in this order of precedence (interface.md, SMTP)."""
    pairs = headers.pairs()
    ours = context.plugin("generic").recognise(pairs)
    tools = context.plugin(login.account.plugin).recognise(pairs)
    hints = merge(ours, tools)
    claimed = hints.klass or login.account.klass
    if claimed not in set(MessageClass):
        known = ", ".join(MessageClass)
        return Refusal(REASONS["R-CLASS-FORBIDDEN"], f"X-Consentgate-Class: {claimed!r:.40} is none of {known}")
    message = MessageFacts(MessageClass(claimed), hints.offer, hints.sector, hints.third_party)
    return Intake(message, login.list or hints.list or login.account.list_id, hints)


def merge(first: Hints, second: Hints) -> Hints:
    """Return the hints of `first`, completed by those of `second`."""
    return replace(
        second,
        list=first.list or second.list,
        klass=first.klass or second.klass,
        offer=first.offer or second.offer,
        sector=first.sector or second.sector,
        third_party=first.third_party or second.third_party,
        trace=first.trace or second.trace,
        remove=(*first.remove, *second.remove),
    )


def fixed_list(login: Login) -> int | str | None:
    """Return the list when no header can change it any more, so that RCPT can be answered in full; else None."""
    account = login.account
    if login.list:
        return login.list
    only = account.list_id is not None and set(account.list_ids) <= {account.list_id} and bool(account.list_ids)
    return account.list_id if only else None


def fixed_class(account: Account) -> MessageClass | None:
    """Return the class when the account may claim only one."""
    return MessageClass(account.klass) if set(account.classes) <= {account.klass} else None


def allowed_domains(account: Account, advertiser: Advertiser) -> frozenset[str]:
    """Return the domains (lower-case A-labels) that the account may write from."""
    return frozenset(account.domains or advertiser.domains)


def within(domain: str, allowed: Iterable[str]) -> bool:
    """Return whether `domain` is one of `allowed` or below one of them."""
    return any(domain == parent or domain.endswith("." + parent) for parent in allowed)


def check(draft: Draft, intake: Intake, headers: Headers, advertiser: Advertiser) -> Refusal | None:
    """Return why the message may go to nobody, or None (rules.md, B1)."""
    return _identity(draft, headers, advertiser) or _prospecting(draft, intake, advertiser)


def _identity(draft: Draft, headers: Headers, advertiser: Advertiser) -> Refusal | None:
    """Check RFC 5322 3.6.2 (one From field) and CPCE L34-5 al. 5 (it names the advertiser: its own domain)."""
    values = [field.raw for field in headers.fields if field.name == "from"]
    if len(values) != 1:
        return Refusal(REASONS["R-SMTP-SYNTAX"], f"there must be one From field, not {len(values)}")
    try:
        authors = _mailboxes(values[0])
    except Misuse as problem:
        return Refusal(REASONS["R-SMTP-SYNTAX"], f"From: {problem}")
    if not authors:
        return Refusal(REASONS["R-SMTP-SYNTAX"], "the From field names no address")
    allowed = allowed_domains(draft.login.account, advertiser)
    foreign = sorted({author.domain for author in authors if not within(author.domain, allowed)})
    if foreign:
        known = ", ".join(sorted(allowed)) or "none: `consentgate advertiser edit --domain` adds one"
        detail = f"the From domain {foreign[0]} is not a sending domain of {advertiser.name} ({known})"
        return Refusal(REASONS["R-MSG-IDENTITY"], detail)
    return None


@lru_cache(maxsize=1024)
def _mailboxes(raw: bytes) -> tuple[Address, ...]:
    """Return the addresses of a From field; raise `errors.Misuse` when one is none.

    Parsed before encoded words are decoded, so that none of them can pretend to be an address.
    """
    value = " ".join(raw.decode("utf-8", "replace").split())
    found = policy.default.header_factory("from", value)
    return tuple(parse(mailbox.addr_spec) for mailbox in found.addresses)


def _prospecting(draft: Draft, intake: Intake, advertiser: Advertiser) -> Refusal | None:
    if intake.message.klass in PERSONAL:
        return None
    if not draft.mail_from:
        return Refusal(
            REASONS["R-MSG-NULLSENDER"], "prospecting needs a return path; MAIL FROM:<> is for notifications"
        )
    if not advertiser.upstream_signs:
        cure = f"`consentgate advertiser edit {advertiser.name} --upstream-signs` declares that the next hop signs"
        return Refusal(REASONS["R-MSG-NODKIM"], f"one-click needs a DKIM signature (RFC 8058); {cure}")
    return None
