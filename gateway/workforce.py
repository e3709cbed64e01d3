"""Worker processes and the parent that watches them: it starts a worker that died again, and hands signals on."""

import os
import signal
from collections.abc import Callable, Iterator

from gateway import clock, journal

_WATCHED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})
_LOOK = 60.0  # seconds after which the parent looks at its workers although nobody has called
_LONGEST = 30.0  # seconds until a worker that died is started again, at most


def watch(work: Callable[[int], None], workers: int, reloading: Callable[[], None]) -> None:
    """Run `work(number)` in so many processes until a signal ends them; call `reloading` before SIGHUP is handed on.

    Signals wait until they are asked for, so that none comes between the death of a worker and its replacement.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    crew = {_fork(work, number): number for number in range(workers)}
    absent: dict[int, float] = {}  # workers that died, and when they are started again
    failures, stopping = 0, False
    while crew or (absent and not stopping):
        soon = min(absent.values(), default=clock.ticks() + _LOOK) - clock.ticks()
        heard = signal.sigtimedwait(_WATCHED, max(0.0, soon))
        if heard and heard.si_signo != signal.SIGCHLD:
            if heard.si_signo == signal.SIGHUP:
                reloading()
            else:
                stopping = True
            for child in crew:
                os.kill(child, heard.si_signo)
        for number, status in _buried(crew):
            if not stopping:
                failures += 1
                journal.warn("worker-died", worker=number, status=status)
                absent[number] = clock.ticks() + min(0.1 * 2**failures, _LONGEST)
        for number in [number for number, at in absent.items() if not stopping and at <= clock.ticks()]:
            del absent[number]
            crew[_fork(work, number)] = number


def _buried(crew: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Take the workers that have ended out of the crew; give number and exit code of each."""
    while crew:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        yield crew.pop(child), os.waitstatus_to_exitcode(status)


def _fork(work: Callable[[int], None], number: int) -> int:
    """Start a worker process; return its id. The parent has no threads and no connections, so forking is safe."""
    child = os.fork()
    if child:
        return child
    try:
        for caught in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(caught, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        work(number)
    except BaseException as error:  # the process ends here, whatever it was
        journal.fault("worker-failed", error)
        os._exit(1)
    os._exit(0)
