"""What comes back, through a real Postfix: bounces, complaints and opt-outs by mail; then the next send is refused."""

import json
import os
import re
import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.mail.test_feedback import arf
from tests.support.gateway import World, campaign, running
from tests.support.ports import free_port
from tests.support.postfix import Hop, next_hop
from tests.support.waiting import wait

SENDER = "lettre@maison-lavande.example"
CAMILLE, JOHN, GONE = "camille.durand@mailbox.example", "john.smith@mailbox.example", "nobody@gone.test"


def send(world: World, subject: str, *people: str) -> dict[str, tuple[int, bytes]]:
    """Send one message and return who was refused, with the reply."""
    with world.connect("lettre") as session:
        try:
            return session.send_message(campaign(subject), SENDER, people)
        except smtplib.SMTPRecipientsRefused as refused:
            return dict(refused.recipients)


def arrived(hop: Hop, recipient: str, count: int = 1) -> list[EmailMessage]:
    """Return the messages that the next hop delivered to somebody, once there are so many."""
    found: list[EmailMessage] = []

    def enough() -> bool:
        found[:] = [one for one in hop.messages() if recipient in str(one["X-Original-To"])]
        return len(found) >= count

    wait(enough, hop.log)
    return found


def events(world: World, address: str) -> list[str]:
    return [one["event"] for one in json.loads(world.run("--json", "contact", "show", address).stdout)["events"]]


def test_bounces_complaints_and_opt_outs_come_back_through_a_real_mail_server(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        assert os.environ.get("CI") != "true", "only root can start the Postfix that bounces"
        pytest.skip("only root can start the Postfix that bounces")
    door = free_port()
    routes = (
        "transport_maps = inline:{ { gone.test = error:5.1.1 no such user here },"
        f" {{ in.test = smtp:[127.0.0.1]:{door} }} }}"
    )
    with next_hop(0, routes) as hop, running(tmp_path, f"smtp://127.0.0.1:{hop.port}", inbound=door) as world:
        world.agree([GONE])
        assert send(world, "one", CAMILLE, JOHN, GONE) == {}

        # Postfix took the copy and sends its bounce to our return path; the tool gets it all the same.
        [bounce] = arrived(hop, SENDER)
        assert bounce.get_content_type() == "multipart/report"
        wait(lambda: "bounced" in events(world, GONE), hop.log)

        # The person writes to the address in List-Unsubscribe, through the same mail server.
        [copy] = arrived(hop, CAMILLE)
        assert re.fullmatch(r"<b\+[a-z2-7]{53}@in\.test>", str(copy["Return-Path"]))
        stop = str(copy["List-Unsubscribe"]).partition("<mailto:")[2].partition(">")[0]
        with smtplib.SMTP("127.0.0.1", hop.port) as phone:
            phone.sendmail(CAMILLE, stop, b"Subject: unsubscribe\r\nMessage-ID: <1@phone.test>\r\n\r\n")
        [_, confirmation] = arrived(hop, CAMILLE, 2)
        assert (confirmation["Auto-Submitted"], confirmation["In-Reply-To"]) == ("auto-replied", "<1@phone.test>")
        assert confirmation["Return-Path"] == "<>"

        # A mailbox provider reports the other copy as spam, with the address made unreadable.
        [copy] = arrived(hop, JOHN)
        reported = copy.as_bytes().decode().replace(JOHN, "x@redacted.test").replace("\n", "\r\n")
        with smtplib.SMTP("127.0.0.1", door) as provider:
            provider.sendmail("fbl@isp.test", "feedback@in.test", arf("abuse", reported))

        refused = send(world, "two", CAMILLE, JOHN)
        assert [b"R-OBJECTED" in reply for _, reply in refused.values()] == [True, True]
        assert "complained" in events(world, JOHN)

        # Nobody else's mail is taken.
        with smtplib.SMTP("127.0.0.1", door) as stranger:
            with pytest.raises(smtplib.SMTPRecipientsRefused) as no:
                stranger.sendmail("x@isp.test", "somebody@elsewhere.test", b"Subject: spam\r\n\r\n")
            assert no.value.recipients["somebody@elsewhere.test"][0] == 550
