"""Measure the gateway against plain Postfix, in one run, as ratios.

    bench/run.py [--long] [--contacts 60000] [--folder DIR]

Contestants: `direct` (nothing between the two ends: the limit of the load), `postfix` (a relay that does nothing to the
mail; if installed and root), `gateway 1` and `gateway 2` (processes; SQLite). They take turns, round after round, and
the median of the rounds is shown. Bounded in count and in time; all that is started here is ended here.
"""

import argparse
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from load import SINK, SOURCE, Result, Sink, Work, running, send, sink
from mail_parts import newsletter
from postfix import missing, postfix

from tests.support.ports import free_port, wait_for_port

HERE = Path(__file__).resolve().parent
SHORT = (3, 90.0, (Work("1 recipient", 1000), Work("50 recipients", 20, 50)))
LONG = (7, 900.0, (Work("1 recipient", 20_000, limit=120), Work("50 recipients", 1000, 50, limit=120)))
DIRECT, POSTFIX = "direct", "postfix"

Place = AbstractContextManager[tuple[int, list[int]]]
Contestants = dict[str, Callable[[], Place]]
Results = dict[tuple[str, str], list[Result]]


def people(path: Path, count: int) -> None:
    """Write the addresses that `smtp-source -N` sends to, all of them people who agreed."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE consent (addr TEXT PRIMARY KEY, state TEXT, token TEXT)")
        rows = ((f"{n}user@list.test", "granted", f"{n}") for n in range(1, count + 1))
        database.executemany("INSERT INTO consent VALUES (?, ?, ?)", rows)
    database.close()


def serve(folder: Path, upstream: int, *more: object) -> list[object]:
    """Return the command of the gateway, its listener aside."""
    command = [sys.executable, HERE / "serve.py", "--contacts", folder / "people.db", "--spool", folder / "spool"]
    return [*command, "--upstream", f"127.0.0.1:{upstream}", *more]


@contextmanager
def gateway(folder: Path, upstream: int, workers: int, *more: object) -> Iterator[tuple[int, list[int]]]:
    """Run the gateway for the time of a `with` block."""
    port, log = free_port(), folder / "gateway.log"
    with running(serve(folder, upstream, "--listen", f"127.0.0.1:{port}", "--workers", workers, *more), log) as process:
        try:
            wait_for_port(port, alive=lambda: process.poll() is None)
        except TimeoutError as error:
            raise RuntimeError(f"gateway: {log.read_text(errors='replace')[-1000:]}") from error
        time.sleep(0.5)  # the second worker
        yield port, [process.pid]


@contextmanager
def direct(upstream: int) -> Iterator[tuple[int, list[int]]]:
    """Put nothing in between."""
    yield upstream, []


def contestants(folder: Path, end: Sink) -> Contestants:
    """Return who takes part, and say who cannot."""
    found: Contestants = {DIRECT: partial(direct, end.port)}
    if reason := missing():
        print(f"postfix is left out: {reason}")
    else:
        found[POSTFIX] = partial(postfix, folder / "postfix", end.port)
    return found | {f"gateway {n}": partial(gateway, folder, end.port, n) for n in (1, 2)}


def turn(name: str, place: Place, end: Sink, letter: Path, works: tuple[Work, ...]) -> Iterator[tuple[Work, Result]]:
    """Start one contestant, warm it up, and measure it at each work."""
    with place as (port, roots):
        for work in works:
            if name == DIRECT and work.recipients > 1:
                continue  # nobody there who makes copies
            each = 1 if name == DIRECT else work.recipients
            send(port, end, letter, replace(work, messages=20), roots, each)
            yield work, send(port, end, letter, work, roots, each)


def measure(options: argparse.Namespace, folder: Path) -> tuple[int, Results]:
    """Return how many rounds there were, and all their results by contestant and work."""
    rounds, budget, works = LONG if options.long else SHORT
    letter = folder / "letter"
    letter.write_bytes(newsletter(10_240).replace(b"\r\n", b"\n"))  # smtp-source ends the lines itself
    people(folder / "people.db", options.contacts)
    subprocess.run([str(word) for word in serve(folder, 1, "--prepare")], check=True, timeout=600)
    results: Results = {}
    start, done, longest = time.monotonic(), 0, 0.0
    with sink(folder) as end:
        ring = contestants(folder, end)
        while done < rounds and time.monotonic() - start + longest < budget:
            begun = time.monotonic()
            for name, place in ring.items():
                for work, result in turn(name, place(), end, letter, works):
                    results.setdefault((work.name, name), []).append(result)
            done, longest = done + 1, max(longest, time.monotonic() - begun)
    return done, results


def show(rounds: int, results: Results, load: tuple[float, ...]) -> None:
    """Print the table."""
    before, after = load[0], os.getloadavg()[0]
    print(f"{rounds} rounds, medians; {os.cpu_count()} processors; load {before:.1f} before, {after:.1f} after")
    heads = ("accepted/s", "arrived/s", "CPU-s/1000", "× postfix", "lowest", "highest")
    print(f"{'10 KB, 20 sessions':<16} {'':<11}" + "".join(f"{head:>11}" for head in heads))
    for (work, name), found in sorted(results.items(), key=lambda item: (len(item[0][0]), item[0][0])):
        accepted, arrived, used = (statistics.median(getattr(one, key) for one in found) for key in Result.__slots__)
        line = f"{work:<18} {name:<11}{accepted:>9.0f}{arrived:>11.0f}" + (f"{used:>11.2f}" if used else f"{'–':>11}")
        base = results.get((work, POSTFIX))
        if base:
            ratios = [one.arrived / other.arrived for one, other in zip(found, base, strict=False)]
            line += "".join(f"{value:>11.2f}" for value in (statistics.median(ratios), min(ratios), max(ratios)))
        print(line)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_true", help="less than two minutes (the default)")
    length.add_argument("--long", action="store_true", help="about a quarter of an hour at most")
    parser.add_argument("--contacts", type=int, default=60_000, help="at least 50,000 with --long")
    parser.add_argument("--folder", help="where all contestants keep their files (default: the temporary folder)")
    options = parser.parse_args()
    if not (SOURCE.exists() and SINK.exists()):
        parser.exit(1, "smtp-source and smtp-sink are missing: apt-get install --no-install-recommends postfix\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is cleaned up then, too
    load = os.getloadavg()
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder))
    folder.chmod(0o755)  # Postfix's own users go through it
    try:
        show(*measure(options, folder), load)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
