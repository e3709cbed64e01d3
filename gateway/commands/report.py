"""`report`: what was sent, refused and why, and who said no."""

import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.bar import Bar
from rich.table import Table

from gateway import clock
from gateway.commands.common import Shell, Verb, pass_shell
from gateway.commands.found import advertiser_named, list_named
from gateway.commands.output import show
from gateway.errors import Misuse
from gateway.flow import figures
from gateway.flow.figures import MEASURES, Figures
from gateway.flow.figurespage import html
from gateway.store.figures import Span
from gateway.store.tx import Tx
from gateway.text import say

_SINCE = re.compile(r"(\d{1,4})([dw])")
_DAYS = {"d": 1, "w": 7}


@click.command(cls=Verb)
@click.option("--list", "list_name", help="Of this list only.")
@click.option("--advertiser", help="Of this advertiser only.")
@click.option("--since", default="30d", show_default=True, metavar="D", help="First day: 2026-11-01, or 30d, or 4w.")
@click.option("--until", metavar="D", help="Last day; today unless named.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Write a page with charts."
)
@pass_shell
def report(
    shell: Shell, list_name: str | None, advertiser: str | None, since: str, until: str | None, page: Path | None
) -> None:
    """Say what was sent, what was refused and why, and how many opted out, day by day."""
    zone = shell.settings.law.timezone
    with shell.context() as context, context.store.read() as tx:
        span, title = _span(shell, tx, list_name, advertiser, _first(since, zone), _end(until, zone))
        found = figures.build(tx, span, zone)
    if page:
        page.write_text(html(found, title, shell.out.lang, zone), "utf-8")
    if shell.out.json:
        shell.out.data({"title": title, **found.document()})
    else:
        _show(shell, found)
    if page:
        shell.out.note("report-written", file=page)


def _span(
    shell: Shell, tx: Tx, list_name: str | None, advertiser: str | None, since: datetime, until: datetime
) -> tuple[Span, str]:
    if since >= until:
        raise Misuse("--since lies after --until; nothing is in between")
    if list_name:
        row = list_named(tx, list_name)
        return Span(since, until, row.advertiser_id, row.id), row.title or row.name
    if advertiser:
        owner = advertiser_named(tx, advertiser)
        return Span(since, until, owner.id), owner.legal_name or owner.name
    return Span(since, until), say("report.everyone", shell.out.lang)


def _first(text: str, zone: str) -> datetime:
    """Return the beginning of the first day: a date, or so many days or weeks up to and with today."""
    if found := _SINCE.fullmatch(text):
        back = int(found[1]) * _DAYS[found[2]]
        return _midnight(clock.now().astimezone(ZoneInfo(zone)).date() - timedelta(days=max(back - 1, 0)), zone)
    return _midnight(_date(text, "--since"), zone)


def _end(text: str | None, zone: str) -> datetime:
    last = _date(text, "--until") if text else clock.now().astimezone(ZoneInfo(zone)).date()
    return _midnight(last + timedelta(days=1), zone)


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Misuse(f"{option} {text}: write a day such as 2026-11-01, or 30d for the last thirty days") from error


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def _show(shell: Shell, found: Figures) -> None:
    lang = shell.out.lang
    shell.out.table(
        ["measure", "count"],
        [{"measure": say(f"report.measure.{name}", lang), "count": found.total[name]} for name in MEASURES],
    )
    if found.reasons:
        rows = [
            {"code": code, "count": count, "sentence": say(f"law.{code}", lang)}
            for code, count in found.reasons.most_common()
        ]
        shell.out.text("")
        shell.out.table(["code", "count", "sentence"], rows)
    _days(shell, found)


def _days(shell: Shell, found: Figures) -> None:
    """Print a bar for each day on which something left, and beside it who opted out."""
    days = [(day, counted) for day, counted in found.days.items() if any(counted.values())]
    if not days:
        return
    most = max(counted["delivered"] for _, counted in days) or 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    delivered, *others = (
        say(f"report.measure.{name}", shell.out.lang) for name in ("delivered", "refused", "opt_outs")
    )
    table.add_column(shell.out.title("day"), no_wrap=True)
    table.add_column(delivered, justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    for day, counted in days:
        bar = Bar(most, 0, counted["delivered"], width=24)
        figures_ = (str(counted[name]) for name in ("refused", "opt_outs"))
        table.add_row(day.isoformat(), str(counted["delivered"]), bar, *figures_)
    shell.out.text("")
    show(table)
