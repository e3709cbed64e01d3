"""Delivering: the law is asked again with the copy in hand, and what became of it is written down."""

import asyncio
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import text

from gateway import clock
from gateway.courier.courier import Letter, Outcome
from gateway.demo import campaign, read
from gateway.flow import deliver
from gateway.flow.context import Context
from gateway.mail.reply import Reply
from gateway.store import spool
from gateway.tokens import Link, Purpose
from tests.flow.rig import CAMILLE, JOHN, OBJECTED, UNKNOWN, Rig, Says, delivered, outgoing, plain, rig
from tests.support.pressing import press
from tests.support.waiting import until

pytestmark = pytest.mark.anyio

TAKEN = Outcome("delivered", Reply(250, "2.0.0", "ok"))
LATER = Outcome("deferred", Reply(451, "4.3.0", "not now"))
NEVER = Outcome("failed", Reply(550, "5.1.1", "no such mailbox"))


def states(house: Rig) -> Counter[str]:
    """Count the parcels of each state and number of attempts."""
    return Counter(f"{parcel.state} {parcel.attempts}" for parcel in house.parcels())


def bodies(copy: EmailMessage) -> list[str]:
    """Return the copy's texts and pages, decoded."""
    return [part.get_content() for part in copy.walk() if part.get_content_maintype() == "text"]


async def spooled(context: Context, *recipients: str, content: bytes | None = None) -> None:
    """Accept a message while no courier works."""
    async with rig(context) as house:
        assert (await house.send(*recipients, content=content))[-1].code == 250


async def carried(context: Context, left: dict[str, int] | None = None, courier: Says | None = None) -> list[str]:
    """Let couriers work until these `states` are left in the spool; return the outcomes written down."""
    async with rig(context, delivering=True, courier=courier) as house:
        async with house.running():
            await until(lambda: states(house) == (left or {}))
        return [receipt.outcome for receipt in house.receipts() if receipt.stage == "delivery"]


async def test_a_copy_carries_the_mention_and_the_list_fields(context: Context) -> None:
    await spooled(context, CAMILLE)
    assert await carried(context) == ["delivered"]

    copy = delivered(context)[CAMILLE]
    assert copy["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert copy["List-Id"] == "<lettre.lists.gate.example>"
    assert str(copy["List-Unsubscribe"]).startswith("<https://gate.example/1/")
    assert "mailto:" not in str(copy["List-Unsubscribe"])  # no door for such mail is set up here
    assert str(copy["Received"]).startswith("from tool.example (192.0.2.7) by gate.example with ESMTPSA id ")
    for subtype in ("plain", "html"):
        assert "Maison Lavande SAS" in plain(copy, subtype)
        assert "https://gate.example/p/" in plain(copy, subtype)
    assert "X-Consentgate-Offer" not in copy
    assert not copy.defects


async def test_every_recipient_has_a_link_of_their_own_and_no_trace_of_the_others(context: Context) -> None:
    """tests/law/cases.toml, P20."""
    await spooled(context, CAMILLE, JOHN, content=campaign("lettre"))
    await carried(context)

    copies = delivered(context)
    links = {address: _token(context, str(copy["List-Unsubscribe"])) for address, copy in copies.items()}
    assert links[CAMILLE].contact != links[JOHN].contact
    assert links[CAMILLE].list == links[JOHN].list
    assert JOHN not in copies[CAMILLE].as_string()
    assert CAMILLE not in copies[JOHN].as_string()


async def test_the_mention_speaks_the_persons_language(embedded: Context) -> None:
    await spooled(embedded, CAMILLE, JOHN)
    await carried(embedded)

    copies = delivered(embedded)
    assert "vous l’avez accepté le" in plain(copies[CAMILLE], "plain").replace("\n", " ")
    assert "you agreed to it on" in plain(copies[JOHN], "plain").replace("\n", " ")


async def test_the_link_in_the_page_is_one_that_opens(embedded: Context) -> None:
    await spooled(embedded, CAMILLE)
    await carried(embedded)

    tree = LexborHTMLParser(plain(delivered(embedded)[CAMILLE], "html"))
    links = [node.attributes["href"] or "" for node in tree.css("a")]
    [ours] = {link for link in links if "/p/" in link}
    assert embedded.tokens.open(Purpose.LINK, ours.rpartition("/")[2])


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit"])
async def test_each_link_of_a_copy_is_the_persons_own_whatever_the_encoding(embedded: Context, encoding: str) -> None:
    message = BytesParser(policy=policy.SMTP).parsebytes(campaign("lettre"))
    for part in message.iter_parts():
        part.set_content(part.get_content(), subtype=part.get_content_subtype(), cte=encoding)
    for _ in range(2):  # what the copies of the first message share is there for the second
        await spooled(embedded, CAMILLE, JOHN, content=message.as_bytes())
    await carried(embedded)

    seen = []
    for path in outgoing(embedded).rglob("new/*"):
        copy = read(path)
        tokens = re.findall(r"/[p1]/([a-z2-7]{53})", "".join(map(str, (copy["List-Unsubscribe"], *bodies(copy)))))
        [link] = {embedded.tokens.open(Purpose.LINK, token) for token in tokens}
        assert link
        assert f"id {link.parcel};" in str(copy["Received"])
        assert len(tokens) >= 3
        seen.append(link)
    assert len(set(seen)) == 4
    assert len({link.contact for link in seen}) == 2


async def test_an_opt_out_between_250_and_delivery_keeps_the_queued_copy_here(context: Context) -> None:
    """tests/law/cases.toml, P05."""
    await spooled(context, CAMILLE, JOHN)
    with context.store.read() as tx:
        [parcel] = [row for row in spool.listing(tx, None, 0, 10) if row.recipient == CAMILLE]
    assert await press(context, Link(parcel.contact_id or 0, 1, parcel.id))

    assert sorted(await carried(context)) == ["delivered", "dropped"]
    assert set(delivered(context)) == {JOHN}


async def test_a_dropped_copy_is_reported_and_its_receipt_names_the_objection(context: Context) -> None:
    await spooled(context, CAMILLE)
    with context.store.read() as tx:
        [parcel] = spool.listing(tx, None, 0, 10)
    await press(context, Link(parcel.contact_id or 0, 1, parcel.id))
    async with rig(context, delivering=True) as house:
        async with house.running():
            await house.emptied()
        [_, receipt] = house.receipts()
        with context.store.read() as tx:
            reports = tx.connection().execute(text("SELECT kind, ref FROM report")).all()

    assert (receipt.code, receipt.outcome, receipt.ref) == ("R-OBJECTED", "dropped", parcel.id)
    assert receipt.evidence["oppositions"]
    assert [tuple(row) for row in reports] == [("dropped", parcel.id)]


async def test_a_deferred_copy_waits_as_the_table_says(context: Context) -> None:
    await spooled(context, CAMILLE)
    assert await carried(context, {"waiting 1": 1}, Says(LATER)) == ["deferred"]

    with context.store.read() as tx:
        [parcel] = spool.listing(tx, None, 0, 10)
    wait = parcel.due_at - clock.now()
    assert parcel.attempts == 1
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)
    assert parcel.last_reply == "451 4.3.0 not now"


async def test_a_copy_that_the_next_hop_never_takes_is_a_final_failure(context: Context) -> None:
    await spooled(context, CAMILLE)

    assert await carried(context, {}, Says(NEVER)) == ["failed"]


async def test_a_copy_too_old_to_be_tried_again_is_given_up(embedded: Context) -> None:
    await spooled(embedded, CAMILLE)
    with embedded.store.begin() as tx:
        tx.connection().execute(
            text("UPDATE parcel SET expires_at = due_at"),
        )

    assert await carried(embedded, {}, Says(LATER)) == ["failed"]


async def test_a_parcel_accepted_here_is_delivered_without_being_claimed(context: Context) -> None:
    async with rig(context, delivering=True) as house:
        assert (await house.send(CAMILLE))[-1].code == 250
        await house.emptied()

    assert set(delivered(context)) == {CAMILLE}


async def test_what_nobody_holds_is_looked_for_at_once(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message too large to wait in memory does not wait for the next look into the spool."""
    monkeypatch.setattr(deliver, "IDLE", 600.0)
    monkeypatch.setattr(deliver, "SMALL", 10)
    async with rig(context, delivering=True) as house, house.running():
        await asyncio.sleep(0.1)  # the first look finds nothing
        assert (await house.send(CAMILLE))[-1].code == 250
        await house.emptied()

    assert set(delivered(context)) == {CAMILLE}


async def test_a_queue_longer_than_there_is_room_for_is_worked_without_pauses(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        await spooled(context, CAMILLE, JOHN)
    monkeypatch.setattr(deliver, "IDLE", 600.0)
    limits = context.settings.limits.model_copy(update={"deliveries": 4})
    narrow = replace(context, settings=context.settings.model_copy(update={"limits": limits}))

    courier = Says(TAKEN)
    assert await carried(narrow, {}, courier) == ["delivered"] * 12
    assert len(courier.letters) == 12


async def test_messages_that_wait_in_memory_are_bounded(embedded: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes beyond is read back from the spool; nothing is kept once it has gone."""
    monkeypatch.setattr(deliver, "MUCH", len(campaign("lettre")) + 1)
    async with rig(embedded, delivering=True, courier=Says(TAKEN)) as house, house.running():
        assert house.deliverer
        assert [(await house.send(CAMILLE))[-1].code for _ in range(3)] == [250] * 3
        await house.emptied()
        assert house.deliverer._shelf.weight == 0
        assert house.deliverer.reserved == 0


class Narrow(Says):
    """A next hop that takes large letters only when a small one has come."""

    def __init__(self, large: int) -> None:
        super().__init__(TAKEN)
        self.large, self.now, self.most, self.small = large, 0, 0, asyncio.Event()

    async def hand(self, letter: Letter) -> Outcome:
        if len(letter.content) < self.large:
            self.small.set()
            return await super().hand(letter)
        self.now += 1
        self.most = max(self.most, self.now)
        await self.small.wait()
        await asyncio.sleep(0.01)
        self.now -= 1
        return await super().hand(letter)


async def test_large_copies_take_turns_and_small_ones_pass_them(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = campaign("lettre")
    large = small.replace(b"</body>", b"<p>Bonjour</p>\r\n" * 1000 + b"</body>")
    monkeypatch.setattr(deliver, "FREE", len(small))
    limits = context.settings.limits.model_copy(update={"memory": 6 * len(large)})
    upstream = context.settings.upstream.model_copy(update={"connections": 2})
    settings = context.settings.model_copy(update={"limits": limits, "upstream": upstream})
    for content in (large, large, large, small):
        await spooled(context, CAMILLE, content=content)
    courier = Narrow(len(large))
    assert await carried(replace(context, settings=settings), {}, courier) == ["delivered"] * 4
    assert courier.most == 1


async def test_the_lease_of_a_dead_node_ends_and_its_parcel_is_carried_by_another(context: Context) -> None:
    await spooled(context, CAMILLE)
    with context.store.begin() as tx:
        assert len(spool.claim(tx, "dead/1", clock.now(), timedelta(milliseconds=200), 10)) == 1

    assert await carried(context) == ["delivered"]


async def test_a_held_copy_is_asked_about_again_when_it_is_released(embedded: Context) -> None:
    async with rig(embedded) as house:
        await house.send(OBJECTED, UNKNOWN, draft=house.draft(block_style="hold"))
        held = [parcel.id for parcel in house.parcels()]
    with embedded.store.begin() as tx:
        spool.release(tx, held, clock.now())

    assert await carried(embedded) == ["dropped", "dropped"]
    assert delivered(embedded) == {}


async def test_a_missing_date_and_message_id_are_added_and_nothing_else(embedded: Context) -> None:
    await spooled(embedded, CAMILLE)
    await carried(embedded)

    copy = delivered(embedded)[CAMILLE]
    assert str(copy["Message-ID"]).endswith("@gate.example>")
    assert copy["Date"]


async def test_nothing_stays_of_a_submission_once_its_parcels_are_gone(context: Context) -> None:
    await spooled(context, CAMILLE, JOHN)
    await carried(context)

    with context.store.read() as tx:
        assert tx.connection().execute(text("SELECT count(*) FROM submission")).scalar_one() == 0


def _token(context: Context, value: str) -> Link:
    token = value.partition("/1/")[2].partition(">")[0]
    link = context.tokens.open(Purpose.LINK, token)
    assert link
    return link


async def test_copies_follow_the_settings_of_the_moment(embedded: Context) -> None:
    await spooled(embedded, CAMILLE)
    async with rig(embedded, delivering=True) as house, house.running():
        await house.emptied()
        web = embedded.settings.web.model_copy(update={"public_url": "https://elsewhere.example"})
        embedded.settings = embedded.settings.model_copy(update={"web": web})
        assert (await house.send(JOHN))[-1].code == 250
        await house.emptied()

    copies = delivered(embedded)
    assert "https://gate.example/p/" in plain(copies[CAMILLE], "plain")
    assert "https://elsewhere.example/p/" in plain(copies[JOHN], "plain")
