"""`account`: the SMTP credentials of marketing tools."""

import re
import sys
from typing import Any

import click

from gateway import clock
from gateway.commands.advertiser import domain_of
from gateway.commands.common import Noun, Shell, confirm, pass_shell, yes_option
from gateway.commands.found import account_named, advertiser_named, lists_named, shown
from gateway.errors import Misuse
from gateway.flow import passwords
from gateway.flow.context import Context
from gateway.flow.promotion import CHECKS as PROMO_CHECKS
from gateway.flow.report import WAYS
from gateway.law.facts import MessageClass
from gateway.plugin import BLOCK_STYLES
from gateway.store import accounts, advertisers, lists
from gateway.store.tables import Account, Advertiser
from gateway.store.tx import Tx

SHORTEST = 16
_CLASSES = click.Choice([klass.value for klass in MessageClass])
password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
prompt = click.option("--prompt", is_flag=True, help="Ask for the password; otherwise one is made and shown once.")


@click.group(cls=Noun)
def account() -> None:
    """Manage the SMTP credentials of marketing tools."""


@account.command()
@click.argument("login")
@click.option("--advertiser", help="Whose mail it hands in.")
@click.option(
    "--list", "list_names", multiple=True, help="List it may use; the first is used when a message names none."
)
@click.option("--class", "classes", multiple=True, type=_CLASSES, help="Class it may claim; the first is its default.")
@click.option("--plugin", default="generic", show_default=True, help="Plugin that understands the tool.")
@click.option("--block-style", type=click.Choice(BLOCK_STYLES), help="How a refusal is said; else the plugin's style.")
@click.option("--report", type=click.Choice(WAYS), help="How it hears what SMTP did not say; else by delivery reports.")
@click.option(
    "--promo-check",
    type=click.Choice(PROMO_CHECKS),
    default=PROMO_CHECKS[0],
    show_default=True,
    help="Of service mail with the words of an offer: takes it as prospecting, warns, or does not look.",
)
@click.option("--from-domain", "domains", multiple=True, help="From domain; else those of the advertiser.")
@click.option("--optout-host", "hosts", multiple=True, help="Host of the tool's own one-click URL that may be called.")
@password_stdin
@prompt
@pass_shell
def add(shell: Shell, /, login: str, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Add an account. The password is made and shown once, unless you give one."""
    if not login or not login.isprintable() or set(login) & set("+ \t:") or len(login) > 64:
        raise Misuse(f"{login!r} cannot be a login: no blanks, + or :, at most 64 signs")
    password, made = _password(options["password_stdin"], options["prompt"])
    hashed = passwords.hash_password(password)
    with shell.context() as context, context.store.begin() as tx:
        owner = advertiser_named(tx, options["advertiser"])
        row = _made(context, tx, owner, login, options)
        row.password_hash = hashed
        accounts.add(tx, row)
        shell.out.record({**_described(tx, row), **({"password": password} if made else {})})
    if made:
        shell.out.note("password-once")


def _made(context: Context, tx: Tx, owner: Advertiser, login: str, options: dict[str, Any]) -> Account:
    """Return the row that the options describe, without its password."""
    rows = lists_named(tx, owner, options["list_names"])
    understood = context.plugin(options["plugin"])
    classes = options["classes"]
    return Account(
        id=context.store.take(1)[0],
        login=login,
        password_hash="",
        advertiser_id=owner.id,
        list_id=rows[0].id if rows else None,
        list_ids=[row.id for row in rows],
        classes=list(classes),
        klass=classes[0] if classes else MessageClass.PROSPECTING.value,
        domains=[domain_of(domain) for domain in options["domains"]],
        plugin=understood.name,
        block_style=options["block_style"] or understood.block_style,
        report=options["report"] or WAYS[0],
        promo_check=options["promo_check"],
        optout_hosts=[_host_of(host) for host in options["hosts"]],
        created_at=clock.now(),
    )


def _host_of(text: str) -> str:
    """Return the host of an address, as addresses name it: on a network of one's own it need not be a domain."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?", text.lower()):
        raise Misuse(f"{text!r} is not a host; write for example lists.example.org")
    return text.lower()


@account.command("list")
@click.option("--advertiser", help="Only those of this advertiser.")
@pass_shell
def list_(shell: Shell, advertiser: str | None) -> None:
    """List the accounts."""
    with shell.context() as context, context.store.read() as tx:
        owner = advertiser_named(tx, advertiser).id if advertiser else None
        rows = [_described(tx, row) for row in accounts.all(tx, owner)]
    shell.out.table(["login", "advertiser", "list", "klass", "plugin", "block_style", "disabled_at"], rows)


@account.command()
@click.argument("login")
@pass_shell
def show(shell: Shell, login: str) -> None:
    """Show an account; the password cannot be shown."""
    with shell.context() as context, context.store.read() as tx:
        shell.out.record(_described(tx, account_named(tx, login)))


@account.command()
@click.argument("login")
@yes_option
@pass_shell
def disable(shell: Shell, login: str, yes: bool) -> None:
    """Let an account hand in nothing more. What it handed in already is delivered."""
    with shell.context() as context:
        with context.store.read() as tx:
            account_named(tx, login)
        confirm(shell, yes, "ask-disable", login=login)
        with context.store.begin() as tx:
            row = account_named(tx, login)
            row.disabled_at = row.disabled_at or clock.now()
            accounts.save(tx, row)
            shell.out.record(_described(tx, row))


@account.command()
@click.argument("login")
@password_stdin
@prompt
@pass_shell
def password(shell: Shell, login: str, password_stdin: bool, prompt: bool) -> None:
    """Give an account a new password; the old one stops at once. A disabled account works again."""
    fresh, made = _password(password_stdin, prompt)
    hashed = passwords.hash_password(fresh)
    with shell.context() as context, context.store.begin() as tx:
        row = account_named(tx, login)
        row.password_hash, row.disabled_at = hashed, None
        accounts.save(tx, row)
    shell.out.record({"login": login, **({"password": fresh} if made else {})})
    shell.out.note("password-once" if made else "password-changed")


def _password(from_stdin: bool, asked: bool) -> tuple[str, bool]:
    """Return the password and whether we made it."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif asked:
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        return passwords.generate(), True
    if len(given) < SHORTEST:
        raise Misuse(f"the password has {len(given)} signs; {SHORTEST} are the least for a machine's password")
    return given, False


def _described(tx: Tx, row: Account) -> dict[str, Any]:
    owner = advertisers.get(tx, row.advertiser_id)
    named = [one.name for number in row.list_ids if (one := lists.get(tx, number))]
    first = lists.get(tx, row.list_id) if row.list_id else None
    hidden = ("id", "login", "password_hash", "advertiser_id", "list_id", "list_ids")
    known = {"advertiser": owner.name if owner else "", "list": first.name if first else None, "lists": named}
    return {"login": row.login, **known, **shown(row, *hidden)}
