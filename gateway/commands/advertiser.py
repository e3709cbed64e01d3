"""`advertiser`: the legal persons on whose behalf mail is sent."""

import re
from typing import Any

import click

from gateway import clock
from gateway.commands.common import Noun, Shell, Verb, no, pass_shell
from gateway.commands.findings import show_findings
from gateway.commands.found import advertiser_named, shown
from gateway.errors import Misuse
from gateway.flow import formalities, listcheck
from gateway.mail.address import parse
from gateway.store import advertisers, dkim
from gateway.store.tables import Advertiser
from gateway.store.tx import Tx
from gateway.web.color import is_color

_HTTPS = re.compile(r"https://[^\s/?#@]+([/?#]\S*)?$", re.ASCII | re.IGNORECASE)
FIELDS = (
    ("legal_name", "Name of the company as it is registered."),
    ("legal_form", "Such as SAS, SARL, EI."),
    ("capital", "Such as 10 000 €."),
    ("siren", "Nine digits."),
    ("registered", "Register and number, such as RCS Lyon 123 456 782."),
    ("vat", "VAT number."),
    ("office", "Postal address of the registered office."),
    ("phone", "Telephone."),
    ("email", "Address at which people reach a person."),
    ("privacy_url", "Page with the information of GDPR 13 and 14."),
    ("dpo", "Contact of the data protection officer."),
    ("color", "Colour of the opt-out page, such as #0a5."),
)


def _fields(command: click.Command) -> click.Command:
    """Add an option for each field of an advertiser."""
    for name, text in FIELDS:
        command.params.append(click.Option([f"--{name.replace('_', '-')}", name], help=text))
    command.params += [
        click.Option(["--trade-name", "trade_names"], multiple=True, help="Brand or trade name; may be repeated."),
        click.Option(["--domain", "domains"], multiple=True, help="Sending domain; may be repeated."),
        click.Option(
            ["--upstream-signs/--no-upstream-signs", "upstream_signs"],
            default=None,
            help="The next hop signs our mail with the advertiser's DKIM key.",
        ),
    ]
    return command


@click.group(cls=Noun)
def advertiser() -> None:
    """Manage the legal persons on whose behalf mail is sent (annonceurs)."""


@click.command(cls=Verb)
@click.argument("name")
@pass_shell
def add(shell: Shell, /, name: str, **values: Any) -> None:  # noqa: ANN401 - the options of FIELDS
    """Add an advertiser. NAME is the short name used in commands."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise Misuse(f"{name!r}: a short name has lower-case letters, digits and hyphens, such as maison-du-the")
    with shell.context() as context, context.store.begin() as tx:
        row = Advertiser(id=context.store.take(1)[0], name=name, created_at=clock.now())
        advertisers.add(tx, _changed(row, values))
        shell.out.record(described(row))
        missing = [finding for finding in _lacking(tx, row) if finding.blocks]
    if missing:
        shell.out.note("advertiser-lacks", count=len(missing), name=name)


@click.command(cls=Verb)
@click.argument("name")
@pass_shell
def edit(shell: Shell, /, name: str, **values: Any) -> None:  # noqa: ANN401 - the options of FIELDS
    """Change an advertiser. Options that are left out change nothing; an empty text empties the field.

    --trade-name and --domain replace all that were there.
    """
    with shell.context() as context, context.store.begin() as tx:
        row = _changed(advertiser_named(tx, name), values)
        advertisers.save(tx, row)
        shell.out.record(described(row))


advertiser.add_command(_fields(add))


@advertiser.command()
@click.argument("name", required=False)
@pass_shell
def show(shell: Shell, name: str | None) -> None:
    """Show what is known of an advertiser."""
    with shell.context() as context, context.store.read() as tx:
        shell.out.record(described(advertiser_named(tx, name)))


advertiser.add_command(_fields(edit))


@advertiser.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List the advertisers, and whether they may send."""
    with shell.context() as context, context.store.read() as tx:
        rows = [
            {
                "name": row.name,
                "legal_name": row.legal_name,
                "siren": row.siren,
                "domains": row.domains,
                "ready": not any(finding.blocks for finding in _lacking(tx, row)),
            }
            for row in advertisers.all(tx)
        ]
    shell.out.table(["name", "legal_name", "siren", "domains", "ready"], rows)


@advertiser.command()
@click.argument("name", required=False)
@pass_shell
def check(shell: Shell, name: str | None) -> None:
    """Say what is still missing before an advertiser may send. Exit code 1 when something is."""
    with shell.context() as context, context.store.read() as tx:
        row = advertiser_named(tx, name)
        found = [*_lacking(tx, row), *formalities.of_advertiser(tx, row)]
    if show_findings(shell, found):
        no()


def _lacking(tx: Tx, row: Advertiser) -> list[listcheck.Finding]:
    return listcheck.of_advertiser(row, signed=bool(dkim.active(tx, row.id)))


def described(row: Advertiser) -> dict[str, Any]:
    """Return an advertiser as commands show it."""
    return shown(row, "id")


def _changed(row: Advertiser, values: dict[str, Any]) -> Advertiser:
    for name, value in values.items():
        if value is None or value == ():
            continue
        if name == "siren" and value:
            value = value.replace(" ", "")  # noqa: PLW2901 - the one place that knows how people write it
            if not listcheck.is_siren(value):
                raise Misuse(f"--siren {value}: not a SIREN; it has nine digits, of which the last is a check digit")
        if name == "domains":
            value = [domain_of(domain) for domain in value]  # noqa: PLW2901
        if name == "privacy_url" and value and not _HTTPS.match(value):
            raise Misuse(f"--privacy-url {value}: write an address such as https://www.example.org/privacy")
        if name == "color" and value and not is_color(value):
            raise Misuse(f"--color {value}: not a colour; write it such as #0a5 or #2f5d50")
        if name == "email" and value:
            parse(value)
        setattr(row, name, list(value) if isinstance(value, tuple) else value)
    return row


def domain_of(text: str) -> str:
    """Return a domain in lower-case A-labels; raise Misuse when it is none."""
    try:
        return parse(f"postmaster@{text}").domain
    except Misuse as error:
        raise Misuse(f"{text!r} is not a domain; write for example news.example.org") from error
