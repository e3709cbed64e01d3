"""What comes back by mail becomes events, in force at once; who is answered, and with what."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from gateway import clock
from gateway.courier.courier import Outcome
from gateway.errors import TryLater
from gateway.flow import consent, report
from gateway.flow.context import Context
from gateway.flow.inbound import Inbox
from gateway.flow.optout import Desk
from gateway.mail.address import parse
from gateway.mail.dsn import Reported
from gateway.mail.reply import Reply
from gateway.store import spool, trails
from gateway.store.records import Swift
from gateway.tokens import Link, Purpose
from tests.flow.inbox import ADMIN, TAKEN, delivered, events, house, letters, mailto, refused, take, text, until
from tests.flow.rig import CAMILLE, JOHN, Says, rig
from tests.mail.test_feedback import arf, bounce
from tests.support.pressing import press

pytestmark = pytest.mark.anyio


@pytest.fixture
def context(store_url: str, tmp_path: Path) -> Iterator[Context]:
    """The sample's house with the inbound door, on either database."""
    yield from house(store_url, tmp_path)


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Iterator[Context]:
    """The same on SQLite only."""
    yield from house(sqlite_url, tmp_path)


# ---- opt-outs by mail


async def test_an_opt_out_by_mail_is_in_force_when_it_is_acknowledged(context: Context) -> None:
    [letter] = await delivered(context, CAMILLE)

    assert take(context, mailto(letter), b"Message-ID: <7@phone.example>\r\nSubject: stop\r\n\r\n", CAMILLE)

    assert "R-OBJECTED" in await refused(context, CAMILLE)
    assert len(events(context, CAMILLE, "objected")) == 1
    [(to, message)] = letters(context)
    assert to == CAMILLE
    assert (message["Auto-Submitted"], message["In-Reply-To"]) == ("auto-replied", "<7@phone.example>")
    link = text(message).partition("https://gate.example/p/")[2][:53]
    undo = context.tokens.open(Purpose.LINK, link)
    assert undo
    Desk(context).undo(undo)
    assert "Recipient ok" in await refused(context, CAMILLE)


@pytest.mark.parametrize("way", ["mailto", "complaint"])
async def test_a_no_by_mail_is_not_acknowledged_while_a_courier_holds_a_copy(
    embedded: Context, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    async with rig(embedded) as house:
        await house.send(CAMILLE)
    with embedded.store.begin() as tx:
        assert len(spool.claim(tx, "other", clock.now(), timedelta(minutes=1), 10)) == 1
    monkeypatch.setattr(consent, "PATIENCE", 0.1)
    content = b"\r\n" if way == "mailto" else arf("abuse", letter.content.decode())
    with pytest.raises(TryLater):
        take(embedded, mailto(letter) if way == "mailto" else "feedback@back.gate.example", content, CAMILLE)
    assert "R-" in await refused(embedded, CAMILLE)


async def test_asking_twice_is_asking_once_and_is_answered_once(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    for _ in range(3):
        take(embedded, mailto(letter).upper(), b"\r\n", CAMILLE)

    assert len(events(embedded, CAMILLE, "objected")) == 1
    assert len(letters(embedded)) == 1


@pytest.mark.parametrize(
    ("fields", "mail_from"),
    [(b"Auto-Submitted: auto-generated\r\n", CAMILLE), (b"Precedence: junk\r\n", CAMILLE), (b"", "")],
)
async def test_a_machine_is_obeyed_and_not_answered(embedded: Context, fields: bytes, mail_from: str) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    take(embedded, mailto(letter), fields + b"\r\n", mail_from)

    assert "R-OBJECTED" in await refused(embedded, CAMILLE)
    assert letters(embedded) == []


async def test_who_forwarded_a_copy_is_told_that_somebody_else_asked(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    take(embedded, mailto(letter), b"Message-ID: <8@x.example>\r\n\r\n", "friend@elsewhere.example")

    [(to, message)] = letters(embedded)
    assert to == CAMILLE
    assert message["In-Reply-To"] is None
    assert "transféré" in text(message)


# ---- bounces


async def test_a_copy_leaves_with_a_return_path_that_knows_whose_it_is(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)

    local, _, domain = letter.sender.partition("@")
    link = embedded.tokens.open(Purpose.BOUNCE, local.removeprefix("b+"))
    assert domain == "back.gate.example"
    assert link
    assert (link.contact, letter.orcpt) == (events(embedded, CAMILLE, "granted")[0].contact_id, f"rfc822;{CAMILLE}")


@pytest.mark.parametrize(("notify", "asked"), [("", ""), ("NEVER", "NEVER"), ("SUCCESS", "NEVER"),
                                               ("SUCCESS,FAILURE", "FAILURE")])  # fmt: skip
async def test_the_next_hop_is_asked_to_report_failures_only(embedded: Context, notify: str, asked: str) -> None:
    hop = Says(Outcome("delivered", TAKEN.reply, reports=True))
    async with rig(embedded, courier=hop, delivering=True) as house:
        draft = house.draft()
        await house.accept.recipient(draft, parse(CAMILLE), notify, "")
        await house.send(draft=draft)
        await until(lambda: not house.parcels())

    assert hop.letters[0].notify == asked
    assert report.send(embedded, clock.now() + embedded.settings.limits.report_after * 2) == ("SUCCESS" in notify)


async def test_an_address_that_does_not_exist_is_recorded_and_is_no_objection(context: Context) -> None:
    [letter] = await delivered(context, CAMILLE)
    content = bounce(Reported(CAMILLE, "failed", "5.1.1", "550 5.1.1 no such user")).as_bytes().replace(b"\n", b"\r\n")
    for _ in range(2):
        take(context, letter.sender, content)

    [event] = events(context, CAMILLE, "bounced")
    assert event.evidence["status"] == "5.1.1"
    assert events(context, CAMILLE, "objected") == []
    assert "Recipient ok" in await refused(context, CAMILLE)
    assert [to for to, _ in letters(context)] == ["lettre@maison-lavande.example"] * 2  # the tool hears as ever
    assert letters(context)[0][1].get_content_type() == "multipart/report"


@pytest.mark.parametrize(
    "fate",
    [
        Reported(CAMILLE, "failed", "5.2.2", "552 5.2.2 mailbox full"),
        Reported(CAMILLE, "failed", "5.7.1", "550 5.7.1 blocked"),
        Reported("camille@where-she-forwards-to.example", "failed", "5.1.1"),
    ],
)
async def test_soft_bounces_say_nothing_about_the_address_however_many_come(embedded: Context, fate: Reported) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    content = bounce(fate).as_bytes().replace(b"\n", b"\r\n")
    for _ in range(5):
        take(embedded, letter.sender, content)

    assert events(embedded, CAMILLE, "bounced") == []


async def test_what_the_next_hop_says_at_once_is_recorded_too(embedded: Context) -> None:
    await delivered(embedded, CAMILLE, outcome=Outcome("failed", Reply(550, "5.1.1", "no such user")))
    await delivered(embedded, JOHN, outcome=Outcome("failed", Reply(550, "5.7.1", "we do not like you")))

    assert len(events(embedded, CAMILLE, "bounced")) == 1
    assert events(embedded, JOHN, "bounced") == []


async def test_a_person_who_writes_to_the_return_path_is_not_passed_on(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    take(embedded, letter.sender, b"Subject: buy pills\r\n\r\n", "spam@elsewhere.example")

    assert letters(embedded) == []


async def test_what_cannot_be_written_again_is_not_passed_on(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    take(embedded, letter.sender, b"no header here\r\n\r\nx\r\n")

    assert letters(embedded) == []


# ---- complaints


@pytest.mark.parametrize("to", ["feedback@back.gate.example", "ABUSE@back.gate.example", "return path"])
async def test_a_complaint_is_an_objection_of_whom_our_token_names(context: Context, to: str) -> None:
    [letter] = await delivered(context, CAMILLE)
    reported = letter.content.decode().replace(CAMILLE, "redacted@isp.example")
    assert take(context, letter.sender if to == "return path" else to, arf("abuse", reported), "fbl@isp.example")

    assert "R-OBJECTED" in await refused(context, CAMILLE)
    assert len(events(context, CAMILLE, "complained")) == 1
    assert letters(context) == []  # whoever complains is not written to again


async def test_not_spam_changes_nothing_and_other_reports_are_for_people(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    take(embedded, "feedback@back.gate.example", arf("not-spam", letter.content.decode()))
    assert letters(embedded) == []
    take(embedded, "feedback@back.gate.example", arf("fraud", letter.content.decode()))
    take(embedded, "feedback@back.gate.example", arf("abuse", "Subject: whose?\r\n\r\n"))

    assert events(embedded, CAMILLE, "complained") == []
    assert [to for to, _ in letters(embedded)] == [ADMIN, ADMIN]


async def test_mail_to_the_postmaster_goes_to_a_person(embedded: Context) -> None:
    take(embedded, "postmaster@back.gate.example", b"Subject: hello\r\n\r\nPlease call.\r\n", "x@isp.example")

    [(to, message)] = letters(embedded)
    assert to == ADMIN
    assert message["Subject"] == "hello"
    assert "192.0.2.1" in message["Received"]


async def test_mail_that_runs_in_circles_is_refused(embedded: Context) -> None:
    content = b"Received: by x\r\n" * 51 + b"\r\n"
    assert not take(embedded, "postmaster@back.gate.example", content, "x@isp.example")


@pytest.mark.parametrize(
    "address",
    [
        "anybody@back.gate.example",
        "stop+@back.gate.example",
        f"stop+{'a' * 53}@back.gate.example",
        f"b+{'a' * 53}@back.gate.example",
        "postmaster@elsewhere.example",
        "lettre@maison-lavande.example",
    ],
)
async def test_nothing_else_is_taken(embedded: Context, address: str) -> None:
    assert Inbox(embedded).target(parse(address)) is None


async def test_a_token_opens_only_what_it_was_made_for(embedded: Context) -> None:
    link = embedded.tokens.seal(Purpose.LINK, Link(1, 1, 1))
    stop = embedded.tokens.seal(Purpose.MAILTO, Link(1, 1, 1))
    inbox = Inbox(embedded)

    assert inbox.target(parse(f"stop+{stop}@back.gate.example"))
    for wrong in (f"stop+{link}", f"b+{stop}", f"b+{link}"):
        assert inbox.target(parse(f"{wrong}@back.gate.example")) is None


async def test_who_says_it_again_by_mail_meant_it_even_if_a_machine_said_it_first(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    stop = embedded.tokens.open(Purpose.MAILTO, mailto(letter).partition("+")[2].partition("@")[0])
    assert stop
    await press(embedded, stop, network="192.0.2.0/24")
    with embedded.store.read() as tx:
        assert [row.again for row in tx.exec(select(Swift))] == [False]

    take(embedded, mailto(letter), b"\r\n", CAMILLE)

    with embedded.store.read() as tx:
        assert [row.again for row in tx.exec(select(Swift))] == [True]


async def test_a_report_that_is_too_old_for_its_trail_is_still_an_objection(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    with embedded.store.begin() as tx:
        trails.forget(tx, clock.now() + trails.KEPT)
    take(embedded, "abuse@back.gate.example", arf("opt-out", letter.content.decode()), "fbl@isp.example")
    take(embedded, letter.sender, bounce(Reported(CAMILLE, "failed", "5.1.1")).as_bytes().replace(b"\n", b"\r\n"))

    assert "R-OBJECTED" in await refused(embedded, CAMILLE)
    assert letters(embedded) == []


async def test_mail_that_is_passed_on_is_not_signed_in_the_advertisers_name(embedded: Context) -> None:
    content = b"From: Boss <chef@maison-lavande.example>\r\nSubject: pay this\r\n\r\nNow.\r\n"
    take(embedded, "postmaster@back.gate.example", content, "x@isp.example")
    hop = Says(TAKEN)
    async with rig(embedded, courier=hop, delivering=True) as house, house.running():
        await house.emptied()

    assert hop.letters[0].content.endswith(content)
    assert b"DKIM-Signature" not in hop.letters[0].content


async def test_an_opt_out_counts_even_when_its_message_cannot_be_read(embedded: Context) -> None:
    [letter] = await delivered(embedded, CAMILLE)
    assert take(embedded, mailto(letter), b"Content-Type: x" + b"; a=b" * 2000 + b"\r\n\r\n", CAMILLE)

    assert "R-OBJECTED" in await refused(embedded, CAMILLE)
    assert letters(embedded) == []
