"""Measure the import of a file of people against the raw load of the same rows, in one run, as a ratio.

    .venv/bin/python bench/import_rows.py [--rows 1000000] [--postgres]

The raw load reads the same CSV file and gives its rows to the driver's `executemany`, unread and unchecked, into a
table whose key is the address. Ours reads, validates, asks the oppositions, and writes people and evidence. The goal is
a ratio of 8. Then the same file comes again, and then each address is asked for its verdict (goal: 20 µs on two
processors). Seconds are those of a clock and, in brackets, those of all processes on a processor, which a busy machine
changes less. `--postgres` starts a server of its own, whose seconds on a processor are counted too.
"""

import argparse
import csv
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from os import cpu_count, getloadavg
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from load import cpu

from gateway import clock
from gateway.flow import crowd, importer
from gateway.flow.context import Context, open_context
from gateway.flow.crew import settle
from gateway.flow.importer import Instructions
from gateway.flow.importfile import Sheet
from gateway.settings import Settings
from gateway.store import advertisers, lists, migrate
from gateway.store.tables import Advertiser, List
from tests.support.postgres import Cluster

HEADER = "email,date,prenom,nom,form,proof"
PROOF = {"mode": "unticked-box", "text": "v3", "controllers": "Bench SAS", "purpose": "prospecting"}


def rows(count: int) -> Iterator[str]:
    """Return lines of a file of people."""
    yield HEADER
    for n in range(count):
        at = f"2026-0{1 + n % 9}-1{n % 10}T09:30:{n % 60:02}+01:00"
        yield f"Person.{n}@mail{n % 997}.example.org,{at},Anna,Martin{n % 5000},footer,log {n}"


@dataclass(frozen=True)
class Took:
    """Seconds of a clock, and of this process and its workers on a processor."""

    wall: float
    busy: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.busy:.1f} s)"

    def ratio(self, other: "Took") -> str:
        """Return how many times `other` this is."""
        return f"{self.wall / other.wall:.1f} times ({self.busy / other.busy:.1f} times)"


def timed(work: Callable[[], object]) -> Took:
    """Do something and return what it took."""
    wall, busy = time.perf_counter(), cpu([os.getpid()])
    work()
    return Took(time.perf_counter() - wall, cpu([os.getpid()]) - busy)  # a server of ours is a child of this process


TABLE = "CREATE TABLE raw (email TEXT PRIMARY KEY, date TEXT, prenom TEXT, nom TEXT, form TEXT, proof TEXT)"


def raw(path: Path, url: str) -> None:
    """Do the raw load, into a SQLite file or, by URL, a server."""
    with path.open(newline="") as file:
        reader = csv.reader(file)
        next(reader)
        if url.startswith("postgresql:"):
            with psycopg.connect(url) as server, server.cursor() as cursor:
                cursor.execute(TABLE)
                cursor.executemany("INSERT INTO raw VALUES (%s, %s, %s, %s, %s, %s)", reader)
            return
        with sqlite3.connect(url) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(TABLE)
            database.executemany("INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?)", reader)
        database.close()


def house(url: str, folder: Path) -> tuple[Context, List]:
    """Return an open gateway with one list."""
    secret = folder / "secret"
    secret.write_text("x" * 64)
    settings = Settings.model_validate({"gateway": {"secrets": {1: f"file:{secret}"}}, "store": {"url": url}})
    context = open_context(settings)
    migrate.upgrade(context.store)
    now, number = clock.now(), context.store.take()[0]
    row = List(
        id=context.store.take(of="list")[0], advertiser_id=number, name=f"bench-{number}", regime="opt-in",
        channels=["email"], state="active", created_at=now,
    )  # fmt: skip
    with context.store.begin() as tx:
        advertisers.add(tx, Advertiser(id=number, name=f"bench-{number}", legal_name="Bench SAS", created_at=now))
        lists.add(tx, row)
    return context, row


def ours(context: Context, row: List, path: Path) -> None:
    """Do our import."""
    with path.open("rb") as file:
        tally = importer.run(context, row, Sheet(file), Instructions("bench", "bench", {}, PROOF), on_refused=print)
    print(f"taken {tally.taken}, there before {tally.same}, refused {tally.refused}", flush=True)


def checked(context: Context, row: List, path: Path) -> None:
    """Ask a verdict for each address of the file."""
    with path.open(newline="") as file:
        lines = (line[0] for line in csv.reader(file) if "@" in line[0])
        codes = Counter(answer.code for answer in crowd.answers(context, row.name, lines))
    print(f"checked {codes.total()}: {dict(codes)}", flush=True)


def main() -> None:
    """Run everything and print the figures."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--postgres", action="store_true")
    given = options.parse_args()
    print(f"load {getloadavg()[0]:.1f} on {cpu_count()} processors", flush=True)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, plain, url = Path(name), f"{name}/raw.db", f"sqlite:///{name}/gateway.db"
        if given.postgres:
            cluster = Cluster()
            stack.callback(cluster.remove)
            cluster.start()
            cluster.run("CREATE DATABASE bench")
            url = plain = cluster.url("bench")
        path = folder / "people.csv"
        with path.open("w") as file:
            file.writelines(f"{line}\n" for line in rows(given.rows))
        base = timed(lambda: raw(path, plain))
        context, row = house(url, folder)
        settle()
        once, again, asked = (timed(partial(work, context, row, path)) for work in (ours, ours, checked))
        context.close()
    own, workers = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"raw {base}; ours {once}: {once.ratio(base)}; the same file again {again}: {again.ratio(base)}")
    print(f"check {asked}; memory at most {own:.0f} MiB, of a worker {workers:.0f} MiB")


if __name__ == "__main__":
    main()
