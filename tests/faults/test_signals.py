"""Told to stop or to read its files again while mail flows: nobody notices but the administrator."""

import os
import signal
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import cast

import pytest
import trustme

from tests.faults.conftest import AGREED, Scene
from tests.faults.test_every_moment import SENDER, campaign
from tests.support.gateway import World
from tests.support.hop import keeping
from tests.support.ports import free_port
from tests.support.waiting import wait


class Tool(threading.Thread):
    """Sends on one connection for as long as it may, and keeps what was said."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(name=name)
        self.accepted: set[str] = set()
        self.ended = ""
        self.enough = threading.Event()
        self.begun = threading.Event()
        self._session = world.connect("lettre")

    def run(self) -> None:
        number = 0
        try:
            while not self.enough.is_set():
                self._session.send_message(campaign(f"{self.name} {number}"), SENDER, [AGREED])
                self.accepted.add(f"{self.name} {number}")
                number += 1
                if number > 3:
                    self.begun.set()
            self._session.quit()
        except (OSError, smtplib.SMTPException) as error:
            self.ended = str(error)
        self.begun.set()


def tools(world: World) -> list[Tool]:
    made = [Tool(world, name) for name in ("a", "b")]
    for tool in made:
        tool.start()
    for tool in made:
        assert tool.begun.wait(60)
    return made


@pytest.mark.timeout(200)
def test_told_to_stop_it_finishes_what_is_in_hand_and_ends_well(scene: Callable[..., Scene]) -> None:
    found = scene()
    hop = found.open_hop()
    found.world.start()
    running = tools(found.world)
    assert found.world.stop() == 0
    for tool in running:
        tool.join(60)
    assert all("421" in tool.ended or "closed" in tool.ended or tool.ended for tool in running)
    found.world.start()
    hop.wait({subject for tool in running for subject in tool.accepted})
    found.world.stop()
    assert {hop.subjects[subject] for tool in running for subject in tool.accepted} == {1}


@pytest.mark.timeout(200)
def test_told_to_stop_while_a_worker_is_being_replaced_it_ends(scene: Callable[..., Scene]) -> None:
    world = scene().world
    world.start("--workers", "2")
    sessions = [world.connect("lettre") for _ in range(6)]  # transactions that keep the other worker for a while
    for session in sessions:
        session.mail(SENDER)
    os.kill(world.workers()[0], signal.SIGKILL)
    while not any(entry["event"] == "worker-died" for entry in world.entries()):
        time.sleep(0.005)
    os.kill(world.pid, signal.SIGTERM)
    time.sleep(1)
    for session in sessions:
        session.close()
    assert world.died(40)
    assert sum(entry["event"] == "ready" for entry in world.entries()) == 2


@pytest.mark.timeout(200)
def test_told_to_read_its_certificate_again_no_connection_breaks(scene: Callable[..., Scene]) -> None:
    found = scene()
    found.open_hop()
    world = found.world
    world.start("--workers", "2")
    running = tools(world)
    before = certificate(world)
    fresh = trustme.CA().issue_cert("localhost", "127.0.0.1")
    fresh.private_key_pem.write_to_path(world.folder / "key.pem")
    fresh.cert_chain_pems[0].write_to_path(world.folder / "certificate.pem")
    world.reload()
    wait(lambda: certificate(world) != before and certificate(world) != before)
    counts = [len(tool.accepted) for tool in running]
    for tool, count in zip(running, counts, strict=True):
        wait(lambda: len(tool.accepted) > count, lambda: tool.ended)  # noqa: B023 - it is asked at once
        tool.enough.set()
        tool.join(60)
        assert tool.ended == ""


def change(world: World, old: str, new: str) -> None:
    """Change the configuration and have it read again."""
    text = world.config.read_text("utf-8")
    assert old in text
    world.config.write_text(text.replace(old, new), "utf-8")
    world.reload()


def events(world: World, name: str, count: int) -> list[dict[str, object]]:
    """Wait until there are that many lines of an event; return them."""
    wait(lambda: sum(entry["event"] == name for entry in world.entries()) >= count)
    return [entry for entry in world.entries() if entry["event"] == name]


@pytest.mark.timeout(200)
def test_told_to_read_its_settings_again_it_takes_them_over_and_no_connection_breaks(
    scene: Callable[..., Scene],
) -> None:
    found = scene()
    world, first, port = found.world, found.open_hop(), free_port()
    world.start("--workers", "2")
    running = tools(world)
    with keeping(port) as second:
        change(world, f"smtp://127.0.0.1:{found.port}", f"smtp://127.0.0.1:{port}")
        told = events(world, "reloaded", 2)
        assert [entry["changed"] for entry in told] == [["upstream.url"]] * 2
        counts = [len(tool.accepted) for tool in running]
        wait(lambda: all(len(tool.accepted) > count for tool, count in zip(running, counts, strict=True)))
        for tool in running:
            tool.enough.set()
            tool.join(60)
            assert tool.ended == ""
        for worker in world.workers():  # who comes in their place has the new settings too
            os.kill(worker, signal.SIGKILL)
        events(world, "ready", 4)
        with world.connect("lettre") as session:
            session.send_message(campaign("last"), SENDER, [AGREED])
        second.wait({"last"})
        accepted = {subject for tool in running for subject in tool.accepted}
        wait(lambda: accepted <= {*first.subjects, *second.subjects})
        world.stop()
    assert "last" not in first.subjects


@pytest.mark.timeout(200)
def test_settings_that_cannot_be_used_change_nothing_and_some_wait_for_a_restart(scene: Callable[..., Scene]) -> None:
    found = scene()
    world, hop = found.world, found.open_hop()
    world.start()
    change(world, 'retries = ["1s"]', "retries = 7")
    [refused] = events(world, "reload-refused", 1)
    assert "limits.retries" in str(refused["why"])
    change(world, "retries = 7", 'retries = ["2s"]')
    events(world, "reloaded", 1)
    change(world, "[limits]", "[limits]\nsessions = 1\nmemory = 99999999")
    [needed] = events(world, "restart-needed", 1)
    assert needed["settings"] == ["limits.memory"]
    changed = {name for entry in events(world, "reloaded", 2) for name in cast("list[str]", entry["changed"])}
    assert changed == {"limits.retries", "limits.sessions"}
    with world.connect("lettre") as session:
        with pytest.raises(smtplib.SMTPConnectError, match="too many sessions"):
            world.connect("lettre")
        session.send_message(campaign("still"), SENDER, [AGREED])
    hop.wait({"still"})


def certificate(world: World) -> bytes:
    """Return the certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", world.smtp_port), timeout=30) as line:
        line.recv(1024)
        line.sendall(b"EHLO test\r\n")
        while b"250 " not in line.recv(4096):
            pass
        line.sendall(b"STARTTLS\r\n")
        line.recv(1024)
        with context.wrap_socket(line, server_hostname="localhost") as safe:
            return safe.getpeercert(binary_form=True) or b""
