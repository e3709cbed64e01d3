"""A power cut while people opt out beside a campaign: whoever was told "done" is opted out for good."""

import http.client
import mailbox
import re
import smtplib
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.gateway import World, campaign, running

SENDER = "lettre@maison-lavande.example"
PEOPLE = [f"personne{number}@mailbox.example" for number in range(60)]


class Clicker(threading.Thread):
    """A mailbox provider that posts one-click links, one after the other, and again until it is answered 200."""

    def __init__(self, urls: dict[str, str]) -> None:
        super().__init__()
        self.done: list[str] = []
        self.failed = 0
        self._urls = urls

    def run(self) -> None:
        """Post every link."""
        for person, url in self._urls.items():
            while not self._posted(url):
                self.failed += 1
                time.sleep(0.05)
            self.done.append(person)

    def _posted(self, url: str) -> bool:
        try:
            with urllib.request.urlopen(url, b"List-Unsubscribe=One-Click", timeout=30) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False


def links(box: Path) -> dict[str, str]:
    """Return the one-click link of each person whose copy is in the Maildir."""
    found = {}
    for message in mailbox.Maildir(box, create=False):
        link = re.search(r"<(http[^>]+)>", message["List-Unsubscribe"])
        assert link
        found[str(message["Delivered-To"]).strip("<>")] = link[1]
    return found


def wait_for(what, limit: float = 60.0) -> None:
    end = time.monotonic() + limit
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def send(world: World, stop: threading.Event) -> None:
    """Send to everybody again and again, over every break of the line."""
    while not stop.is_set():
        try:
            with world.connect("lettre") as session:
                while not stop.is_set():
                    session.send_message(campaign("encore"), SENDER, PEOPLE[:20])
        except (OSError, smtplib.SMTPException):
            time.sleep(0.05)


@pytest.mark.timeout(300)
def test_no_opt_out_that_was_answered_is_lost_when_the_gateway_is_killed(tmp_path: Path) -> None:
    box = tmp_path / "box"
    with running(tmp_path, f"maildir:{box}") as world:
        world.agree(PEOPLE)
        with world.connect("lettre") as session:
            session.send_message(campaign("un"), SENDER, PEOPLE)
        wait_for(lambda: (box / "new").is_dir() and len(list((box / "new").iterdir())) >= len(PEOPLE))
        urls = links(box)
        assert urls.keys() == set(PEOPLE)

        stop = threading.Event()
        sender, clicker = threading.Thread(target=send, args=(world, stop)), Clicker(urls)
        sender.start()
        clicker.start()
        wait_for(lambda: len(clicker.done) >= 10)
        world.kill()
        told = list(clicker.done)
        world.start()
        stop.set()
        sender.join(60)

        refused = world.run("--json", "check", "--list", "lettre", *told)
        assert refused.stdout.count('"R-OBJECTED"') == len(told), refused.stdout + refused.stderr
        clicker.join(120)
        assert clicker.failed > 0  # the cut was felt
        assert len(clicker.done) == len(PEOPLE)
        every = world.run("--json", "check", "--list", "lettre", *PEOPLE)
        assert every.stdout.count('"R-OBJECTED"') == len(PEOPLE)


@pytest.mark.timeout(120)
def test_a_right_is_asked_by_the_link_in_a_copy_and_confirmed_by_the_letter_that_follows(tmp_path: Path) -> None:
    box = tmp_path / "box"
    with running(tmp_path, f"maildir:{box}") as world:
        world.agree(PEOPLE[:1])
        with world.connect("lettre") as session:
            session.send_message(campaign("un"), SENDER, PEOPLE[:1])
        wait_for(lambda: (box / "new").is_dir() and len(list((box / "new").iterdir())) == 1)
        page = links(box)[PEOPLE[0]].replace("/1/", "/p/")

        with urllib.request.urlopen(f"{page}/data", b"do=ask&right=access", timeout=30) as answer:
            assert answer.status == 200
        wait_for(lambda: len(list((box / "new").iterdir())) == 2)
        letter = next(one for one in mailbox.Maildir(box, create=False) if not one["List-Unsubscribe"])
        assert letter["Delivered-To"].strip("<>") == PEOPLE[0]
        assert letter["DKIM-Signature"]
        body = letter.get_payload()[0].get_payload(decode=True).decode()
        link = re.search(r"http://\S+/r/[a-z2-7]{53}", body)
        assert link

        with urllib.request.urlopen(link[0], timeout=30) as answer:
            assert PEOPLE[0] not in answer.read().decode()
        for button in (b"do=confirm", b"do=json"):
            with urllib.request.urlopen(link[0], button, timeout=30) as answer:
                found = answer.read().decode()
        assert f'"address": "{PEOPLE[0]}"' in found
        log = world.log.read_text("utf-8")
        assert PEOPLE[0] not in log
        assert link[0].rpartition("/")[2] not in log
