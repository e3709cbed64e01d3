"""What campaign tools tell us: their webhooks, proven by the account's secret, read by its plugin, written by us.

A no is recorded whenever it comes; one that stands already is not written twice. A list that nobody can name means
everything: a no is never lost for want of a name.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway import clock, meters
from gateway.errors import Misuse, NotFound
from gateway.flow import consent
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.flow.conversations import heard_from, tool
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.plugin import Headers, Heard, Plugin, Signature
from gateway.store import accounts, ledger, lists, people
from gateway.store.tables import Account, Contact, List
from gateway.store.tx import Tx

MOST = 1000  # events of one request
ORIGIN = "hook"
KINDS = {kind.value: kind for kind in (Kind.WITHDRAWN, Kind.OBJECTED, Kind.COMPLAINED, Kind.BOUNCED)}
_NOBODY = b"nobody's secret, compared with so that a wrong login takes as long as a wrong secret"


@dataclass(frozen=True, slots=True)
class Webhook:
    """What came in: for which plugin, by which login, with which secrets presented (the path, a header, a password)."""

    plugin: str
    login: str
    secrets: Sequence[str]
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of the events of one request; those that name no address are ignored."""

    heard: int
    recorded: int
    ignored: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whether an event was new, None when it names nobody; and the contact who is to get nothing more, 0 for nobody."""

    fresh: bool | None
    silent: int = 0


class Unproven(Exception):
    """Who sends this cannot show that they are the account's tool."""


def take(context: Context, webhook: Webhook) -> Counted:
    """Record what a tool says, and return how much of it was new, once nothing more leaves for who said no. Blocks.

    Raises Unproven, NotFound for a plugin that hears nothing, Misuse for a body that the tool would never send, and
    `errors.TryLater`.
    """
    account = _proven(context, webhook)
    receive = context.plugin(account.plugin).receive
    if receive is None:
        raise NotFound(f"the plugin {account.plugin} has no webhook")
    try:
        found = receive(webhook.headers, webhook.body)
    except ValueError as error:
        raise Misuse(f"this is not what {account.plugin} sends: {error}") from error
    if len(found) > MOST:
        raise Misuse(f"{len(found)} events are too many for one request; at most {MOST}")
    digest = hashlib.sha256(webhook.body).hexdigest()[:32]
    recorded = [record(context, account, one, digest) for one in found]
    consent.settle(context, *{one.silent for one in recorded if one.silent})
    results = [one.fresh for one in recorded]
    return Counted(len(found), results.count(True), results.count(None))


def _proven(context: Context, webhook: Webhook) -> Account:
    with context.store.read() as tx:
        account = accounts.by_login(tx, webhook.login)
    at = context.settings.plugins.tools.get(webhook.login)
    known = account is not None and account.disabled_at is None and account.plugin == webhook.plugin
    secret = at.hook.read_bytes() if known and at is not None and at.hook is not None else b""
    plugin = context.plugin(webhook.plugin) if known else None
    shown = [hmac.compare_digest(one.encode(), secret or _NOBODY) for one in webhook.secrets]
    signed = _signed(plugin, webhook, secret or _NOBODY)
    if account is None or not secret or not (any(shown) or signed):
        raise Unproven
    return account


def _signed(plugin: Plugin | None, webhook: Webhook, secret: bytes) -> bool:
    how = plugin.signature if plugin else Signature("x-none")
    if how is None:
        return False
    digest = hmac.digest(secret, webhook.body, how.algorithm)
    expected = how.prefix + (digest.hex() if how.encoding == "hex" else base64.b64encode(digest).decode())
    given = next((value.strip() for name, value in webhook.headers if name.lower() == how.header.lower()), "")
    return hmac.compare_digest(given.encode(), expected.encode())


def record(context: Context, account: Account, heard: Heard, digest: str) -> Recorded:
    """Write one event down; return what came of it."""
    try:
        address = parse(heard.address)
    except Misuse:
        return Recorded(None)
    kind, evidence = KINDS[heard.kind], {"reason": heard.reason[:200]} if heard.reason else {}
    said = Saying(_when(heard.at), ORIGIN, heard_from(account.login), heard.reason[:200], evidence=evidence)
    with context.store.begin() as tx:
        row = _list(context, tx, account, heard.list)
        if kind is Kind.BOUNCED:
            known = people.find(tx, account.advertiser_id, address.key)
            return Recorded(known is not None and _bounced(context, tx, known, row, said, digest))
        fresh, person = consent.say_no(context, tx, account.advertiser_id, address, row, kind, said)
    if fresh:
        meters.count("opt_outs", ORIGIN)
    return Recorded(fresh, person.id if person else 0)


def _bounced(context: Context, tx: Tx, person: Contact, row: List | None, said: Saying, digest: str) -> bool:
    """Record a bounce unless this very request reported it before: two real ones count, one sent twice does not."""
    if any(one.evidence.get("hook") == digest for one in ledger.of_contact(tx, person.id)):
        return False
    evidence = {**(said.evidence or {}), "hook": digest}
    consent.record(context, tx, person, row, Kind.BOUNCED, Saying(said.at, said.origin, said.actor, evidence=evidence))
    return True


def _list(context: Context, tx: Tx, account: Account, name: str | None) -> List | None:
    """Return our list for the tool's name of it, or for ours; None, which is everything, when there is none."""
    if not name:
        return None
    ours = {theirs: mine for mine, theirs in tool(context, account.login).lists.items()}
    row = lists.by_name(tx, ours.get(name, name))
    return row if row is not None and row.advertiser_id == account.advertiser_id else None


def _when(at: datetime | None) -> datetime:
    now = clock.now()
    return min(at, now) if at is not None and at.tzinfo is not None else now
