"""`audit`: what was sealed is as it was; proof for an authority; the law's answer on a day in the past."""

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.progress import MofNCompleteColumn

from gateway.commands import verifier
from gateway.commands.common import Noun, Shell, no, pass_shell
from gateway.commands.found import advertiser_named, list_named
from gateway.commands.output import bar
from gateway.errors import Misuse
from gateway.flow import asof as past
from gateway.flow import audit as flow
from gateway.flow import proofpack
from gateway.flow import seal as sealing
from gateway.law.reasons import Fate
from gateway.mail.address import parse
from gateway.store.records import Notice
from gateway.store.tables import Event
from gateway.text import languages, say

SHOWN = 100  # findings in a table; --json has all of them


@click.group(cls=Noun)
def audit() -> None:
    """Prove what happened, and find what was changed behind the program's back."""


@audit.command()
@pass_shell
def seal(shell: Shell) -> None:
    """Seal now what was written since the last seal; `serve` does it every minute."""
    with shell.context() as context:
        done = sealing.seal(context)
    if shell.out.json:
        shell.out.data({"rows": done.rows, "seals": done.seals, "busy": done.busy})
    _note(shell, "busy" if done.busy else "sealed", rows=done.rows, seals=done.seals)


@audit.command()
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Seals kept in another place: what `audit export` wrote earlier.",
)
@pass_shell
def verify(shell: Shell, against: Path | None) -> None:
    """Check every sealed row; name what was changed, removed or put in. Exit code 1 when something was."""
    known = _kept(against) if against else {}
    with shell.context() as context, _progress(say("audit.checking", shell.out.lang), flow.size(context)) as step:
        done = flow.verify(context, known, step)
    rows = [
        {
            "kind": one.kind,
            "number": one.number,
            "seal": one.seal,
            "finding": one.what,
            "sentence": say(f"audit.finding.{one.what}", shell.out.lang),
        }
        for one in done.findings
    ]
    if shell.out.json:
        counted = {name: getattr(done, name) for name in ("seals", "rows", "erased", "unsealed", "last")}
        shell.out.data({"ok": not rows, **counted, "findings": rows})
    elif rows:
        shell.out.table(["kind", "number", "seal", "sentence"], rows[:SHOWN])
    _note(
        shell,
        "verified",
        rows=done.rows,
        seals=done.seals,
        erased=done.erased,
        unsealed=done.unsealed,
        findings=len(rows),
        last=done.last,
    )
    if rows:
        no()


@audit.command()
@click.option("--seals", "only", is_flag=True, help="The seals only, without what is under them.")
@pass_shell
def export(shell: Shell, only: bool) -> None:
    """Print seals and leaves as NDJSON. Nothing in it is personal: keep it in another place, for `verify --against`."""
    with shell.context() as context:
        for row in flow.export(context, leaves=not only):
            shell.out.line(row)


@audit.command()
@click.argument("address")
@click.option("--advertiser", help="Whose contact it is.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to make; else ./proof-NAME.")
@pass_shell
def proof(shell: Shell, address: str, advertiser: str | None, out: Path | None) -> None:
    """Write a pack about one person for an authority: rows, texts as shown, seals, and a verifier for Python alone."""
    with shell.context() as context:
        with context.store.read() as tx:
            owner = advertiser_named(tx, advertiser)
        made = proofpack.pack(context, owner, parse(address))
        folder = out or Path(f"proof-{owner.name}")
        _write(folder, made)
    if shell.out.json:
        shell.out.data({"folder": str(folder), "rows": made.rows, "sealed": made.sealed})
    _note(shell, "packed", folder=folder, rows=made.rows, sealed=made.sealed)


@audit.command()
@click.argument("address")
@click.option("--list", "list_name", required=True, help="List that would have been mailed.")
@click.option("--at", "when", required=True, help="Day or moment: 2026-03-01, 2026-03-01T12:00, 2026-03-01T11:00Z.")
@pass_shell
def asof(shell: Shell, address: str, list_name: str, when: str) -> None:
    """Say whether a person could be mailed at a moment in the past, and under which text.

    Counted is what had happened and was recorded by then. A day means its end; without a zone the moment is in that of
    the settings. Exit code 1 when the answer is no.
    """
    at = _moment(when, ZoneInfo(shell.settings.law.timezone))
    with shell.context() as context:
        with context.store.read() as tx:
            row = list_named(tx, list_name)
        found = past.ask(context, row, parse(address), at)
    verdict = found.verdict
    answer: dict[str, Any] = {
        "at": at,
        "list": row.name,
        "fate": verdict.fate.value,
        "code": verdict.code,
        "rule": verdict.rule,
        "article": verdict.reason.article,
        "sentence": say(f"law.{verdict.code}", shell.out.lang),
        "also": list(verdict.also),
        "oppositions": list(verdict.oppositions),
    }
    if shell.out.json:
        rested = [one.model_dump(exclude={"advertiser_id", "contact_id"}) for one in found.events]
        notices = [_notice(one) for one in found.notices]
        shell.out.data({**answer, "events": rested, "texts": list(found.texts), "notices": notices})
    else:
        shell.out.record({**answer, "texts": list(found.texts)})
        if found.events:
            shell.out.table(["at", "recorded", "event", "evidence"], map(_event, found.events))
        for one in found.notices:
            shell.out.text(f"\n{one.name}/{one.version} ({one.language})\n{one.text}")
    _note(shell, "asof")
    if verdict.fate is not Fate.SEND:
        no()


def _event(row: Event) -> dict[str, Any]:
    return {"at": row.at, "recorded": row.recorded_at, "event": row.kind, "evidence": row.evidence}


def _notice(row: Notice) -> dict[str, Any]:
    return row.model_dump(include={"name", "version", "language", "text", "html", "full", "created_at"})


def _note(shell: Shell, key: str, **fields: object) -> None:
    shell.out.talk(say(f"audit.{key}", shell.out.lang, **fields))


@contextmanager
def _progress(title: str, total: int) -> Iterator[Any]:
    """Show a bar over rows on standard error, on a terminal only; yield what moves it on."""
    with bar(MofNCompleteColumn()) as shown:
        task = shown.add_task(title, total=total)
        yield lambda rows: shown.advance(task, rows)


def _kept(file: Path) -> dict[int, str]:
    """Return the digests of the seals in a file that `audit export` wrote."""
    kept: dict[int, str] = {}
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                if "seal" in row:
                    kept[int(row["seal"]["id"])] = str(row["seal"]["digest"])
            except (ValueError, KeyError, TypeError) as error:
                raise Misuse(f"{file}, line {number}: not a line of `consentgate audit export`") from error
    return kept


def _write(folder: Path, made: proofpack.Pack) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise Misuse(f"{folder} is there already; name another folder with --out") from error
    (folder / "proof.json").write_text(made.proof, "ascii")
    with (folder / "seals.ndjson").open("w", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in made.seals)
    (folder / "verify.py").write_text(inspect.getsource(verifier), "utf-8")
    readme = "\n\n".join(say("audit.readme", lang) for lang in languages())
    (folder / "README.txt").write_text(readme + "\n", "utf-8")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """Return an aware moment; a day means its last moment."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Misuse(f"--at: {text} is not a day or a moment; write 2026-03-01 or 2026-03-01T12:00") from error
    if len(text) <= len("2026-03-01"):
        found = found.replace(hour=23, minute=59, second=59, microsecond=999999)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
