"""What a message says about itself: list, class and offer."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.flow.context import Context
from gateway.flow.gate import Login
from gateway.law.facts import MessageClass, MessageFacts
from gateway.law.reasons import REASONS, Reason
from gateway.mail import oneclick
from gateway.mail.headers import Headers
from gateway.plugin import Hints
from gateway.store.tables import Account, Advertiser

GENERIC = "generic"  # the plugin that every account has, whatever its own is
CLASSES = {klass.value: klass for klass in MessageClass}
PERSONAL = frozenset({MessageClass.SERVICE, MessageClass.NOTICE, MessageClass.RIGHTS})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason and the words that name the place and the cure."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What the law needs to know about the message, and what the tool said of it.

    `promotes` holds the words for which a claim to be no prospecting is doubted (`flow.promotion`).
    """

    message: MessageFacts
    list: int | str | None
    hints: Hints
    promotes: tuple[str, ...] = ()

    @property
    def opening(self) -> bool:
        """Return whether copies begin with a line that says what the message does not show: that it is advertising."""
        return self.message.klass is MessageClass.PROSPECTING and not self.message.advertises


def read(context: Context, login: Login, headers: Headers) -> Intake | Refusal:
    """Return what login, headers, plugin and account say, in this order of precedence."""
    pairs, account = headers.pairs(), login.account
    hints = context.plugin(GENERIC).recognise(pairs)
    if account.plugin != GENERIC:
        theirs = context.plugin(account.plugin).recognise(pairs)
        hints = replace(hints, tool="").over(theirs)  # which tool it is, its own plugin says
    if one_click := oneclick.found(headers):
        hints = hints.over(Hints(one_click=one_click))
    if _claims_our_results(headers, context.settings.gateway.hostname):
        hints = hints.over(Hints(remove=("authentication-results",)))
    claimed = hints.klass or account.klass
    klass = CLASSES.get(claimed)
    if klass is None:
        known = ", ".join(MessageClass)
        return Refusal(REASONS["R-CLASS-FORBIDDEN"], f"X-Consentgate-Class: {claimed!r:.40} is none of {known}")
    message = MessageFacts(klass, hints.offer, hints.sector, hints.third_party)
    return Intake(message, login.list or hints.list or account.list_id, hints)


def _claims_our_results(headers: Headers, hostname: str) -> bool:
    """Return whether a field pretends to hold results of ours: then none of them can be believed (RFC 8601 5)."""
    results = (found.text.lower() for found in headers.fields if found.name == "authentication-results")
    return any(result.split(";")[0].split()[:1] == [hostname] for result in results)


def fixed_list(login: Login) -> int | str | None:
    """Return the list when no header can name another one that is allowed, so that RCPT can be answered; else None."""
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
