"""A lease that ends while a copy is being handed over: what was acknowledged then holds, and no copy is lost."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import AGREED, Scene
from tests.faults.test_clock import jump
from tests.faults.test_opt_out_moments import OTHER, click, queue
from tests.support.gateway import World
from tests.support.stalling import Stalling, stalling
from tests.support.waiting import wait

__all__ = ["jump"]


def withdrawn(world: World, copies: int) -> None:
    """Wait until the gateway has kept back that many copies."""
    wait(lambda: sum(entry["event"] == "delivery-undecided" for entry in world.entries()) >= copies)


def come(hop: Stalling, recipient: str, seconds: float = 60) -> None:
    """Wait until a copy has come for that person."""
    wait(lambda: recipient in {person for person, _ in hop.kept}, seconds=seconds)


def only(hop: Stalling, recipient: str, seconds: float = 60) -> None:
    """Wait until a copy has come for that person; nobody else may have got one but the sender, who is told."""
    come(hop, recipient, seconds)
    assert AGREED not in {person for person, _ in hop.kept}


@pytest.mark.timeout(200)
def test_a_process_that_slept_through_its_lease_sends_nothing_that_was_opted_out_meanwhile(
    scene: Callable[..., Scene],
) -> None:
    found = scene()
    world = found.world
    with stalling(found.port) as hop:
        world.start("--only", "smtp,courier")
        with world.beside("--only", "web"):
            queue(world, "queued")
            assert hop.reached.wait(60)
            os.kill(world.pid, signal.SIGSTOP)  # as a machine that is suspended
            try:
                time.sleep(3.5)  # the lease is 3 s
                assert click(found.link())
            finally:
                os.kill(world.pid, signal.SIGCONT)
            hop.let.set()
            withdrawn(world, 2)
            only(hop, OTHER)
        world.stop()
        only(hop, OTHER)


@pytest.mark.timeout(200)
def test_what_a_dead_worker_held_is_taken_over_at_once_and_keeps_no_answer_waiting(scene: Callable[..., Scene]) -> None:
    found = scene()
    world = found.world
    text = world.config.read_text("utf-8")
    world.config.write_text(text.replace('lease = "3s"', 'lease = "10m"'), "utf-8")
    with stalling(found.port) as hop:
        world.start("--workers", "2")
        queue(world, "queued")
        assert hop.reached.wait(60)
        for worker in world.workers():
            os.kill(worker, signal.SIGKILL)
        wait(lambda: sum(entry["event"] == "ready" for entry in world.entries()) == 4)
        hop.let.set()
        assert click(found.link())
        before = sum(person == AGREED for person, _ in hop.kept)
        come(hop, OTHER)
        world.stop()
    assert sum(person == AGREED for person, _ in hop.kept) == before  # what came, came before the answer


@pytest.mark.timeout(200)
def test_a_clock_that_leaps_over_the_end_of_a_lease_ends_it_for_its_holder_too(
    scene: Callable[..., Scene], jump: Callable[[str], None], tmp_path: Path
) -> None:
    found = scene()
    with stalling(found.port) as hop:
        found.world.start()
        queue(found.world, "queued")
        assert hop.reached.wait(60)
        jump("+26h")
        time.sleep(1.5)  # the library looks at its file once a second
        assert click(found.link())
        hop.let.set()
        withdrawn(found.world, 2)
        only(hop, OTHER)
        found.world.stop()
        only(hop, OTHER)
