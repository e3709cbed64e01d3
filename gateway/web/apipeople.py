"""The API about people: may they be mailed, consents, objections, contacts, sign-ups."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request, Response

from gateway.flow import crowd, remote
from gateway.flow.apikeys import Grant
from gateway.flow.importrow import RowError
from gateway.law.events import Kind
from gateway.text import say
from gateway.web import apimodels as m
from gateway.web.apiaccess import IdempotencyKey, act, context_of, may
from gateway.web.language import choose

router = APIRouter()
Language = Annotated[str | None, Header(alias="Accept-Language", max_length=400)]


@router.post("/check", response_model=m.Verdict, tags=["check"], summary="May this person be mailed now?")
def check(
    request: Request, said: m.CheckAsked, by: Annotated[Grant, may("check")], accept_language: Language = None
) -> m.Verdict:
    """Answer as the SMTP door would at this moment."""
    context = context_of(request)
    remote.one_list(context, by, said.list)
    [found] = crowd.answers(context, said.list, [said.address], offer=said.offer, workers=1)
    lang = choose(None, accept_language, "en")
    reason = found.problem or say(f"law.{found.code}", lang)
    return m.Verdict(
        address=found.address,
        may=found.fate == "send",
        fate=found.fate,
        code=found.code,
        rule=found.rule,
        also=list(found.also),
        reason=reason,
    )


@router.post("/consents", response_model=m.Recorded, tags=["consents"], summary="Record a consent with its evidence")
def grant(
    request: Request, said: m.ConsentGiven, by: Annotated[Grant, may("consents")], key: IdempotencyKey = None
) -> Response:
    """Record what the person did; whether the evidence is enough says a check. 409 when the person objected before."""
    context = context_of(request)

    def work() -> m.Recorded:
        values = {**_values(said.person), **_values(said.evidence), "address": said.address, "at": said.at.isoformat()}
        values["channel"] = said.channel
        try:
            entry = remote.grant(context, by, said.list, values, Kind(said.kind) if said.kind else None)
        except RowError as error:
            sentence = say(f"commands.refused.{error.code}", "en", detail=error.detail)
            raise HTTPException(409 if error.code == "opposed" else 422, sentence) from error
        return m.Recorded(list=said.list, event=entry.kind.value, at=entry.at)

    return act(request, by, key, said, work)


def _values(part: Any) -> dict[str, Any]:  # noqa: ANN401 - a model or None
    return part.model_dump(exclude_none=True) if part is not None else {}


@router.post("/consents/withdraw", response_model=m.Refused, tags=["consents"], summary="Take a consent back")
def withdraw(
    request: Request, said: m.WithdrawalGiven, by: Annotated[Grant, may("consents")], key: IdempotencyKey = None
) -> Response:
    """Record it; the answer comes when nothing more leaves."""
    context = context_of(request)

    def work() -> m.Refused:
        told = remote.refuse(
            context, by, said.address, said.list, Kind.WITHDRAWN, reason=said.reason, every_channel=False
        )
        return m.Refused(recorded=told.recorded, known=told.known)

    return act(request, by, key, said, work)


@router.post("/objections", response_model=m.Refused, tags=["objections"], summary="Record an objection")
def object_(
    request: Request, said: m.ObjectionGiven, by: Annotated[Grant, may("objections")], key: IdempotencyKey = None
) -> Response:
    """Record it; the answer comes when nothing more leaves. The person need not be known."""
    context = context_of(request)

    def work() -> m.Refused:
        told = remote.refuse(
            context, by, said.address, said.list, Kind.OBJECTED, reason=said.reason,
            every_channel=said.every_channel,
        )  # fmt: skip
        return m.Refused(recorded=told.recorded, known=told.known)

    return act(request, by, key, said, work)


@router.post("/objections/lift", response_model=m.Lifted, tags=["objections"], summary="Lift what an address opposes")
def lift(
    request: Request, said: m.LiftGiven, by: Annotated[Grant, may("objections")], key: IdempotencyKey = None
) -> Response:
    """Lift it because the person asked for it; the lifted objection stays as evidence."""
    context = context_of(request)

    def work() -> m.Lifted:
        return m.Lifted(lifted=remote.lift(context, by, said.address, said.reason))

    return act(request, by, key, said, work)


@router.post("/contacts/show", response_model=m.Contact, tags=["contacts"], summary="Show what is held on a person")
def show(request: Request, said: m.AddressGiven, by: Annotated[Grant, may("contacts")]) -> m.Contact:
    """Show a person with events and objections, as far as the lists of the key go."""
    context = context_of(request)
    found = remote.person(context, by, said.address)
    known = {name: getattr(found.contact, name) for name in m.Contact.model_fields if hasattr(found.contact, name)}
    events = [
        m.Happened(
            event=one.kind, at=one.at, list=name, channel=one.channel, actor=one.actor, evidence=dict(one.evidence)
        )
        for one, name in found.events
    ]
    opposed = [
        m.Opposed(at=one.at, list=name, channel=one.channel, origin=one.origin) for one, name in found.oppositions
    ]
    return m.Contact(**known, events=events, oppositions=opposed)


@router.post("/contacts/rectify", response_model=m.Rectified, tags=["contacts"], summary="Correct what is held")
def rectify(
    request: Request, said: m.RectifyGiven, by: Annotated[Grant, may("contacts")], key: IdempotencyKey = None
) -> Response:
    """Correct it (GDPR 16); objections made under an old address hold for the new one too."""
    context = context_of(request)

    def work() -> m.Rectified:
        changes = said.changes.model_dump(exclude_none=True, exclude={"address"})
        changed = remote.rectify(context, by, said.address, changes, said.changes.address)
        return m.Rectified(changed=changed)

    return act(request, by, key, said, work)
