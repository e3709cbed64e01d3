"""Plain hashes of addresses, as partners exchange them: SHA-256 or MD5 of the lower-case address, in hexadecimal.

Our own digests are keyed and say nothing to anybody else; a plain hash can be guessed back and is never kept. So a
partner's hashes are compared with the people we hold, and those who match are recorded as opposed under our own keys.
Who is not known here cannot be recorded that way: wash again whenever people were added.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import Misuse
from gateway.flow import consent, members
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.flow.importfile import detect_encoding
from gateway.law.events import Kind
from gateway.mail.address import Address, parse
from gateway.store import oppositions
from gateway.store.tables import Advertiser, List

SIZES = {"sha256": 64, "md5": 32}  # hexadecimal digits
_HEX = re.compile(r"[0-9a-f]+")


def digest(algorithm: str, address: Address) -> bytes:
    """Return the plain hash of an address in lower case."""
    return hashlib.new(algorithm, address.spelled.lower().encode(), usedforsecurity=False).digest()


@dataclass(slots=True)
class Hashes:
    """The hashes of a file by algorithm, and the numbers of the lines that were none (at most a hundred of them)."""

    found: dict[str, set[bytes]] = field(default_factory=dict)
    refused: int = 0
    refused_lines: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Return how many different hashes there are."""
        return sum(map(len, self.found.values()))

    def names(self, address: Address) -> tuple[str, bytes] | None:
        """Return under which algorithm and hash the address is among them, or None."""
        for algorithm, values in self.found.items():
            if (value := digest(algorithm, address)) in values:
                return algorithm, value
        return None


def read(path: Path, algorithm: str | None = None) -> Hashes:
    """Return the hashes in the first column of a file; without `algorithm` their length says which they are.

    A first line without a hash is a header. Raises Misuse when the file cannot be read. Takes about 100 bytes of
    memory a hash.
    """
    hashes = Hashes()
    try:
        with path.open("rb") as binary:
            encoding = detect_encoding(binary)
        with path.open(encoding=encoding) as stream:
            for number, line in enumerate(stream, 1):
                _take(hashes, number, re.split(r"[,;\t]", line.strip())[0].strip("\"' ").lower(), algorithm)
    except OSError as error:
        raise Misuse(f"{path}: cannot be read ({error.strerror})") from error
    return hashes


def _take(hashes: Hashes, number: int, text: str, algorithm: str | None) -> None:
    kind = next((name for name, size in SIZES.items() if len(text) == size and _HEX.fullmatch(text)), None)
    if kind and algorithm in {None, kind}:
        hashes.found.setdefault(kind, set()).add(bytes.fromhex(text))
    elif text and number > 1:
        hashes.refused += 1
        if len(hashes.refused_lines) < 100:
            hashes.refused_lines.append(number)


@dataclass(slots=True)
class Matched:
    """What came of a file of hashes: people newly opposed, opposed already, and hashes of nobody known here."""

    taken: int = 0
    known_before: int = 0
    unknown: int = 0


def oppose(context: Context, owner: Advertiser, row: List | None, hashes: Hashes, said: Saying) -> Matched:
    """Record an opposition for everybody we hold whose hash is among `hashes`."""
    result, met, people_ = Matched(), set[tuple[str, bytes]](), list[int]()
    for page in members.of_advertiser(context, owner.id):
        found = [(contact, one) for contact in page if (one := hashes.names(parse(contact.address)))]
        if not found:
            continue
        with context.store.begin() as tx:
            for contact, one in found:
                met.add(one)
                fresh = consent.refuse(context, tx, contact, row, Kind.OBJECTED, said)
                result.taken, result.known_before = result.taken + fresh, result.known_before + (not fresh)
                people_.append(contact.id)  # also who is not fresh: whoever said it before may not have waited
    consent.settle(context, *people_)
    result.unknown = hashes.count - len(met)
    return result


def opposed(context: Context, owner: Advertiser, algorithm: str) -> Iterator[str]:
    """Yield the hash of every opposed person whom we still hold, for a partner to wash a file against.

    The digests of people who were erased, or never known, cannot be turned into addresses, and are not among them.
    """
    for page in members.of_advertiser(context, owner.id):
        addresses = [parse(contact.address) for contact in page]
        of = {one: address for address in addresses for one in _digests(context, owner.id, address)}
        with context.store.read() as tx:
            found = oppositions.of_digests(tx, owner.id, of)
        for address in dict.fromkeys(of[one.key_version, one.digest] for one in found):
            yield digest(algorithm, address).hex()


def _digests(context: Context, advertiser_id: int, address: Address) -> Iterable[tuple[int, bytes]]:
    return context.digests.of(advertiser_id, address.spelled, address.key)
