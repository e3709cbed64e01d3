"""A request has one effect however often, and however many at a time, it is sent."""

import threading
from datetime import timedelta

import pytest

from gateway import clock
from gateway.flow import once as flow
from gateway.flow.context import Context
from gateway.flow.once import Busy, Differs, Done, once


def test_of_many_at_once_one_does_it_and_the_others_hear_the_same_or_wait(context: Context) -> None:
    effects, said = [], []
    go = threading.Barrier(4)

    def work() -> Done:
        effects.append(1)
        clock.pause(0.2)
        return Done(200, b"the answer")

    def send() -> None:
        go.wait(10)
        try:
            said.append(once(context, "key:1", "k", b"same", work).body)
        except Busy:
            said.append(b"busy")

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert effects == [1]
    assert len(said) == 4
    assert set(said) <= {b"the answer", b"busy"}
    again = once(context, "key:1", "k", b"same", work)
    assert (again.body, again.again, effects) == (b"the answer", True, [1])


def test_another_request_under_the_same_key_is_a_mistake(embedded: Context) -> None:
    once(embedded, "key:1", "k", b"one", lambda: Done(200, b""))

    with pytest.raises(Differs):
        once(embedded, "key:1", "k", b"two", lambda: Done(200, b""))
    assert not once(embedded, "key:2", "k", b"two", lambda: Done(200, b"")).again


def test_what_a_dead_process_began_is_taken_up_after_a_while(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies() -> Done:
        raise KeyboardInterrupt

    monkeypatch.setattr(flow.store, "forget", lambda *_: None)  # no time for it
    with pytest.raises(KeyboardInterrupt):
        once(context, "key:1", "k", b"one", dies)
    with pytest.raises(Busy):
        once(context, "key:1", "k", b"one", lambda: Done(200, b"late"))
    monkeypatch.setattr(flow, "ABANDONED", timedelta(0))
    assert once(context, "key:1", "k", b"one", lambda: Done(200, b"late")).body == b"late"


def test_answers_are_kept_for_a_week(embedded: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    once(embedded, "key:1", "k", b"one", lambda: Done(200, b""))

    assert flow.expire(embedded) == 0
    monkeypatch.setattr(flow, "KEPT", timedelta(0))
    assert flow.expire(embedded) == 1
