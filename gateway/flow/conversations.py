"""What is said to whom about one event: the calls of a webhook, of a tool's plugin, of RFC 8058.

A conversation is a generator that yields calls and is given answers, like a plugin's `notify`. Nothing is called here.
"""

import json
from collections.abc import Generator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from gateway import journal
from gateway.errors import Misuse
from gateway.flow import endpoints as webhooks
from gateway.flow import feed as feeds
from gateway.flow.context import Context
from gateway.flow.intake import within
from gateway.mail import oneclick
from gateway.plugin import Answer, Call, Event, Tool
from gateway.store import accounts, endpoints, feed, handles, lists, people
from gateway.store.errands import Claimed
from gateway.store.feed import Entry
from gateway.store.tables import Account
from gateway.store.tables import Event as EventRow
from gateway.store.tx import Tx

WEBHOOK, PLUGIN, ONE_CLICK = "webhook", "plugin", "one-click"
STOPS = frozenset({"unsubscribed", "complained"})  # what ends a subscription at the tool
FOR_TOOLS = STOPS | {"subscribed", "bounced"}
MOST = 20  # calls of one conversation
Conversation = Generator[Call, Answer, None]


def ways(context: Context, account: Account) -> frozenset[str]:
    """Return in which ways the tool of an account can be told: none when it is disabled."""
    if account.disabled_at is not None:
        return frozenset()
    found = {ONE_CLICK} if account.optout_hosts else set()
    if account.login in context.settings.plugins.tools:
        try:
            found |= {PLUGIN} if context.plugin(account.plugin).notify else set()
        except Misuse as error:
            journal.warn("plugin-missing", account=account.login, why=str(error))
    return frozenset(found)


def for_tool(context: Context, account: Account, entry: Entry) -> Sequence[str]:
    """Return in which ways the tool is to be told of an entry: not of what it said itself, nor of others' lists."""
    row = entry.row
    if not isinstance(row, EventRow) or row.channel not in (None, "email") or row.actor == heard_from(account.login):
        return ()
    if row.list_id and account.list_ids and row.list_id not in account.list_ids:
        return ()
    kind = feeds.type_of(row)
    found = ways(context, account) & (
        {PLUGIN, ONE_CLICK} if kind in STOPS else {PLUGIN} if kind in FOR_TOOLS else set()
    )
    return sorted(found)


def heard_from(login: str) -> str:
    """Return the actor of an event that the tool of this account told us."""
    return f"hook:{login}"


def opened(context: Context, errand: Claimed) -> Conversation | None:
    """Return the conversation of an errand; None when there is nothing to say any more. Blocks."""
    with context.store.read() as tx:
        target = endpoints.get(tx, errand.endpoint_id)
        row = feed.named(tx, errand.kind, [errand.row_id]).get(errand.row_id)
        if target is None or row is None:
            return None
        if errand.what == WEBHOOK:
            told = feeds.message(tx, errand.kind, row)
            body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
            headers = webhooks.signed(context, target, told["data"]["event_id"], body)
            return iter_calls(Call("POST", target.url, body, [("content-type", "application/json"), *headers]))
        account = accounts.get(tx, target.account_id) if target.account_id else None
        if account is None or not isinstance(row, EventRow) or errand.what not in ways(context, account):
            return None
        return _one_click(tx, account, row) if errand.what == ONE_CLICK else _plugin(context, tx, account, row)


def iter_calls(*calls: Call) -> Conversation:
    """Yield calls whose answers change nothing."""
    for call in calls:  # noqa: UP028 - a tuple cannot be sent answers
        yield call


def _one_click(tx: Tx, account: Account, row: EventRow) -> Conversation | None:
    """Return the POST of RFC 8058 to each address that the tool gave this person; never GET, never elsewhere."""
    found = [one for one in handles.of_contact(tx, row.contact_id, account.id) if row.list_id in (None, one.list_id)]
    urls = list(dict.fromkeys(one.one_click for one in found if one.one_click))
    allowed = [url for url in urls if within((urlsplit(url).hostname or "").lower(), account.optout_hosts)]
    if len(allowed) < len(urls):
        journal.note("one-click-not-allowed", account=account.login, addresses=len(urls) - len(allowed))
    form = [("content-type", "application/x-www-form-urlencoded")]
    calls = [Call("POST", url, oneclick.BODY, form, fine=(404, 410)) for url in allowed]  # an old link is no failure
    return iter_calls(*calls) if calls else None


def _plugin(context: Context, tx: Tx, account: Account, row: EventRow) -> Conversation | None:
    notify = context.plugin(account.plugin).notify
    contact = people.get(tx, row.contact_id)
    if notify is None or contact is None:
        return None
    mine = lists.get(tx, row.list_id) if row.list_id else None
    last = next(iter(handles.of_contact(tx, row.contact_id, account.id)), None)
    event = Event(
        kind=feeds.type_of(row),
        address=contact.address,
        at=row.at,
        list=mine.name if mine else None,
        reason=str(row.evidence.get("reason", "")),
        campaign=last.campaign if last else "",
        subscriber=last.subscriber if last else "",
    )
    return bounded(notify(event, tool(context, account.login)))


def tool(context: Context, login: str) -> Tool:
    """Return the tool of an account as the settings describe it, its password opened."""
    at = context.settings.plugins.tools[login]
    password = at.password.read() if at.password else ""
    return Tool(at.url or "", at.username, password, dict(at.lists))


def bounded(talk: Conversation) -> Conversation:
    """Give up on a plugin that never ends."""
    answer: Any = None
    for _ in islice(range(MOST + 1), MOST):
        try:
            call = talk.send(answer)
        except StopIteration:
            return
        answer = yield call
    raise Misuse(f"the plugin asks for more than {MOST} calls")
