"""The command line: one noun a file; `main` is the program."""

from pathlib import Path

import click

from gateway import __version__
from gateway.commands.common import Root, Shell, find_config

__all__ = ["consentgate", "main"]

# Noun → module and name, and what its help begins with. A noun is loaded when it is used, and not to be listed: most
# calls need neither the web nor the SMTP server.
NOUNS = {
    "init": ("setup:init", "Write a configuration, fresh secrets and the database."),
    "serve": ("serve:serve", "Run the gateway until it is told to stop (Ctrl-C, SIGTERM)."),
    "demo": (
        "demo:demo",
        "Show a campaign going out lawfully: who got it, who did not and why, and what one click changes.",
    ),
    "advertiser": ("advertiser:advertiser", "Manage the legal persons on whose behalf mail is sent (annonceurs)."),
    "account": ("account:account", "Manage the SMTP credentials of marketing tools."),
    "apikey": ("apikey:apikey", "Manage the keys of the API."),
    "list": ("lists:list_", "Manage the lists: the people collected for one purpose of one advertiser (fichiers)."),
    "notice": (
        "notice:notice",
        "Make the information texts that people are shown (mentions d'information), and keep every version.",
    ),
    "register": (
        "register:register",
        "Keep the record of processing activities of GDPR 30 (registre), made from what the program knows.",
    ),
    "import": ("imports:import_", "Bring people and their evidence into a list."),
    "export": (
        "export:export",
        "Write the people of a list: who they are, whether they may be written to now, and on which evidence.",
    ),
    "contact": ("contact:contact", "Look at one person, correct, restrict and erase."),
    "request": ("request:request", "Keep the requests of people about their data, and their deadlines."),
    "retention": ("retention:retention", "Erase what the law says must go."),
    "opposition": ("opposition:opposition", "Manage objections."),
    "dkim": ("dkim:dkim", "Manage the keys that sign mail (DKIM, RFC 6376)."),
    "check": ("check:check", "May these people be mailed now? A verdict and its reason each, as a stream."),
    "inspect": ("check:inspect_", "Show what would happen to a message, without sending it."),
    "queue": ("queue:queue", "Look after the spool: copies that wait, are held, or have failed."),
    "law": ("law:law", "Read the law as a table, and ask it."),
    "audit": ("audit:audit", "Prove what happened, and find what was changed behind the program's back."),
    "report": ("report:report", "Say what was sent, what was refused and why, and how many opted out, day by day."),
    "doctor": (
        "doctor:doctor",
        "Look at configuration, database, TLS, DNS, next hop and pages, and name the cure of what is found.",
    ),
    "db": ("db:db", "Upgrade, back up and restore the database."),
    "config": ("config:config", "Show and check the configuration."),
    "plugin": (
        "plugin:plugin",
        "List, check and write the translators for campaign tools, and compare a tool's list with the ledger.",
    ),
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
