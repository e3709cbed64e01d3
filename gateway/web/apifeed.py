"""The API about what happens: lists, events since a cursor, webhooks."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.flow import endpoints, feed, remote
from gateway.flow.apikeys import Grant
from gateway.flow.context import Context
from gateway.flow.endpoints import State
from gateway.flow.feed import Scope
from gateway.store.tables import List
from gateway.web import apimodels as m
from gateway.web.apiaccess import IdempotencyKey, act, context_of, may

router = APIRouter()
Number = Annotated[int, Path(ge=1, lt=2**53)]


@router.get("/lists", response_model=m.Lists, tags=["lists"], summary="The lists of the key")
def lists(request: Request, by: Annotated[Grant, may("lists")]) -> m.Lists:
    """Show every list that the key is for."""
    context = context_of(request)
    return m.Lists(lists=[_list(row) for row in remote.mine(context, by)])


@router.get("/lists/{name}", response_model=m.List, tags=["lists"], summary="One list")
def one_list(
    request: Request, name: Annotated[str, Path(max_length=200)], by: Annotated[Grant, may("lists")]
) -> m.List:
    """Show one list."""
    context = context_of(request)
    return _list(remote.one_list(context, by, name))


def _list(row: List) -> m.List:
    return m.List(**{name: getattr(row, name) for name in m.List.model_fields})


@router.get("/events", response_model=m.Events, tags=["events"], summary="What happened since a cursor")
def events(
    request: Request,
    by: Annotated[Grant, may("events")],
    cursor: Annotated[
        m.Cursor | None, Query(description="From the answer before; without it from the beginning.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    type: Annotated[  # noqa: A002 - the name that everybody expects
        list[m.EventType] | None, Query(max_length=50, description="Only these types.")
    ] = None,
) -> m.Events:
    """Show events in the order in which they were sealed: nothing behind a cursor is ever missed or moved.

    An event is here some seconds to a minute after it happened.
    """
    context = context_of(request)
    page = feed.since(context, Scope(by.advertiser.id, by.list_ids, frozenset(type or ())), cursor, limit)
    return m.Events(events=[m.Event(**one) for one in page.events], cursor=page.cursor, more=page.more)


@router.get("/webhooks", response_model=m.Webhooks, tags=["webhooks"], summary="The webhooks there are")
def webhooks(request: Request, by: Annotated[Grant, may("webhooks")]) -> m.Webhooks:
    """Show the webhooks that the key may change."""
    context = context_of(request)
    names = _names(context, by)
    return m.Webhooks(webhooks=[_webhook(one, names) for one in endpoints.mine(context, by.scope)])


@router.post("/webhooks", response_model=m.WebhookMade, tags=["webhooks"], summary="Make a webhook")
def create(
    request: Request, said: m.WebhookGiven, by: Annotated[Grant, may("webhooks")], key: IdempotencyKey = None
) -> Response:
    """Make a webhook; its secret is shown this once."""
    context = context_of(request)

    def work() -> m.WebhookMade:
        chosen = remote.list_ids(context, by, said.lists)
        state, secret = endpoints.create(context, by.scope, said.url, chosen, said.types, said.cursor)
        return m.WebhookMade(**_webhook(state, _names(context, by)).model_dump(), secret=secret)

    return act(request, by, key, said, work)


@router.get("/webhooks/{number}", response_model=m.Webhook, tags=["webhooks"], summary="One webhook")
def show(request: Request, number: Number, by: Annotated[Grant, may("webhooks")]) -> m.Webhook:
    """Show a webhook and how it goes."""
    context = context_of(request)
    return _webhook(endpoints.get(context, by.scope, number), _names(context, by))


@router.delete("/webhooks/{number}", response_model=m.Gone, tags=["webhooks"], summary="Delete a webhook")
def remove(request: Request, number: Number, by: Annotated[Grant, may("webhooks")]) -> m.Gone:
    """Delete a webhook with what it was still to be told."""
    endpoints.remove(context_of(request), by.scope, number)
    return m.Gone()


@router.post("/webhooks/{number}/secret", response_model=m.SecretMade, tags=["webhooks"], summary="Renew the secret")
def rotate(
    request: Request, number: Number, by: Annotated[Grant, may("webhooks")], key: IdempotencyKey = None
) -> Response:
    """Make a new secret, shown this once; for a day everything is signed with the one before too."""
    context = context_of(request)
    return act(request, by, key, None, lambda: m.SecretMade(secret=endpoints.rotate(context, by.scope, number)))


@router.post("/webhooks/{number}/replay", response_model=m.Webhook, tags=["webhooks"], summary="Tell it again")
def replay(
    request: Request, number: Number, said: m.ReplayGiven, by: Annotated[Grant, may("webhooks")],
    key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Tell a webhook again everything behind a cursor, under the same ids; a disabled one is enabled."""
    context = context_of(request)

    def work() -> m.Webhook:
        return _webhook(endpoints.replay(context, by.scope, number, said.cursor), _names(context, by))

    return act(request, by, key, said, work)


def _names(context: Context, by: Grant) -> dict[int, str]:
    return {row.id: row.name for row in remote.mine(context, by)}


def _webhook(state: State, names: dict[int, str]) -> m.Webhook:
    known = {name: getattr(state, name) for name in m.Webhook.model_fields if name != "lists"}
    return m.Webhook(**known, lists=[names[number] for number in state.list_ids if number in names])
