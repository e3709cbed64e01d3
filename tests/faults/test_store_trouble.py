"""A database that is full, locked, read-only, or gone and back.

Nothing is acknowledged that is not kept, and mail goes on by itself as soon as it can.
"""

import os
import smtplib
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from gateway.store import migrate
from gateway.store.engine import Store
from tests.faults.conftest import AGREED, Scene
from tests.faults.test_every_moment import SENDER, campaign
from tests.support.gateway import World
from tests.support.ports import free_port
from tests.support.postgres import Cluster


def offer(world: World, subject: str) -> tuple[int, str]:
    """Offer a message to one who agreed; return the reply that decides."""
    try:
        with world.connect("lettre") as session:
            session.send_message(campaign(subject), SENDER, [AGREED])
    except smtplib.SMTPRecipientsRefused as refused:
        code, text = refused.recipients[AGREED]
    except smtplib.SMTPResponseException as refused:
        code, text = refused.smtp_code, refused.smtp_error
    else:
        return 250, ""
    return code, text.decode() if isinstance(text, bytes) else text


def eventually(world: World, subject: str) -> None:
    """Offer a message until it is taken, as a tool does."""
    limit = time.monotonic() + 60
    while (said := offer(world, subject))[0] != 250:
        assert said[0] in {451, 452, 454}, said
        assert time.monotonic() < limit, said
        time.sleep(0.2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB."""
    if os.geteuid() != 0:
        assert os.environ.get("CI") != "true", "only root can mount the small disk of this test"
        pytest.skip("only root can mount the small disk of this test")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to its last block."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 4096):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


@pytest.mark.timeout(200)
def test_a_full_disk_defers_and_what_was_taken_is_all_there(scene: Callable[..., Scene], small_disk: Path) -> None:
    found = scene(f"sqlite:///{small_disk}/gateway.db")
    found.world.start()
    assert offer(found.world, "before")[0] == 250
    filler = fill(small_disk)
    replies = [offer(found.world, f"while full {turn}") for turn in range(4)]
    taken = {f"while full {turn}" for turn, (code, _) in enumerate(replies) if code == 250}
    assert (452, "4.3.1") in {(code, text.split()[0]) for code, text in replies if code != 250}

    filler.unlink()
    eventually(found.world, "after")
    hop = found.open_hop()
    hop.wait({"before", "after", *taken})
    found.world.stop()
    assert set(hop.subjects) == {"before", "after", *taken}
    assert set(hop.subjects.values()) == {1}
    with sqlite3.connect(small_disk / "gateway.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def probed(world: World) -> str:
    """Give the gateway a place for probes; return where it says whether it is ready."""
    port = free_port()
    text = world.config.read_text("utf-8")
    world.config.write_text(text.replace("[web]\n", f'[web]\nprobes = "127.0.0.1:{port}"\n'), "utf-8")
    return f"http://127.0.0.1:{port}/readyz"


def missing(url: str) -> list[str]:
    """Return what is missing for the gateway to be ready."""
    answer = httpx.get(url, timeout=30)
    told = answer.json()
    assert told == {"ready": answer.status_code == 200, "missing": told["missing"]}
    assert (answer.status_code == 503) is bool(told["missing"])
    return list(told["missing"])


@pytest.mark.timeout(200)
def test_whoever_asks_is_told_that_the_disk_is_nearly_full(scene: Callable[..., Scene], small_disk: Path) -> None:
    world = scene(f"sqlite:///{small_disk}/gateway.db").world
    url = probed(world)
    world.start()
    assert missing(url) == ["disk"]


@pytest.mark.timeout(200)
def test_whoever_asks_is_told_while_the_database_takes_no_writes(scene: Callable[..., Scene]) -> None:
    world = scene().world
    url = probed(world)
    world.start()
    assert missing(url) == []
    with closing(sqlite3.connect(world.folder / "gateway.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert missing(url) == ["store"]
        holder.execute("ROLLBACK")
    assert missing(url) == []


@pytest.mark.timeout(200)
def test_a_disk_that_takes_no_writes_any_more_defers(scene: Callable[..., Scene], small_disk: Path) -> None:
    found = scene(f"sqlite:///{small_disk}/gateway.db")
    found.world.start("--only", "smtp,web")
    assert offer(found.world, "before")[0] == 250
    found.world.kill()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    refused = found.world.run("serve", "--only", "smtp")
    assert refused.returncode == 3, refused.stderr
    assert "cannot be" in refused.stderr
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    found.world.start()
    found.open_hop().wait({"before"})


@pytest.mark.timeout(200)
def test_a_database_that_another_program_holds_defers_until_it_lets_go(scene: Callable[..., Scene]) -> None:
    found = scene()
    hop = found.open_hop()
    found.world.start()
    holder = sqlite3.connect(found.world.folder / "gateway.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    code, text = offer(found.world, "while held")
    assert (code, text.split()[0]) == (451, "4.3.0")
    holder.execute("ROLLBACK")
    holder.close()
    eventually(found.world, "after")
    hop.wait({"after"})
    found.world.stop()
    assert hop.subjects == {"after": 1}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of this test's own, which it may stop."""
    made = Cluster()
    try:
        made.start()
        made.run("CREATE DATABASE mail")
        store = Store(made.url("mail"))
        migrate.upgrade(store)
        store.close()
        yield made
    finally:
        made.remove()


@pytest.mark.timeout(200)
def test_a_server_that_goes_and_comes_back_loses_nothing_and_needs_nobody(
    scene: Callable[..., Scene], cluster: Cluster
) -> None:
    found = scene(cluster.url("mail"))
    found.world.start()
    assert offer(found.world, "before")[0] == 250
    cluster.stop()
    assert offer(found.world, "while gone")[0] in {451, 454}
    cluster.start()
    eventually(found.world, "after")
    hop = found.open_hop()
    hop.wait({"before", "after"})
    found.world.stop()
    assert hop.subjects == {"before": 1, "after": 1}
