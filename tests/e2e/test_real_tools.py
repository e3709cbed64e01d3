"""Real senders on one side, a real mail server on the other, the gateway as a process of its own between them."""

import re
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, World, campaign, running
from tests.support.postfix import Hop, next_hop

SENDER = "lettre@maison-lavande.example"
AGREED, OBJECTED, UNKNOWN = (f"{name}@mailbox.example" for name in ("camille.durand", "opposee", "inconnu"))
Line = tuple[World, Hop]


@pytest.fixture(scope="module")
def running_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Gateway and Postfix, both running."""
    folder = tmp_path_factory.mktemp("gateway")
    with next_hop() as hop, running(folder, f"smtp://127.0.0.1:{hop.port}") as world:
        yield world, hop


@pytest.fixture
def line(running_line: Line) -> Line:
    """A tool's way out, with nothing in the mailbox behind it yet."""
    running_line[1].empty()
    return running_line


def swaks(world: World, recipient: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Send one message with swaks, over verified TLS and with a login for the list `lettre`."""
    command = [
        "swaks", "--server", f"localhost:{world.smtp_port}", "--tls", "--tls-verify",
        "--tls-ca-path", str(world.folder / "authority.pem"), "--auth", "PLAIN", "--auth-user", "atelier+lettre",
        "--auth-password", world.password, "--from", SENDER, "--to", recipient, "--header", "Subject: Le printemps",
        "--body", "Les nouveautés sont là.\n", *arguments,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def text_of(message: EmailMessage, kind: str) -> str:
    """Return the decoded body of one kind, `plain` or `html`."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_what_swaks_sends_to_a_person_who_agreed_arrives_with_mention_and_link(line: Line) -> None:
    world, hop = line
    sent = swaks(world, AGREED)
    assert sent.returncode == 0, sent.stdout + sent.stderr

    (message,) = hop.wait(1)
    assert hop.recipients() == [AGREED]
    assert message["Subject"] == "Le printemps"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"<{world.url}/1/" in message["List-Unsubscribe"].replace(" ", "")
    assert "Les nouveautés sont là." in text_of(message, "plain")
    assert "Maison Lavande SAS" in text_of(message, "plain")


def test_swaks_is_told_at_once_why_a_person_who_objected_may_not_be_written_to(line: Line) -> None:
    world, hop = line
    sent = swaks(world, OBJECTED)

    assert sent.returncode == 24, sent.stdout  # swaks: no recipient was accepted
    assert re.search(r"<~\* 550 5\.7\.1 R-OBJECTED ref=\d+ ", sent.stdout), sent.stdout
    assert hop.contents() == []


def test_swaks_with_a_wrong_password_is_told_so(line: Line) -> None:
    world, hop = line
    sent = swaks(world, AGREED, "--auth-password", "wrong")

    assert sent.returncode == 28, sent.stdout  # swaks: authentication failed
    assert "535 5.7.8" in sent.stdout
    assert hop.contents() == []


def test_smtplib_hears_who_is_refused_and_everybody_else_gets_a_copy_of_their_own(line: Line) -> None:
    world, hop = line
    english = "john.smith@mailbox.example"
    with world.connect("lettre") as session:
        refused = session.send_message(campaign(), SENDER, [AGREED, OBJECTED, UNKNOWN, english])

    assert refused.keys() == {OBJECTED, UNKNOWN}
    assert all(code == 550 and said.startswith(b"5.7.1 R-") for code, said in refused.values())
    copies = {message["X-Original-To"] or message["X-Rcpt-Args"]: message for message in hop.wait(2)}
    assert hop.recipients() == sorted([AGREED, english])
    links = {message["List-Unsubscribe"] for message in copies.values()}
    assert len(links) == 2
    for message in copies.values():
        assert "nouveautés de l’été" in text_of(message, "plain")
        assert "<b>nouveautés</b>" in text_of(message, "html")
        assert "Maison Lavande SAS" in text_of(message, "html")


def test_a_list_named_in_a_header_counts_and_the_header_does_not_leave(line: Line) -> None:
    world, hop = line
    message = campaign()
    message["X-Consentgate-List"] = "clients"
    message["X-Consentgate-Offer"] = "savons"
    with world.connect() as session:
        assert session.send_message(message, SENDER, ["cliente@mailbox.example"]) == {}

    (copy,) = hop.wait(1)
    assert [name for name in copy if name.lower().startswith("x-consentgate")] == []


def test_a_message_in_somebody_elses_name_is_refused(line: Line) -> None:
    world, hop = line
    message = campaign()
    message.replace_header("From", "Banque <contact@banque.example>")
    with world.connect("lettre") as session, pytest.raises(smtplib.SMTPDataError) as told:
        session.send_message(message, SENDER, [AGREED])

    assert told.value.smtp_code == 550
    assert b"R-MSG-IDENTITY" in told.value.smtp_error
    assert b"banque.example" in told.value.smtp_error
    assert hop.contents() == []


def test_a_django_site_sends_its_newsletter_to_those_who_agreed_only(line: Line, tmp_path: Path) -> None:
    world, hop = line
    script = ROOT / "tests/support/django_site.py"
    arguments = [tmp_path, world.smtp_port, "atelier+lettre", world.password, SENDER, AGREED, OBJECTED, UNKNOWN]
    sent = subprocess.run(
        [sys.executable, script, *map(str, arguments)], capture_output=True, text=True, timeout=90, check=False
    )
    assert sent.returncode == 0, sent.stderr
    assert sent.stderr.count("R-OBJECTED") == 1, sent.stderr

    (message,) = hop.wait(1)
    assert hop.recipients() == [AGREED]
    assert len(message.get_all("List-Unsubscribe", [])) == 1
    assert "example.com" not in message["List-Unsubscribe"]  # the site's own header gives way to ours
    for kind in ("plain", "html"):
        assert "Tout est" in text_of(message, kind)
        assert "Maison Lavande SAS" in text_of(message, kind)
