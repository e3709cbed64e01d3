"""`plugin`: campaign tools."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import click
from rich.progress import SpinnerColumn, TextColumn

from gateway.commands import scaffold
from gateway.commands.common import Noun, Shell, no, pass_shell
from gateway.commands.found import account_named, list_named
from gateway.commands.output import progress
from gateway.courier.webhook import Caller, Hosts
from gateway.errors import Misuse
from gateway.flow import conversations, toolsync
from gateway.flow.context import Context
from gateway.flow.toolsync import Tally
from gateway.loader import available, load
from gateway.mail import headers, oneclick
from gateway.mail.lines import crlf
from gateway.plugin import Answer, Call, Hints
from gateway.store.tables import Account, List


@click.group(cls=Noun)
def plugin() -> None:
    """List, check and write the translators for campaign tools, and compare a tool's list with the ledger."""


@plugin.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List the plugins there are: yours first, then the built-in ones."""
    folder = shell.settings.plugins.folder
    rows = []
    for name in sorted(available(folder)):
        try:
            found = load(name, folder)
        except Misuse as error:
            rows.append({"name": name, "block_style": None, "title": str(error), "file": None, "ok": False})
            continue
        rows.append(
            {"name": name, "block_style": found.block_style, "title": found.title, "file": found.origin, "ok": True}
        )
    shell.out.table(["name", "ok", "block_style", "title"], rows)


@plugin.command()
@click.argument("name")
@click.argument("message", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_shell
def check(shell: Shell, name: str, message: Path | None) -> None:
    """Check a plugin against the messages beside it; with MESSAGE (an .eml file), show what it reads there.

    The messages of a plugin of yours lie in the folder of its name, beside it, each with the hints it should give.
    Exit code 1 when it reads nothing, or something else than it should.
    """
    found = load(name, shell.settings.plugins.folder)
    row = {"name": found.name, "title": found.title, "file": found.origin, "block_style": found.block_style}
    if message is not None:
        content = crlf(message.read_bytes())
        fields = headers.parse(content)
        hints = found.recognise(fields.pairs()).over(Hints(one_click=oneclick.found(fields)))
        shell.out.record({**row, "hints": dataclasses.asdict(hints)})
        if not hints.tool:
            shell.out.note("plugin-reads-nothing", name=name)
            no()
        return
    results = scaffold.examine(found)
    if shell.out.json or not results:
        shell.out.record({**row, "messages": results})
    else:
        shell.out.table(["message", "passed", "problem"], results)
    if not all(one["passed"] for one in results):
        no()


@plugin.command()
@click.argument("name")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Else [plugins] folder, else ./plugins."
)
@pass_shell
def new(shell: Shell, name: str, folder: Path | None) -> None:
    """Write the beginning of a plugin, with a message to check it against. Never overwrites anything."""
    place = folder or shell.settings.plugins.folder or Path("plugins")
    files = scaffold.write(place, name)
    shell.out.table(["file"], [{"file": str(file)} for file in files])
    shell.out.note("plugin-new", name=name, folder=place)


@plugin.command()
@click.argument("login")
@click.option("--list", "list_name", required=True, help="Our list that the tool's list is.")
@click.option(
    "--export", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A file that the tool exports."
)
@click.option("--dry-run", is_flag=True, help="Only say what differs.")
@pass_shell
def sync(shell: Shell, login: str, list_name: str, export: Path | None, dry_run: bool) -> None:
    """Compare the list of an account's tool with the ledger, both ways; where they differ, the no is right.

    Who stopped there is recorded here, who stopped here is told there. Nobody is added: being on a tool's list proves
    no consent. Exit code 1 when the tool could not be told of somebody.
    """
    with shell.context() as context:
        with context.store.read() as tx:
            account, row = account_named(tx, login), list_named(tx, list_name)
        if row.advertiser_id != account.advertiser_id:
            raise Misuse(f"the list {list_name} and the account {login} are of different advertisers")
        tally = _sync(context, account, row, export, dry=dry_run)
    shell.out.record({"list": list_name, "dry_run": dry_run, **dataclasses.asdict(tally)})
    if tally.failed:
        no()


def _sync(context: Context, account: Account, row: List, export: Path | None, *, dry: bool) -> Tally:
    found = context.plugin(account.plugin)
    if account.login not in context.settings.plugins.tools:
        raise Misuse(f"[plugins.tools.{account.login}] does not say where the tool is")
    tool = conversations.tool(context, account.login)
    if export and found.read is None:
        raise Misuse(f"{found.name} reads no exports")
    caller = Caller(Hosts(context.settings.plugins.internal_hosts))
    with asyncio.Runner() as runner, progress(SpinnerColumn(), TextColumn("{task.completed}")) as shown:

        def ask(call: Call) -> Answer:
            return runner.run(caller.call(call))

        task = shown.add_task("")
        if export and found.read:
            members: Any = found.read(export.read_bytes())
        else:
            members = toolsync.members(found, tool, tool.lists.get(row.name, row.name), ask)
        try:
            return toolsync.run(
                context, account, row, members, ask, dry=dry,
                on_progress=lambda tally: shown.update(task, completed=tally.members),
            )  # fmt: skip
        finally:
            runner.run(caller.close())
