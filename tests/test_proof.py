"""The tree, the paths and the digests hold for every row and every number of rows."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import proof
from gateway.commands import verifier
from gateway.store.rows import table_of
from gateway.store.seals import TABLES
from gateway.store.tables import Opposition

LEAVES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)
NOT_SEALED = {"opposition": {"lifted_at"}}


def recursive(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 2.1, word for word, over the digests of the leaves."""
    if len(leaves) == 1:
        return leaves[0]
    cut = 1
    while cut * 2 < len(leaves):
        cut *= 2
    return hashlib.sha256(b"\1" + recursive(leaves[:cut]) + recursive(leaves[cut:])).digest()


@given(LEAVES)
def test_the_root_is_the_one_that_the_standard_defines(leaves: list[bytes]) -> None:
    assert proof.root(leaves) == recursive(leaves)


@given(LEAVES, st.data())
def test_every_leaf_leads_to_the_root_by_its_path_and_by_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.binary(min_size=32, max_size=32).filter(lambda one: one != leaves[position]))
    root, way = proof.root(leaves), [one.hex() for one in proof.path(leaves, position)]

    assert verifier.climb(leaves[position], position, len(leaves), way) == root
    assert verifier.climb(other, position, len(leaves), way) != root
    assert verifier.climb(leaves[position], position, len(leaves), [*way, other.hex()]) is None
    assert verifier.climb(leaves[position], len(leaves), len(leaves), way) is None
    if way:
        assert verifier.climb(leaves[position], position, len(leaves), way[1:]) is None


@given(LEAVES, st.data())
def test_a_leaf_changed_added_or_taken_away_changes_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(leaves) - 1))
    root = proof.root(leaves)

    assert proof.root([*leaves, b"x" * 32]) != root
    assert (
        proof.root([*leaves[:position], b"x" * 31 + b"y", *leaves[position + 1 :]]) != root
        or leaves[position] == b"x" * 31 + b"y"
    )
    if len(leaves) > 1:
        assert proof.root([*leaves[:position], *leaves[position + 1 :]]) != root


@pytest.mark.parametrize("kind", proof.KINDS)
def test_every_column_is_sealed_or_left_out_on_purpose(kind: str) -> None:
    fields = proof.KINDS[kind]
    sealed = [*fields.public, *fields.personal]

    assert sorted(sealed) == sorted({column.name for column in TABLES[kind].columns} - NOT_SEALED.get(kind, set()))


def test_a_row_is_written_in_one_way_only() -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=1)))
    said = proof.canonical({"b": moment, "a": b"\x01", "é": None})

    assert said == b'{"a":"01","b":"2026-03-01T11:00:00.000000Z","\\u00e9":null}'
    assert said == verifier.canonical(json.loads(said))
    with pytest.raises(TypeError, match="set"):
        proof.canonical({"a": {1}})


def test_personal_fields_cannot_be_guessed_without_the_salt() -> None:
    row = dict.fromkeys((*proof.KINDS["event"].public, *proof.KINDS["event"].personal), "")

    assert proof.commitment("event", row, b"1" * 16) != proof.commitment("event", row, b"2" * 16)


def test_a_lifted_opposition_is_as_it_was_sealed() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    row = Opposition(id=1, advertiser_id=1, digest=b"d" * 32, key_version=1, at=now)
    before = proof.leaf("opposition", row.model_dump(), b"")
    row.lifted_at = now

    assert proof.leaf("opposition", row.model_dump(), b"") == before
    assert table_of(Opposition) is TABLES["opposition"]
