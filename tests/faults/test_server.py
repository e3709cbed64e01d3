"""What a database server may do to a gateway that works on it: nothing is lost, sent twice or kept waiting for it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.faults.conftest import AGREED, Scene
from tests.faults.test_clock import jump
from tests.faults.test_opt_out_moments import OTHER, queue
from tests.faults.test_seats import copies, emptied, holders, lasting
from tests.faults.test_store_trouble import cluster, eventually, offer
from tests.support.gateway import World
from tests.support.postgres import Cluster
from tests.support.stalling import stalling

__all__ = ["cluster", "jump"]

NOBODY = "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
RESET = "ALTER SYSTEM RESET synchronous_standby_names"
COMMITTING = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name = 'consentgate' AND wait_event = 'SyncRep'"
)


@contextmanager
def losing_commits(cluster: Cluster) -> Iterator[list[int]]:
    """Cut connections whose transaction is committed and not yet told to be, again and again; count them."""
    lost: list[int] = []
    enough = threading.Event()

    def lose() -> None:
        with psycopg.connect(cluster.url(), autocommit=True) as server:
            while not enough.wait(0.4):
                server.execute(NOBODY)
                server.execute("SELECT pg_reload_conf()")
                enough.wait(0.2)
                found = server.execute(COMMITTING).fetchone()
                lost.append(found[0] if found else 0)
                server.execute(RESET)
                server.execute("SELECT pg_reload_conf()")

    thread = threading.Thread(target=lose)
    thread.start()
    try:
        yield lost
    finally:
        enough.set()
        thread.join(60)


@contextmanager
def locked(cluster: Cluster, table: str) -> Iterator[None]:
    """Keep everybody out of a table."""
    with psycopg.connect(cluster.url("mail")) as holder:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")  # type: ignore[call-overload]
        yield


def logged(world: World, event: str) -> None:
    """Wait until something stands in the journal."""
    limit = time.monotonic() + 60
    while not any(entry["event"] == event for entry in world.entries()):
        assert time.monotonic() < limit, f"never: {event}"
        time.sleep(0.05)


@pytest.mark.timeout(200)
def test_a_connection_that_is_lost_in_the_very_commit_costs_nothing(
    scene: Callable[..., Scene], cluster: Cluster
) -> None:
    found = lasting(scene(cluster.url("mail")))
    world, hop = found.world, found.open_hop()
    world.start()
    subjects = set()
    with losing_commits(cluster) as lost:
        limit = time.monotonic() + 60
        while sum(lost) < 6:
            assert time.monotonic() < limit
            subjects.add(f"number {len(subjects)}")
            assert offer(world, f"number {len(subjects) - 1}")[0] == 250
    emptied(world)
    world.stop()
    assert hop.subjects == dict.fromkeys(subjects, 1)
    assert [entry for entry in world.entries() if entry["level"] == "error"] == []


@pytest.mark.timeout(200)
def test_what_could_not_be_decided_while_the_store_was_away_leaves_as_soon_as_it_is_back(
    scene: Callable[..., Scene], cluster: Cluster
) -> None:
    found = lasting(scene(cluster.url("mail")))
    world = found.world
    world.start()
    assert offer(world, "queued")[0] == 250  # the next hop is away: it is tried again every second
    with locked(cluster, "opposition"):
        logged(world, "delivery-undecided")
    found.open_hop().wait({"queued"})
    emptied(world)
    world.stop()


@pytest.mark.timeout(200)
def test_what_was_handed_over_while_the_server_was_away_for_longer_than_a_lease_is_not_sent_again(
    scene: Callable[..., Scene], cluster: Cluster
) -> None:
    found = scene(cluster.url("mail"))
    world, hop = found.world, found.open_hop()
    world.start("--only", "smtp,courier")
    with world.beside("--only", "courier"):
        hop.meanwhile = cluster.stop
        assert offer(world, "once")[0] == 250
        hop.wait({"once"})
        hop.meanwhile = lambda: None
        time.sleep(4)  # the lease is 3 s
        cluster.start()
        emptied(world)
        eventually(world, "after")
        hop.wait({"after"})
        emptied(world)
    world.stop()
    assert hop.subjects == {"once": 1, "after": 1}


@pytest.mark.timeout(200)
def test_a_node_with_a_wrong_clock_takes_no_copy_out_of_the_hands_of_another(
    scene: Callable[..., Scene], postgres_url: str, request: pytest.FixtureRequest
) -> None:
    found = lasting(scene(store=postgres_url))
    world = found.world
    with stalling(found.port) as hop:
        world.start("--only", "smtp,courier")
        queue(world, "queued")
        assert hop.reached.wait(60)
        before = holders(world)
        assert before.keys() == {AGREED, OTHER}
        set_clock: Callable[[str], None] = request.getfixturevalue("jump")  # of what is started from now on
        set_clock("+1h")
        with world.beside("--only", "courier"):
            time.sleep(2.5)  # it looks into the spool once a second
            assert holders(world) == before
            assert '"event":"clock-wrong"' in (world.folder / "beside.log").read_text("utf-8")
        hop.let.set()
        emptied(world)
        world.stop()
    assert copies(hop) == {AGREED: 1, OTHER: 1}
