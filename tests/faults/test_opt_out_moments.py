"""What a person was told about their no holds, whenever the process dies; what they were not told may hold or not."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from tests.faults.conftest import AGREED, Scene
from tests.faults.test_every_moment import MORTAL, SENDER, campaign
from tests.support.gateway import World

OTHER = "john.smith@mailbox.example"
MOMENTS = {
    "before it is recorded": ("gateway.flow.consent:refuse_each:call", False),
    "recorded, not yet answered": ("gateway.flow.presses:_in_hand:call", True),
}


def click(url: str) -> bool:
    """Post a one-click opt-out; say whether it was acknowledged."""
    try:
        with urllib.request.urlopen(url, b"List-Unsubscribe=One-Click", timeout=60) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError):
        return False


def queue(world: World, subject: str) -> None:
    with world.connect("lettre") as session:
        assert session.send_message(campaign(subject), SENDER, [AGREED, OTHER]) == {}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_no_that_was_recorded_holds_and_one_that_was_not_was_not_promised(
    scene: Callable[..., Scene], moment: str
) -> None:
    where, recorded = MOMENTS[moment]
    found = scene()
    found.world.start(program=(MORTAL, where, "1"))
    queue(found.world, "queued")  # the next hop is away: it waits here
    assert not click(found.link())
    assert found.world.died()
    found.world.start()
    hop = found.open_hop()
    hop.wait({"queued"}, recipients=1 if recorded else 2)
    found.world.stop()
    assert ((AGREED, "queued") in hop.copies) is not recorded
    assert hop.copies[OTHER, "queued"] == 1


@pytest.mark.timeout(200)
def test_after_the_answer_the_queued_copy_never_leaves_even_if_the_power_goes_that_very_moment(
    scene: Callable[..., Scene],
) -> None:
    found = scene()
    found.world.start("--workers", "2")
    queue(found.world, "queued")
    assert click(found.link())
    found.world.kill()
    found.world.start()
    hop = found.open_hop()
    queue_refused(found.world)
    hop.wait({"queued"})
    found.world.stop()
    assert {recipient for recipient, _ in hop.copies} == {OTHER}


def queue_refused(world: World) -> None:
    with world.connect("lettre") as session:
        refused = session.send_message(campaign("later"), SENDER, [AGREED, OTHER])
    assert b"R-OBJECTED" in refused[AGREED][1]
