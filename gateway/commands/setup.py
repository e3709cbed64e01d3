"""`init`: a configuration with fresh secrets, the database, and what to do next."""

import re
from contextlib import closing
from pathlib import Path

import click

from gateway.commands.common import Shell, Verb, pass_shell
from gateway.errors import GatewayError, Misuse
from gateway.settings import load, provide
from gateway.settings.reference import example
from gateway.store import migrate
from gateway.store.engine import Store


@click.command(cls=Verb)
@click.option("--hostname", help="Public DNS name of this machine.")
@click.option("--store", "store_url", help="sqlite:///file or postgresql://user@host/name.")
@click.option("--upstream", help="Next hop: smtp://host:port, smtps://host:port or maildir:folder.")
@click.option("--public-url", help="Address of the opt-out pages as people see it.")
@click.option("--inbound-domain", help="Domain whose mail (bounces, opt-outs) comes to us.")
@pass_shell
def init(shell: Shell, /, **values: str | None) -> None:
    """Write a configuration, fresh secrets and the database.

    Writes the file named by --config, else ./config.toml, with every setting and its explanation. Never overwrites
    a configuration, a secret or a database.
    """
    path = shell.path or Path("config.toml")
    if path.exists():
        raise Misuse(f"{path} is there already; edit it, or name another with --config")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_filled(values), "utf-8")
    try:
        settings = load(path)
        provide(settings)
        with closing(Store(settings.store.url)) as store:
            migrate.upgrade(store)
    except (GatewayError, OSError):
        path.unlink()  # so that the same can be asked again; a secret that was made stays, and is taken then
        raise
    shell.out.record({"config": str(path), "store": settings.store.url, "upstream": settings.upstream.url})
    shell.out.note("first-steps", config=path)


_PLACES = {
    "hostname": ("gateway", "hostname"),
    "store_url": ("store", "url"),
    "upstream": ("upstream", "url"),
    "public_url": ("web", "public_url"),
    "inbound_domain": ("inbound", "domain"),
}


def _filled(values: dict[str, str | None]) -> str:
    """Return the example with the given values and the secret made active."""
    text = example().replace("# [gateway.secrets]\n# 1 =", "[gateway.secrets]\n1 =")
    for option, (section, key) in _PLACES.items():
        if value := values[option]:
            quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            line = f"{key} = {quoted}"
            pattern = rf"(?ms)^(\[{section}\]\n(?:(?!^\[).)*?)^# {key} = [^\n]*$"
            text = re.sub(pattern, rf"\g<1>{line.replace(chr(92), chr(92) * 2)}", text, count=1)
    return text
