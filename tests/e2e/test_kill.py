"""A power cut while mail flows: what got its 250 arrives, and nobody who said no hears from us."""

import os
import signal
import smtplib
import threading
import time
from itertools import count
from pathlib import Path

import pytest

from tests.support.gateway import World, campaign, running
from tests.support.postfix import Hop, next_hop
from tests.support.waiting import wait

SENDER = "lettre@maison-lavande.example"
OBJECTED = "opposee@mailbox.example"
PEOPLE = [f"personne{number}@mailbox.example" for number in range(40)]


class Sender(threading.Thread):
    """A tool that goes on sending, message after message, over every break of the line, until it is told to stop."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(name=name)
        self.accepted: list[str] = []  # subjects that got their 250
        self.refused: list[int] = []
        self._world = world
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Send until `finish`, connecting again whenever the line breaks."""
        numbers = count()
        while not self._stop_asked.is_set():
            try:
                with self._world.connect("lettre") as session:
                    while not self._stop_asked.is_set():
                        self._send(session, next(numbers))
            except (OSError, smtplib.SMTPException):
                time.sleep(0.05)

    def _send(self, session: smtplib.SMTP, number: int) -> None:
        subject = f"{self.name} {number}"
        recipients = [PEOPLE[number % len(PEOPLE)], OBJECTED]
        refused = session.send_message(campaign(subject), SENDER, recipients)
        self.accepted.append(subject)
        self.refused += [code for code, _ in refused.values()]

    def finish(self) -> None:
        """Ask to stop, and wait for it."""
        self._stop_asked.set()
        self.join(60)


def crowd(world: World) -> list[Sender]:
    """Start three tools that send to people who agreed and to one who objected."""
    world.agree(PEOPLE)
    senders = [Sender(world, name) for name in ("a", "b", "c")]
    for sender in senders:
        sender.start()
    return senders


def go_on(senders: list[Sender], messages: int = 15) -> None:
    """Let the tools go on until that many more messages got their 250."""
    enough = sum(len(sender.accepted) for sender in senders) + messages
    wait(lambda: sum(len(sender.accepted) for sender in senders) >= enough)


def check(hop: Hop, senders: list[Sender]) -> None:
    """Wait until every accepted message has arrived; nobody who objected got one."""
    accepted = {subject for sender in senders for subject in sender.accepted}
    limit = time.monotonic() + 60
    while missing := accepted - {str(message["Subject"]) for message in hop.messages()}:
        assert time.monotonic() < limit, f"{len(missing)} of {len(accepted)} accepted messages never arrived"
        time.sleep(0.2)
    assert OBJECTED not in hop.recipients()
    assert {code for sender in senders for code in sender.refused} == {550}


@pytest.mark.timeout(300)
def test_every_message_that_got_its_250_is_delivered_after_the_gateway_was_killed(tmp_path: Path) -> None:
    with next_hop() as hop, running(tmp_path, f"smtp://127.0.0.1:{hop.port}") as world:
        senders = crowd(world)
        for _ in range(3):
            go_on(senders)
            world.kill()
            world.start()
        go_on(senders)
        world.kill()
        for sender in senders:
            sender.finish()
        world.start()

        check(hop, senders)
        assert world.stop() == 0


@pytest.mark.timeout(300)
def test_a_worker_that_is_killed_is_replaced_and_its_mail_is_delivered_by_the_others(tmp_path: Path) -> None:
    with next_hop() as hop, running(tmp_path, f"smtp://127.0.0.1:{hop.port}", "--workers", "2") as world:
        senders = crowd(world)
        go_on(senders)
        first, second = world.workers()
        os.kill(first, signal.SIGKILL)
        go_on(senders)
        for sender in senders:
            sender.finish()

        check(hop, senders)
        assert second in world.workers()
        assert len(world.workers()) == 2
        assert world.stop() == 0
