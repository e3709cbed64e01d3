"""`doctor`: what an installation still lacks, each finding with its cure."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import click

from gateway import clock
from gateway.commands.common import Shell, Verb, no, pass_shell
from gateway.courier.hop import smarthost_of
from gateway.doctor import dns, hop, page, place, tls
from gateway.doctor.finding import Finding, Level, bad
from gateway.errors import GatewayError
from gateway.flow import listcheck
from gateway.flow.context import Context
from gateway.flow.lookup import Lookup, resolver
from gateway.store import advertisers, dkim
from gateway.text import say

MARKS = {Level.OK: "✓", Level.WARN: "!", Level.BAD: "✗"}
AREAS = ("config", "store", "tls", "advertisers", "dns", "hop", "pages")


@click.command(cls=Verb)
@click.option("--only", type=click.Choice(AREAS), multiple=True, help="Look at this only; may be given several times.")
@click.option("--nameserver", help="Ask this server, address or address:port, instead of the system's resolver.")
@pass_shell
def doctor(shell: Shell, only: tuple[str, ...], nameserver: str | None) -> None:
    """Look at configuration, database, TLS, DNS, next hop and pages, and name the cure of what is found.

    Run it on the machine that serves, while it serves: the one-click link is tried for real. Nothing is changed and
    nothing is sent. Exit code 1 when something must be mended.
    """
    found: list[Finding] = []
    for area, look in _looks(shell, resolver(nameserver)).items():
        if only and area not in only:
            continue
        for finding in _safely(area, look):
            found.append(finding)
            if not shell.out.json:
                _show(shell, finding)
    if shell.out.json:
        shell.out.data([_described(shell, finding) for finding in found])
    counts = {level: sum(finding.level is level for finding in found) for level in Level}
    shell.out.talk(say("doctor.counts", shell.out.lang, bad=counts[Level.BAD], warn=counts[Level.WARN]))
    if counts[Level.BAD]:
        no()


def _looks(shell: Shell, lookup: Lookup) -> dict[str, Callable[[], Iterable[Finding]]]:
    settings = shell.settings
    return {
        "config": partial(place.configuration, settings, shell.path),
        "store": partial(place.database, settings),
        "tls": lambda: tls.certificate(settings, clock.now()),
        "advertisers": partial(_advertisers, shell),
        "dns": partial(_dns, shell, lookup),
        "hop": lambda: asyncio.run(hop.reached(settings, smarthost_of(settings))),
        "pages": partial(_pages, shell),
    }


def _safely(area: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what was found; what stands in the way of looking is a finding too, not the end of it."""
    try:
        yield from look()
    except GatewayError as error:
        yield bad(area, "not-looked", why=error)


def _advertisers(shell: Shell) -> Iterator[Finding]:
    with shell.context() as context, context.store.read() as tx:
        every = advertisers.all(tx)
        if not every:
            yield Finding("advertisers", Level.WARN, "no-advertiser")
        for row in every:
            signed = bool(dkim.active(tx, row.id))
            lacks = sum(one.blocks for one in listcheck.of_advertiser(row, signed=signed))
            level, code = (Level.BAD, "advertiser-lacks") if lacks else (Level.OK, "advertiser-complete")
            yield Finding("advertisers", level, code, {"name": row.name, "count": lacks})


def _dns(shell: Shell, lookup: Lookup) -> Iterator[Finding]:
    yield from dns.gateway(shell.settings, lookup)
    with shell.context() as context:
        with context.store.read() as tx:
            every = [(row, [] if row.upstream_signs else dkim.all(tx, row.id)) for row in advertisers.all(tx)]
        for row, keys in every:
            yield from dns.advertiser(row, keys, lookup)


def _pages(shell: Shell) -> Iterator[Finding]:
    with shell.context() as context:
        yield from _one_click(context)


def _one_click(context: Context) -> Iterator[Finding]:
    return page.one_click(context.settings.web.public_url, context.tokens)


def _described(shell: Shell, finding: Finding) -> dict[str, object]:
    return {
        "area": finding.area,
        "level": finding.level.value,
        "code": finding.code,
        "what": _what(shell, finding),
        "cure": _cure(shell, finding),
    }


def _show(shell: Shell, finding: Finding) -> None:
    shell.out.text(f"{MARKS[finding.level]} {_what(shell, finding)}")
    if cure := _cure(shell, finding):
        shell.out.text(f"    → {cure}")


def _what(shell: Shell, finding: Finding) -> str:
    return say(f"doctor.{finding.code}", shell.out.lang, **finding.fields)


def _cure(shell: Shell, finding: Finding) -> str:
    if finding.level is Level.OK:
        return ""
    return say(f"doctor.cure.{finding.code}", shell.out.lang, **finding.fields)
