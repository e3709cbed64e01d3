"""`list transfer` and `list transfers`: a list is handed to somebody else."""

from pathlib import Path
from typing import Any

import click

from gateway.commands.common import Shell, Verb, pass_shell
from gateway.commands.found import list_named, shown
from gateway.commands.spreadsheet import csv_line, written
from gateway.errors import Misuse
from gateway.flow import hashed
from gateway.flow import transfer as flow
from gateway.flow.listcheck import is_siren
from gateway.law.transfer import ARTICLES, Partner
from gateway.store import transfers as records
from gateway.store.records import Transfer
from gateway.store.tables import Contact
from gateway.text import say

_file = click.Path(path_type=Path, dir_okay=False)


@click.command("transfer", cls=Verb)
@click.argument("name")
@click.option("--to", "partner", required=True, help="Name of the company that receives the data, as shown to people.")
@click.option("--siren", required=True, help="Its SIREN.")
@click.option("--contact", default="", help="Where it is told of objections and corrections.")
@click.option("--kind", required=True, type=click.Choice(flow.KINDS), help="What it is.")
@click.option("--wash", type=_file, help="File of SHA-256 or MD5 hashes of lower-case addresses it must not have.")
@click.option("--out", type=_file, help="New CSV file for the people handed over.")
@click.option("--dry-run", is_flag=True, help="Count and give the reasons; hand over and record nothing.")
@pass_shell
def transfer(shell: Shell, /, name: str, partner: str, siren: str, kind: str, **options: Any) -> None:  # noqa: ANN401
    """Hand over the people of a list, but only those who may be, and record it.

    They agreed to be passed on to partners, this one was named that day, they were active within three years, and
    they did not object. Everybody else stays, counted by reason.
    """
    if not is_siren(number := "".join(siren.split())):
        raise Misuse(f"--siren {siren}: not a SIREN; it has nine digits, of which the last is a check digit")
    wash = hashed.read(options["wash"]) if options["wash"] else None
    if wash and wash.refused:
        raise Misuse(f"{options['wash']}: {wash.refused} lines are no hash, the first of them {wash.refused_lines[0]}")
    order = flow.Order(Partner(partner, number), kind, options["contact"], shell.actor, wash)
    target = None if options["dry_run"] else options["out"]
    with shell.context() as context:
        with context.store.read() as tx:
            row = list_named(tx, name)
        if target is None:
            record = flow.run(context, row, order, dry=options["dry_run"])
        else:
            with written(target) as write:
                write(csv_line(("address", "name", "source", "reference")))

                def hand(person: Contact, reference: int) -> None:
                    write(csv_line((person.address, person.name, row.title, str(reference))))

                record = flow.run(context, row, order, dry=False, on_handed=hand)
    _show(shell, record, dry=options["dry_run"], target=target)


def _show(shell: Shell, record: Transfer, *, dry: bool, target: Path | None) -> None:
    reasons = [
        {"code": code, "count": count, "article": ARTICLES[code], "sentence": say(f"transfer.{code}", shell.out.lang)}
        for code, count in sorted(record.reasons.items(), key=lambda pair: -pair[1])
    ]
    told: dict[str, Any] = {"transfer": None if dry else record.id, "handed": record.handed, "kept": record.kept}
    told |= {"file": str(target) if target else None, "dry_run": dry}
    if shell.out.json:
        shell.out.data({**told, "reasons": reasons})
        return
    shell.out.record({**told, "dry_run": dry or None})
    shell.out.table(["code", "count", "article", "sentence"], reasons)


@click.command("transfers", cls=Verb)
@click.argument("name")
@pass_shell
def transfers(shell: Shell, name: str) -> None:
    """Show to whom a list was handed, and what each must be told since (GDPR 19).

    `to_tell` counts the objections, corrections and erasures of people after they were handed over. --json names
    them, by the reference in the partner's file, and by address until they are erased.
    """
    with shell.context() as context, context.store.read() as tx:
        row = list_named(tx, name)
        since = list(records.to_tell(tx, row.id))
        rows = [{**shown(one, "list_id", "reasons"), "reasons": one.reasons} for one in records.all(tx, row.id)]
    for one in rows:
        news = [
            {"reference": news.reference, "address": news.address, "event": news.kind, "at": news.at}
            for news in since
            if news.transfer == one["id"]
        ]
        one["to_tell"] = news if shell.out.json else len(news)
    shell.out.table(["id", "at", "kind", "partner", "partner_contact", "handed", "to_tell"], rows)
