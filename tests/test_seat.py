"""Who sits where, and who is known to be dead: by real processes and real locks."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import seat
from gateway.seat import Seat
from gateway.store.engine import Store

ROOT = Path(__file__).parent.parent
SIT = """\
import subprocess, sys, time
from gateway import seat
from gateway.store.engine import Store
own = seat.take(Store(sys.argv[1]))
child = subprocess.Popen(["sleep", "60"], close_fds=False)
print(own.node, *own.dead, flush=True)
time.sleep(60)
"""
Sit = Callable[..., tuple["subprocess.Popen[str]", list[str]]]


@pytest.fixture
def sit() -> Iterator[Sit]:
    """Let a process of its own take a seat: `sit(url)` gives it, its name and the names of the dead."""
    running = []

    def begin(url: str, **env: str) -> tuple["subprocess.Popen[str]", list[str]]:
        process = subprocess.Popen(
            [sys.executable, "-c", SIT, url],
            cwd=ROOT,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        assert process.stdout
        assert select.select([process.stdout], [], [], 60)[0]
        return process, process.stdout.readline().split()

    yield begin
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill it; the program that it has started lives on."""
    process.kill()
    process.wait(60)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gateway.db'}"


def seats(folder: Path) -> list[Path]:
    return sorted(folder.glob("*-seat-*"))


def test_whoever_is_killed_is_known_to_be_dead_and_whoever_lives_is_not(sit: Sit, url: str, tmp_path: Path) -> None:
    first, (one,) = sit(url)
    second, (two,) = sit(url)
    os.kill(first.pid, signal.SIGSTOP)
    _, (three,) = sit(url)
    assert len({one, two, three}) == 3
    assert len(seats(tmp_path)) == 3
    kill(second)
    store = Store(url)
    assert seat.take(store).dead == (two,)
    kill(first)
    assert seat.take(store).dead == (one,)
    assert len(seats(tmp_path)) == 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in seats(tmp_path))
    store.close()


def test_one_takes_over_from_all_who_are_dead_and_leaves_their_seats_free(sit: Sit, url: str, tmp_path: Path) -> None:
    crew = [sit(url) for _ in range(3)]
    for process, _ in crew:
        kill(process)
    heir, (between, *dead) = sit(url)
    assert dead == [name for _, [name] in crew]
    kill(heir)  # before anything was freed: who comes next knows of all
    (_, *left), (_, *none) = sit(url)[1], sit(url)[1]
    assert set(left) == {between, *dead}
    assert none == []
    assert len(seats(tmp_path)) == 3


def test_what_was_freed_is_forgotten(sit: Sit, url: str) -> None:
    process, (one,) = sit(url)
    kill(process)
    store = Store(url)
    own = seat.take(store)
    assert own.dead == (one,)
    own.settle()
    assert own.dead == ()
    _close(own)
    assert seat.take(store).dead == (own.node,)
    store.close()


def _close(own: Seat) -> None:
    """End as a process does."""
    assert own._handle is not None
    os.close(own._handle)


SERVER = "postgresql://gateway:password@db.example/mail"


def test_at_a_server_the_seats_are_in_the_folder_of_the_service_one_row_for_each_database(
    sit: Sit, tmp_path: Path
) -> None:
    process, (one,) = sit(SERVER, STATE_DIRECTORY=str(tmp_path))
    kill(process)
    assert sit("postgresql://gateway@db.example/other", STATE_DIRECTORY=str(tmp_path))[1][1:] == []
    assert sit(SERVER.replace(":password", ":changed"), STATE_DIRECTORY=str(tmp_path))[1][1:] == [one]
    assert "password" not in "".join(path.name + path.read_text() for path in seats(tmp_path))


def test_at_a_server_nobody_from_before_the_start_of_the_machine_is_known_to_be_dead(
    sit: Sit, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    for address in (url, SERVER):
        kill(sit(address)[0])
    started = tmp_path / "boot"
    started.write_text("5f0a", "ascii")
    monkeypatch.setattr(seat, "_BOOT", started)
    embedded, server = Store(url), Store(SERVER)
    assert len(seat.take(embedded).dead) == 1
    assert seat.take(server).dead == ()
    started.unlink()
    assert seat.take(server).dead == ()
    embedded.close()


def test_where_there_is_no_place_for_a_seat_a_process_has_a_name_and_knows_nobody_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "missing"))
    one, two = seat.take(Store(SERVER)), seat.take(Store(SERVER))
    assert one.node != two.node
    assert (one.dead, two.dead) == ((), ())
    one.settle()
    assert "no-seat" in capfd.readouterr().err


def test_a_folder_that_others_may_write_to_is_no_place_for_seats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seat.take(Store(SERVER))
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    (path,) = folder.iterdir()
    path.unlink()
    folder.chmod(0o777)
    seat.take(Store(SERVER))
    assert list(folder.iterdir()) == []


def test_a_seat_that_was_written_by_halves_is_as_good_as_any(sit: Sit, url: str, tmp_path: Path) -> None:
    (tmp_path / "gateway.db-seat-0").write_bytes(b"somebody/1/ab 5f0a 12 3\nhalf a na\xff")
    process, (_, *dead) = sit(url)
    assert dead == ["somebody/1/ab"]  # from before the machine was started
    kill(process)
    assert len(sit(url)[1]) == 3
