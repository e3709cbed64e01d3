"""The places where operations ask how the gateway is, and what they are told."""

import json
import re
import smtplib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway import sample
from tests.support.gateway import World, campaign
from tests.support.ports import free_port
from tests.support.waiting import wait

SENDER = "lettre@maison-lavande.example"
AGREED, STRANGER = "camille.durand@mailbox.example", "nobody@mailbox.example"


@contextmanager
def probed(folder: Path, *arguments: str) -> Iterator[tuple[World, str]]:
    """Run a gateway with probes; give it with the address of the probes."""
    world, port = World(folder, "maildir:outgoing"), free_port()
    text = world.config.read_text("utf-8")
    world.config.write_text(text.replace("[web]\n", f'[web]\nprobes = "127.0.0.1:{port}"\n'), "utf-8")
    world.start(*arguments)
    try:
        yield world, f"http://127.0.0.1:{port}"
    finally:
        world.kill()


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def meters(url: str) -> dict[str, float]:
    lines = fetch(f"{url}/metrics").decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_probes_answer_at_their_own_place_and_not_on_the_public_one(tmp_path: Path) -> None:
    with probed(tmp_path) as (world, probes):
        assert fetch(f"{probes}/healthz") == b"ok\n"
        assert json.loads(fetch(f"{probes}/readyz")) == {"ready": True, "missing": []}
        for path in ("healthz", "readyz", "metrics"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                fetch(f"{world.url}/{path}")
            refused.value.close()
            assert refused.value.code == 404


def test_what_all_workers_did_is_counted_together_and_names_nobody(tmp_path: Path) -> None:
    with probed(tmp_path, "--workers", "2") as (world, probes):
        for turn in range(6):  # each a connection of its own, so that both workers get some
            with world.connect("lettre") as session:
                session.send_message(campaign(f"turn {turn}"), SENDER, [AGREED])
        with world.connect("lettre") as session, pytest.raises(smtplib.SMTPRecipientsRefused):
            session.send_message(campaign("refused"), SENDER, [STRANGER])

        wait(lambda: meters(probes).get('consentgate_settled_total{outcome="delivered"}') == 6)
        said = meters(probes)
        assert said['consentgate_accepted_total{code="A-CONSENT"}'] == 6
        assert said['consentgate_refused_total{code="R-UNKNOWN"}'] == 1
        assert said["consentgate_delivery_seconds_count"] == 6
        assert said["consentgate_commit_seconds_sum"] > 0
        assert said['consentgate_parcels{state="waiting"}'] == said["consentgate_queue_oldest_seconds"] == 0

        copy = next((tmp_path / "outgoing" / "new").iterdir()).read_bytes()
        link = re.search(rb"<(http[^>]+/1/[^>]+)>", re.sub(rb"\r\n[ \t]+", b" ", copy))
        assert link is not None
        urllib.request.urlopen(link[1].decode(), b"List-Unsubscribe=One-Click", timeout=30).close()
        assert meters(probes)['consentgate_opt_outs_total{origin="one-click"}'] == 1
        page = fetch(f"{probes}/metrics").decode()
        assert "@" not in page
        assert sample.LOGIN not in page
