"""Measure the gateway against its peers, in one run, as ratios.

    bench/run.py [--long] [--only WORDS] [--contacts 60000] [--folder DIR]

Contestants, those that are installed: `direct` (nothing between the two ends: the limit of the load), `postfix` (a
relay that does nothing to the mail), `milter` (Postfix with a filter that looks up, links and foots: the gateway's work
without its evidence), `milter+dkim` (and OpenDKIM), `aiosmtpd` (a relay of the gateway's own libraries that does
nothing), `gateway 1` and `gateway 2` (processes; SQLite). They take turns, round after round, and the median of the
rounds is shown. Bounded in count and in time; all that is started here is ended here.
"""

import argparse
import os
import platform
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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from load import SINK, SOURCE, Result, Sink, Work, running, send, sink
from mail_parts import newsletter
from postfix import filtered, missing, postfix, signing

from tests.support.ports import free_port, wait_for_port

HERE = Path(__file__).resolve().parent
DIRECT, POSTFIX, MILTER, SIGNED_MILTER, AIOSMTPD = "direct", "postfix", "milter", "milter+dkim", "aiosmtpd"
GATEWAYS = ("gateway 1", "gateway 2")


@dataclass(frozen=True, slots=True)
class Scene:
    """One comparison: what is sent, and who does the same work. `base` is what the ratios are taken against."""

    work: Work
    size: int = 10_240
    signed: bool = False
    base: str = POSTFIX

    def takes(self, name: str) -> bool:
        """Return whether a contestant is compared here."""
        if name == DIRECT:
            return self.work.recipients == 1  # nobody there who makes copies
        if name in (MILTER, SIGNED_MILTER):
            return self.work.recipients == 1 and self.signed is (name == SIGNED_MILTER)
        return name in GATEWAYS or not self.signed


SHORT = (
    Scene(Work("10 KB, 1 recipient", 800)),
    Scene(Work("10 KB, 50 recipients", 16, 50)),
    Scene(Work("10 KB, 1 recipient, signed", 400), signed=True, base=SIGNED_MILTER),
    Scene(Work("1 MB, 1 recipient", 20), size=1_048_576),
)
LONG = (
    Scene(Work("10 KB, 1 recipient", 12_000, limit=180)),
    Scene(Work("10 KB, 1 recipient, 50 sessions", 12_000, sessions=50, limit=180)),
    Scene(Work("10 KB, 50 recipients", 800, 50, limit=180)),
    Scene(Work("10 KB, 1 recipient, signed", 5000, limit=180), signed=True, base=SIGNED_MILTER),
    Scene(Work("10 KB, 50 recipients, signed", 200, 50, limit=180), signed=True),
    Scene(Work("100 KB, 1 recipient", 2000, limit=180), size=102_400),
    Scene(Work("1 MB, 1 recipient", 300, limit=180), size=1_048_576),
)

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
def listening(command: list[object], port: int, log: Path) -> Iterator[list[int]]:
    """Run a contestant for the time of a `with` block, from when it answers at `port`."""
    with running(command, log) as process:
        try:
            wait_for_port(port, alive=lambda: process.poll() is None)
        except TimeoutError as error:
            raise RuntimeError(f"{log.name}: {log.read_text(errors='replace')[-1000:]}") from error
        yield [process.pid]


@contextmanager
def gateway(folder: Path, upstream: int, workers: int, *more: object) -> Iterator[tuple[int, list[int]]]:
    """Run the gateway for the time of a `with` block."""
    port = free_port()
    command = serve(folder, upstream, "--listen", f"127.0.0.1:{port}", "--workers", workers, *more)
    with listening(command, port, folder / "gateway.log") as roots:
        time.sleep(0.5)  # the second worker
        yield port, roots


@contextmanager
def relay(folder: Path, upstream: int) -> Iterator[tuple[int, list[int]]]:
    """Run the relay that does nothing."""
    port = free_port()
    with listening([sys.executable, HERE / "relay.py", port, upstream], port, folder / "relay.log") as roots:
        yield port, roots


@contextmanager
def direct(upstream: int) -> Iterator[tuple[int, list[int]]]:
    """Put nothing in between."""
    yield upstream, []


def contestants(folder: Path, end: Sink, scene: Scene) -> Contestants:
    """Return who takes part in a scene."""
    found: Contestants = {DIRECT: partial(direct, end.port)}
    if not missing():
        found[POSTFIX] = partial(postfix, folder / "postfix", end.port)
        found[MILTER] = partial(filtered, folder, end.port, folder / "people.db")
        if signing():
            found[SIGNED_MILTER] = partial(filtered, folder, end.port, folder / "people.db", signed=True)
    found[AIOSMTPD] = partial(relay, folder, end.port)
    more = ["--dkim"] if scene.signed else []
    found |= {f"gateway {n}": partial(gateway, folder, end.port, n, *more) for n in (1, 2)}
    return {name: place for name, place in found.items() if scene.takes(name)}


def turn(name: str, place: Place, end: Sink, folder: Path, scene: Scene) -> Result:
    """Start one contestant, warm it up, and measure it."""
    work = scene.work
    letter = folder / f"letter-{scene.size}"
    if not letter.exists():
        letter.write_bytes(newsletter(scene.size).replace(b"\r\n", b"\n"))  # smtp-source ends the lines itself
    each = 1 if name == DIRECT else work.recipients
    with place as (port, roots):
        send(port, end, letter, replace(work, messages=min(20, work.messages)), roots, each)
        return send(port, end, letter, work, roots, each)


def measure(options: argparse.Namespace, folder: Path) -> tuple[int, Results]:
    """Return how many rounds there were, and all their results by scene and contestant."""
    rounds, budget, scenes = (5, 1500.0, LONG) if options.long else (3, 100.0, SHORT)
    scenes = tuple(scene for scene in scenes if all(word in scene.work.name for word in options.only))
    people(folder / "people.db", options.contacts)
    subprocess.run([str(word) for word in serve(folder, 1, "--prepare")], check=True, timeout=600)
    results: Results = {}
    start, done, longest = time.monotonic(), 0, 0.0
    with sink(folder) as end:
        while done < rounds and time.monotonic() - start + longest < budget:
            begun = time.monotonic()
            for scene in scenes:
                for name, place in contestants(folder, end, scene).items():
                    found = results.setdefault((scene.work.name, name), [])
                    found.append(turn(name, place(), end, folder, scene))
            done, longest = done + 1, max(longest, time.monotonic() - begun)
    return done, results


def show(rounds: int, results: Results, load: tuple[float, ...]) -> None:
    """Print the tables."""
    before, after = load[0], os.getloadavg()[0]
    print(f"{rounds} rounds, medians; {os.cpu_count()} processors; load {before:.1f} before, {after:.1f} after")
    print(f"Python {platform.python_version()} in {sys.base_prefix}")
    for scene in LONG + SHORT[:1]:
        rows = {name: found for (work, name), found in results.items() if work == scene.work.name}
        if not rows:
            continue
        base = rows.get(scene.base)
        versus = f"× {scene.base}" if base else ""
        print(f"\n{scene.work.name}, {scene.work.sessions} sessions")
        heads = ("accepted/s", "arrived/s", "CPU-s/1000", versus, *(("lowest", "highest") if base else ()))
        print(f"  {'':<13}" + "".join(f"{head:>14}" for head in heads))
        for name, found in rows.items():
            print(f"  {name:<13}" + line(found, base))
        results = {key: found for key, found in results.items() if key[0] != scene.work.name}


def line(found: list[Result], base: list[Result] | None) -> str:
    """Return the figures of one contestant."""
    accepted, arrived, used = (statistics.median(getattr(one, key) for one in found) for key in Result.__slots__)
    text = f"{accepted:>14.0f}{arrived:>14.0f}" + (f"{used:>14.2f}" if used else f"{'–':>14}")
    if base:
        ratios = [one.arrived / other.arrived for one, other in zip(found, base, strict=False)]
        text += "".join(f"{value:>14.2f}" for value in (statistics.median(ratios), min(ratios), max(ratios)))
    return text


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_true", help="less than two minutes (the default)")
    length.add_argument("--long", action="store_true", help="about half an hour at most")
    parser.add_argument("--only", nargs="*", default=(), help="scenes with all these words in their names")
    parser.add_argument("--contacts", type=int, default=60_000, help="at least 50,000 with --long")
    parser.add_argument("--folder", help="where all contestants keep their files (default: the temporary folder)")
    options = parser.parse_args()
    if not (SOURCE.exists() and SINK.exists()):
        parser.exit(1, "smtp-source and smtp-sink are missing: apt-get install --no-install-recommends postfix\n")
    for what, reason in (("postfix", missing()), ("OpenDKIM", "" if signing() else "it is not installed")):
        if reason:
            print(f"{what} is left out: {reason}")
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
