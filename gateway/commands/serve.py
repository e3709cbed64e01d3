"""`serve`: run the gateway."""

from functools import partial

import click

from gateway import journal, service
from gateway.commands.common import Shell, Verb, pass_shell
from gateway.errors import Misuse
from gateway.settings import lacking, load, provide

PARTS = ("smtp", "web", "courier")


@click.command(cls=Verb)
@click.option("--only", help="Parts to run, separated by commas: smtp, web, courier. All when left out.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes on the same ports."
)
@pass_shell
def serve(shell: Shell, only: str | None, workers: int) -> None:
    """Run the gateway until it is told to stop (Ctrl-C, SIGTERM)."""
    parts = frozenset(part.strip() for part in only.split(",")) if only else frozenset(PARTS)
    if unknown := sorted(parts - set(PARTS)):
        raise Misuse(f"--only {', '.join(unknown)}: there is no such part; there are {', '.join(PARTS)}")
    if shell.path is None:
        provide(shell.settings)
    if problems := lacking(shell.settings):
        raise Misuse("\n  ".join(["the gateway cannot start", *problems]))
    with shell.context():
        pass  # the database answers and is of this version
    journal.setup(shell.settings.log.level, shell.settings.log.format)
    service.run(shell.settings, parts, workers, partial(load, shell.path))
