"""Erasing on either database: what says who it was is in no table; what is queued goes; the seals still hold."""

from collections.abc import Iterable

import pytest
from sqlalchemy import inspect, text

from gateway import clock
from gateway.demo import campaign
from gateway.flow import consent, privacy
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.flow.seal import seal
from gateway.mail.address import parse
from gateway.store import advertisers, people
from tests.flow.rig import CAMILLE, JOHN, rig

pytestmark = pytest.mark.anyio


def naming(context: Context, words: Iterable[str]) -> set[str]:
    """Return the tables in which a row says any of the words."""
    with context.store.read() as tx:
        tables = inspect(tx.connection()).get_table_names()
        rows = {table: str(tx.connection().execute(text(f'SELECT * FROM "{table}"')).all()).lower() for table in tables}
    return {table for table, said in rows.items() if any(word in said for word in words)}


async def test_an_erased_person_with_queued_mail_is_in_no_table(context: Context) -> None:
    async with rig(context) as house:
        await house.send(CAMILLE, JOHN, content=campaign("lettre"))
        seal(context)
        with context.store.begin() as tx:
            [owner] = advertisers.all(tx)
            person = consent.contact_of(tx, owner, parse(CAMILLE))
            person.name = "Camille Durand"
            people.save(tx, person)
        assert {"contact", "parcel"} <= naming(context, ["camille", "durand"])

        done = privacy.erase(context, person, "Maison Lavande", Saying(clock.now(), "cli", channel=None))

        assert naming(context, ["camille", "durand"]) == set()
        assert (done.deleted["contact"], done.deleted["parcel"]) == (1, 1)
        assert done.deleted["leaf"] > 0
        assert [parcel.recipient for parcel in house.parcels()] == [JOHN]
        assert "R-OBJECTED" in str(await house.send(CAMILLE))
