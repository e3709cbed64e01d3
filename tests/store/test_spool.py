"""The spool loses nothing, gives nothing to two nodes at once, and takes a dead node's work back."""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from gateway.store import spool
from gateway.store.engine import Store
from gateway.store.spool import Claimed, Settled, State
from gateway.store.tables import Parcel, Submission
from tests.store.make import LEASE, NOW, a_parcel, a_submission

LATER = NOW + timedelta(hours=1)


def put(store: Store, count: int = 1, due: Iterable[datetime] = ()) -> list[int]:
    """Put one submission with parcels; return its id and theirs."""
    submission = a_submission(store)
    moments = list(due) or [NOW] * count
    parcels = [a_parcel(store, submission["id"], due_at=moment) for moment in moments]
    with store.begin() as tx:
        spool.put(tx, [submission], parcels)
    return [submission["id"], *(parcel["id"] for parcel in parcels)]


def claim(store: Store, node: str = "a", now: datetime = NOW, limit: int = 10) -> list[Claimed]:
    with store.begin() as tx:
        return spool.claim(tx, node, now, LEASE, limit)


def settled(parcel: Claimed, state: State = "gone", due: datetime = LATER, attempts: int = 1) -> Settled:
    return Settled(parcel.id, parcel.submission_id, state, due, attempts, "451 busy", "R-X")


def settle(store: Store, node: str, *rows: Settled) -> int:
    with store.begin() as tx:
        return spool.settle(tx, node, rows)


def states(store: Store, now: datetime = NOW) -> dict[str, int]:
    with store.read() as tx:
        return {state: count for state, count in spool.counts(tx, now).states.items() if count}


def kept(store: Store, number: int) -> Parcel:
    with store.read() as tx:
        found = spool.get(tx, number)
    assert found
    return found


def contents(store: Store, *numbers: int) -> dict[int, Submission]:
    with store.read() as tx:
        return spool.submissions(tx, numbers)


# ---- putting and claiming


def test_what_was_put_is_read_back_byte_for_byte(store: Store) -> None:
    body = bytes(range(256)) * 40
    row = a_submission(store, content=body, hints={"remove": ["x-tool"]}, offer="seeds", smtputf8=True)
    with store.begin() as tx:
        spool.put(tx, [row], [a_parcel(store, row["id"], recipient="jürgen@exämple.org", notify="NEVER")])
    found = contents(store, row["id"])[row["id"]]
    assert found.content == body
    with store.read() as tx:
        assert spool.sizes(tx, [row["id"]]) == {row["id"]: len(body)}
    assert (found.hints, found.offer, found.smtputf8, found.ret) == ({"remove": ["x-tool"]}, "seeds", True, "")
    (parcel,) = claim(store)
    assert (parcel.recipient, parcel.notify, parcel.attempts) == ("jürgen@exämple.org", "NEVER", 0)
    assert parcel.expires_at == NOW + timedelta(days=5)


def test_objects_are_put_as_well_as_mappings(store: Store) -> None:
    row = Submission(**a_submission(store))
    with store.begin() as tx:
        spool.put(tx, [row], [Parcel(**a_parcel(store, row.id))])
    assert len(claim(store)) == 1


def test_due_parcels_are_claimed_the_longest_due_first(store: Store) -> None:
    _, third, first, second, early = put(store, due=[NOW, NOW - 2 * LEASE, NOW - LEASE, LATER])
    assert [parcel.id for parcel in claim(store, limit=2)] == sorted([first, second])
    assert [parcel.id for parcel in claim(store)] == [third]
    assert claim(store) == []
    assert kept(store, early).state == "waiting"


def test_a_claimed_parcel_is_nobody_elses_until_the_lease_ends(store: Store) -> None:
    _, number = put(store)
    claim(store, "a")
    assert claim(store, "b", NOW + LEASE - timedelta(microseconds=1)) == []

    (again,) = claim(store, "b", NOW + LEASE)
    assert again.id == number
    assert kept(store, number).node == "b"


def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    _, number = put(store)
    claim(store, "a")
    with store.begin() as tx:
        assert spool.renew(tx, "a", [number], NOW, NOW + 2 * LEASE) == {number}
        assert spool.renew(tx, "b", [number], NOW, NOW + 9 * LEASE) == set()
        assert spool.renew(tx, "a", [], NOW, NOW) == set()
    assert claim(store, "b", NOW + LEASE) == []
    assert len(claim(store, "b", NOW + 2 * LEASE)) == 1


def test_a_lease_that_has_ended_is_never_renewed(store: Store) -> None:
    _, number = put(store)
    claim(store, "a")
    with store.begin() as tx:
        assert spool.renew(tx, "a", [number], NOW + LEASE, NOW + 2 * LEASE) == set()
    assert len(claim(store, "b", NOW + LEASE)) == 1


def test_what_dead_nodes_held_is_anybodys_at_once_and_nobody_elses_is(store: Store) -> None:
    put(store, 3)
    claim(store, "dead", limit=1)
    claim(store, "alive", limit=1)
    with store.begin() as tx:
        assert spool.inherit(tx, ["dead", "nobody"], NOW + LEASE / 2, LEASE) == 1
        assert spool.inherit(tx, ["dead", "nobody"], NOW + LEASE / 2, LEASE) == 0
    assert len(claim(store, "b", NOW + LEASE / 2)) == 2


def test_a_parcel_that_is_freed_is_anybodys_at_once(store: Store) -> None:
    _, number = put(store)
    claim(store, "a")
    with store.begin() as tx:
        assert spool.free(tx, "b", [number], NOW) == 0
        assert spool.free(tx, "a", [number], NOW) == 1
        assert spool.in_hand(tx, [1], NOW) == set()
    assert len(claim(store, "b", NOW)) == 1


def test_nodes_claiming_at_once_share_without_overlap(store: Store, store_url: str) -> None:
    put(store, 200)
    claimed: list[int] = []

    def work(node: str) -> None:
        own = Store(store_url, busy=30)
        while found := claim(own, node, limit=7):
            claimed.extend(parcel.id for parcel in found)
        own.close()

    threads = [threading.Thread(target=work, args=(f"n{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 200


def test_a_claim_does_not_wait_for_another_that_is_not_committed(postgres_store: Store, postgres_url: str) -> None:
    put(postgres_store, 4)
    other = Store(postgres_url)
    with postgres_store.begin() as tx:
        first = spool.claim(tx, "a", NOW, LEASE, 3)
        second = claim(other, "b")
    assert (len(first), len(second)) == (3, 1)
    other.close()


# ---- settling


def test_a_submission_goes_with_its_last_parcel(store: Store) -> None:
    submission, *_ = put(store, 3)
    first, *others = claim(store)
    assert settle(store, "a", settled(first)) == 1
    assert contents(store, submission)

    assert settle(store, "a", *map(settled, others)) == 2
    assert contents(store, submission) == {}
    assert states(store) == {}


def test_a_deferred_parcel_waits_with_what_was_said(store: Store) -> None:
    put(store)
    (parcel,) = claim(store)
    settle(store, "a", settled(parcel, "waiting", attempts=3))

    row = kept(store, parcel.id)
    assert (row.state, row.attempts, row.last_reply, row.reason) == ("waiting", 3, "451 busy", "R-X")
    assert (row.due_at, row.leased_until, row.node) == (LATER, None, "")
    assert claim(store) == []
    (again,) = claim(store, now=LATER)
    assert (again.attempts, again.last_reply) == (3, "451 busy")


@pytest.mark.parametrize("state", ["held", "failed"])
def test_held_and_failed_parcels_stay_with_their_submission_and_are_not_claimed(store: Store, state: State) -> None:
    submission, number = put(store)
    (parcel,) = claim(store)
    settle(store, "a", settled(parcel, state, due=NOW))

    assert kept(store, number).state == state
    assert claim(store, now=LATER) == []
    assert contents(store, submission)


def test_what_a_node_settles_after_another_has_claimed_it_is_left_alone(store: Store) -> None:
    submission, *_ = put(store, 2)
    slow = claim(store, "slow")
    claim(store, "quick", NOW + LEASE)

    assert settle(store, "slow", settled(slow[0]), settled(slow[1], "failed")) == 0
    assert states(store) == {"leased": 2}
    assert contents(store, submission)


def test_settling_twice_is_once(store: Store) -> None:
    put(store, 2)
    first, second = claim(store)
    assert settle(store, "a", settled(first), settled(second, "waiting")) == 2
    assert settle(store, "a", settled(first), settled(second, "failed")) == 0
    assert states(store) == {"waiting": 1}


def test_nothing_to_settle_is_fine(store: Store) -> None:
    assert settle(store, "a") == 0


def test_two_nodes_settling_the_last_two_parcels_leave_no_submission_behind(store: Store, store_url: str) -> None:
    other = Store(store_url, busy=30)
    for _ in range(20):
        submission, *_ = put(store, 2)
        (first,), (second,) = claim(store, "a", limit=1), claim(store, "b", limit=1)
        barrier = threading.Barrier(2)

        def work(own: Store, node: str, parcel: Claimed, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            settle(own, node, settled(parcel))

        threads = [
            threading.Thread(target=work, args=(store, "a", first)),
            threading.Thread(target=work, args=(other, "b", second)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert contents(store, submission) == {}
    other.close()


def test_a_copy_is_in_hand_while_it_is_leased(store: Store) -> None:
    _, number = put(store)

    def in_hand(contacts: list[int], now: datetime) -> set[int]:
        with store.read() as tx:
            return spool.in_hand(tx, contacts, now)

    assert in_hand([1], NOW) == set()
    (parcel,) = claim(store)
    assert in_hand([1, 2], NOW) == {1}
    assert in_hand([2], NOW) == set()
    assert in_hand([], NOW) == set()
    assert in_hand([1], NOW + LEASE) == set()
    with store.read() as tx:
        assert spool.there(tx, [number, number + 1]) == {number}
    settle(store, "a", settled(parcel))
    assert in_hand([1], NOW) == set()
    with store.read() as tx:
        assert spool.there(tx, [number]) == set()


# ---- administrators


def test_the_spool_says_what_is_in_it(store: Store) -> None:
    put(store, due=[NOW - LEASE, NOW, LATER])
    claim(store, now=NOW - LEASE)
    with store.read() as tx:
        counts = spool.counts(tx, NOW)
    assert counts.states == {"waiting": 2, "leased": 1, "held": 0, "failed": 0}
    assert counts.oldest_due == NOW
    with store.read() as tx:
        assert spool.counts(tx, NOW - timedelta(seconds=1)).oldest_due is None


def test_parcels_are_listed_by_state_page_by_page(store: Store) -> None:
    _, *numbers = put(store, 5)
    with store.begin() as tx:
        (first,) = spool.claim(tx, "a", NOW, LEASE, 1)
        spool.settle(tx, "a", [settled(first, "failed")])
    rest = [number for number in numbers if number != first.id]
    with store.read() as tx:
        assert [row.id for row in spool.listing(tx, None, 0, 10)] == numbers
        assert [row.id for row in spool.listing(tx, "failed", 0, 10)] == [first.id]
        page = spool.listing(tx, "waiting", 0, 3)
        assert [row.id for row in (*page, *spool.listing(tx, "waiting", page[-1].id, 3))] == rest
        assert spool.get(tx, 4711) is None


def test_a_failed_or_waiting_parcel_can_be_tried_again_at_once(store: Store) -> None:
    put(store, due=[NOW, NOW, LATER])
    leased, failed = claim(store)
    settle(store, "a", settled(failed, "failed", attempts=9))
    with store.begin() as tx:
        ids = [row.id for row in spool.listing(tx, None, 0, 10)]
        assert spool.retry(tx, ids, NOW) == 2
    again = claim(store, "b")
    assert leased.id not in [parcel.id for parcel in again]
    assert [parcel.attempts for parcel in again] == [0, 0]


def test_only_held_parcels_can_be_released(store: Store) -> None:
    put(store, 3)
    held, failed, leased = claim(store)
    settle(store, "a", settled(held, "held"), settled(failed, "failed"))
    with store.begin() as tx:
        assert spool.release(tx, [held.id, failed.id, leased.id], NOW) == 1
        assert spool.retry(tx, [leased.id], NOW) == 0
    assert [parcel.id for parcel in claim(store)] == [held.id]


def test_parcels_can_be_dropped_unless_a_courier_holds_them(store: Store) -> None:
    submission, *_ = put(store, 3)
    (leased,) = claim(store, limit=1)
    with store.begin() as tx:
        assert spool.drop(tx, [row.id for row in spool.listing(tx, None, 0, 10)]) == 2
    assert states(store) == {"leased": 1}
    settle(store, "a", settled(leased, "failed"))
    with store.begin() as tx:
        assert spool.drop(tx, [leased.id]) == 1
        assert spool.drop(tx, []) == 0
    assert contents(store, submission) == {}


def test_a_state_that_is_not_one_is_refused_by_the_database(store: Store) -> None:
    row = a_submission(store)
    with pytest.raises(Exception, match="ck_parcel_state"), store.begin() as tx:
        spool.put(tx, [row], [a_parcel(store, row["id"], state="sent")])
    assert contents(store, row["id"]) == {}
