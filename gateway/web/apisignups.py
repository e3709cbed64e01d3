"""The API of sign-up with double opt-in: the texts of a form, and what was filled in on it."""

from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from gateway.errors import NotFound
from gateway.flow import join, remote
from gateway.flow.apikeys import Grant
from gateway.flow.join import Refused, Wish
from gateway.flow.joinform import Box
from gateway.web import apimodels as m
from gateway.web.apiaccess import IdempotencyKey, act, context_of, may


class FormBox(BaseModel):
    """One box of a sign-up form: the text that must be shown around it, word for word, and its version."""

    name: str
    shown: str = Field(description="The version; send it back with the sign-up.")
    before: list[str]
    label: str
    after: list[str]
    link: str
    number: bool = Field(description="Whether a number for the channel must come with it.")
    channel: str


# Beside a field called list.
Texts: TypeAlias = list[str]
Words: TypeAlias = list[m.Word]
Boxes: TypeAlias = list[FormBox]


class SignUpForm(BaseModel):
    """The sign-up form of a list. No box may be ticked beforehand."""

    list: str
    language: str
    languages: Texts
    boxes: Boxes
    asks_age: bool
    joint: str = Field(description="The label of the box by which a parent joins in, or nothing.")


class SignUpGiven(m.Given):
    """What somebody filled in on a form of yours."""

    list: m.ListName
    address: m.Address
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "fr"
    boxes: Words = Field(max_length=50, description="Names of the boxes that the person ticked.")
    shown: dict[m.Word, m.Word] = Field(
        max_length=50, description="Name of each box and the version that was shown; an old one is refused."
    )
    age: Literal["", "adult", "15-17", "under15"] = ""
    parent: Annotated[str, StringConstraints(max_length=320, pattern=m.PLAIN)] = Field(
        "", description="The address of a parent, for a child."
    )
    joint: bool = Field(False, description="Whether the box by which a parent joins in was ticked.")
    numbers: dict[m.Word, m.Word] = Field(
        {}, max_length=10, description="Channel and number, where a box asks for one."
    )
    form: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=m.PLAIN)] = Field(
        description="The form or page, for the evidence."
    )


class SignedUp(BaseModel):
    """A letter asks the mailbox to confirm; until then nothing is known. The same whoever is known."""

    asked: bool = True


router = APIRouter(prefix="/signups", tags=["signups"])


@router.get("/form", response_model=SignUpForm, summary="The sign-up form of a list")
def form(
    request: Request,
    by: Annotated[Grant, may("signups")],
    list: Annotated[m.ListName, Query()],  # noqa: A002 - the word of the whole program
    language: Annotated[str, Query(pattern="^[a-z]{2}$")] = "fr",
) -> SignUpForm:
    """Show the boxes and the texts around them, which a page of yours must show word for word."""
    context = context_of(request)
    remote.one_list(context, by, list)
    found = join.form(context, list, language)
    if found is None:
        raise NotFound("the list has no sign-up form")
    return SignUpForm(
        list=list,
        language=found.lang,
        languages=[*found.languages],
        boxes=[_box(one) for one in found.boxes],
        asks_age=found.asks_age,
        joint=found.joint,
    )


def _box(one: Box) -> FormBox:
    return FormBox(
        name=one.name,
        shown=one.text,
        before=[*one.before],
        label=one.label,
        after=[*one.after],
        link=one.link,
        number=one.numbered,
        channel=one.channel,
    )


@router.post("", response_model=SignedUp, summary="Sign somebody up")
def sign_up(
    request: Request, said: SignUpGiven, by: Annotated[Grant, may("signups")], key: IdempotencyKey = None
) -> Response:
    """Take what was filled in on a form of yours, and send the letter that asks the mailbox to confirm it."""
    context = context_of(request)
    remote.one_list(context, by, said.list)
    wish = Wish(
        address=said.address,
        lang=said.language,
        boxes=frozenset(said.boxes),
        shown=said.shown,
        age=said.age,
        parent=said.parent,
        joint=said.joint,
        numbers=said.numbers,
        form=said.form,
    )

    def work() -> SignedUp:
        try:
            join.signup(context, said.list, wish)
        except Refused as error:
            raise HTTPException(422, str(error)) from error
        return SignedUp()

    return act(request, by, key, said, work)
