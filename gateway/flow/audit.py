"""Checking the seals: what was changed, removed or put in since it was sealed is found and named."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway import proof
from gateway.flow.context import Context
from gateway.store import seals
from gateway.store.records import Leaf, Seal
from gateway.store.tx import Tx

PAGE = 1000
SLACK = timedelta(hours=1)  # the longest import, and clocks that differ


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed: `what` is a key of the texts, `kind` and `number` name the row."""

    what: str
    kind: str
    number: int
    seal: int | None = None


@dataclass(slots=True)
class Checked:
    """What a check went through; `erased` rows belong to erased people and are checked without their fields."""

    seals: int = 0
    rows: int = 0
    erased: int = 0
    unsealed: int = 0
    last: str = ""  # number and digest of the newest seal: what to keep in another place
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class _Chain:
    """How far the chain was followed; `whole_at` is when everything there was had been sealed, by the last seal."""

    digest: bytes = proof.START
    number: int = 0
    whole_at: datetime | None = None


def size(context: Context) -> int:
    """Return how many rows are sealed: the steps of `verify`."""
    with context.store.read() as tx:
        return seals.counts(tx)[1]


def verify(context: Context, known: Mapping[int, str], step: Callable[[int], None]) -> Checked:
    """Check every seal and every row; `known` are digests (hexadecimal) of seals that were kept in another place.

    Blocks for as long as the reading takes, in bounded memory; calls `step` with the number of rows gone through.
    """
    with context.store.read() as tx:  # one state of the database from beginning to end
        return verify_in(tx, known, step)


def verify_in(tx: Tx, known: Mapping[int, str], step: Callable[[int], None]) -> Checked:
    """Do what `verify` does in an open transaction."""
    done, chain = Checked(), _Chain()
    for seal in _seals(tx):
        done.findings += _link(seal, chain)
        if seal.id in known and known[seal.id] != seal.digest.hex():
            done.findings.append(Finding("other-chain", "seal", seal.id, seal.id))
        rows = _under(tx, seal, chain, done)
        chain.digest, chain.number = seal.digest, seal.id
        chain.whole_at = seal.at if seal.complete else chain.whole_at
        done.seals += 1
        step(rows)
    done.findings += [Finding("cut-off", "seal", one, one) for one in sorted(known) if one > chain.number]
    done.findings += [Finding("stray", leaf.kind, leaf.row_id, leaf.seal_id) for leaf in seals.stray(tx, PAGE)]
    _unsealed(tx, chain, done)
    done.last = f"{chain.number}:{chain.digest.hex()}"
    return done


def _seals(tx: Tx) -> Iterator[Seal]:
    page = seals.chain(tx, 0, PAGE)
    while page:
        yield from page
        tx.expunge_all()
        page = seals.chain(tx, page[-1].id, PAGE)


def link_of(seal: Seal) -> proof.ChainLink:
    """Return what a seal says, without the digest that is written beside it."""
    return proof.ChainLink(seal.id, seal.at, seal.leaves, seal.root, seal.previous, seal.complete)


def _link(seal: Seal, chain: _Chain) -> list[Finding]:
    follows = seal.id == chain.number + 1 and seal.previous == chain.digest
    if follows and link_of(seal).digest == seal.digest:
        return []
    return [Finding("chain", "seal", seal.id, seal.id)]


def _under(tx: Tx, seal: Seal, chain: _Chain, done: Checked) -> int:
    leaves = seals.under(tx, seal.id)
    digests = [leaf.digest for leaf in leaves]
    if not digests or len(digests) != seal.leaves or proof.root(digests) != seal.root:
        done.findings.append(Finding("leaves", "seal", seal.id, seal.id))
    for kind in proof.KINDS:
        of_kind = [leaf for leaf in leaves if leaf.kind == kind]
        if of_kind:
            rows = seals.rows(tx, kind, [leaf.row_id for leaf in of_kind])
            done.findings += _rows(kind, of_kind, rows, chain)
            done.findings += _without_salt(tx, of_kind, rows, done)
            done.findings += _lifted(tx, seal, rows) if kind == "opposition" else []
    done.rows += len(leaves)
    tx.expunge_all()
    return len(leaves)


def _rows(kind: str, leaves: Iterable[Leaf], rows: Mapping[int, Mapping[str, Any]], chain: _Chain) -> Iterator[Finding]:
    for leaf in leaves:
        row = rows.get(leaf.row_id)
        if row is None:
            yield Finding("removed", kind, leaf.row_id, leaf.seal_id)
        elif not is_as_sealed(leaf, row):
            yield Finding("changed", kind, leaf.row_id, leaf.seal_id)
        elif _late(kind, row, chain.whole_at):
            yield Finding("inserted", kind, leaf.row_id, leaf.seal_id)


def is_as_sealed(leaf: Leaf, row: Mapping[str, Any]) -> bool:
    """Return whether a row is what its leaf was made of; without a salt, as far as that can be told."""
    if leaf.salt and proof.commitment(leaf.kind, row, leaf.salt) != leaf.personal:
        return False
    return proof.leaf(leaf.kind, row, leaf.personal) == leaf.digest


def _late(kind: str, row: Mapping[str, Any], whole_at: datetime | None) -> bool:
    """Return whether a row says that it was written before a moment at which it was not there."""
    return kind in proof.RECORDED and whole_at is not None and row[proof.RECORDED[kind]] < whole_at - SLACK


def _without_salt(
    tx: Tx, leaves: Sequence[Leaf], rows: Mapping[int, Mapping[str, Any]], done: Checked
) -> list[Finding]:
    """Count the rows of erased people; a salt thrown away with no erasure in the ledger is a finding."""
    bare = [leaf for leaf in leaves if not leaf.salt and leaf.row_id in rows]
    if not bare:
        return []
    people = {leaf.row_id: rows[leaf.row_id].get("contact_id") for leaf in bare}
    gone: set[int | None] = {*seals.erased(tx, {number for number in people.values() if number is not None})}
    if leaves[0].kind == "receipt":
        gone.add(None)  # of a recipient who was no contact, no erasure can be recorded
    done.erased += sum(number in gone for number in people.values())
    return [
        Finding("not-erased", leaf.kind, leaf.row_id, leaf.seal_id) for leaf in bare if people[leaf.row_id] not in gone
    ]


def _lifted(tx: Tx, seal: Seal, rows: Mapping[int, Mapping[str, Any]]) -> list[Finding]:
    """Find oppositions lifted while no event says so; the moment of lifting comes later than the seal over the row."""
    lifted = {number: (row["advertiser_id"], row["lifted_at"]) for number, row in rows.items() if row["lifted_at"]}
    if not lifted:
        return []
    said = seals.restored(tx, {at for _, at in lifted.values()})
    return [Finding("lifted", "opposition", number, seal.id) for number, one in lifted.items() if one not in said]


def _unsealed(tx: Tx, chain: _Chain, done: Checked) -> None:
    for kind in proof.KINDS:
        ids = seals.unsealed(tx, kind, 0, PAGE)
        while ids:
            rows = seals.rows(tx, kind, ids)
            done.unsealed += len(ids)
            done.findings += [
                Finding("inserted", kind, number) for number, row in rows.items() if _late(kind, row, chain.whole_at)
            ]
            ids = seals.unsealed(tx, kind, ids[-1], PAGE)


def export(context: Context, *, leaves: bool) -> Iterator[dict[str, Any]]:
    """Yield every seal, and with `leaves` what is under it; nothing of it is personal."""
    with context.store.read() as tx:
        for seal in _seals(tx):
            yield {"seal": seal.model_dump()}
            if leaves:
                for leaf in seals.under(tx, seal.id):
                    yield {"leaf": leaf.model_dump(exclude={"salt", "personal"})}
