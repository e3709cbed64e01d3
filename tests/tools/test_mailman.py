"""A real Mailman 3 behind the gateway: its members are decided one by one, and who opts out here is no member there."""

import json
import re
import urllib.request
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.loader import load
from gateway.mail import headers
from tests.support import mailman
from tests.support.gateway import World, campaign
from tests.support.tools import copies
from tests.support.waiting import wait

AGREED, OBJECTED = "camille.durand@mailbox.example", "opposee@mailbox.example"
LIST = "lettre@maison-lavande.example"


def post(subject: str) -> bytes:
    message: EmailMessage = campaign(subject)
    message.replace_header("To", LIST)
    return message.as_bytes(policy=policy.SMTP)


@pytest.mark.timeout(300)
def test_a_list_of_mailman_goes_out_lawfully_and_an_opt_out_here_ends_the_membership_there(tmp_path: Path) -> None:
    world = World(tmp_path, "maildir:outgoing")
    made = world.run(
        "account", "add", "mailman", "--list", "lettre", "--plugin", "mailman", "--block-style", "discard", "--json"
    )
    password = json.loads(made.stdout)["password"]
    home = tmp_path / "mailman"
    home.mkdir()
    with mailman.running(home, LIST, world.smtp_port, "mailman", password) as core:
        (tmp_path / "rest-key").write_text("key")
        tool = f'[plugins.tools.mailman]\nurl = "{core.url}"\nusername = "restadmin"\npassword = "file:rest-key"\n'
        with world.config.open("a", encoding="utf-8") as config:
            config.write(f'[plugins]\ninternal_hosts = ["127.0.0.1"]\n{tool}lists = {{ lettre = "{core.list_id}" }}\n')
        world.start()
        try:
            for address in (AGREED, OBJECTED):
                core.join(address)
            core.post(post("Novembre"))
            wait(lambda: len(copies(world)) == 1)
            (copy,) = copies(world)
            assert OBJECTED.encode() not in copy
            assert load("mailman").recognise(headers.parse(copy.replace(b"\n", b"\r\n")).pairs()).tool == "mailman"

            link = re.search(rb"<(http[^>]+/1/[^>]+)>", re.sub(rb"\r\n[ \t]+", b" ", copy))
            assert link is not None
            urllib.request.urlopen(link[1].decode(), b"List-Unsubscribe=One-Click", timeout=60).close()
            wait(lambda: AGREED not in core.members())
            assert core.members() == {OBJECTED}  # said no before there was a tool to be told: `plugin sync` is for that

            said = world.run("plugin", "sync", "mailman", "--list", "lettre", "--json")
            assert json.loads(said.stdout)["stopped_here"] == 1, said.stderr
            assert core.members() == set()
        finally:
            world.kill()
