"""One truth: a click in a mailbox reaches the tool that sent the mail, and the shop's webhook, without any plugin."""

import json
import re
import smtplib
import ssl
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.e2e.test_opt_out import AGREED, SENDER, ask, copies
from tests.support.gateway import World, campaign
from tests.support.https import Asked, HttpsServer
from tests.support.waiting import wait


def wait_for(server: HttpsServer, path: str) -> Asked:
    """Return the first request for a path, once it has come."""
    wait(lambda: path in {one.path for one in server.asked}, lambda: [one.path for one in server.asked])
    return next(one for one in server.asked if one.path == path)


def post(url: str, key: str, body: bytes) -> int:
    """Return the status of a request to the API."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        return answer.status


def send(world: World, login: str, password: str, message: EmailMessage) -> None:
    """Send as a tool with a login of its own."""
    with smtplib.SMTP("localhost", world.smtp_port, local_hostname="tool.test", timeout=30) as session:
        session.starttls(context=ssl.create_default_context(cafile=str(world.folder / "authority.pem")))
        session.login(login, password)
        session.send_message(message, SENDER, [AGREED])


def test_a_click_reaches_the_tool_and_the_webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = HttpsServer()
    monkeypatch.setenv("SSL_CERT_FILE", str(server.trust_file(tmp_path)))
    world = World(tmp_path, f"maildir:{tmp_path / 'box'}")
    with world.config.open("a", encoding="utf-8") as config:
        config.write('[plugins]\ninternal_hosts = ["localhost"]\n')
    login, hosts = "chained", ["--optout-host", "localhost", "--list", "lettre"]
    added = world.run("account", "add", login, *hosts, "--json")
    assert added.returncode == 0, added.stderr
    key = re.search(r"cg_\d+_\S+", world.run("apikey", "add", "shop", "--may", "webhooks").stdout)
    assert key
    try:
        world.start()
        body = json.dumps({"url": f"{server.url}/shop", "types": ["unsubscribed"]}).encode()
        assert post(f"{world.url}/api/v1/webhooks", key[0], body) == 200
        message = campaign("one")
        message["List-Unsubscribe"] = f"<{server.url}/tool/unsubscribe/42>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        send(world, login, json.loads(added.stdout)["password"], message)
        (copy,) = copies(tmp_path / "box", 1)
        ours = re.search(r"<(http[^>]+)>", copy["List-Unsubscribe"])
        assert ours
        assert server.url not in copy["List-Unsubscribe"]

        assert ask(ours[1], b"List-Unsubscribe=One-Click")[0] == 200

        tool, shop = wait_for(server, "/tool/unsubscribe/42"), wait_for(server, "/shop")
    finally:
        world.kill()
        server.close()
    assert (tool.method, tool.body) == ("POST", b"List-Unsubscribe=One-Click")
    assert json.loads(shop.body)["data"]["recipient"] == AGREED
    assert [one.path for one in server.asked].count("/tool/unsubscribe/42") == 1
