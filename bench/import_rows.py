"""Measure the import of a file of people against the raw load of the same rows, in one run, as a ratio.

    .venv/bin/python bench/import_rows.py [--rows 1000000] [--store postgresql://…]

The raw load reads the same CSV file and gives its rows to `executemany`, unread and unchecked, into a table whose key
is the address. Ours reads, validates, asks the oppositions, and writes people and evidence. The goal is a ratio of 8.
Seconds are those of this process on a processor, so that a busy machine does not change them.
"""

import argparse
import csv
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from gateway import clock
from gateway.flow import check, importer
from gateway.flow.context import Context, open_context
from gateway.flow.importer import Plan
from gateway.flow.importfile import Sheet
from gateway.mail.address import parse
from gateway.settings import Settings
from gateway.store import advertisers, lists, migrate
from gateway.store.tables import Advertiser, List

HEADER = "email,date,prenom,nom,form,proof"
PROOF = {"mode": "unticked-box", "text": "v3", "controllers": "Bench SAS", "purpose": "prospecting"}


def rows(count: int) -> Iterator[str]:
    """Return lines of a file of people."""
    yield HEADER
    for n in range(count):
        at = f"2026-0{1 + n % 9}-1{n % 10}T09:30:{n % 60:02}+01:00"
        yield f"Person.{n}@mail{n % 997}.example.org,{at},Anna,Martin{n % 5000},footer,log {n}"


def raw(path: Path, target: Path) -> float:
    """Return the seconds of the raw load."""
    start = time.process_time()
    with path.open(newline="") as file, sqlite3.connect(target) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE raw (email TEXT PRIMARY KEY, date, prenom, nom, form, proof)")
        reader = csv.reader(file)
        next(reader)
        database.executemany("INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?)", reader)
    database.close()
    return time.process_time() - start


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


def ours(context: Context, row: List, path: Path) -> float:
    """Return the seconds of our import."""
    start = time.process_time()
    with path.open("rb") as file:
        tally = importer.run(context, row, Sheet(file), Plan("bench", "bench", {}, PROOF), on_refused=print)
    print(f"taken {tally.taken}, there before {tally.same}, refused {tally.refused}")
    return time.process_time() - start


def checked(context: Context, row: List, path: Path) -> float:
    """Return the seconds of a verdict for each address of the file."""
    start = time.process_time()
    with path.open(newline="") as file:
        people = (parse(line[0]) for line in csv.reader(file) if "@" in line[0])
        count = sum(1 for _ in check.check(context, row.name, people))
    print(f"checked {count}")
    return time.process_time() - start


def main() -> None:
    """Run everything and print the figures."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--store", default="")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        path.write_text("".join(f"{line}\n" for line in rows(given.rows)))
        plain = raw(path, Path(folder) / "raw.db")
        context, row = house(given.store or f"sqlite:///{folder}/gateway.db", Path(folder))
        once = ours(context, row, path)
        again = ours(context, row, path)
        asked = checked(context, row, path)
        context.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"raw {plain:.1f} s, ours {once:.1f} s: {once / plain:.1f} times; the same file again {again:.1f} s")
    print(f"check {asked:.1f} s; memory at most {peak:.0f} MiB")


if __name__ == "__main__":
    main()
