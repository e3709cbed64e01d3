"""Every moment at which the process can die between a tool's message and the mailbox, each reached by killing it there.

A message that got its 250 arrives; one that did not may be sent again by the tool, as it should; nobody who said no
gets anything. A second copy of an acknowledged message comes only where the next hop took it and we died before we knew
or could write it down: the one window that SMTP leaves (RFC 5321 4.5.4.1), of one batch.
"""

import os
import signal
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, World, campaign
from tests.support.hop import Keeper, keeping
from tests.support.ports import free_port
from tests.support.postgres import Cluster

SENDER = "lettre@maison-lavande.example"
AGREED, OBJECTED = "camille.durand@mailbox.example", "opposee@mailbox.example"
MORTAL = ROOT / "tests/support/mortal.py"
WRITE = "gateway.flow.commit:Committer._work"
DURABLE = "gateway.flow.commit:_count"
REFUSAL, ACCEPTANCE, SETTLEMENT = 1, 2, 3  # the commits in their order: the receipt of the one refused at RCPT is first

# What dies where, at which time it comes by, how many copies more than one the next hop may then have, and whether the
# tool has had its 250 (None where that and the handover go on beside each other).
MOMENTS = {
    "at MAIL": ("gateway.flow.accept:Accept.sender:call", 1, 0, False),
    "the refusal at RCPT durable, not yet told": (f"{DURABLE}:call", REFUSAL, 0, False),
    "before the verdict": ("gateway.flow.judge:opening:call", 1, 0, False),
    "before the commit": (f"{WRITE}:call", ACCEPTANCE, 0, False),
    "written, not yet committed": (f"{WRITE}:return", ACCEPTANCE, 0, False),
    "after the commit, before the 250": (f"{DURABLE}:call", ACCEPTANCE, 0, False),
    "before the handover": ("gateway.courier.smarthost:Smarthost.hand:call", 1, 0, None),
    "handed over, not yet to be written": ("gateway.flow.handover:Handover._record:call", 1, 1, None),
    "handed over, not yet settled": (f"{WRITE}:call", SETTLEMENT, 1, True),
    "settled, not yet committed": (f"{WRITE}:return", SETTLEMENT, 1, True),
    "settled": (f"{DURABLE}:call", SETTLEMENT, 0, True),
}


@contextmanager
def gateway(folder: Path, store: str = "sqlite:///gateway.db") -> Iterator[tuple[World, Keeper]]:
    port = free_port()
    world = World(folder, f"smtp://127.0.0.1:{port}", store)
    with keeping(port) as hop:
        try:
            yield world, hop
        finally:
            world.kill()


def send(world: World, subject: str) -> bool:
    """Send as a tool does, to one who agreed and one who objected; say whether it was told 250."""
    try:
        with world.connect("lettre") as session:
            refused = session.send_message(campaign(subject), SENDER, [AGREED, OBJECTED])
    except (OSError, smtplib.SMTPException):
        return False
    assert refused[OBJECTED][0] == 550
    return True


def survive(world: World, hop: Keeper, where: str, number: int, more: int, told: bool | None) -> None:
    """Die there once, start again, send again what was not acknowledged, and look at what arrived."""
    world.start(program=(MORTAL, where, str(number)))
    acknowledged = send(world, "first")
    assert world.died(), f"{where} was not reached"
    assert told is None or acknowledged is told
    world.start()
    if not acknowledged:
        assert send(world, "first")
    assert send(world, "second")
    hop.wait({"first", "second"})
    world.stop()  # what is under way is finished
    assert {recipient for recipient, _ in hop.copies} == {AGREED}
    assert hop.subjects["second"] == 1
    assert 1 <= hop.subjects["first"] <= 1 + (more if acknowledged else 1)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_moment_of_death_loses_or_leaks_a_message(moment: str, tmp_path: Path) -> None:
    with gateway(tmp_path) as (world, hop):
        survive(world, hop, *MOMENTS[moment])


@pytest.mark.timeout(200)
@pytest.mark.parametrize("moment", ["after the commit, before the 250", "settled, not yet committed"])
def test_nor_does_it_on_postgresql(moment: str, tmp_path: Path, postgres_url: str, postgres: Cluster) -> None:
    with gateway(tmp_path, postgres_url) as (world, hop):
        survive(world, hop, *MOMENTS[moment])


@pytest.mark.timeout(200)
def test_the_moment_after_the_250(tmp_path: Path) -> None:
    with gateway(tmp_path) as (world, hop):
        world.start("--only", "smtp,web")  # nobody carries it away before the power goes
        assert send(world, "first")
        world.kill()
        world.start()
        hop.wait({"first"})
        world.stop()
        assert hop.subjects == {"first": 1}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("answered", [False, True], ids=["before the next hop answers", "as it answers"])
def test_the_moment_at_which_the_next_hop_has_the_message(tmp_path: Path, answered: bool) -> None:
    """Killed from outside while the last bytes are at the next hop: it arrives, twice at most."""
    with gateway(tmp_path) as (world, hop):
        world.start()
        pid = world.pid

        def die() -> None:
            hop.meanwhile = lambda: None
            hop.reply = "250 2.0.0 kept" if answered else "451 4.3.0 cut off"
            os.kill(pid, signal.SIGKILL)

        hop.meanwhile = die
        assert send(world, "first")
        assert world.died()
        hop.reply = "250 2.0.0 kept"
        world.start()
        hop.wait({"first"})
        world.stop()
        assert hop.subjects["first"] <= 2


@pytest.mark.timeout(200)
def test_a_tool_that_was_told_250_and_a_next_hop_that_was_away_for_all_the_deaths(tmp_path: Path) -> None:
    """Several deaths in a row while mail waits: still one copy each."""
    port = free_port()
    world = World(tmp_path, f"smtp://127.0.0.1:{port}")
    try:
        subjects = set()
        for turn in range(3):
            world.start()
            assert send(world, f"turn {turn}")
            subjects.add(f"turn {turn}")
            world.kill()
        with keeping(port) as hop:
            world.start()
            hop.wait(subjects)
            world.stop()
            assert set(hop.subjects.values()) == {1}
    finally:
        world.kill()
