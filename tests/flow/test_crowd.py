"""Verdicts for many addresses: in order, the same from several processes as from one, in little memory."""

from collections.abc import Iterator
from itertools import count, cycle, islice

import pytest

from gateway.errors import NotFound
from gateway.flow import check, crew, crowd
from gateway.flow.context import Context
from gateway.mail.address import parse
from tests.flow.rig import CAMILLE, JOHN, OBJECTED, UNKNOWN

LIST = "lettre"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few are few, so that processes are asked without a file of thousands."""
    monkeypatch.setattr(crowd, "CHUNK", 50)
    monkeypatch.setattr(crew, "FEW", 2)


def test_answers_come_in_order_and_agree_with_the_dry_run(context: Context) -> None:
    people = [CAMILLE, OBJECTED, UNKNOWN, JOHN]
    found = list(crowd.answers(context, LIST, [f" {people[0].upper()}\n", "", "\n", "nobody at all", *people[1:]]))
    assert [answer.code for answer in found] == ["A-CONSENT", "INVALID", "R-OBJECTED", "R-UNKNOWN", found[-1].code]
    assert found[1].address == "nobody at all"
    assert "not a valid" in found[1].problem
    dry = [verdict for _, verdict in check.check(context, LIST, map(parse, people))]
    told = [answer for answer in found if answer.code != "INVALID"]
    assert [(one.fate, one.code, one.rule, one.also) for one in told] == [
        (verdict.fate.value, verdict.code, verdict.rule, verdict.also) for verdict in dry
    ]


def test_several_processes_say_what_one_says(context: Context) -> None:
    lines = list(islice(cycle([CAMILLE, UNKNOWN, "no address", OBJECTED, JOHN]), (crew.FEW + 5) * crowd.CHUNK + 7))
    shared = list(crowd.answers(context, LIST, lines, workers=2))
    assert shared == list(crowd.answers(context, LIST, lines, workers=1))
    assert len(shared) == len(lines)


def test_an_endless_stream_is_answered_as_it_comes(context: Context) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        for read in count(1):
            yield f"person{read}@mailbox.example"

    stream = crowd.answers(context, LIST, endless(), workers=2)
    wanted = (crew.FEW + 3) * crowd.CHUNK
    assert sum(1 for _ in islice(stream, wanted)) == wanted
    assert read <= wanted + (2 * crew.AHEAD + 2) * crowd.CHUNK


def test_an_unknown_list_is_said_before_anything_is_read(embedded: Context) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        crowd.answers(embedded, "nowhere", iter(()))
