"""The public sign-up form of a list: opened and closed with `list edit`, printed for the company's own site."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import click

from gateway import clock
from gateway.commands.common import Shell, Verb, pass_shell
from gateway.commands.found import list_named
from gateway.errors import Misuse
from gateway.flow import joinform
from gateway.store import signups
from gateway.store.signups import JoinForm
from gateway.store.tables import List
from gateway.store.tx import Tx
from gateway.text import languages
from gateway.web import joinpages

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def join_options(command: click.Command) -> click.Command:
    """Add the options that open, change and close the form."""
    command.params += [
        click.Option(
            ["--join/--no-join"], default=None, help="Open the public sign-up form at /join/NAME, or close it."
        ),
        click.Option(["--join-age/--no-join-age"], default=None, help="Ask for the age on the form."),
        click.Option(
            ["--join-return", "join_returns"],
            multiple=True,
            help="Page of your own site that a form there may lead back to; repeatable, replaces those there were.",
        ),
    ]
    return command


def change(tx: Tx, row: List, values: dict[str, Any]) -> None:
    """Open, change or close the form of a list as the options say; raise Misuse when there can be none."""
    opened = signups.form(tx, row.id)
    if values["join"] is False:
        signups.close_form(tx, row.id)
        return
    told = values["join"] or values["join_age"] is not None or values["join_returns"]
    if not told:
        return
    if opened is None and not values["join"]:
        raise Misuse(f"{row.name}: the list has no sign-up form yet; open it with --join")
    joinform.lacking(tx, row)
    opened = opened or JoinForm(list_id=row.id, created_at=clock.now())
    if values["join_age"] is not None:
        opened.ask_age = values["join_age"]
    if values["join_returns"]:
        opened.returns = _returns(values["join_returns"])
    signups.open_form(tx, opened)


def described(tx: Tx, row: List) -> dict[str, Any]:
    """Return the form of a list as `list show` has it."""
    opened = signups.form(tx, row.id)
    shown = {"join": opened is not None}
    return {**shown, "join_age": opened.ask_age, "join_returns": opened.returns} if opened else shown


def _returns(urls: Sequence[str]) -> list[str]:
    for url in urls:
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            host = ""
        safe = host and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
        if not safe or parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
            raise Misuse(
                f"--join-return {url!r}: write the whole address of a page, such as https://www.example.org/thanks"
            )
    return list(dict.fromkeys(urls))


@click.command(cls=Verb)
@click.argument("name")
@click.option("--language", type=click.Choice(languages()), help="Of the form; else that of the list.")
@click.option("--return", "back", help="Page to lead back to, one of those of --join-return; else our own page.")
@pass_shell
def form(shell: Shell, name: str, language: str | None, back: str | None) -> None:
    """Print the sign-up form as HTML, for a page of your own site: no script, nothing fetched from us."""
    with shell.context() as context, context.store.read() as tx:
        row = list_named(tx, name)
        found = joinform.of(tx, name, language or row.language)
        if found is None:
            joinform.lacking(tx, row)
            raise Misuse(
                f"{name}: the list has no sign-up form; open it with `list edit {name} --join` once it is active"
            )
        if back and back not in found.returns:
            known = ", ".join(found.returns) or "none yet (list edit --join-return)"
            raise Misuse(f"--return {back}: the list leads back to these pages only: {known}")
        markup = joinpages.snippet(
            found, context.settings.web.public_url, back or "", context.settings.limits.unconfirmed.days
        )
    if shell.out.json:
        shell.out.data({"list": name, "language": found.lang, "html": markup})
        return
    shell.out.text(markup)
