"""A real Sympa behind the gateway: its members are decided one by one, and who opts out here is no member there."""

import json
import re
import urllib.request
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.loader import load
from gateway.mail import headers
from gateway.plugin import Hints
from tests.support import sympa
from tests.support.gateway import World, campaign
from tests.support.tools import copies
from tests.support.waiting import wait

AGREED, OBJECTED, OTHER = "camille.durand@mailbox.example", "opposee@mailbox.example", "autre@mailbox.example"
LIST, AUTHOR = "lettre@maison-lavande.example", "redaction@maison-lavande.example"
RECORDED = Path(__file__).parent.parent / "plugins/data/18-sympa-recorded.eml"


def post(subject: str) -> str:
    message: EmailMessage = campaign(subject)
    message.replace_header("To", LIST)
    message.replace_header("From", f"Maison Lavande <{AUTHOR}>")
    return message.as_string()


def recognised(message: bytes) -> tuple[Hints, list[str]]:
    """Return what the plugin makes of a message, and the names of its header fields."""
    pairs = headers.parse(re.sub(rb"\r?\n", b"\r\n", message)).pairs()
    return load("sympa").recognise(pairs), [name for name, _ in pairs]


@pytest.mark.timeout(300)
def test_a_list_of_sympa_goes_out_lawfully_and_an_opt_out_here_ends_the_membership_there(tmp_path: Path) -> None:
    world = World(tmp_path, "maildir:outgoing")
    made = world.run("account", "add", "sympa", "--list", "lettre", "--plugin", "sympa", "--json")
    password = json.loads(made.stdout)["password"]
    with sympa.running(LIST, AUTHOR, world.smtp_port, "sympa", password) as core:
        (tmp_path / "sympa-key").write_text(core.secret)
        tool = (
            f'[plugins.tools.sympa]\nurl = "{core.url}"\nusername = "consentgate/{core.master}"\n'
            f'password = "file:sympa-key"\nlists = {{ lettre = "{core.name}" }}\n'
        )
        with world.config.open("a", encoding="utf-8") as config:
            config.write(f'[plugins]\ninternal_hosts = ["127.0.0.1"]\n{tool}')
        world.start()
        try:
            core.join(AGREED, OBJECTED, OTHER)
            core.post(post("Novembre"))
            wait(lambda: len(copies(world)) == 1, core.story)
            (copy,) = copies(world)
            assert OBJECTED.encode() not in copy
            text = message_from_bytes(copy, policy=policy.default).get_body(("plain",))
            assert text is not None
            assert "les nouveautés de l’été sont là." in text.get_content()
            assert world.url in text.get_content()  # the mention's link
            assert recognised(core.sent()) == recognised(RECORDED.read_bytes())

            dump = core.dump()
            link = re.search(rb"<(http[^>]+/1/[^>]+)>", re.sub(rb"\r\n[ \t]+", b" ", copy))
            assert link is not None
            urllib.request.urlopen(link[1].decode(), b"List-Unsubscribe=One-Click", timeout=60).close()
            wait(lambda: AGREED not in core.members(), core.story)
            assert core.members() == {OBJECTED, OTHER}  # `plugin sync` is for the no that was there before the tool

            # The dump is older than that: Sympa is told of both, and that one of them is no member is no failure.
            sync = ("plugin", "sync", "sympa", "--list", "lettre", "--export", str(dump), "--json")
            (tmp_path / "sympa-key").write_text("wrong")
            assert json.loads(world.run(*sync).stdout)["failed"] == 2
            assert core.members() == {OBJECTED, OTHER}
            (tmp_path / "sympa-key").write_text(core.secret)
            said = json.loads(world.run(*sync).stdout)
            assert (said["members"], said["stopped_here"], said["failed"]) == (3, 2, 0)
            assert core.members() == {OTHER}
        finally:
            world.kill()
