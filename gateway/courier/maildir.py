"""The next hop is a folder: copies to look at, without sending them.

Format as qmail and Dovecot know it (https://cr.yp.to/proto/maildir.html): written in `tmp`, synced, then renamed into
`new` under a unique name, and the folder synced too, so that "delivered" survives a crash. Lines end in LF there.
"""

import asyncio
import errno
import os
import socket
from itertools import count
from pathlib import Path

from gateway import clock
from gateway.courier.courier import Letter, Outcome, Withdrawn, deferred, delivered
from gateway.courier.envelope import check
from gateway.mail.reply import Reply

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Maildir:
    """A courier into a Maildir, which is made when it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = count(1)
        self._host = socket.gethostname().replace("/", r"\057").replace(":", r"\072")

    async def hand(self, letter: Letter) -> Outcome:
        """Store one letter; see `Courier`. Full disks and other trouble of the folder are `deferred`."""
        problem = check(letter)
        if problem:
            return problem
        try:
            name = await asyncio.to_thread(self._store, letter)
        except OSError as trouble:
            if trouble.errno in _FULL:
                return deferred(452, "4.3.1", "no space left in the Maildir")
            return deferred(451, "4.3.0", f"the Maildir cannot be written: {trouble.strerror}")
        return delivered(Reply(250, "2.0.0", f"stored as {name}"))

    async def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def _store(self, letter: Letter) -> str:
        for name in ("cur", "tmp", "new"):  # readers look for "new", and then count on all three
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        now = clock.now()
        name = f"{int(now.timestamp())}.M{now.microsecond:06}P{os.getpid()}Q{next(self._number)}.{self._host}"
        # RFC 5321 4.4: the path the sender gave goes on top. Delivered-To, as qmail and Postfix write it.
        trace = f"Return-Path: <{letter.sender}>\nDelivered-To: {letter.recipient}\n".encode()
        temporary = self._folder / "tmp" / name
        try:
            temporary.touch(mode=0o600, exist_ok=False)
            with temporary.open("wb") as file:
                file.write(trace + letter.content.replace(b"\r\n", b"\n"))
                file.flush()
                os.fsync(file.fileno())
            _show(letter, temporary, self._folder / "new" / name)
        except (OSError, Withdrawn):
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder / "new")
        return name


def _show(letter: Letter, temporary: Path, name: Path) -> None:
    """Let a file be seen, if the letter is still ours."""
    if not letter.ours():
        raise Withdrawn
    temporary.rename(name)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
