"""Does a deep queue drain at the rate of a short one? Parcels a second that leave it, and the memory of the process.

    bench/depth.py [--deep 1000000] [--short 5000] [--seconds 20] [--workers 1] [--folder DIR]

The parcels are put into the spool beforehand, 50 of them to a message of 10 KB, all due. What arrives at the sink is
counted from the first copy on, for some seconds or until the queue is empty.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from load import Sink, cpu, sink
from mail_parts import newsletter
from run import gateway, people, serve
from serve import prepare, settings_for

from gateway import clock
from gateway.flow.context import Context, open_context
from gateway.store import spool

EACH = 50  # parcels to a message
PUT = 100  # messages to a transaction
CONTACTS = 20_000


def filled(folder: Path, count: int) -> None:
    """Make the database of a run with `count` parcels in its spool."""
    options = argparse.Namespace(spool=folder / "spool", store=None, contacts=folder / "people.db", web="127.0.0.1:0")
    options.listen, options.upstream, options.connections, options.log = "127.0.0.1:0", "127.0.0.1:1", 1, "warning"
    context = open_context(settings_for(options))
    account = prepare(context, str(options.contacts)).account
    with context.store.read() as tx:
        query = f"SELECT id, address FROM contact ORDER BY id LIMIT {CONTACTS}"
        known = tx.connection().exec_driver_sql(query).all()
    content = newsletter(10_240)
    for start in range(0, count, EACH * PUT):
        messages = -(-min(EACH * PUT, count - start) // EACH)
        with context.store.begin() as tx:
            submissions = [_submission(context, account, content) for _ in range(messages)]
            parcels = _parcels(context, [row["id"] for row in submissions], known, start)
            spool.put(tx, submissions, list(parcels)[: count - start])
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


def drained(end: Sink, count: int, seconds: float) -> float:
    """Return how many copies a second arrive."""
    base, limit = end.count(), time.monotonic() + 60
    while end.count() == base:
        if time.monotonic() > limit:
            raise RuntimeError("nothing leaves the queue")
        time.sleep(0.01)
    first, start = end.count(), time.monotonic()
    while time.monotonic() - start < seconds and end.count() - base < count:
        time.sleep(0.01)
    return (end.count() - first) / (time.monotonic() - start)


def measure(options: argparse.Namespace, folder: Path, count: int) -> float:
    """Print what one depth comes to; return the rate."""
    begun = time.monotonic()
    filled(folder, count)
    took = time.monotonic() - begun
    with sink(folder) as end, gateway(folder, end.port, options.workers, "--keep") as (_, roots):
        before = cpu(roots)
        rate = drained(end, count, options.seconds)
        used = (cpu(roots) - before) / max(1, end.count()) * 1000
        peaks = [_peak(process) for process in _family(roots[0])]
        print(
            f"{count:>9} parcels (put there in {took:.0f} s): {rate:6.0f} copies/s, "
            f"CPU-s/1000 {used:.2f}, most memory of a process {max(peaks)} MB"
        )
        return rate


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
    parser.add_argument("--short", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", help="where files are kept meanwhile (default: the temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="depth-", dir=options.folder))
    try:
        people(folder / "people.db", CONTACTS)
        subprocess.run([str(word) for word in serve(folder, 1, "--prepare")], check=True, timeout=600)
        short = measure(options, folder, options.short)
        deep = measure(options, folder, options.deep)
        print(f"deep against short: {deep / short:.2f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
