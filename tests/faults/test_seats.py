"""A gateway that was killed and is started again goes on at once; one that lives loses nothing to another."""

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select

from gateway.store.engine import Store
from gateway.store.tables import Parcel
from tests.faults.conftest import AGREED, Scene
from tests.faults.test_every_moment import SENDER, campaign
from tests.faults.test_leases_end import come
from tests.faults.test_opt_out_moments import OTHER, click, queue
from tests.support.gateway import World
from tests.support.stalling import Stalling, stalling
from tests.support.waiting import wait


def lasting(found: Scene) -> Scene:
    """Give leases that do not end in the time of a test."""
    text = found.world.config.read_text("utf-8")
    found.world.config.write_text(text.replace('lease = "3s"', 'lease = "10m"'), "utf-8")
    return found


@pytest.fixture
def sqlite(scene: Callable[..., Scene]) -> Scene:
    """A gateway on SQLite."""
    return lasting(scene())


@pytest.fixture
def server(scene: Callable[..., Scene], postgres_url: str) -> Scene:
    """A gateway on PostgreSQL."""
    return lasting(scene(store=postgres_url))


def parcels(world: World) -> list[Parcel]:
    """Return what is in the spool."""
    store = Store(world.settings.store.url)
    try:
        with store.read() as tx:
            return list(tx.exec(select(Parcel)))
    finally:
        store.close()


def holders(world: World) -> dict[str, set[str]]:
    """Return under which names parcels are leased to whom."""
    return {parcel.recipient: {parcel.node} for parcel in parcels(world) if parcel.state == "leased"}


def emptied(world: World) -> None:
    """Wait until nothing is in the spool any more."""
    wait(lambda: not parcels(world), lambda: parcels(world))


def copies(hop: Stalling) -> Counter[str]:
    """Return how many copies came for each person; the letters to the sender are left out."""
    return Counter(person for person, _ in hop.kept if person in {AGREED, OTHER})


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("database", "workers"), [("sqlite", "2"), ("server", "1")])
def test_a_gateway_killed_with_copies_in_hand_and_started_again_goes_on_at_once(
    request: pytest.FixtureRequest, database: str, workers: str
) -> None:
    found: Scene = request.getfixturevalue(database)
    world = found.world
    with stalling(found.port) as hop:
        world.start("--workers", workers)
        queue(world, "queued")
        assert hop.reached.wait(60)
        world.kill()
        hop.let.set()
        world.start("--workers", workers)
        begun = time.monotonic()
        assert click(found.link())
        before = copies(hop)[AGREED]  # what came, came before the answer
        come(hop, OTHER)
        emptied(world)
        assert time.monotonic() - begun < 60  # and not the ten minutes of a lease
        world.stop()
    assert before <= 1
    assert copies(hop) == {OTHER: 1} | ({AGREED: 1} if before else {})


@pytest.mark.timeout(200)
def test_killed_again_and_again_and_started_with_fewer_workers_nothing_waits_for_a_lease_to_end(server: Scene) -> None:
    world = server.world
    with stalling(server.port) as hop:
        for number, workers in enumerate(("3", "1")):
            world.start("--workers", workers)
            queue(world, f"queued {number}")
            assert hop.reached.wait(60)
            hop.reached.clear()
            world.kill()
        hop.let.set()
        world.start()
        emptied(world)
        world.stop()
    assert copies(hop) == {AGREED: 2, OTHER: 2}


@pytest.mark.timeout(200)
def test_killed_after_the_last_byte_a_copy_comes_a_second_time_at_most(sqlite: Scene) -> None:
    world, hop = sqlite.world, sqlite.open_hop()
    world.start()
    gateway = world.pid
    hop.meanwhile = lambda: os.kill(gateway, signal.SIGKILL)
    queue(world, "queued")
    assert world.died()
    hop.meanwhile = lambda: None
    world.start()
    emptied(world)
    world.stop()
    assert {person for person, _ in hop.copies} == {AGREED, OTHER}
    assert max(hop.copies.values()) <= 2


@pytest.mark.timeout(200)
def test_what_a_dead_process_had_written_and_the_next_hop_had_not_read_is_never_sent(sqlite: Scene) -> None:
    """The system would go on sending it, after the person was told that nothing more comes."""
    world = sqlite.world
    with stalling(sqlite.port, deaf=True) as hop:
        world.start()
        message = campaign("queued")
        message.add_alternative(f"<html><body>{'<p>Bonjour</p>' * 20_000}</body></html>", subtype="html")
        with world.connect("lettre") as session:
            assert session.send_message(message, SENDER, [AGREED, OTHER]) == {}
        assert hop.reached.wait(60)
        time.sleep(1)  # the end of the message is with the system
        world.kill()
        world.start("--only", "web")  # nobody else who would take up a copy meanwhile
        assert click(sqlite.link())
        hop.let.set()
        for _ in range(2):  # the connections of the dead process
            assert hop.ended.acquire(timeout=60)
        world.stop()
        assert copies(hop) == {}
        world.start()
        emptied(world)
        world.stop()
    assert copies(hop) == {OTHER: 1}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("database", ["sqlite", "server"])
def test_a_gateway_started_beside_one_that_lives_or_is_only_stopped_takes_nothing_from_it(
    request: pytest.FixtureRequest, database: str
) -> None:
    found: Scene = request.getfixturevalue(database)
    world = found.world
    with stalling(found.port) as hop:
        world.start("--only", "smtp,courier")
        queue(world, "queued")
        assert hop.reached.wait(60)
        before = holders(world)
        assert before.keys() == {AGREED, OTHER}
        with world.beside("--only", "courier"):
            time.sleep(1.5)  # it looks into the spool once a second
            assert holders(world) == before
        os.kill(world.pid, signal.SIGSTOP)
        with world.beside("--only", "courier"):  # where the last one was killed, not where the first one sits
            time.sleep(1.5)
            assert holders(world) == before
            os.kill(world.pid, signal.SIGCONT)
            hop.let.set()
            emptied(world)
        world.stop()
    assert copies(hop) == {AGREED: 1, OTHER: 1}


@pytest.mark.timeout(200)
def test_a_machine_that_is_a_copy_of_another_takes_nothing_from_it(server: Scene, tmp_path: Path) -> None:
    """Both have seats with the same names in them, and one database server."""
    world = server.world
    with stalling(server.port) as hop:
        world.start("--only", "smtp,courier")
        queue(world, "queued")
        assert hop.reached.wait(60)
        before = holders(world)
        seats = list(tmp_path.glob("consentgate-*-seat-*"))
        assert len(seats) == 1
        assert next(iter(before[AGREED])) in seats[0].read_text("utf-8")
        clone = tmp_path / "clone"
        clone.mkdir()
        shutil.copy2(seats[0], clone)
        with world.beside("--only", "courier", state=clone):
            time.sleep(1.5)
            assert holders(world) == before
        hop.let.set()
        emptied(world)
        world.stop()
    assert copies(hop) == {AGREED: 1, OTHER: 1}
