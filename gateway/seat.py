"""The seat of a process: what tells others that it is dead, so that its leases need not run out first.

A seat is a small file. Whoever sits there holds its lock (flock), which the kernel frees when the process has ended,
whatever ended it, and not while it is only stopped; and the file says under which name they lease. Whoever gets the
lock of a seat therefore knows that the names in it are those of the dead.

That holds for the very file that they had locked and the kernel that held the lock. Each line names both, so that a
copied file (a cloned machine, an image) frees nothing. An embedded database is only ever open under one kernel: there
everybody from before the machine was started is dead too. Whether other machines at a database server live, nobody here
can know: their leases end by themselves, and so do our own from before the machine was started.
"""

import fcntl
import hashlib
import os
import secrets
import socket
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from gateway import journal
from gateway.store.engine import Store

_BOOT = Path("/proc/sys/kernel/random/boot_id")  # Linux: a new one each time that the machine starts
_MOST = 65_536  # bytes that are read of a seat


@dataclass(slots=True)
class Seat:
    """The name that a process leases under, which nobody had before it, and those that the dead leased under."""

    node: str
    dead: tuple[str, ...] = ()
    _handle: int | None = None

    def adopt(self, dead: tuple[str, ...]) -> None:
        """Take over names from another seat, durably: they are about to go from there."""
        if dead and self._handle is not None:
            _write(self._handle, dead)
            self.dead += dead

    def settle(self) -> None:
        """Forget the dead: nothing is leased to them any more."""
        self.dead = ()
        if self._handle is not None:
            with suppress(OSError):  # it does no harm to free for a second time what nobody holds
                os.ftruncate(self._handle, 0)
                _write(self._handle, (self.node,))


def take(store: Store) -> Seat:
    """Take a seat at the database, in the process that is to lease: a lock is shared with those forked afterwards.

    Where there is no place for one, the process has a name all the same, and what it holds when it dies waits until
    the leases end.
    """
    try:
        return _seated(_place(store), embedded=store.embedded)
    except OSError as error:
        journal.warn("no-seat", why=str(error))
        return Seat(_name())


def _name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(8)}"


def _place(store: Store) -> Path:
    """Return what the paths of all seats at a database begin with: beside its file, or in the folder of the service."""
    if store.file:
        return store.file
    database = hashlib.sha256(store.url.render_as_string().encode()).hexdigest()[:12]  # the password is left out
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]  # of systemd (systemd.exec(5)), or the container
    return (Path(given) if given else _own_folder()) / f"consentgate-{database}"


def _own_folder() -> Path:
    """Return a folder among the temporary ones where nobody else may take all seats."""
    folder = Path(tempfile.gettempdir()) / f"consentgate-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder that only we may write to")
    return folder


def _seated(place: Path, *, embedded: bool) -> Seat:
    """Take the first seat that is free, and take over the names from all others that are."""
    seat: Seat | None = None
    for path in (place.with_name(f"{place.name}-seat-{number}") for number in count()):
        if seat and not path.exists():
            break
        handle = _locked(path)
        if handle is None:
            continue
        try:
            dead = _dead(handle, embedded=embedded)
            if seat is None:
                name = _name()
                _write(handle, (name,))
                seat = Seat(name, dead, os.dup(handle))
            else:
                seat.adopt(dead)
                os.ftruncate(handle, 0)
        finally:
            os.close(handle)
    assert seat  # noqa: S101 - there are numbers without end
    return seat


def _locked(path: Path) -> int | None:
    """Return the seat with its lock; None when somebody sits there, or it is another user's."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except PermissionError:
        if path.exists():
            return None
        raise
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return handle


def _dead(handle: int, *, embedded: bool) -> tuple[str, ...]:
    """Return the names on a seat whose holders have surely ended."""
    kernel, disk, file = _where(handle)
    lines = (line.split() for line in os.pread(handle, _MOST, 0).decode("utf-8", "replace").splitlines())
    found = ((line[0], line[1:]) for line in lines if len(line) == len(("name", kernel, disk, file)))
    return tuple(
        name
        for name, there in found
        # The disk of an embedded database may be another one after each mount.
        if there == [kernel, disk, file] or (embedded and (there[0] != kernel or there[2] == file))
    )


def _write(handle: int, names: tuple[str, ...]) -> None:
    """Add names, each on a line of its own, also behind one that was cut off when a disk was full."""
    where = " ".join(_where(handle))
    os.write(handle, "".join(f"\n{name} {where}\n" for name in names).encode())
    os.fsync(handle)


def _where(handle: int) -> tuple[str, str, str]:
    """Return what tells the running kernel, the disk and the file from all others."""
    found = os.fstat(handle)
    try:
        kernel = _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):
        kernel = ""
    # One that has no name could be any: then nothing that was written before was written under this one.
    return kernel or secrets.token_hex(16), str(found.st_dev), str(found.st_ino)
