"""The command line: one noun a file; `main` is the program."""

from pathlib import Path

import click

from gateway.commands.account import account
from gateway.commands.advertiser import advertiser
from gateway.commands.check import check, inspect_
from gateway.commands.common import Root, Shell, find_config
from gateway.commands.config import config
from gateway.commands.contact import contact
from gateway.commands.db import db
from gateway.commands.imports import import_
from gateway.commands.law import law
from gateway.commands.lists import list_
from gateway.commands.opposition import opposition
from gateway.commands.plugin import plugin
from gateway.commands.queue import queue
from gateway.commands.serve import demo, serve
from gateway.commands.setup import init

__all__ = ["consentgate", "main"]


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="consentgate", prog_name="consentgate")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Else $CONSENTGATE_CONFIG, ./config.toml, /etc/consentgate/config.toml; else defaults in ./var.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.pass_context
def consentgate(ctx: click.Context, config: Path | None, as_json: bool) -> None:
    """Let prospecting mail out only where the law lets it.

    Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 the answer is no, 2 misuse,
    3 something needed is unreachable.
    """
    ctx.obj = Shell(config or find_config(), as_json=as_json)


for command in (
    init, serve, demo, advertiser, account, list_, import_, contact, opposition, check, inspect_, queue, law, db,
    config, plugin,
):  # fmt: skip
    consentgate.add_command(command)


def main() -> None:
    """Run the program; never returns."""
    consentgate(prog_name="consentgate")
