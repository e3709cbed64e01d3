"""Read files of people as they come from spreadsheets and tools: CSV in any usual encoding and separator, or NDJSON.

Streams: one row is in memory at a time, whatever the file. A row that cannot be read is a row with a problem, not the
end of the file.
"""

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from gateway.errors import Misuse

BLOCK = 1 << 20
LONGEST = 65_536  # signs in one value; more is an unclosed quote, not a value
_SEPARATORS = ";,\t|"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Line(NamedTuple):
    """One row: the line of the file it ends on, its columns, a value for each, the code of what is wrong with it or "".

    The rows of a CSV file share one tuple of columns.
    """

    number: int
    columns: tuple[str, ...] = ()
    cells: Sequence[object] = ()
    problem: str = ""

    @property
    def values(self) -> dict[str, object]:
        """Return the values by column."""
        return dict(zip(self.columns, self.cells, strict=True))


class Sheet:
    """An open file of people. `columns` is empty for NDJSON, whose rows name their own.

    `file` is binary and seekable and stays the caller's to close. Without `encoding` and `separator` they are found
    out; `header` None means: the first row is a header unless it holds an address. Columns without header are called
    "1", "2" and so on. Raises Misuse when the file is of no encoding that is known.
    """

    def __init__(
        self, file: BinaryIO, *, encoding: str | None = None, separator: str | None = None, header: bool | None = None
    ) -> None:
        self._file = file
        self.encoding = _known(encoding) if encoding else detect_encoding(file)
        file.seek(0)
        # A wrapper of its own, so that dropping it does not close the caller's file.
        self._text = self._opened()
        self.columns: tuple[str, ...] = ()
        start = self._peek()
        self.kind = "ndjson" if start.lstrip("\ufeff \t\r\n").startswith("{") else "csv"
        self.separator = separator or detect_separator(start)
        self._first: list[str] | None = None
        if self.kind == "csv":
            self._reader = csv.reader(self._text, delimiter=self.separator, strict=False)
            self._start(header)

    def position(self) -> int:
        """Return how many bytes have been read; runs ahead of the rows by one block."""
        return self._file.tell()

    def __iter__(self) -> Iterator[Line]:
        try:
            yield from self._objects() if self.kind == "ndjson" else self._rows()
        except UnicodeDecodeError as error:
            raise Misuse(
                f"the file is not {self.encoding} throughout: {error.reason}; name another --encoding"
            ) from error

    def _opened(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BufferedReader(_Borrowed(self._file)), self.encoding, "strict", newline="")

    def _peek(self) -> str:
        try:
            start = self._text.readline(LONGEST)
        except UnicodeDecodeError as error:
            raise Misuse(f"the file cannot be read as {self.encoding}; name another --encoding") from error
        self._file.seek(0)
        self._text = self._opened()
        return start

    def _start(self, header: bool | None) -> None:
        csv.field_size_limit(LONGEST)
        try:
            first = next((row for row in self._reader if any(value.strip() for value in row)), None)
        except csv.Error as error:
            raise Misuse(f"the first row cannot be read: {error}") from error
        if first is None:
            raise Misuse("the file is empty")
        if header is None:
            header = not any("@" in value for value in first)
        if header:
            self.columns = tuple(value.strip() or str(place) for place, value in enumerate(first, 1))
            if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
                raise Misuse(f"the header names a column twice: {', '.join(twice)}")
        else:
            self.columns = tuple(str(place) for place in range(1, len(first) + 1))
            self._first = first

    def _rows(self) -> Iterator[Line]:
        if self._first is not None:
            yield self._line(self._first)
        reader, columns = self._reader, self.columns
        while True:
            try:
                for row in reader:
                    if any(map(str.strip, row)):
                        same = len(row) == len(columns)
                        yield Line(reader.line_num, columns, row) if same else self._line(row)
            except csv.Error:
                yield Line(reader.line_num, problem="unreadable")
            else:
                return

    def _line(self, row: list[str]) -> Line:
        width = len(self.columns)
        extra = any(map(str.strip, row[width:]))
        cells = row[:width] + [""] * (width - len(row))
        return Line(self._reader.line_num, self.columns, cells, "too-many-values" if extra else "")

    def _objects(self) -> Iterator[Line]:
        number = 0
        while text := self._text.readline(LONGEST):
            number += 1
            if len(text) == LONGEST and not text.endswith("\n"):
                while len(self._text.readline(LONGEST)) == LONGEST:
                    pass
                yield Line(number, problem="unreadable")
            elif text.strip():
                yield _object(number, text)


def _object(number: int, text: str) -> Line:
    try:
        values = json.loads(text)
        if "\\u" in text:  # which can spell halves of characters
            json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return Line(number, problem="unreadable")
    return Line(number, tuple(values), tuple(values.values()))


class _Borrowed(io.RawIOBase):
    """A file whose closing is somebody else's affair."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        block = self._file.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise Misuse(f"the file cannot be read as {encoding}: there is no such encoding") from error


def detect_encoding(file: BinaryIO) -> str:
    """Return utf-8-sig, utf-16, utf-8 or cp1252: what the whole file can be read as, in this order."""
    file.seek(0)
    start = file.read(4)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    for name in ("utf-8", "cp1252"):
        file.seek(0)
        if _decodes(file, name):
            return name
    raise Misuse("the file is neither UTF-8 nor Windows-1252 text; name its encoding with --encoding")


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def detect_separator(line: str) -> str:
    """Return the separator that occurs most in the first line outside quotes; "," when none does."""
    counts = dict.fromkeys(_SEPARATORS, 0)
    quoted = False
    for sign in line:
        if sign == '"':
            quoted = not quoted
        elif sign in counts and not quoted:
            counts[sign] += 1
    best = max(counts, key=lambda sign: counts[sign])
    return best if counts[best] else ","
