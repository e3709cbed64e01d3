"""Check a proof pack of consentgate: `python3 verify.py [SEAL:DIGEST]` beside proof.json and seals.ndjson.

This file needs Python 3.9 or later and nothing else; it does not use the program that made the pack. It shows that
every row in proof.json is, character by character, a row that was sealed, and that the seals follow each other.
With SEAL:DIGEST, known from elsewhere (a log, a letter, an earlier pack), it shows too that it is the same chain.
Exit code 0: all is as it was sealed; 1: something is not.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def canonical(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON holds
    """Return the one way to write a mapping that was read from JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def sha256(*parts: bytes) -> bytes:
    """Return the digest of bytes put together."""
    return hashlib.sha256(b"".join(parts)).digest()


def climb(digest: bytes, position: int, leaves: int, path: list[str]) -> bytes | None:
    """Return the root that a leaf leads to (RFC 6962 2.1.1), None when the path does not fit."""
    last = leaves - 1
    beside = [bytes.fromhex(one) for one in path]
    if not 0 <= position <= last:
        return None
    while last:
        if position ^ 1 <= last:
            if not beside:
                return None
            other = beside.pop(0)
            digest = sha256(b"\1", other, digest) if position & 1 else sha256(b"\1", digest, other)
        position, last = position >> 1, last >> 1
    return None if beside else digest


def seals_of(file: Path, wrong: list[str]) -> dict[int, dict[str, Any]]:
    """Return the seals by number, each checked and following the one before."""
    seals: dict[int, dict[str, Any]] = {}
    before: dict[str, Any] | None = None
    for line in file.read_text("ascii").splitlines():
        seal = json.loads(line)
        said = {name: seal[name] for name in ("id", "at", "leaves", "root", "previous", "complete")}
        if sha256(b"consentgate seal 1\n", canonical(said)).hex() != seal["digest"]:
            wrong.append(f"seal {seal['id']}: it does not say what was sealed")
        if before and (seal["id"] != before["id"] + 1 or seal["previous"] != before["digest"]):
            wrong.append(f"seal {seal['id']}: it does not follow seal {before['id']}")
        seals[seal["id"]] = before = seal
    return seals


def check(row: dict[str, Any], seals: dict[int, dict[str, Any]]) -> str | None:
    """Return what is wrong with a row, or None."""
    personal = bytes.fromhex(row["commitment"])
    if row["salt"]:
        found = sha256(b"consentgate personal 1\n", bytes.fromhex(row["salt"]), canonical(row["personal"]))
        if found != personal:
            return "its personal fields are not those that were sealed"
    elif row["personal"]:
        return "its personal fields cannot be proven"
    said = {"kind": row["kind"], "personal": row["commitment"], "public": row["public"]}
    seal = seals.get(row["seal"])
    if seal is None:
        return "its seal is missing"
    leaf = sha256(b"\0consentgate leaf 1\n", canonical(said))
    root = climb(leaf, row["position"], seal["leaves"], row["path"])
    return None if root is not None and root.hex() == seal["root"] else "it is not what was sealed"


def main(words: list[str]) -> int:
    """Check the pack in the folder of this file; print what was found; return the exit code."""
    folder = Path(__file__).resolve().parent
    pack = json.loads((folder / "proof.json").read_text("ascii"))
    wrong: list[str] = []
    seals = seals_of(folder / "seals.ndjson", wrong)
    proven = 0
    for row in pack["rows"]:
        name = f"{row['kind']} {row['public']['id']}"
        if row["seal"] is None:
            print(f"{name}: not sealed yet, so not proven")
            continue
        trouble = check(row, seals)
        if trouble:
            wrong.append(f"{name}: {trouble}")
        proven += not trouble
    for word in words:
        number, _, digest = word.partition(":")
        if not number.isdigit() or seals.get(int(number), {}).get("digest") != digest.lower():
            wrong.append(f"seal {number}: it is not the one known from elsewhere")
    for line in wrong:
        print(f"WRONG  {line}")
    last = max(seals) if seals else 0
    print(f"{proven} of {len(pack['rows'])} rows proven under {len(seals)} seals")
    if last:
        print(f"last seal {last} of {seals[last]['at']}: {last}:{seals[last]['digest']}")
    print("NOT PROVEN" if wrong else "PROVEN")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
