"""Files that people open in a spreadsheet or hand to somebody: for their owner only, with formulas disarmed."""

import csv
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import Misuse

# At the beginning of a cell; and inside, where a spreadsheet that takes semicolons or tabs for separators begins one.
_FORMULA = re.compile(r"(?:\A|(?<=[;\t\r\n]))(?=\s*[=+\-@＝＋－＠])|\A(?=[\t\r])")


def disarmed(text: str) -> str:
    """Return a cell that no spreadsheet runs: an apostrophe goes before what begins like a formula (CWE-1236)."""
    return _FORMULA.sub("'", text)


def csv_line(values: Iterable[str], *, raw: bool = False) -> str:
    """Return one line of CSV, formulas disarmed unless `raw`."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([value if raw else disarmed(value) for value in values])
    return line.getvalue()


@contextmanager
def written(target: Path | None) -> Iterator[Callable[[str], object]]:
    """Give a function that writes text to a file only its owner may read, or to standard output.

    Raises Misuse when the file is there already or cannot be made.
    """
    if target is None or str(target) == "-":
        yield sys.stdout.write
        return
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Misuse(f"{target}: there is such a file already; name another one") from error
    except OSError as error:
        raise Misuse(f"{target}: cannot be written ({error.strerror})") from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        yield stream.write
