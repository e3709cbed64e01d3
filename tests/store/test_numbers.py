"""No number is ever given twice, whoever asks, and whatever becomes of the transaction."""

import subprocess
import sys
import threading
from itertools import chain

import pytest

from gateway.store.engine import Store
from gateway.store.numbers import BLOCKS

BLOCK = BLOCKS["row"]


def test_numbers_of_one_asking_are_in_a_row(store: Store) -> None:
    numbers = store.take(5)
    assert list(numbers) == list(range(numbers[0], numbers[0] + 5))
    assert store.take()[0] == numbers[-1] + 1


def test_asking_for_none_gives_none(store: Store) -> None:
    assert list(store.take(0)) == []


def test_more_than_a_block_can_be_had_at_once(store: Store) -> None:
    first, many, next_ = store.take(), store.take(3 * BLOCK), store.take()
    assert len(many) == 3 * BLOCK
    assert len({*first, *many, *next_}) == 3 * BLOCK + 2


def test_lists_are_numbered_one_by_one_so_that_a_link_can_hold_them(store: Store, store_url: str) -> None:
    again = Store(store_url)
    assert [store.take(of="list")[0], again.take(of="list")[0], store.take(of="list")[0]] == [1, 2, 3]
    again.close()


def test_threads_never_share_a_number(store: Store) -> None:
    given: list[range] = []

    def ask() -> None:
        for n in (1, 7, 3000, 2, BLOCK + 1):
            given.append(store.take(n))  # noqa: PERF401 - as it comes

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = list(chain.from_iterable(given))
    assert len(numbers) == len(set(numbers)) == 8 * (3011 + BLOCK)


def test_processes_never_share_a_number(store_url: str) -> None:
    code = (
        "import sys; from gateway.store.engine import Store\nstore = Store(sys.argv[1], busy=30)\n"
        "for _ in range(15): print(*store.take(700))\nstore.close()"
    )
    command = [sys.executable, "-c", code, store_url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    numbers = list(chain.from_iterable(process.communicate(timeout=60)[0].split() for process in processes))
    assert len(numbers) == len(set(numbers)) == 2 * 15 * 700


def test_numbers_can_be_had_inside_a_transaction_also_when_the_block_is_used_up(store: Store) -> None:
    first = store.take()
    with store.begin():
        inside = [store.take(BLOCK - 2), store.take(5), store.take(2 * BLOCK)]
    after = store.take()
    numbers = list(chain(first, *inside, after))
    assert len(numbers) == len(set(numbers))


def test_numbers_from_a_transaction_that_was_undone_are_not_shared_with_anybody(store: Store, store_url: str) -> None:
    def stumble() -> None:
        with store.begin():
            store.take(5)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stumble()
    other = Store(store_url)
    numbers = list(chain(store.take(BLOCK), other.take(BLOCK), store.take(BLOCK), other.take(5), store.take(5)))
    assert len(numbers) == len(set(numbers))
    other.close()


def test_a_thread_outside_waits_for_numbers_while_one_inside_takes_them(store: Store) -> None:
    given: list[range] = []
    with store.begin():
        outside = threading.Thread(target=lambda: given.append(store.take(3)))
        outside.start()
        given.extend(store.take(2) for _ in range(10))
    outside.join()
    numbers = list(chain.from_iterable(given))
    assert len(numbers) == len(set(numbers)) == 23
