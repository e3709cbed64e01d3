"""A clock that jumps: a no holds whatever the clock says, and mail goes on."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import AGREED, Scene
from tests.faults.test_every_moment import SENDER, campaign
from tests.faults.test_opt_out_moments import OTHER, click


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Let the clock of what is started from now on be wrong, by so much more each time: `jump("-2h")`.

    libfaketime stands between the process and the system's clock; the clock for durations stays right.
    """
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert libraries, "libfaketime is missing: apt-get install --no-install-recommends libfaketime"
    file = tmp_path / "clock"
    file.write_text("+0\n", "ascii")
    monkeypatch.setenv("LD_PRELOAD", str(libraries[0]))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
    monkeypatch.setenv("FAKETIME_CACHE_DURATION", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")

    def set_(offset: str) -> None:
        beside = file.with_name("clock.new")
        beside.write_text(offset + "\n", "ascii")
        beside.replace(file)

    return set_


@pytest.mark.timeout(200)
def test_a_clock_that_is_set_back_undoes_no_objection_and_stops_no_mail(
    scene: Callable[..., Scene], jump: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scene()
    hop = found.open_hop()
    found.world.start()
    assert click(found.link())
    jump("-2h")
    for turn in range(2):  # now, and once the process has surely noticed
        with found.world.connect("lettre") as session:
            refused = session.send_message(campaign(f"turn {turn}"), SENDER, [AGREED, OTHER])
        assert b"R-OBJECTED" in refused[AGREED][1]
        hop.wait({f"turn {turn}"})
        found.world.kill()
        found.world.start()
    found.world.stop()
    assert {recipient for recipient, _ in hop.copies} == {OTHER}


@pytest.mark.timeout(200)
def test_a_clock_that_leaps_ahead_sends_what_waits_once(
    scene: Callable[..., Scene], jump: Callable[[str], None]
) -> None:
    found = scene()
    found.world.start("--only", "smtp,web")
    with found.world.connect("lettre") as session:
        assert session.send_message(campaign("waiting"), SENDER, [AGREED]) == {}
    jump("+26h")
    found.world.kill()
    hop = found.open_hop()
    found.world.start()
    hop.wait({"waiting"})
    jump("-1h")
    with found.world.connect("lettre") as session:
        assert session.send_message(campaign("after"), SENDER, [AGREED]) == {}
    hop.wait({"after"})
    found.world.stop()
    assert hop.subjects == {"waiting": 1, "after": 1}


ASKED = """
import sys
from datetime import timedelta
from pathlib import Path
from gateway import probes
from gateway.doctor import place
from gateway.flow.context import open_context
from gateway.settings import Settings

settings = Settings.model_validate({
    "gateway": {"secrets": {1: f"file:{sys.argv[2]}"}}, "store": {"url": sys.argv[1]}, "limits": {"lease": "60s"}
})
print([finding.code for finding in place.database(settings) if finding.code != "disk-full"])
context = open_context(settings)
try:
    probes.checks(context, {})["clock"]()
except Exception as error:
    print(type(error).__name__, error)
context.close()
"""


def test_a_clock_far_from_that_of_the_database_is_told_to_whoever_asks(
    store_url: str, jump: Callable[[str], None], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret of the test, long enough", "ascii")

    def asked() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", ASKED, store_url, str(secret)], capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert asked() == ["['store-answers']"]
    jump("+4s")
    assert asked() == ["['store-answers']"]
    jump("-8s")
    if store_url.startswith("sqlite"):
        assert asked() == ["['store-answers']"]  # the file has no clock of its own
        return
    codes, told = asked()
    assert codes == "['store-answers', 'clock-off']"
    assert re.fullmatch(r"TryLater the clock is [78]\.\d s away from that of the database", told)
