"""Where the time of one gateway process goes: processor seconds and switches of each thread for 1000 copies.

    bench/costs.py [--messages 3000] [--recipients 1] [--size 10240] [--letter FILE] [--dkim] [--folder DIR]
                   [--spy FILE]

Processor time is counted rather than the clock's, so that a busy machine changes the figures little. A thread's
switches say how often it gave up the processor: to wait (`given`) or because it was taken away (`taken`). With `--spy`
py-spy (if installed) samples the process and writes its stacks to FILE. `--folder` keeps the people for the next run.
`--letter` sends a message of yours: campaign tools write other pages than the benchmark does.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from load import TICK, Work, send, sink
from mail_parts import newsletter
from run import gateway, people, serve

Threads = dict[str, tuple[float, int, int]]


def threads(process: int) -> Threads:
    """Return processor seconds and switches (given, taken) of each thread of a process, by name."""
    found: Threads = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        stat = (task / "stat").read_text().rpartition(")")[2].split()
        status = (task / "status").read_text()
        given, taken = (int(number) for number in re.findall(r"ctxt_switches:\s+(\d+)", status))
        name = "loop" if int(task.name) == process else f"thread {int(task.name) - process}"
        before = found.get(name, (0.0, 0, 0))
        found[name] = (before[0] + (int(stat[11]) + int(stat[12])) / TICK, before[1] + given, before[2] + taken)
    return found


def child_of(process: int) -> int:
    """Return the process that does the work: the only child, or the process itself when there is none."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(found[0]) if found else process


def show(before: Threads, after: Threads, copies: int) -> None:
    """Print what each thread used, for 1000 copies."""
    print(f"{'thread':<18}{'CPU-s/1000':>12}{'given/copy':>12}{'taken/copy':>12}")
    for name, (seconds, given, taken) in sorted(after.items(), key=lambda item: -item[1][0]):
        was = before.get(name, (0.0, 0, 0))
        used = (seconds - was[0]) / copies * 1000
        print(f"{name:<18}{used:>12.3f}{(given - was[1]) / copies:>12.2f}{(taken - was[2]) / copies:>12.2f}")


def spied(command: str, process: int, output: Path) -> "subprocess.Popen[bytes]":
    """Sample a process until it ends."""
    words = [
        command,
        "record",
        "--format",
        "raw",
        "--rate",
        "400",
        "--threads",
        "--gil",
        "--nonblocking",
        "-p",
        str(process),
    ]
    return subprocess.Popen([*words, "-o", str(output)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Prepare, warm up, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--recipients", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--size", type=int, default=10_240)
    parser.add_argument("--letter", type=Path, help="a message with CRLF, from somebody at sender.test")
    parser.add_argument("--contacts", type=int, default=60_000)
    parser.add_argument("--dkim", action="store_true", help="sign each copy (rsa-2048)")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--spy", type=Path)
    parser.add_argument("--py-spy", default="py-spy", help="the program")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="costs-"))
    folder.mkdir(exist_ok=True)
    try:
        measure(options, folder)
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Run the load once."""
    letter = folder / "letter"
    content = options.letter.read_bytes() if options.letter else newsletter(options.size)
    letter.write_bytes(content.replace(b"\r\n", b"\n"))
    more = ["--dkim"] if options.dkim else []
    if not (folder / "people.db").exists():
        people(folder / "people.db", options.contacts)
        subprocess.run([str(word) for word in serve(folder, 1, "--prepare", *more)], check=True, timeout=600)
    work = Work("load", options.messages, options.recipients, options.sessions, limit=300)
    with sink(folder) as end, gateway(folder, end.port, 1, *more) as (port, roots):
        process = child_of(roots[0])
        send(port, end, letter, Work("warm", max(40, options.sessions), options.recipients), roots, options.recipients)
        time.sleep(0.5)
        before = threads(process)
        spy = spied(options.py_spy, process, options.spy) if options.spy else None
        result = send(port, end, letter, work, roots, options.recipients)
        time.sleep(0.3)  # what is settled after the last copy arrived
        show(before, threads(process), options.messages * options.recipients)
        memory = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
        print(f"accepted/s {result.accepted:.0f}  arrived/s {result.arrived:.0f}  CPU-s/1000 {result.cpu:.3f}")
        print(f"most memory {int(memory[1]) // 1024 if memory else 0} MB")
    if spy:
        spy.wait(30)


if __name__ == "__main__":
    main()
