"""The courier into a Maildir, read with the standard library."""

import asyncio
import mailbox
import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from gateway.courier import Letter, Maildir, Outcome
from gateway.courier.courier import Withdrawn

LETTER = Letter("bounce@sender.test", "zoé@list.test", b"Subject: hello\r\n\r\n.dot\r\nend\r\n")


def hand(folder: Path, *letters: Letter) -> list[Outcome]:
    async def session() -> list[Outcome]:
        courier = Maildir(folder)
        outcomes = await asyncio.gather(*(courier.hand(letter) for letter in letters))
        await courier.close()
        return outcomes

    return asyncio.run(session())


def test_a_letter_is_one_file_with_its_path_on_top(tmp_path: Path) -> None:
    (outcome,) = hand(tmp_path / "out", LETTER)

    (path,) = (tmp_path / "out" / "new").iterdir()
    assert (outcome.fate, outcome.reply.code) == ("delivered", 250)
    assert path.name in outcome.reply.text
    assert path.read_bytes() == (
        "Return-Path: <bounce@sender.test>\nDelivered-To: zoé@list.test\nSubject: hello\n\n.dot\nend\n".encode()
    )
    assert list((tmp_path / "out" / "tmp").iterdir()) == []


def test_the_standard_library_reads_it(tmp_path: Path) -> None:
    hand(tmp_path / "out", *[Letter("", f"u{n}@list.test", LETTER.content) for n in range(50)])

    box = mailbox.Maildir(tmp_path / "out", create=False)
    assert sorted(message["Delivered-To"] for message in box) == sorted(f"u{n}@list.test" for n in range(50))
    assert {message["Return-Path"] for message in box} == {"<>"}


def test_who_sees_new_sees_a_whole_maildir(tmp_path: Path) -> None:
    halves = []
    for number in range(30):
        folder = tmp_path / str(number)
        looking = threading.Thread(target=lambda folder=folder: halves.extend(_half(folder)), daemon=True)
        looking.start()
        hand(folder, LETTER)
        looking.join()
    assert halves == []


def _half(folder: Path) -> list[Path]:
    """Wait for `new`; return the folders that are not there then."""
    while not (folder / "new").is_dir():
        pass
    return [folder / name for name in ("cur", "tmp") if not (folder / name).is_dir()]


def test_two_couriers_do_not_meet(tmp_path: Path) -> None:
    hand(tmp_path, LETTER)
    hand(tmp_path, LETTER)

    assert len(list((tmp_path / "new").iterdir())) == 2


def test_copies_are_for_their_owner_only(tmp_path: Path) -> None:
    hand(tmp_path / "out", LETTER)

    (path,) = (tmp_path / "out" / "new").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("blocker", ["out", "out/tmp", "out/new"])
def test_a_folder_that_cannot_be_written_defers(tmp_path: Path, blocker: str) -> None:
    (tmp_path / blocker).parent.mkdir(exist_ok=True)
    (tmp_path / blocker).write_text("in the way")

    (outcome,) = hand(tmp_path / "out", LETTER)

    assert (outcome.fate, outcome.reply.status) == ("deferred", "4.3.0")


def test_no_space_defers_and_leaves_nothing(tmp_path: Path) -> None:
    hand(tmp_path, LETTER)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        (outcome,) = hand(tmp_path, LETTER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (outcome.fate, outcome.reply.code, outcome.reply.status) == ("deferred", 452, "4.3.1")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_a_letter_is_on_the_disk_before_it_is_seen_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, steps = tmp_path / "new", list[tuple[str, int]]()

    def synced(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        steps.append((kind, len(list(new.iterdir()))))

    monkeypatch.setattr(os, "fsync", synced)
    hand(tmp_path, LETTER)

    assert steps == [("file", 0), ("folder", 1)]


def test_what_is_not_ours_any_more_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(Withdrawn):
        hand(tmp_path, LETTER._replace(ours=lambda: False))

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_would_smuggle_a_header_is_refused(tmp_path: Path) -> None:
    (outcome,) = hand(tmp_path, Letter("b@sender.test", "a@list.test\nX: y", LETTER.content))

    assert (outcome.fate, outcome.reply.status) == ("failed", "5.1.3")
    assert list(tmp_path.iterdir()) == []
