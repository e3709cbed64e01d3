"""`opposition`: objections, which outlive the person; kept as keyed digests of the address and nothing else."""

import csv
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway import clock
from gateway.commands.bursts import bursts, undo
from gateway.commands.common import Noun, Shell, confirm, no, pass_shell, yes_option
from gateway.commands.contact import advertiser_option
from gateway.commands.found import advertiser_named, list_named, owner_of
from gateway.commands.output import plain
from gateway.errors import Misuse
from gateway.flow import consent, hashed
from gateway.flow.consent import CHANNEL, Saying
from gateway.flow.context import Context
from gateway.flow.hashed import Hashes
from gateway.flow.importfile import detect_encoding, detect_separator
from gateway.flow.importrow import is_address
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import lists, oppositions
from gateway.store.tables import Advertiser, List, Opposition
from gateway.store.tx import Tx

CHUNK = 500
FIELDS = ("digest", "key_version", "list", "channel", "at", "origin", "reason")
_list_option = click.option("--list", "list_name", help="Only to this list; else to everything of the advertiser.")
_reason_option = click.option("--reason", default="", help="How it reached you, or why.")


@click.group(cls=Noun)
def opposition() -> None:
    """Manage objections. They outlive the person: only a keyed digest of the address is kept."""


@opposition.command()
@click.argument("addresses", nargs=-1, required=True)
@advertiser_option
@_list_option
@click.option("--all-channels", is_flag=True, help="On every channel, not only e-mail.")
@_reason_option
@pass_shell
def add(
    shell: Shell,
    addresses: tuple[str, ...],
    advertiser: str | None,
    list_name: str | None,
    all_channels: bool,
    reason: str,
) -> None:
    """Record that people oppose, whether or not they are known. Twice is once."""
    parsed = [parse(text) for text in addresses]
    said = Saying(clock.now(), "cli", shell.actor, reason, channel=None if all_channels else CHANNEL)
    with shell.context() as context:
        with context.store.begin() as tx:
            owner, row = _scope(tx, advertiser, list_name)
            results = [(one, *consent.say_no(context, tx, owner.id, one, row, Kind.OBJECTED, said)) for one in parsed]
        for _, _, person in results:
            if person:
                consent.settle(context, person.id)
    shell.out.table(["address", "recorded"], [{"address": one.spelled, "recorded": fresh} for one, fresh, _ in results])


@opposition.command()
@click.argument("address")
@advertiser_option
@click.option("--reason", required=True, help="Why it is lifted: a person's own later wish, or a mistake.")
@yes_option
@pass_shell
def remove(shell: Shell, address: str, advertiser: str | None, reason: str, yes: bool) -> None:
    """Lift what an address opposes, because the person asked for it. Exit code 1 when nothing stood.

    It makes no consent: what was true before the objection is true again. The lifted objection stays as evidence.
    """
    parsed = parse(address)
    confirm(shell, yes, "ask-lift", address=parsed.spelled)
    with shell.context() as context, context.store.begin() as tx:
        owner = advertiser_named(tx, advertiser)
        found = consent.noes(context, tx, owner.id, parsed)
        said = Saying(clock.now(), "cli", shell.actor, reason)
        lifted = consent.unsay(context, tx, owner.id, parsed, found, said)
    shell.out.record({"address": parsed.spelled, "lifted": lifted, "reason": reason})
    if not lifted:
        no()


@opposition.command("list")
@advertiser_option
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@click.option("--after", type=int, default=0, help="Only those with numbers above this one.")
@pass_shell
def list_(shell: Shell, advertiser: str | None, limit: int, after: int) -> None:
    """List oppositions. Addresses cannot be listed: they are not kept."""
    with shell.context() as context, context.store.read() as tx:
        owner = advertiser_named(tx, advertiser)
        rows = [{"id": one.id, **_described(tx, one)} for one in oppositions.all(tx, owner.id, after, limit)]
    for row in rows:
        row["digest"] = row["digest"] if shell.out.json else row["digest"][:12]
    shell.out.table(["id", "at", "list", "channel", "origin", "digest"], rows)


@opposition.command()
@advertiser_option
@click.option(
    "--hash", "algorithm", type=click.Choice(list(hashed.SIZES)),
    help="Plain hashes of lower-case addresses, one a line, for a partner to wash a file against.",
)  # fmt: skip
@pass_shell
def export(shell: Shell, advertiser: str | None, algorithm: str | None) -> None:
    """Print every opposition as CSV (NDJSON with --json): digests, for a gateway that has our keys.

    With --hash, what partners understand; only of people who are still held: a keyed digest alone cannot be turned
    into an address, so people who were erased or never known are not among them.
    """
    with shell.context() as context:
        with context.store.read() as tx:
            owner = advertiser_named(tx, advertiser)
        if algorithm:
            for text in hashed.opposed(context, owner, algorithm):
                click.echo(json.dumps({"hash": text}) if shell.out.json else text)
            return
        if not shell.out.json:
            click.echo(",".join(FIELDS))
        for row in _every(context, owner):
            if shell.out.json:
                shell.out.line(row)
                continue
            line = io.StringIO()
            csv.writer(line, lineterminator="").writerow(
                ["" if row[key] is None else plain(row[key]) for key in FIELDS]
            )
            click.echo(line.getvalue())


@opposition.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@advertiser_option
@_list_option
@_reason_option
@click.option("--hash", "algorithm", type=click.Choice(list(hashed.SIZES)), help="The file has plain hashes.")
@pass_shell
def import_(
    shell: Shell, file: Path, advertiser: str | None, list_name: str | None, reason: str, algorithm: str | None
) -> None:
    """Record oppositions from a file: addresses, one a line or in a column, or an export of ours.

    FILE is - for standard input. Exit code 1 when a line was neither. With --hash, a partner's hashes of lower-case
    addresses: those of people we hold are recorded; `unknown` says how many fit nobody. Those cannot be kept: import
    the file again after new people came.
    """
    said = Saying(clock.now(), "import", shell.actor, reason or file.name)
    with _on_disk(file) as path:
        if algorithm:
            _import_hashes(shell, hashed.read(path, algorithm), advertiser, list_name, said)
        else:
            _import_lines(shell, path, advertiser, list_name, said)


@contextmanager
def _on_disk(file: Path) -> Iterator[Path]:
    """Lend the path of what is read twice: standard input goes through a temporary file."""
    if str(file) != "-":
        yield file
        return
    with tempfile.NamedTemporaryFile() as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        spooled.flush()
        yield Path(spooled.name)


def _import_lines(shell: Shell, file: Path, advertiser: str | None, list_name: str | None, said: Saying) -> None:
    taken, standing, bad = 0, 0, []
    with shell.context() as context:
        with context.store.read() as tx:
            owner, row = _scope(tx, advertiser, list_name)
        for chunk in _chunks(file):
            with context.store.begin() as tx:
                for number, fields in chunk:
                    fresh = _take(context, tx, owner, row, fields, said)
                    taken, standing = taken + (fresh is True), standing + (fresh is False)
                    if fresh is None:
                        bad.append(number)
    shell.out.record({"taken": taken, "known_before": standing, "refused": len(bad), "refused_lines": bad[:100]})
    if bad:
        no()


def _import_hashes(shell: Shell, hashes: Hashes, advertiser: str | None, list_name: str | None, said: Saying) -> None:
    with shell.context() as context:
        with context.store.read() as tx:
            owner, row = _scope(tx, advertiser, list_name)
        found = hashed.oppose(context, owner, row, hashes, said)
    told = {"taken": found.taken, "known_before": found.known_before, "unknown": found.unknown}
    shell.out.record({**told, "refused": hashes.refused, "refused_lines": hashes.refused_lines})
    if hashes.refused:
        no()


def _scope(tx: Tx, advertiser: str | None, list_name: str | None) -> tuple[Advertiser, List | None]:
    row = list_named(tx, list_name) if list_name else None
    return owner_of(tx, advertiser, row), row


def _every(context: Context, owner: Advertiser) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        with context.store.read() as tx:
            rows = [(one.id, _described(tx, one)) for one in oppositions.all(tx, owner.id, after, CHUNK)]
        if not rows:
            return
        yield from (row for _, row in rows)
        after = rows[-1][0]


def _described(tx: Tx, one: Opposition) -> dict[str, Any]:
    row = lists.get(tx, one.list_id) if one.list_id else None
    return {
        "digest": one.digest.hex(),
        "key_version": one.key_version,
        "list": row.name if row else None,
        "channel": one.channel,
        "at": one.at,
        "origin": one.origin,
        "reason": one.reason,
    }


def _chunks(file: Path) -> Iterator[list[tuple[int, dict[str, str]]]]:
    """Yield (line, fields) in chunks; a line that is only an address has the one field "address"."""
    with file.open("rb") as binary:
        encoding = detect_encoding(binary)
    with file.open(encoding=encoding, newline="") as stream:
        header: list[str] = []
        chunk: list[tuple[int, dict[str, str]]] = []
        for number, line in enumerate(stream, 1):
            if number == 1 and "@" not in line and not line.startswith("{"):
                header = _header(line.strip())
            elif fields := _fields(line.strip(), header):
                chunk.append((number, fields))
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
        yield chunk


def _fields(line: str, header: list[str]) -> dict[str, str]:
    if not line:
        return {}
    if line.startswith("{"):
        try:
            found = json.loads(line)
        except ValueError:
            return {"address": line}
        return {key: str(value) for key, value in found.items() if value is not None} if isinstance(found, dict) else {}
    values = _cells(line)
    return dict(zip(header, values, strict=False)) if header else {"address": values[0]}


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], delimiter=detect_separator(line)), [""])


def _header(line: str) -> list[str]:
    """Return what the columns are: those of our export, or which one is the address, else the first."""
    names = _cells(line)
    if "digest" in names:
        return names
    address = next((place for place, name in enumerate(names) if is_address(name)), 0)
    return ["address" if place == address else f"{place}" for place in range(len(names))]


def _take(
    context: Context, tx: Tx, owner: Advertiser, row: List | None, fields: dict[str, str], said: Saying
) -> bool | None:
    """Record one line; return whether it was new, or None when it is neither an address nor a digest of ours."""
    if digest := fields.get("digest"):
        return _take_digest(context, tx, owner, row, {**fields, "digest": digest.strip()}, said)
    try:
        address = parse(fields.get("address") or fields.get("email") or "")
    except Misuse:
        return None
    return consent.say_no(context, tx, owner.id, address, row, Kind.OBJECTED, said)[0]


def _take_digest(
    context: Context, tx: Tx, owner: Advertiser, row: List | None, fields: dict[str, str], said: Saying
) -> bool | None:
    version = fields.get("key_version", "")
    if not re.fullmatch(r"[0-9a-f]{64}", fields["digest"]) or not version.isdecimal():
        return None
    named = lists.by_name(tx, fields["list"]) if fields.get("list") else row
    if fields.get("list") and (named is None or named.advertiser_id != owner.id):
        return None
    try:
        at = datetime.fromisoformat(fields["at"]) if fields.get("at") else said.at
    except ValueError:
        return None
    digest, scope = bytes.fromhex(fields["digest"]), named.id if named else None
    channel = (fields.get("channel") or None) if "channel" in fields else said.channel
    same = oppositions.of_digests(tx, owner.id, [(int(version), digest)])
    if any((one.list_id, one.channel) == (scope, channel) for one in same):
        return False
    fresh = Opposition(
        id=context.store.take(1)[0], advertiser_id=owner.id, list_id=scope, channel=channel, digest=digest,
        key_version=int(version), at=at if at.tzinfo else said.at, origin=fields.get("origin") or said.origin,
        actor=said.actor, reason=fields.get("reason") or said.reason,
    )  # fmt: skip
    oppositions.add(tx, fresh)
    return True


opposition.add_command(bursts)
opposition.add_command(undo)
