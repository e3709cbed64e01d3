"""Does a deep queue drain at the rate of a short one? Copies a second, and processor time for 1000 of them.

    bench/depth.py [--deep 1000000] [--short 20000] [--contacts 10000] [--many 1000000] [--seconds 20] [--workers 1]

The parcels are put into the spool beforehand, 50 of them to a message of 10 KB, all due, for people drawn at random
from those known: `--contacts` of them beside the short queue, `--many` beside the deep one. The deep one is measured
full, half empty and nearly empty, for some seconds each, from when copies flow, and each time a short one before it;
in between, what would have been drained is deleted. Processor time changes less with what else the machine does.
"""

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from os import cpu_count, getloadavg
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from load import cpu, sink
from lookups import multiply
from mail_parts import newsletter
from run import gateway, people, serve
from serve import prepare, settings_for

from gateway import clock
from gateway.flow.context import Context, open_context
from gateway.store import spool

EACH = 50  # parcels to a message
PUT = 100  # messages to a transaction
DRAWN = 200_000  # people written to, at most
WARM = 1000  # copies before the measuring begins


def opened(folder: Path) -> Context:
    """Return the database of a run."""
    options = argparse.Namespace(spool=folder / "spool", store=None, contacts=folder / "people.db", web="127.0.0.1:0")
    options.listen, options.upstream, options.connections, options.log = "127.0.0.1:0", "127.0.0.1:1", 1, "warning"
    return open_context(settings_for(options))


def filled(folder: Path, first: int, contacts: int, count: int) -> None:
    """Make the `first` people there are `contacts`, empty the spool and put `count` parcels there."""
    context = opened(folder)
    account = prepare(context, str(folder / "people.db")).account
    multiply(context, first, contacts)
    with context.store.read() as tx:
        query = f"SELECT id, address FROM contact WHERE id % {-(-contacts // DRAWN)} = 0"
        known = [tuple(row) for row in tx.connection().exec_driver_sql(query)]
    random.Random(7).shuffle(known)
    content = newsletter(10_240)
    for start in range(0, count, EACH * PUT):
        messages = -(-min(EACH * PUT, count - start) // EACH)
        with context.store.begin() as tx:
            submissions = [_submission(context, account, content) for _ in range(messages)]
            parcels = _parcels(context, [row["id"] for row in submissions], known, start)
            spool.put(tx, submissions, list(parcels)[: count - start])
    context.close()


def cut(folder: Path, left: int) -> None:
    """Delete the parcels that leave first, but for `left` of them, with their messages."""
    context = opened(folder)
    with context.store.begin() as tx:
        run = tx.connection().exec_driver_sql
        there = run("SELECT count(*) FROM parcel").scalar_one()
        run(f"DELETE FROM parcel WHERE id IN (SELECT id FROM parcel ORDER BY due_at LIMIT {max(0, there - left)})")
        run("DELETE FROM submission WHERE id NOT IN (SELECT submission_id FROM parcel)")
    context.close()


def _submission(context: Context, account: Any, content: bytes) -> dict[str, Any]:
    return {
        "id": context.store.take(1)[0],
        "account_id": account.id,
        "advertiser_id": account.advertiser_id,
        "list_id": account.list_id,
        "klass": "prospecting",
        "mail_from": "news@sender.test",
        "content": content,
        "hints": {"from": ["client.bench.test", "127.0.0.1", "ESMTP"], "missing": [], "remove": []},
        "received_at": clock.now(),
    }


def _parcels(context: Context, owners: list[int], known: Any, start: int) -> Iterator[dict[str, Any]]:
    now = clock.now()
    numbers = iter(context.store.take(len(owners) * EACH))
    for place, number in enumerate(numbers):
        contact, address = known[(start + place) % len(known)]
        yield {
            "id": number,
            "submission_id": owners[place // EACH],
            "contact_id": contact,
            "recipient": address,
            "due_at": now,
            "expires_at": now + timedelta(days=5),
            "created_at": now,
        }


@dataclass(frozen=True)
class Drain:
    """What a queue came to: copies a second, processor seconds for 1000, MB of the largest process at its peak."""

    rate: float
    cost: float
    peak: int

    def against(self, other: "Drain") -> str:
        """Return this one as parts of `other`, more being better."""
        return f"{self.rate / other.rate:.2f} of its rate, {other.cost / self.cost:.2f} of its copies for the same work"


def measure(options: argparse.Namespace, folder: Path, what: str) -> Drain:
    """Print and return what the queue that is there comes to."""
    context = opened(folder)
    with context.store.read() as tx:
        count = tx.connection().exec_driver_sql("SELECT count(*) FROM parcel").scalar_one()
    context.close()
    with sink(folder) as end, gateway(folder, end.port, options.workers, "--keep") as (_, roots):
        limit = time.monotonic() + 60
        while end.count() < WARM:
            if time.monotonic() > limit:
                raise RuntimeError("nothing leaves the queue")
            time.sleep(0.01)
        first, before, start = end.count(), cpu(roots), time.monotonic()
        while time.monotonic() - start < options.seconds and end.count() < count - WARM:
            time.sleep(0.05)
        copies, took = end.count() - first, time.monotonic() - start
        cost = (cpu(roots) - before) / copies * 1000
        found = Drain(copies / took, cost, max(_peak(process) for process in _family(roots[0])))
    print(
        f"{what:<8}{count:>10,} parcels: {found.rate:6.0f} copies/s, CPU-s/1000 {found.cost:.3f}, "
        f"most memory of a process {found.peak} MB ({copies:,} copies)",
        flush=True,
    )
    return found


def _family(root: int) -> list[int]:
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    return [root, *map(int, children)]


def _peak(process: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deep", type=int, default=1_000_000)
    parser.add_argument("--short", type=int, default=20_000)
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", help="where files are kept meanwhile (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="depth-", dir=options.folder))
    print(f"load {getloadavg()[0]:.1f} on {cpu_count()} processors", flush=True)
    try:
        few, many = folder / "few", folder / "many"
        for place in (few, many):
            place.mkdir()
            people(place / "people.db", options.contacts)
            subprocess.run([str(word) for word in serve(place, 1, "--prepare")], check=True, timeout=600)
        filled(many, options.contacts, options.many, options.deep)
        for what, left in {"full": options.deep, "half": options.deep // 2, "last": options.short}.items():
            filled(few, options.contacts, options.contacts, options.short)
            short = measure(options, few, "short")
            cut(many, left)
            print(f"against short: {measure(options, many, what).against(short)}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
