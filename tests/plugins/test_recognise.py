"""Plugins read messages of their tools as the files beside say."""

import email
import email.policy
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.loader import available, load
from gateway.plugin import Hints

DATA = Path(__file__).parent / "data"
CASES = sorted(DATA.glob("*.eml"))


def headers_of(path: Path) -> list[tuple[str, str]]:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return [(name, str(value)) for name, value in message.items()]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_recorded_message_gives_the_hints_beside_it(path: Path) -> None:
    expected = tomllib.loads(path.with_suffix(".hints").read_text("utf-8"))
    plugin = load(expected.pop("plugin"))

    assert expected.pop("origin") in {"recorded", "documentation"}
    expected["remove"] = tuple(expected.get("remove", ()))
    assert plugin.recognise(headers_of(path)) == Hints(**expected)


def test_every_built_in_plugin_has_messages() -> None:
    used = {tomllib.loads(path.with_suffix(".hints").read_text("utf-8"))["plugin"] for path in CASES}

    assert used == set(available())


@pytest.mark.parametrize("name", sorted(available()))
@settings(max_examples=50, deadline=None)
@given(headers=st.lists(st.tuples(st.text(max_size=40), st.text(max_size=200)), max_size=8))
def test_a_plugin_raises_for_no_header_whatsoever(name: str, headers: list[tuple[str, str]]) -> None:
    assert isinstance(load(name).recognise(headers), Hints)


def test_hints_are_completed_and_never_overruled_by_those_below_them() -> None:
    above = Hints(tool="listmonk", list="a", remove=("x-one",))
    below = Hints(tool="generic", list="b", klass="service", third_party=True, remove=("x-two", "x-one"))

    assert Hints(tool="listmonk", list="a", klass="service", third_party=True, remove=("x-one", "x-two")) == above.over(
        below
    )
