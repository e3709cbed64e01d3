"""`register`: the record of processing activities (GDPR 30)."""

import json
from pathlib import Path

import click

from gateway import clock
from gateway.commands.common import Noun, Shell, pass_shell
from gateway.commands.found import advertiser_named, list_named
from gateway.commands.output import plain
from gateway.flow import formalities
from gateway.flow import register as flow
from gateway.flow.registerpage import html, markdown
from gateway.store import advertisers, lists
from gateway.text import labelled, languages, say

advertiser_option = click.option("--advertiser", help="Whose record it is.")
language_option = click.option("--language", type=click.Choice(languages()), help="Else the one you are spoken to in.")
processor_option = click.option(
    "--processor", is_flag=True, help="The record of this gateway's operator, for every advertiser (GDPR 30(2))."
)


@click.group(cls=Noun)
def register() -> None:
    """Keep the record of processing activities of GDPR 30 (registre), made from what the program knows."""


@register.command()
@advertiser_option
@language_option
@processor_option
@pass_shell
def show(shell: Shell, advertiser: str | None, language: str | None, processor: bool) -> None:
    """Show the record of one company, with what is missing, each with its article and cure."""
    record = _record(shell, advertiser, language, processor=processor)
    if shell.out.json:
        shell.out.data(record)
    else:
        shell.out.text(markdown(record, language or shell.out.lang, shell.settings.law.timezone))


@register.command()
@advertiser_option
@click.option(
    "--format", "form", default="markdown", show_default=True, type=click.Choice(["json", "markdown", "html"]),
    help="Form of the document.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="File; else standard output."
)
@language_option
@processor_option
@pass_shell
def export(
    shell: Shell, advertiser: str | None, form: str, output: Path | None, language: str | None, processor: bool
) -> None:
    """Write the record as a document to keep or to hand to the authority."""
    record = _record(shell, advertiser, language, processor=processor)
    words = language or shell.out.lang
    if form == "json" or shell.out.json:
        text = json.dumps(record, ensure_ascii=False, indent=2, default=plain)
    else:
        text = (html if form == "html" else markdown)(record, words, shell.settings.law.timezone)
    if output is None:
        shell.out.text(text.rstrip("\n"))
    else:
        output.write_text(text, encoding="utf-8")


@register.command("set")
@click.argument("key", type=click.Choice(sorted(formalities.PAPERS)))
@click.argument("values", nargs=-1)
@click.option("--list", "list_name", help="Of this list only.")
@advertiser_option
@pass_shell
def set_(shell: Shell, key: str, values: tuple[str, ...], list_name: str | None, advertiser: str | None) -> None:
    """Tell what the program cannot know. "none" says that there is none; no VALUES at all take the key away.

    Such as: register set transfers none; register set recipients "Routeur SAS, Paris" "Hébergeur SA, Lyon".
    """
    with shell.context() as context, context.store.begin() as tx:
        if list_name:
            row = list_named(tx, list_name)
            formalities.put(row, key, values)
            told = lists.save(tx, row).art30
        else:
            owner = advertiser_named(tx, advertiser)
            formalities.put(owner, key, values)
            told = advertisers.save(tx, owner).art30
    if shell.out.json:
        shell.out.data(told)
    else:
        _tell(shell, told)


def _tell(shell: Shell, told: dict[str, object]) -> None:
    for key, value in told.items():
        words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        shell.out.text(labelled(say(f"register.label.{key}", shell.out.lang), words, shell.out.lang))


def _record(shell: Shell, advertiser: str | None, language: str | None, *, processor: bool) -> flow.Record:
    words = language or shell.out.lang
    with shell.context() as context, context.store.read() as tx:
        if processor:
            return flow.processing(tx, clock.now(), words)
        return flow.build(context, tx, advertiser_named(tx, advertiser), clock.now(), words)
