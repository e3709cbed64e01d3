"""The command line: one noun a file; `main` is the program."""

from pathlib import Path

import click

from gateway import __version__
from gateway.commands.common import Root, Shell, find_config

__all__ = ["consentgate", "main"]

# Noun → module and name. A noun is loaded when it is used: most calls need neither the web nor the SMTP server.
NOUNS = {
    "init": "setup:init",
    "serve": "serve:serve",
    "demo": "demo:demo",
    "advertiser": "advertiser:advertiser",
    "account": "account:account",
    "apikey": "apikey:apikey",
    "list": "lists:list_",
    "notice": "notice:notice",
    "register": "register:register",
    "import": "imports:import_",
    "export": "export:export",
    "contact": "contact:contact",
    "request": "request:request",
    "retention": "retention:retention",
    "opposition": "opposition:opposition",
    "dkim": "dkim:dkim",
    "check": "check:check",
    "inspect": "check:inspect_",
    "queue": "queue:queue",
    "law": "law:law",
    "audit": "audit:audit",
    "report": "report:report",
    "doctor": "doctor:doctor",
    "db": "db:db",
    "config": "config:config",
    "plugin": "plugin:plugin",
}


@click.group(cls=Root, nouns=NOUNS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="consentgate")
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


def main() -> None:
    """Run the program; never returns."""
    consentgate(prog_name="consentgate")
