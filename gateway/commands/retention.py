"""`retention`: what the clocks of the law say must go."""

import click

from gateway.commands.common import Noun, Shell, pass_shell
from gateway.flow import retention as flow


@click.group(cls=Noun)
def retention() -> None:
    """Erase what the law says must go."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go; addresses are masked.")
@pass_shell
def run(shell: Shell, dry_run: bool) -> None:
    """Erase who was silent for too long and empty old proof; `serve` does it once a day by itself."""
    with shell.context() as context:
        done = flow.run(context, dry=dry_run)
    shell.out.record({"dry_run": dry_run, "rows": done.rows, "people": done.people, "busy": done.busy})
