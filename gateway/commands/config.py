"""`config`: what is in force, and the pages made from the declarations."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from gateway.commands.common import Noun, Shell, no, pass_shell
from gateway.commands.pages import commands_page
from gateway.settings import lacking
from gateway.settings.reference import example, page


@click.group(cls=Noun)
def config() -> None:
    """Show and check the configuration."""


@config.command()
@pass_shell
def show(shell: Shell) -> None:
    """Print every setting in force. Secrets are named, never shown."""
    values: dict[str, dict[str, Any]] = shell.settings.model_dump()
    if shell.out.json:
        shell.out.data({"file": str(shell.path) if shell.path else None, **values})
        return
    shell.out.note("config-from", path=shell.path or "-")
    rows = [
        {"setting": f"{section}.{key}", "value": _shown(value)}
        for section, part in values.items()
        for key, value in part.items()
    ]
    shell.out.table(["setting", "value"], rows)


@config.command()
@pass_shell
def check(shell: Shell) -> None:
    """Check the file, and that the secrets and files it names are there. Exit code 1 when one is not."""
    found = lacking(shell.settings)
    if found or shell.out.json:
        shell.out.table(["problem"], [{"problem": line} for line in found])
    if found:
        no()
    shell.out.note("config-good")


@config.command("example")
@pass_shell
def example_(shell: Shell) -> None:
    """Print a configuration with every setting, its default and why one would change it."""
    shell.out.text(example().rstrip("\n"))


@config.command(hidden=True)
@click.argument("name", type=click.Choice(["settings", "commands"]))
@click.pass_context
def reference(ctx: click.Context, name: str) -> None:
    """Print a page of docs/reference."""
    click.echo(page() if name == "settings" else commands_page(ctx.find_root().command), nl=False)


def _shown(value: object) -> object:
    if isinstance(value, (Path, timedelta)):
        return str(value)
    return value
