"""`plugin`: campaign tools."""

from pathlib import Path

import click

from gateway.commands.common import Noun, Shell, no, pass_shell
from gateway.errors import Misuse
from gateway.loader import available, load
from gateway.mail import headers


@click.group(cls=Noun)
def plugin() -> None:
    """List and check the translators for campaign tools."""


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
    """Check a plugin; with MESSAGE (an .eml file), show what it reads there. Exit code 1 when it reads nothing."""
    found = load(name, shell.settings.plugins.folder)
    row = {"name": found.name, "title": found.title, "file": found.origin, "block_style": found.block_style}
    if message is None:
        shell.out.record(row)
        return
    content = message.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    hints = found.recognise(headers.parse(content).pairs())
    shell.out.record({**row, "hints": {key: getattr(hints, key) for key in hints.__dataclass_fields__}})
    if not hints.tool:
        shell.out.note("plugin-reads-nothing", name=name)
        no()
