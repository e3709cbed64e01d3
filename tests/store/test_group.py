"""A group shares one piece of work among all who ask while the last one runs, and each gets an answer of their own."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import uvloop

from gateway import clock
from gateway.errors import Bug, TryLater
from gateway.store.group import Group, Inline

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on each kind of loop."""
    return asyncio.run if request.param == "asyncio" else uvloop.run


class Work:
    """Doubles numbers, one gate opening at a time; keeps what it was asked. `lock` is what a transaction waits for."""

    def __init__(self, *, gate: bool = False, lock: bool = False, away: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.waiting = threading.Semaphore(0)
        self.started = threading.Semaphore(0)
        self.gate = threading.Semaphore(0) if gate else None
        self.lock = threading.Semaphore(0) if lock else None
        self.away = away
        self.open = 0  # transactions that are
        self.ends: list[str] = []

    @contextmanager
    def begin(self) -> Iterator[int]:
        """Open a transaction."""
        self.waiting.release()
        if self.lock:
            self.lock.acquire()
        if self.away:
            raise TryLater("the database is locked")
        self.open += 1
        try:
            yield self.open
            self.ends.append("commit")
        except Exception:
            self.ends.append("rollback")
            raise
        finally:
            self.open -= 1

    def __call__(self, begun: int, items: list[int]) -> list[int]:
        assert begun == self.open == 1  # one transaction a batch, one batch at a time
        self.batches.append(list(items))
        self.started.release()
        if self.gate:
            self.gate.acquire()
        if 13 in items:
            raise ValueError("13 brings bad luck")
        if 404 in items:
            raise TryLater("the store is away")
        return [2 * item for item in items]

    async def begun(self) -> None:
        """Wait until a batch has begun."""
        await asyncio.to_thread(self.started.acquire)


async def gathered(*asked: Awaitable[int]) -> list[int | BaseException]:
    return await asyncio.gather(*asked, return_exceptions=True)


def test_everybody_gets_the_answer_to_their_own_question(run: Run) -> None:
    async def main() -> None:
        group = Group((work := Work()).begin, work, name="test")
        assert await gathered(*(group.ask(number) for number in range(1000) if number not in (13, 404))) == [
            2 * number for number in range(1000) if number not in (13, 404)
        ]
        await group.close()

    run(main())


def test_questions_that_arrive_while_a_batch_runs_go_together_into_the_next(run: Run) -> None:
    async def main() -> None:
        work = Work(gate=True)
        group = Group(work.begin, work, name="test")
        asked = [asyncio.ensure_future(group.ask(0))]
        await work.begun()
        asked += [asyncio.ensure_future(group.ask(number)) for number in range(1, 6)]
        await asyncio.sleep(0)
        assert work.gate
        work.gate.release(2)

        assert await gathered(*asked) == [0, 2, 4, 6, 8, 10]
        assert work.batches == [[0], [1, 2, 3, 4, 5]]
        await group.close()

    run(main())


def test_a_batch_holds_no_more_than_it_may(run: Run) -> None:
    async def main() -> None:
        work = Work()
        group = Group(work.begin, work, most=4, name="test")
        await gathered(*(group.ask(0) for _ in range(50)))
        assert max(map(len, work.batches)) <= 4
        await group.close()

    run(main())


def test_one_bad_item_does_not_fail_its_neighbours(run: Run) -> None:
    async def main() -> None:
        work = Work(gate=True)
        group = Group(work.begin, work, name="test")
        asked = [asyncio.ensure_future(group.ask(0))]
        await work.begun()
        asked += [asyncio.ensure_future(group.ask(number)) for number in (1, 13, 2)]
        await asyncio.sleep(0)
        assert work.gate
        work.gate.release(10)

        first, one, bad, two = await gathered(*asked)
        assert (first, one, two) == (0, 2, 4)
        assert isinstance(bad, ValueError)
        assert work.batches == [[0], [1, 13, 2], [1], [13], [2]]
        assert work.ends == ["commit", "rollback", "commit", "rollback", "commit"]
        await group.close()

    run(main())


def test_when_the_store_is_away_all_are_told_and_nothing_is_tried_one_by_one(run: Run) -> None:
    async def main() -> None:
        work = Work(gate=True)
        group = Group(work.begin, work, name="test")
        asked = [asyncio.ensure_future(group.ask(0))]
        await work.begun()
        asked += [asyncio.ensure_future(group.ask(number)) for number in (1, 404, 2)]
        await asyncio.sleep(0)
        assert work.gate
        work.gate.release(10)

        _, *told = await gathered(*asked)
        assert [str(error) for error in told] == ["the store is away"] * 3
        assert len({id(error) for error in told}) == 3  # an exception of their own: tracebacks do not pile up
        assert work.batches == [[0], [1, 404, 2]]
        await group.close()

    run(main())


def test_who_comes_while_the_transaction_waits_for_its_lock_is_taken_along(run: Run) -> None:
    async def main() -> None:
        work = Work(lock=True)
        group = Group(work.begin, work, most=4, name="test")
        asked = [asyncio.ensure_future(group.ask(0))]
        await asyncio.to_thread(work.waiting.acquire)
        asked += [asyncio.ensure_future(group.ask(number)) for number in range(1, 6)]
        await asyncio.sleep(0)
        asked[2].cancel()
        await asyncio.sleep(0)
        assert work.lock
        work.lock.release(2)

        del asked[2]
        assert await gathered(*asked) == [0, 2, 6, 8, 10]
        assert work.batches == [[0, 1, 3], [4, 5]]
        await group.close()

    run(main())


def test_who_comes_while_the_lock_cannot_be_had_is_told_with_the_others_and_does_not_wait_anew(run: Run) -> None:
    async def main() -> None:
        work = Work(lock=True, away=True)
        group = Group(work.begin, work, name="test")
        asked = [asyncio.ensure_future(group.ask(0))]
        await asyncio.to_thread(work.waiting.acquire)
        asked += [asyncio.ensure_future(group.ask(number)) for number in range(1, 4)]
        closing = asyncio.ensure_future(group.close())
        await asyncio.sleep(0)
        assert work.lock
        work.lock.release(1)

        assert [str(error) for error in await gathered(*asked)] == ["the database is locked"] * 4
        assert work.batches == []
        await closing  # its end was taken along, too

    run(main())


def test_an_answer_missing_is_a_bug_told_to_all(run: Run) -> None:
    async def main() -> None:
        group: Group[None, int, int] = Group(nullcontext, lambda _, items: [0] * (len(items) - 1), name="test")
        with pytest.raises(Bug, match="1 questions got 0 answers"):
            await group.ask(1)
        await group.close()

    run(main())


def test_who_gave_up_before_the_batch_began_is_left_out(run: Run) -> None:
    async def main() -> None:
        work = Work(gate=True)
        group = Group(work.begin, work, name="test")
        first = asyncio.ensure_future(group.ask(0))
        await work.begun()
        given_up, patient = asyncio.ensure_future(group.ask(1)), asyncio.ensure_future(group.ask(2))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
        assert work.gate
        work.gate.release(2)

        assert await gathered(first, patient) == [0, 4]
        assert work.batches == [[0], [2]]
        await group.close()

    run(main())


def test_who_gives_up_while_the_batch_runs_does_not_disturb_the_others(run: Run) -> None:
    async def main() -> None:
        work = Work(gate=True)
        group = Group(work.begin, work, name="test")
        given_up = asyncio.ensure_future(group.ask(1))
        await work.begun()
        given_up.cancel()
        patient = asyncio.ensure_future(group.ask(2))
        await asyncio.sleep(0)
        assert work.gate
        work.gate.release(2)

        assert await patient == 4
        assert given_up.cancelled()
        await group.close()

    run(main())


def test_closing_answers_everything_asked_before_and_refuses_what_comes_after(run: Run) -> None:
    async def main() -> None:
        work = Work(gate=True)
        group = Group(work.begin, work, most=2, name="test")
        asked = [asyncio.ensure_future(group.ask(number)) for number in range(7)]
        await work.begun()
        closing = asyncio.ensure_future(group.close())
        await asyncio.sleep(0)
        with pytest.raises(TryLater, match="stopping"):
            await group.ask(8)
        assert work.gate
        work.gate.release(10)

        await closing
        assert await gathered(*asked) == [0, 2, 4, 6, 8, 10, 12]
        await group.close()  # twice is once

    run(main())


def test_the_thread_has_the_name_of_the_group_and_ends_with_it(run: Run) -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "lonely"]

    async def main() -> None:
        group = Group((work := Work()).begin, work, name="lonely")
        await group.ask(1)
        assert threads() == ["lonely"]
        await group.close()
        assert threads() == []

    run(main())


def test_an_idle_group_uses_no_processor_time(run: Run) -> None:
    async def main() -> None:
        group = Group((work := Work()).begin, work, name="test")
        await group.ask(1)
        before = time.process_time()
        await asyncio.sleep(0.3)
        assert time.process_time() - before < 0.1
        await group.close()

    run(main())


def test_on_the_loop_what_is_asked_in_one_turn_goes_together(run: Run) -> None:
    async def main() -> None:
        work = Work()
        group = Inline(work.begin, work)
        assert await gathered(*(group.ask(number) for number in range(5))) == [0, 2, 4, 6, 8]
        assert await group.ask(7) == 14
        assert work.batches == [[0, 1, 2, 3, 4], [7]]

    run(main())


def test_on_the_loop_one_bad_question_does_not_fail_its_neighbours(run: Run) -> None:
    async def main() -> None:
        group = Inline((work := Work()).begin, work)
        first, bad, last = await gathered(group.ask(1), group.ask(13), group.ask(2))
        assert (first, last) == (2, 4)
        assert isinstance(bad, ValueError)
        away = await gathered(group.ask(1), group.ask(404))
        assert [type(error) for error in away] == [TryLater, TryLater]
        assert away[0] is not away[1]

    run(main())


def test_on_the_loop_who_gives_up_is_left_out_and_nobody_is_answered_after_the_end(run: Run) -> None:
    async def main() -> None:
        work = Work()
        group = Inline(work.begin, work)
        patient, hasty = asyncio.ensure_future(group.ask(1)), asyncio.ensure_future(group.ask(2))
        await asyncio.sleep(0)
        hasty.cancel()
        assert await patient == 2
        assert work.batches in ([[1]], [[1, 2]])  # given up before its batch began, or too late
        await group.close()
        with pytest.raises(TryLater):
            await group.ask(3)

    run(main())


def test_on_the_loop_the_patient_wait_for_company_after_work_but_not_when_it_is_quiet(run: Run) -> None:
    async def main() -> None:
        work = Work()
        group = Inline(
            work.begin, work, linger=60.0
        )  # nobody waits that long: an impatient one takes the patient along
        assert await group.ask(1, patient=True) == 2
        patient = [asyncio.ensure_future(group.ask(number, patient=True)) for number in (2, 3)]
        await asyncio.sleep(0.05)
        assert work.batches == [[1]]
        assert await group.ask(4) == 8
        assert await gathered(*patient) == [4, 6]
        assert work.batches == [[1], [2, 3, 4]]

    run(main())


def test_on_the_loop_the_patient_are_answered_when_their_time_is_over_or_the_group_ends(run: Run) -> None:
    async def main() -> None:
        work = Work()
        group = Inline(work.begin, work, linger=0.05)
        await group.ask(1)
        assert await gathered(*(group.ask(number, patient=True) for number in (2, 3))) == [4, 6]
        assert work.batches == [[1], [2, 3]]
        last = asyncio.ensure_future(group.ask(4, patient=True))
        await asyncio.sleep(0)
        await group.close()
        assert await last == 8

    run(main())


def test_a_pause_that_fails_ends_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[float] = []

    def pause(seconds: float) -> None:
        failed.append(seconds)
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(clock, "pause", pause)

    async def story() -> None:
        work = Work()
        group = Group(work.begin, work, linger=60.0, name="test")
        assert [await group.ask(number) for number in (1, 2, 3)] == [2, 4, 6]
        await group.close()

    run(story())
    assert failed[:2] == [60.0, 60.0]
