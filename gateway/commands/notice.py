"""`notice`: the information texts shown at collection, in versions."""

from datetime import datetime
from typing import Any

import click

from gateway.commands.common import Noun, Shell, no, pass_shell
from gateway.commands.findings import show_findings
from gateway.commands.found import advertiser_named, list_named, owner_of
from gateway.errors import Misuse
from gateway.flow import notices as flow
from gateway.flow.noticetext import full_html
from gateway.law.channels import CHANNELS
from gateway.law.notices import Collection
from gateway.store import notices
from gateway.store.records import Notice
from gateway.store.tables import List
from gateway.text import cited, languages, say

FORMS = ("text", "html", "full", "full-html")
MORE = ("link", "stop", "source", "request", "retention", "recipients", "interest")
advertiser_option = click.option("--advertiser", help="Whose notice it is.")


@click.group(cls=Noun)
def notice() -> None:
    """Make the information texts that people are shown (mentions d'information), and keep every version."""


@notice.command()
@click.argument("name")
@click.option(
    "--regime", type=click.Choice([one.value for one in Collection]), help="What is asked; else that of --list."
)
@click.option(
    "--channel", default="email", show_default=True, type=click.Choice(sorted(CHANNELS)), help="One notice per channel."
)
@click.option("--list", "list_name", help="List it is for: regime, families, origin, age of its people.")
@advertiser_option
@click.option(
    "--language", "language", multiple=True, type=click.Choice(languages()), help="Repeatable; else every one."
)
@click.option("--family", "families", multiple=True, help="Kind of offers, as people understand it; repeatable.")
@click.option("--partner", "partners", multiple=True, help="Company the address is passed on to; repeatable.")
@click.option("--partners-date", type=click.DateTime(["%Y-%m-%d"]), help="Date of the list of partners.")
@click.option("--link", default="", help="Page with the full text; else the advertiser's privacy page.")
@click.option("--stop", default="", help="Fax, telephone or e-mail that stops faxes without surcharge.")
@click.option("--source", default="", help="Who handed the addresses over; else the seller of the guarantee record.")
@click.option("--request", default="", help="What the form is for, in the language of the text, such as commande.")
@click.option("--retention", default="", help="How long; else what law and settings say.")
@click.option("--recipients", default="", help="Who receives the data; else the company and its providers.")
@click.option("--interest", default="", help="The legitimate interest pursued, in words.")
@pass_shell
def new(
    shell: Shell,
    /,
    name: str,
    regime: str | None,
    list_name: str | None,
    advertiser: str | None,
    **options: Any,  # noqa: ANN401
) -> None:
    """Make the next version of the notice NAME, in every language. The same text is no new version.

    Exit code 1 when the law knows no such notice, or something it must say is missing; nothing is written then.
    """
    with shell.context() as context, context.store.begin() as tx:
        row = list_named(tx, list_name) if list_name else None
        owner = owner_of(tx, advertiser, row)
        wish = _wish(name, regime, row, options)
        try:
            made = flow.make(context, tx, owner, row, wish)
        except flow.NoSuchNotice as error:
            _refused(shell, error)
            no()
        except flow.Fixed as error:
            kind = {"collection": error.row.regime, "channel": error.row.channel}
            raise Misuse(_say(shell, "fixed", name=name, **kind)) from error
    if not made.rows:
        _tell(shell, "lacking")
        show_findings(shell, made.missing)
        no()
    _written(shell, made)


@notice.command()
@click.argument("name")
@click.option("--language", type=click.Choice(languages()), help="Only in this language.")
@click.option("--form", type=click.Choice(FORMS), help="Print just this text, to be put into a page.")
@advertiser_option
@pass_shell
def show(shell: Shell, name: str, language: str | None, form: str | None, advertiser: str | None) -> None:
    """Show a notice: NAME for its latest version, NAME/VERSION for that one."""
    with shell.context() as context, context.store.read() as tx:
        rows = flow.version_of(tx, advertiser_named(tx, advertiser), name, language)
    if shell.out.json:
        shell.out.data([_described(row) for row in rows])
        return
    for row in rows:
        if form is None:
            shell.out.record(_listed(row))
            shell.out.text(f"\n{row.text}\n\n{row.full}\n")
        else:
            shell.out.text(_form(row, form))


@notice.command("list")
@advertiser_option
@pass_shell
def list_(shell: Shell, advertiser: str | None) -> None:
    """List every version of every notice."""
    with shell.context() as context, context.store.read() as tx:
        rows = [_listed(row) for row in notices.all(tx, advertiser_named(tx, advertiser).id)]
    shell.out.table(["notice", "language", "regime", "channel", "created_at"], rows)


def _wish(name: str, regime: str | None, row: List | None, options: dict[str, Any]) -> flow.Wish:
    flow.check_name(name)
    if regime is None and row is None:
        raise Misuse("say what the notice asks for with --regime, or which list it is for with --list")
    channel = options["channel"]
    collection = Collection(regime) if regime else flow.of_list(row, channel) if row else Collection.OPT_IN
    day: datetime | None = options["partners_date"]
    return flow.Wish(
        name,
        collection,
        channel,
        tuple(dict.fromkeys(options["language"])) or languages(),
        tuple(options["families"]),
        tuple(options["partners"]),
        day.date() if day else None,
        {key: options[key] for key in MORE},
    )


def _refused(shell: Shell, error: flow.NoSuchNotice) -> None:
    why = say(f"notice.absent.{error.refusal.code}", shell.out.lang)
    fields = {"collection": error.collection.value, "channel": error.channel, "article": error.refusal.article}
    if shell.out.json:
        shell.out.data({**fields, "exists": False, "code": error.refusal.code, "why": why})
    _tell(shell, "refused", why=why, **fields | {"article": cited(error.refusal.article, shell.out.lang)})


def _written(shell: Shell, made: flow.Made) -> None:
    first = made.rows[0]
    if shell.out.json:
        shell.out.data([{**_described(row), "new": made.new} for row in made.rows])
    else:
        for row in made.rows:
            shell.out.text(row.text + "\n")
    _tell(shell, "made" if made.new else "unchanged", name=first.name, version=first.version)
    for finding in made.missing:
        shell.out.talk(f"- {say(finding.code, shell.out.lang)} ({cited(finding.article, shell.out.lang)})")


def _form(row: Notice, form: str) -> str:
    if form == "full-html":
        return full_html(str(row.fields["title"]), row.full, row.language)
    return str(getattr(row, form))


def _listed(row: Notice) -> dict[str, Any]:
    return {
        "notice": f"{row.name}/{row.version}",
        "language": row.language,
        "regime": row.regime,
        "channel": row.channel,
        "created_at": row.created_at,
    }


def _described(row: Notice) -> dict[str, Any]:
    texts = {"text": row.text, "html": row.html, "full": row.full, "full_html": _form(row, "full-html")}
    return {**_listed(row), **texts, "fields": row.fields}


def _say(shell: Shell, key: str, **fields: object) -> str:
    return say(f"notice.say.{key}", shell.out.lang, **fields)


def _tell(shell: Shell, key: str, **fields: object) -> None:
    shell.out.talk(_say(shell, key, **fields))
