"""From the form to the first campaign: a sign-up counts once the mailbox has confirmed it, and not a moment before."""

import re
import smtplib
import urllib.parse
import urllib.request
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.e2e.test_opt_out import ask, copies, one_click, send
from tests.support.gateway import World, running

NEW = "nouvelle@mailbox.example"


def fill(world: World, address: str) -> str:
    """Send the form as a browser does, and return what the page says."""
    form = {"do": "join", "address": address, "box-lettre-form": "yes", "shown-lettre-form": "lettre-form/1"}
    return ask(f"{world.url}/join/lettre?lang=en", urllib.parse.urlencode(form).encode())[1]


def verdict(world: World) -> tuple[int, str]:
    """Return exit code and answer of `check`."""
    done = world.run("check", "--list", "lettre", NEW)
    return done.returncode, done.stdout


def test_sign_up_confirm_receive_and_stop(tmp_path: Path) -> None:
    box = tmp_path / "box"
    with running(tmp_path, f"maildir:{box}") as world:
        for words in (
            ["notice", "new", "lettre-form", "--list", "lettre"],
            ["list", "edit", "lettre", "--join"],
        ):
            done = world.run(*words)
            assert done.returncode == 0, done.stderr
        assert "One step left" in fill(world, NEW)
        [letter] = [message_from_bytes(bytes(one), policy=policy.default) for one in copies(box, 1)]
        assert (letter["Delivered-To"], letter["Return-Path"]) == (NEW, "<>")
        assert letter["DKIM-Signature"]
        assert letter["Auto-Submitted"] == "auto-generated"
        body = letter.get_body(("plain",))
        assert body is not None
        found = re.search(r"<(http://127\.0\.0\.1:\d+/join/lettre/[a-z2-7]+)>", body.get_content())
        assert found is not None

        assert ask(found[1])[0] == 200
        assert "R-UNKNOWN" in verdict(world)[1]
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(world, "too early", [NEW])
        assert ask(found[1], b"do=confirm")[0] == 200

        assert verdict(world)[0] == 0
        assert "A-CONSENT" in verdict(world)[1]
        send(world, "welcome", [NEW])
        copy = next(one for one in copies(box, 2) if one["Subject"] == "welcome")
        assert ask(one_click(copy), b"List-Unsubscribe=One-Click")[0] == 200
        assert "R-OBJECTED" in verdict(world)[1]
        assert NEW not in world.log.read_text("utf-8")
