"""Taking a message in: every answer, and what it leaves behind."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway import clock, sample
from gateway.demo import campaign
from gateway.errors import TryLater
from gateway.flow.context import Context, open_context
from gateway.flow.facts import Case, Question, Reader
from gateway.law.facts import UNREAD
from gateway.law.shape import Story
from gateway.mail.address import parse
from gateway.store import lists
from tests.flow.rig import CAMILLE, JOHN, OBJECTED, UNKNOWN, Rig, rig, settings_for
from tests.support.postgres import Cluster

pytestmark = pytest.mark.anyio


async def answer(context: Context, *recipients: str, content: bytes | None = None, **account: object) -> str:
    """Send one message with a changed account and return the last reply."""
    async with rig(context) as house:
        replies = await house.send(*recipients, content=content, draft=house.draft(**account))
        return str(replies[-1])


async def test_a_permitted_recipient_is_answered_250_and_leaves_a_parcel_and_a_receipt(context: Context) -> None:
    async with rig(context) as house:
        replies = await house.send(CAMILLE)
        [parcel], [receipt] = house.parcels(), house.receipts()

    assert (replies[-1].code, replies[-1].text) == (250, f"Ok: queued as {receipt.ref}")
    assert (parcel.state, parcel.recipient) == ("waiting", CAMILLE)
    assert (receipt.ref, receipt.fate, receipt.code) == (parcel.id, "send", "A-CONSENT")
    assert receipt.evidence["events"]


async def test_what_is_stored_is_what_came_byte_for_byte(context: Context) -> None:
    content = campaign("lettre")
    async with rig(context) as house:
        await house.send(CAMILLE, content=content)
        with context.store.read() as tx:
            stored = tx.connection().execute(text("SELECT content FROM submission")).scalar_one()

    assert bytes(stored) == content


async def test_three_recipients_with_three_fates_leave_one_parcel_and_three_receipts(context: Context) -> None:
    """tests/law/cases.toml, P20."""
    async with rig(context) as house:
        replies = await house.send(CAMILLE, OBJECTED, UNKNOWN)
        codes = sorted(receipt.code for receipt in house.receipts())

        assert [reply.code for reply in replies] == [250, 250, 550, 550, 250]
        assert codes == ["A-CONSENT", "R-OBJECTED", "R-UNKNOWN"]
        assert [parcel.recipient for parcel in house.parcels()] == [CAMILLE]


async def test_who_is_named_twice_gets_one_copy(context: Context) -> None:
    async with rig(context) as house:
        replies = await house.send(CAMILLE, JOHN, CAMILLE, f"C{CAMILLE[1:]}")

        assert [reply.code for reply in replies] == [250] * 6
        assert [parcel.recipient.lower() for parcel in house.parcels()] == [CAMILLE, JOHN]
        assert len(house.receipts()) == 2


class Halfblind(Reader):
    """Cannot read what is known of the last one asked about."""

    async def ask(self, question: Question, *, patient: bool = False) -> Sequence[Case]:
        *read, last = await super().ask(question, patient=patient)
        return [*read, replace(last, dossier=replace(last.dossier, story=Story(UNREAD, ())))]


async def test_one_who_cannot_be_decided_on_defers_the_message_and_nothing_is_kept(embedded: Context) -> None:
    async with rig(embedded, reader=Halfblind(embedded)) as house:
        replies = await house.send(CAMILLE, JOHN, draft=house.draft(block_style="discard"))  # asked after DATA
        assert [reply.code for reply in replies] == [250, 250, 250, 451]
        assert replies[-1].text.startswith("D-UNREAD")
        assert house.parcels() == []
        assert house.receipts() == []


async def test_a_refusal_names_the_code_and_a_reference_that_has_a_receipt(context: Context) -> None:
    async with rig(context) as house:
        refused = (await house.send(OBJECTED))[-1]
        [receipt] = house.receipts()

    assert str(refused).startswith(f"550 5.7.1 R-OBJECTED ref={receipt.ref} ")
    assert receipt.stage == "recipient"
    assert OBJECTED.encode() not in receipt.recipient_digest


async def test_when_the_list_comes_with_a_header_the_answer_comes_after_data(context: Context) -> None:
    content = b"X-Consentgate-List: lettre\r\n" + campaign("lettre")
    async with rig(context) as house:
        replies = await house.send(OBJECTED, content=content, draft=house.draft(None))

    assert [reply.code for reply in replies] == [250, 250, 550]
    assert "R-OBJECTED" in replies[-1].text


async def test_some_refused_after_data_is_250_with_a_report_for_the_refused(context: Context) -> None:
    content = b"X-Consentgate-List: lettre\r\n" + campaign("lettre")
    async with rig(context) as house:
        replies = await house.send(CAMILLE, OBJECTED, content=content, draft=house.draft(None))
        with context.store.read() as tx:
            reports = tx.connection().execute(text("SELECT kind, ref FROM report")).all()
        refused = next(row.ref for row in house.receipts() if row.fate == "refuse")

    assert replies[-1].code == 250
    assert [tuple(row) for row in reports] == [("refused", refused)]


async def test_a_message_without_any_list_is_refused_and_told_the_cure(embedded: Context) -> None:
    said = await answer(embedded, CAMILLE, list_name=None)

    assert said.startswith("550 5.7.0 R-LIST-UNNAMED")


async def test_a_list_that_does_not_exist_is_refused(embedded: Context) -> None:
    assert "R-LIST" in await answer(embedded, CAMILLE, list_name="nulle-part")


@pytest.mark.parametrize(("named", "said"), [("clients", "R-LIST-FORBIDDEN"), ("weekly", "R-LIST-UNNAMED")])
async def test_a_header_that_names_another_list_than_the_only_one_of_the_account_is_refused(
    embedded: Context, named: str, said: str
) -> None:
    content = f"X-Consentgate-List: {named}\r\n".encode() + campaign("lettre")
    async with rig(embedded) as house:
        with embedded.store.read() as tx:
            only = lists.by_name(tx, "lettre")
        assert only is not None
        draft = house.draft(None, list_id=only.id, list_ids=[only.id])

        replies = await house.send(CAMILLE, content=content, draft=draft)

        assert [reply.code for reply in replies[:2]] == [250, 250]
        assert said in str(replies[-1])
        assert house.parcels() == []


async def test_a_list_that_is_not_active_is_refused(embedded: Context) -> None:
    with embedded.store.begin() as tx:
        row = lists.by_name(tx, "lettre")
        assert row
        row.state = "draft"
        lists.save(tx, row)

    assert "550 5.7.1 R-LIST-INACTIVE" in await answer(embedded, CAMILLE)


async def test_a_foreign_from_domain_is_refused_by_name(embedded: Context) -> None:
    content = campaign("lettre").replace(b"lettre@maison-lavande.example", b"info@la-poste.example")

    said = await answer(embedded, CAMILLE, content=content)

    assert said.startswith("550 5.7.0 R-MSG-IDENTITY")
    assert "la-poste.example" in said


async def test_an_encoded_word_cannot_pretend_to_be_the_from_address(embedded: Context) -> None:
    forged = b"From: =?utf-8?q?x=40maison-lavande=2Eexample?= <info@la-poste.example>"
    content = campaign("lettre").replace(b"From: Maison Lavande <lettre@maison-lavande.example>", forged)

    assert "R-MSG-IDENTITY" in await answer(embedded, CAMILLE, content=content)


@pytest.mark.parametrize(
    "field", [b"", b"From: lettre@maison-lavande.example\r\nFrom: autre@maison-lavande.example\r\n"]
)
async def test_a_message_with_no_from_or_two_is_refused(embedded: Context, field: bytes) -> None:
    content = campaign("lettre").replace(b"From: Maison Lavande <lettre@maison-lavande.example>\r\n", field)

    assert (await answer(embedded, CAMILLE, content=content)).startswith("554 5.6.0 R-SMTP-SYNTAX")


async def test_a_foreign_return_path_is_refused_at_mail(embedded: Context) -> None:
    async with rig(embedded) as house:
        reply = await house.accept.sender(house.draft(sender="news@elsewhere.example"))

    assert (reply.code, reply.status) == (550, "5.7.1")
    assert "maison-lavande.example" in reply.text


async def test_a_return_path_below_a_domain_of_the_advertiser_is_fine(embedded: Context) -> None:
    async with rig(embedded) as house:
        assert (await house.accept.sender(house.draft(sender="b+1@bounces.maison-lavande.example"))).code == 250


async def test_prospecting_with_a_null_sender_is_refused(embedded: Context) -> None:
    assert "R-MSG-NULLSENDER" in await answer(embedded, CAMILLE, sender="")


async def test_prospecting_that_nobody_signs_is_refused_and_told_the_cure(embedded: Context) -> None:
    with embedded.store.begin() as tx:
        tx.connection().execute(text("DELETE FROM dkim_key"))

    said = await answer(embedded, CAMILLE)

    assert "R-MSG-NODKIM" in said
    assert "--upstream-signs" in said


async def test_an_account_without_the_right_may_not_claim_the_service_class(embedded: Context) -> None:
    content = b"X-Consentgate-Class: service\r\n" + campaign("lettre")

    assert "R-CLASS-FORBIDDEN" in await answer(embedded, CAMILLE, content=content)


async def test_a_class_that_does_not_exist_is_refused_with_those_that_do(embedded: Context) -> None:
    content = b"X-Consentgate-Class: newsletter\r\n" + campaign("lettre")

    said = await answer(embedded, CAMILLE, content=content, klass="prospecting")

    assert "R-CLASS-FORBIDDEN" in said
    assert "prospecting" in said


async def test_a_service_message_of_an_entitled_account_reaches_who_objected(embedded: Context) -> None:
    """tests/law/cases.toml, P16."""
    content = b"X-Consentgate-Class: service\r\n" + campaign("lettre")
    async with rig(embedded) as house:
        draft = house.draft(classes=["prospecting", "service"])
        replies = await house.send(OBJECTED, content=content, draft=draft)

    assert replies[-1].code == 250


async def test_block_style_discard_says_250_and_keeps_the_copy_out(embedded: Context) -> None:
    async with rig(embedded) as house:
        replies = await house.send(OBJECTED, draft=house.draft(block_style="discard"))

        assert [reply.code for reply in replies] == [250, 250, 250]
        assert house.parcels() == []
        assert [receipt.code for receipt in house.receipts()] == ["R-OBJECTED"]


async def test_block_style_hold_says_250_and_keeps_the_copy_for_release(embedded: Context) -> None:
    async with rig(embedded) as house:
        replies = await house.send(OBJECTED, draft=house.draft(block_style="hold"))
        [parcel] = house.parcels()

    assert replies[-1].code == 250
    assert (parcel.state, parcel.reason) == ("held", "R-OBJECTED")


async def test_what_is_wrong_with_the_message_is_said_whatever_the_block_style(embedded: Context) -> None:
    said = await answer(embedded, CAMILLE, content=b"Subject: x\r\n\r\nx\r\n", block_style="discard")

    assert said.startswith("554 5.6.0 R-SMTP-SYNTAX")


async def test_an_encrypted_campaign_is_refused(embedded: Context) -> None:
    head = campaign("lettre").split(b"MIME-Version")[0]
    content = (
        head + b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nMIIB\r\n"
    )

    assert "R-MSG-OPAQUE" in await answer(embedded, CAMILLE, content=content)


async def test_two_good_recipients_share_one_submission(embedded: Context) -> None:
    async with rig(embedded) as house:
        await house.send(CAMILLE, JOHN)
        first, second = house.parcels()

    assert first.submission_id == second.submission_id


async def test_when_the_database_is_gone_nothing_is_answered_and_nothing_kept(
    postgres: Cluster, tmp_path: Path
) -> None:
    """The door turns TryLater into 451 4.3.0."""
    name = postgres.create("template")
    context = open_context(settings_for(postgres.url(name), tmp_path))
    try:
        sample.fill(context, clock.now())
        async with rig(context) as house:
            draft = house.draft()
            postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            with pytest.raises(TryLater):
                await house.accept.recipient(draft, parse(CAMILLE), "", "")
            postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

            assert house.parcels() == []
            assert (await house.send(CAMILLE))[-1].code == 250
    finally:
        context.close()
        postgres.drop(name)


async def test_a_wrong_password_a_disabled_account_and_a_stranger_are_all_nobody(embedded: Context) -> None:
    async with rig(embedded) as house:
        assert await _logins(house, "wrong") == [None, None]
        with embedded.store.begin() as tx:
            tx.connection().execute(text("UPDATE account SET disabled_at = created_at"))
        assert await _logins(house, "wrong") == [None, None]


async def _logins(house: Rig, password: str) -> list[object]:
    return [await house.accept.login(name, password.encode()) for name in ("atelier", "personne")]
