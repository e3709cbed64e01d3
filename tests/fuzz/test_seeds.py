"""What the fuzzer found is tried again: nothing crashes, nothing hangs, nothing leaves without a mention."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

SEEDS = Path(__file__).parent / "seeds"


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_seeds_of_a_target_keep_its_promise(name):
    inputs = sorted((SEEDS / name).iterdir())
    assert inputs
    for path in inputs:
        try:
            TARGETS[name](path.read_bytes())
        except Exception as error:
            error.add_note(f"with {path.relative_to(SEEDS)}")
            raise
