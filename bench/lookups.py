"""Measure what a decision costs with few and with many people known, in one run, as ratios.

    bench/lookups.py [--long] [--sizes 10000 1000000] [--only sqlite|postgres]

A decision is `gather` (contact, events, oppositions; one read transaction) and `decide`, for 1 recipient and for 50.
Databases of all sizes of a kind are open at the same time and take turns, and are to fit into memory together (half a
gigabyte for a million people): what a disk costs is another question. The median is shown with its ratio to that of the
smallest, in µs of processor time on SQLite, where all of it is ours, in µs of a clock on PostgreSQL. The first people
are loaded as an import loads them, the others are made like them inside the database. PostgreSQL is a server of our own
on a socket; only reads are measured, so that it need not be durable.
"""

import argparse
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from os import getloadavg
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from serve import fill
from sqlalchemy import text
from sqlmodel import SQLModel

from gateway import clock
from gateway.flow.context import Context, open_context
from gateway.flow.facts import Question, gather
from gateway.law.facts import MessageClass, MessageFacts
from gateway.mail.address import parse
from gateway.settings import Settings
from gateway.store import migrate
from gateway.store.catalogue import Catalogue
from gateway.store.tables import Account
from tests.support.postgres import Cluster

SIZES, LONG = (10_000, 1_000_000), (10_000, 1_000_000, 5_000_000)
KINDS = ("sqlite", "postgres")
ROUNDS = 5
SLICE = 250_000  # people a statement
NAME = "CAST(n AS TEXT) || 'user@list.test'"
TIMES = {1: 300, 50: 40}  # recipients → decisions a round
PROMOTION = MessageFacts(MessageClass.PROSPECTING)


@dataclass
class House:
    """A store with `size` people, and the seconds that decisions took there, by number of recipients."""

    kind: str
    size: int
    context: Context
    account: Account
    took: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in TIMES})
    catalogue: Catalogue = field(default_factory=Catalogue)

    def turn(self, dice: random.Random) -> None:
        """Decide about people drawn at random; raise AssertionError when one is not found."""
        now = time.thread_time if self.context.store.embedded else time.perf_counter
        for count, times in TIMES.items():
            for _ in range(times):
                people = tuple(parse(f"{dice.randrange(self.size) + 1}user@list.test") for _ in range(count))
                asked = Question(self.account.advertiser_id, self.account.list_id, people, PROMOTION, self.account.id)
                start = now()
                [cases] = gather(self.context, [asked], clock.now(), self.catalogue)
                verdicts = [case.verdict for case in cases]
                self.took[count].append(now() - start)
                assert len(verdicts) == count
                assert all(case.contact for case in cases)


def house(kind: str, size: int, url: str, folder: Path) -> House:
    """Make a store with that many people."""
    secret = folder / "secret"
    secret.write_text("benchmark" * 8)
    settings = {"gateway": {"secrets": {1: f"file:{secret}"}}, "store": {"url": url}}
    context = open_context(Settings.model_validate(settings))
    migrate.upgrade(context.store)
    start = time.monotonic()
    first = min(size, SIZES[0])
    account = fill(context, ((f"{n}user@list.test", "granted") for n in range(1, first + 1)))
    multiply(context, first, size)
    print(f"{kind}: {size:,} people loaded in {time.monotonic() - start:.0f} s", file=sys.stderr)
    return House(kind, size, context, account)


def multiply(context: Context, first: int, size: int) -> None:
    """Add people number `first` + 1 to `size` beside those there are, each with an event, inside the database.

    Their events were recorded yesterday and sealed, if those there are have been; else a gateway would begin to seal
    them while it is measured.
    """
    yesterday = f"'{clock.now() - timedelta(days=1):%Y-%m-%d %H:%M:%S.%f}'"
    series = "WITH RECURSIVE n(n) AS (SELECT {} UNION ALL SELECT n + 1 FROM n WHERE n < {})"
    for low in range(first + 1, size + 1, SLICE):
        high = min(size, low + SLICE - 1)
        contact, event = (context.store.take(high - low + 1)[0] - low for _ in range(2))
        new = {
            "contact": {"id": f"n + {contact}", "address": NAME, "address_key": NAME},
            "event": {"id": f"n + {event}", "contact_id": f"n + {contact}", "recorded_at": yesterday},
            "leaf": {"row_id": f"n + {event}"},
        }
        with context.store.begin() as tx:
            for table, said in new.items():
                names = [column.name for column in SQLModel.metadata.tables[table].columns]
                values = ", ".join(said.get(name, f"old.{name}") for name in names)
                tx.connection().execute(
                    text(
                        f"INSERT INTO {table} ({', '.join(names)}) {series.format(low, high)} "
                        f"SELECT {values} FROM n, (SELECT * FROM {table} ORDER BY {names[0]} LIMIT 1) old"
                    )
                )


@contextmanager
def postgres() -> Iterator[Cluster]:
    """Run a server for the time of a `with` block."""
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def houses(stack: ExitStack, kind: str, folder: Path, sizes: list[int]) -> Iterator[House]:
    """Make every store of a kind; `stack` closes and removes them."""
    if kind == "sqlite":
        for size in sizes:
            path = folder / f"{size}.db"
            stack.callback(path.unlink)
            made = house(kind, size, f"sqlite:///{path}", folder)
            stack.callback(made.context.close)
            yield made
    else:
        cluster = stack.enter_context(postgres())
        for size in sizes:
            name = cluster.create()
            made = house(kind, size, cluster.url(name), folder)
            stack.callback(made.context.close)
            cluster.run("VACUUM ANALYZE", name)  # what autovacuum, which is off in this server, would do
            yield made


def show(found: list[House]) -> None:
    """Print the table."""
    print(f"decision, µs, median of {ROUNDS} rounds in turns; load of the machine {getloadavg()[0]:.1f}")
    print(f"{'store':<10}{'people':>11}" + "".join(f"{f'{n} recipients':>15}{'ratio':>8}" for n in TIMES))
    for one in found:
        line = f"{one.kind:<10}{one.size:>11,}"
        for count in TIMES:
            mine, base = (statistics.median(each.took[count]) for each in (one, found[0]))
            line += f"{mine * 1e6:>15.0f}{mine / base:>8.2f}"
        print(line, flush=True)


def main() -> None:
    """Load, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="with 5 million people, too")
    parser.add_argument("--sizes", type=int, nargs="+", help="other numbers of people, the smallest first")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--folder", help="where SQLite's files are kept (default: the temporary folder)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is cleaned up then, too
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder))
    sizes, dice = sorted(options.sizes or (LONG if options.long else SIZES)), random.Random(7)
    try:
        for kind in KINDS if options.only is None else (options.only,):
            with ExitStack() as stack:
                found = list(houses(stack, kind, folder, sizes))
                for _ in range(ROUNDS):
                    for one in found:
                        one.turn(dice)
                show(found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
