"""From the copy in a mailbox to the click and back: a no holds from the moment it is said, even for queued mail."""

import mailbox
import re
import smtplib
import time
import urllib.request
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import Message
from pathlib import Path

import pytest

from tests.support.gateway import World, campaign, running
from tests.support.ports import free_port
from tests.support.postfix import next_hop

SENDER = "lettre@maison-lavande.example"
AGREED = "camille.durand@mailbox.example"
OTHER = "john.smith@mailbox.example"


def send(world: World, subject: str, people: Sequence[str] = (AGREED,)) -> None:
    """Send one message to people who agreed; raise what smtplib raises when all are refused."""
    with world.connect("lettre") as session:
        session.send_message(campaign(subject), SENDER, people)


def copies(folder: Path, count: int) -> list[mailbox.MaildirMessage]:
    """Return the copies in a Maildir, opened by Python's `mailbox`, once there are `count` of them."""
    limit = time.monotonic() + 30
    while len(found := list(mailbox.Maildir(folder, create=False)) if (folder / "new").is_dir() else []) < count:
        assert time.monotonic() < limit, f"{len(found)} of {count} copies arrived"
        time.sleep(0.05)
    return found


def one_click(message: Message) -> str:
    """Return the address that a mailbox provider would post to (RFC 8058)."""
    found = re.search(r"<(http[^>]+)>", message["List-Unsubscribe"])
    assert found is not None
    return found[1]


def ask(url: str, data: bytes | None = None, method: str | None = None) -> tuple[int, str]:
    """Return status and text of one web request."""
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=30) as answer:
        return answer.status, answer.read().decode()


def recipient(message: Message) -> str:
    """Return for whom the next hop took a message: Postfix and smtp-sink each write it down in their own way."""
    return message["X-Original-To"] or message["X-Rcpt-Args"]


def test_looking_at_the_link_changes_nothing_and_posting_it_stops_the_mail(tmp_path: Path) -> None:
    box = tmp_path / "box"
    with running(tmp_path, f"maildir:{box}") as world:
        send(world, "one")
        (first,) = copies(box, 1)
        url = one_click(first)

        assert ask(url, method="HEAD")[0] == 200
        assert ask(url)[0] == 200
        send(world, "two")
        assert len(copies(box, 2)) == 2

        for _ in range(2):
            assert ask(url, b"List-Unsubscribe=One-Click")[0] == 200
        with pytest.raises(smtplib.SMTPRecipientsRefused) as told:
            send(world, "three")
        code, said = told.value.recipients[AGREED]
        assert (code, said[:19]) == (550, b"5.7.1 R-OBJECTED re")
        assert len(copies(box, 2)) == 2


def test_a_copy_reads_the_same_to_two_mail_libraries(tmp_path: Path) -> None:
    box = tmp_path / "box"
    with running(tmp_path, f"maildir:{box}") as world:
        send(world, "one")
        (copy,) = copies(box, 1)

    parsed = message_from_bytes(bytes(copy), policy=policy.default)
    assert parsed.defects == []
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert all(part.defects == [] for part in parsed.walk())
    assert parsed["Subject"] == copy["Subject"] == "one"


def test_mail_waits_for_the_next_hop_and_does_not_leave_to_a_person_who_said_no_meanwhile(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, f"smtp://127.0.0.1:{port}") as world:
        with next_hop(port) as hop:
            send(world, "one", [AGREED, OTHER])
            urls = {recipient(message): one_click(message) for message in hop.wait(2)}
            url = next(link for person, link in urls.items() if AGREED in person)

        send(world, "two", [AGREED, OTHER])  # nobody listens there now
        assert ask(url, b"List-Unsubscribe=One-Click")[0] == 200

        with next_hop(port) as hop:
            hop.wait(2)  # the copy for the other person, and the report that the one who said no got none
            assert sorted(hop.recipients()) == sorted([OTHER, SENDER])
            assert [str(message["Subject"]) for message in hop.messages() if OTHER in recipient(message)] == ["two"]
            waiting = world.run("--json", "queue", "list")
            assert waiting.returncode == 0, waiting.stderr
            assert AGREED not in waiting.stdout
