"""What a person at the other end reads when something is wrong with what they send; nothing of it is kept."""

import smtplib
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage

import pytest

from gateway.flow.context import open_context
from gateway.store import spool
from tests.support.gateway import World, campaign, running
from tests.support.postgres import Cluster

SENDER = "lettre@maison-lavande.example"
AGREED = "camille.durand@mailbox.example"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A gateway whose copies would go into a Maildir."""
    folder = tmp_path_factory.mktemp("bad")
    with running(folder, f"maildir:{folder / 'outgoing'}", "--only", "smtp,web") as gateway:
        yield gateway


def reply(world: World, content: bytes, *, list_name: str = "lettre", sender: str = SENDER) -> str:
    """Send `content` to somebody who agreed; return the refusal, as the tool sees it."""
    with world.connect(list_name) as session:
        try:
            session.sendmail(sender, [AGREED], content)
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = refused.recipients[AGREED]
        except smtplib.SMTPResponseException as refused:
            code, text = refused.smtp_code, refused.smtp_error
        else:
            return "250"
    return f"{code} {text.decode() if isinstance(text, bytes) else text}"


def kept(world: World) -> int:
    """Return how many parcels there are."""
    context = open_context(world.settings)
    try:
        with context.store.read() as tx:
            return len(spool.listing(tx, None, 0, 100))
    finally:
        context.close()


def message(**fields: str) -> EmailMessage:
    """Return the campaign with other fields; "" takes one away."""
    made = campaign()
    for name, value in fields.items():
        del made[name.replace("_", "-")]
        if value:
            made[name.replace("_", "-")] = value
    return made


def test_a_wrong_password_is_said_and_nothing_else_is_possible_without_a_login(world: World) -> None:
    session = smtplib.SMTP("localhost", world.smtp_port, timeout=30)
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        session.login("atelier", "wrong")
    assert (refused.value.smtp_code, refused.value.smtp_error) == (535, b"5.7.8 name or password is wrong")

    assert session.mail(SENDER) == (530, b"5.7.0 Authentication required")
    session.quit()


def test_a_foreign_from_domain_is_named(world: World) -> None:
    said = reply(world, message(From="La Poste <info@la-poste.example>").as_bytes(policy=policy.SMTP))

    assert said.startswith("550 5.7.0 R-MSG-IDENTITY ref=")
    assert "la-poste.example is not a sending domain of lavande (maison-lavande.example)" in said


def test_an_unknown_list_is_refused_at_the_recipient(world: World) -> None:
    said = reply(world, campaign().as_bytes(policy=policy.SMTP), list_name="nulle-part")

    assert said.startswith("550 5.7.0 R-LIST-UNNAMED ref=")


def test_a_message_whose_parts_never_end_well_is_refused_or_carries_the_mention(world: World) -> None:
    """A boundary that never comes: nobody can tell what a reader would see."""
    broken = b"From: " + SENDER.encode() + b"\r\nSubject: x\r\nContent-Type: multipart/mixed\r\n\r\n--a\r\n\r\nx\r\n"

    assert reply(world, broken).startswith("550 5.7.0 R-MSG-OPAQUE ref=")


def test_a_header_section_that_is_none_is_a_syntax_error(world: World) -> None:
    assert reply(world, b"this is no header\r\n\r\nx\r\n").startswith("554 5.6.0 R-SMTP-SYNTAX ref=")


def test_a_message_that_says_it_is_too_big_is_refused_before_it_is_sent(world: World) -> None:
    with world.connect("lettre") as session:
        code, text = session.mail(SENDER, ["size=99000000"])

    assert (code, text) == (552, b"5.3.4 message too big")


def test_a_message_that_is_too_big_is_refused_after_it_was_sent(world: World) -> None:
    big = campaign().as_bytes(policy=policy.SMTP) + b"x" * 76 * 2 + (b"\r\n" + b"y" * 76) * 360_000
    with world.connect("lettre") as session:
        session.ehlo()
        session.esmtp_features.pop("size")  # a client that does not say how much is coming
        with pytest.raises(smtplib.SMTPDataError) as refused:
            session.sendmail(SENDER, [AGREED], big)

    assert (refused.value.smtp_code, refused.value.smtp_error) == (552, b"5.3.4 message too big")


def test_a_message_that_imitates_an_answer_is_refused(world: World) -> None:
    assert "R-MSG-SUBJECT" in reply(world, message(Subject="Re: votre commande").as_bytes(policy=policy.SMTP))


def test_nothing_of_all_this_was_kept_and_the_next_good_message_is(world: World) -> None:
    reply(world, b"this is no header\r\n\r\nx\r\n")
    before = kept(world)

    assert reply(world, campaign().as_bytes(policy=policy.SMTP)) == "250"
    assert kept(world) == before + 1


def test_while_the_database_is_gone_the_answer_is_451_and_nothing_is_kept(
    postgres: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = postgres.create("template")
    folder = tmp_path_factory.mktemp("gone")
    try:
        with (
            running(folder, f"maildir:{folder / 'out'}", "--only", "smtp,web", store=postgres.url(name)) as world,
            world.connect("lettre") as session,
        ):
            postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            session.mail(SENDER)
            assert session.rcpt(AGREED) == (451, b"4.3.0 something needed cannot be reached, try again later")
            postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            assert kept(world) == 0
            session.rset()
            assert session.sendmail(SENDER, [AGREED], campaign().as_bytes(policy=policy.SMTP)) == {}
            assert kept(world) == 1
    finally:
        postgres.drop(name)
