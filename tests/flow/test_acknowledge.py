"""The one letter that tells a person they were opted out: only where it is asked for, once, and with a way back."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlmodel import select

from gateway import clock, sample
from gateway.flow import check
from gateway.flow.context import Context, open_context
from gateway.flow.optout import Desk
from gateway.mail.address import parse
from gateway.store import advertisers, lists, people
from gateway.store.tables import Submission
from gateway.tokens import Link, Purpose
from tests.flow.rig import CAMILLE, settings_for
from tests.support.pressing import pressed


def link(context: Context) -> Link:
    with context.store.read() as tx:
        owner, row = advertisers.by_name(tx, "lavande"), lists.by_name(tx, "lettre")
        assert owner
        assert row
        contact = people.find(tx, owner.id, CAMILLE)
        assert contact
        return Link(contact.id, row.id, 0)


@pytest.fixture(params=["never", "page", "always"])
def told(request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path) -> Iterator[Context]:
    """The house with each value of `[web] acknowledge`."""
    settings = settings_for(sqlite_url, tmp_path)
    web = settings.web.model_copy(update={"acknowledge": request.param})
    context = open_context(settings.model_copy(update={"web": web}))
    sample.fill(context, clock.now())
    yield context
    context.close()


def letters(context: Context) -> list[str]:
    with context.store.read() as tx:
        rows = tx.exec(select(Submission).where(Submission.klass == "rights")).all()
    parsed = [message_from_bytes(row.content, policy=policy.default) for row in rows]
    return [f"{one['To']} {one.get_body(('plain',)).get_content()}" for one in parsed]


@pytest.mark.parametrize("origin", ["page", "one-click"])
def test_it_goes_out_once_and_only_where_it_is_asked_for(told: Context, origin: str) -> None:
    desk, here = Desk(told), link(told)
    for _ in range(3):
        pressed(told, here, origin)
        desk.undo(here)
    wanted = {"never": 0, "page": int(origin == "page"), "always": 1}[told.settings.web.acknowledge]
    assert len(letters(told)) == wanted
    if wanted:
        [letter] = letters(told)
        assert letter.startswith(CAMILLE)
        pressed(told, here, origin)
        token = re.search(r"https://gate\.example/p/([a-z2-7]{53})", letter)
        assert token
        way_back = told.tokens.open(Purpose.LINK, token[1])
        assert way_back
        desk.undo(way_back)
        [(_, verdict)] = check.check(told, "lettre", [parse(CAMILLE)])
        assert verdict.code == "A-CONSENT"
