"""Measure the gateway against its peers, in one run, as ratios.

    bench/run.py [--long] [--only WORDS] [--contacts N] [--folder DIR]

Contestants, those that are installed: `direct` (nothing between the two ends: the limit of the load), `postfix` (a
relay that does nothing to the mail), `milter` (Postfix with a filter that looks up, links and foots: the gateway's work
without its evidence), `milter+dkim` (and OpenDKIM), `haraka` and `haraka+dkim` (the same work as a plugin, on two
processes), `aiosmtpd` (a relay of the gateway's own libraries that does nothing), `gateway 1` and `gateway 2`
(processes; SQLite). They take turns, round after round, and the median of the rounds is shown. Whoever claims to do
the work must first show it in two copies. Bounded in count and in time; all that is started here is ended here.
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

import haraka
from copies import proven
from load import SINK, SOURCE, Result, Work, listening, send, sink
from mail_parts import newsletter
from postfix import filtered, missing, postfix, signing

from tests.support.ports import free_port

HERE = Path(__file__).resolve().parent
DIRECT, POSTFIX, AIOSMTPD = "direct", "postfix", "aiosmtpd"  # these do nothing to the mail
MILTER, SIGNED_MILTER, HARAKA, SIGNED_HARAKA = "milter", "milter+dkim", "haraka", "haraka+dkim"
GATEWAYS = ("gateway 1", "gateway 2")


@dataclass(frozen=True, slots=True)
class Scene:
    """One comparison: what is sent, of which size (octets), and whether its copies are signed."""

    work: Work
    size: int = 10_240
    signed: bool = False

    @property
    def bases(self) -> tuple[str, ...]:
        """Return what the ratios are taken against."""
        return (SIGNED_MILTER, SIGNED_HARAKA) if self.signed else (POSTFIX, MILTER, HARAKA)

    def takes(self, name: str) -> bool:
        """Return whether a contestant is compared here."""
        if name == DIRECT:
            return self.work.recipients == 1  # nobody there who makes copies
        if name in (MILTER, SIGNED_MILTER, HARAKA, SIGNED_HARAKA):  # these make no copies either
            return self.work.recipients == 1 and name in self.bases
        return name in GATEWAYS or not self.signed


SHORT = (
    Scene(Work("10 KB, 1 recipient", 800)),
    Scene(Work("10 KB, 50 recipients", 16, 50)),
    Scene(Work("10 KB, 1 recipient, signed", 400), signed=True),
    Scene(Work("1 MB, 1 recipient", 20), size=1_048_576),
)
LONG = (
    Scene(Work("10 KB, 1 recipient", 12_000, limit=180)),
    Scene(Work("10 KB, 1 recipient, 50 sessions", 12_000, sessions=50, limit=180)),
    Scene(Work("10 KB, 50 recipients", 800, 50, limit=180)),
    Scene(Work("10 KB, 1 recipient, signed", 5000, limit=180), signed=True),
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


def contestants(folder: Path, upstream: int, *, signed: bool) -> Contestants:
    """Return who takes part; `signed` says whether the gateway signs."""
    found: Contestants = {DIRECT: partial(direct, upstream)}
    same_work = (folder, upstream, folder / "people.db")
    if not missing():
        found[POSTFIX] = partial(postfix, folder / "postfix", upstream)
        found[MILTER] = partial(filtered, *same_work)
        if signing():
            found[SIGNED_MILTER] = partial(filtered, *same_work, signed=True)
    if not haraka.missing():
        found[HARAKA] = partial(haraka.plugged, *same_work)
        found[SIGNED_HARAKA] = partial(haraka.plugged, *same_work, signed=True)
    found[AIOSMTPD] = partial(relay, folder, upstream)
    more = ["--dkim"] if signed else []
    return found | {f"gateway {n}": partial(gateway, folder, upstream, n, *more) for n in (1, 2)}


def written(folder: Path, size: int) -> Path:
    """Return the file of a letter of about `size` octets, as smtp-source wants it: it ends the lines itself."""
    letter = folder / f"letter-{size}"
    if not letter.exists():
        letter.write_bytes(newsletter(size).replace(b"\r\n", b"\n"))
    return letter


def turn(name: str, place: Place, upstream: int, folder: Path, scenes: list[Scene]) -> list[Result]:
    """Start one contestant and look at its copies; then, in each scene, warm it up and measure it."""
    warm = 400 if name in (HARAKA, SIGNED_HARAKA) else 20  # Node.js compiles what has run often
    results = []
    with place as (port, roots):
        if name not in (DIRECT, POSTFIX, AIOSMTPD):
            public = folder / ("gateway.public" if name in GATEWAYS else "dkim.public")
            for size in {scene.size for scene in scenes}:
                proven(port, upstream, written(folder, size), folder, public if scenes[0].signed else None)
        with sink(folder, upstream) as end:
            for scene in scenes:
                work, letter = scene.work, written(folder, scene.size)
                each = 1 if name == DIRECT else work.recipients
                send(port, end, letter, replace(work, messages=min(warm, work.messages // 2)), roots, each)
                results.append(send(port, end, letter, work, roots, each))
    return results


def measure(options: argparse.Namespace, folder: Path) -> tuple[int, Results]:
    """Return how many rounds there were, and all their results by scene and contestant."""
    start, done, longest, upstream = time.monotonic(), 0, 0.0, free_port()
    rounds, budget, scenes = (5, 1600.0, LONG) if options.long else (3, 110.0, SHORT)
    scenes = tuple(scene for scene in scenes if all(word in scene.work.name for word in options.only))
    people(folder / "people.db", options.contacts or (60_000 if options.long else 10_000))
    subprocess.run([str(word) for word in serve(folder, 1, "--prepare")], check=True, timeout=600)
    results: Results = {}
    while done < rounds and time.monotonic() - start + longest < budget:
        begun = time.monotonic()
        for signed in (False, True):
            for name, place in contestants(folder, upstream, signed=signed).items():
                if played := [scene for scene in scenes if scene.signed is signed and scene.takes(name)]:
                    for scene, result in zip(played, turn(name, place(), upstream, folder, played), strict=True):
                        results.setdefault((scene.work.name, name), []).append(result)
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
        bases = [rows[name] for name in scene.bases if name in rows]
        versus = [f"× {name}" for name in scene.bases if name in rows]
        print(f"\n{scene.work.name}, {scene.work.sessions} sessions")
        heads = "".join(f"{head:>12}" for head in ("accepted/s", "arrived/s", "CPU-s/1000"))
        print(f"  {'':<13}" + heads + "".join(f"{head:>20}" for head in versus))
        for name, found in rows.items():
            print(f"  {name:<13}" + line(found, bases))
        results = {key: found for key, found in results.items() if key[0] != scene.work.name}


def line(found: list[Result], bases: list[list[Result]]) -> str:
    """Return the figures of one contestant; of each ratio the median, and the lowest and highest of all rounds."""
    accepted, arrived, used = (statistics.median(getattr(one, key) for one in found) for key in Result.__slots__)
    text = f"{accepted:>12.0f}{arrived:>12.0f}" + (f"{used:>12.2f}" if used else f"{'–':>12}")
    for base in bases:
        ratios = [one.arrived / other.arrived for one, other in zip(found, base, strict=False)]
        spread = f" ({min(ratios):.2f}–{max(ratios):.2f})" if len(ratios) > 1 else ""
        text += f"{f'{statistics.median(ratios):.2f}{spread}':>20}"
    return text


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_true", help="less than two minutes (the default)")
    length.add_argument("--long", action="store_true", help="about half an hour at most")
    parser.add_argument("--only", nargs="*", default=(), help="scenes with all these words in their names")
    parser.add_argument("--contacts", type=int, help="10,000; with --long 60,000, and at least 50,000")
    parser.add_argument("--folder", help="where all contestants keep their files (default: the temporary folder)")
    options = parser.parse_args()
    if not (SOURCE.exists() and SINK.exists()):
        parser.exit(1, "smtp-source and smtp-sink are missing: apt-get install --no-install-recommends postfix\n")
    dkim = "" if signing() else "it is not installed"
    for what, reason in (("Postfix", missing()), ("OpenDKIM", dkim), ("Haraka", haraka.missing())):
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
