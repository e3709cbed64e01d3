"""What all commands share: options, exit codes, the way to the settings and to the database.

Exit codes: 0 done, 1 the answer is no, 2 misuse, 3 something needed is unreachable, 70 a mistake of ours.
"""

import getpass
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click
from click.shell_completion import CompletionItem

from gateway import journal
from gateway.commands.output import Output
from gateway.errors import Misuse, TryLater
from gateway.flow.context import Context, open_context
from gateway.flow.crew import settle
from gateway.settings import Settings, load, provide
from gateway.store import migrate
from gateway.store.engine import Store

NO, MISUSE, UNREACHABLE, MISTAKE = 1, 2, 3, 70
PLACES = (Path("config.toml"), Path("/etc/consentgate/config.toml"))


class Shell:
    """One call of the program: its configuration, its way of speaking, and who calls."""

    def __init__(self, path: Path | None, *, as_json: bool) -> None:
        self.path = path
        self.out = Output(as_json=as_json, lang=language())
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """Return the settings, read when first asked for; raise Misuse with every problem."""
        if self._settings is None:
            self._settings = load(self.path)
        return self._settings

    @property
    def actor(self) -> str:
        """Return who calls, as the ledger names it: `cli:` and the name of the system's user."""
        try:
            return f"cli:{getpass.getuser()}"
        except (KeyError, OSError):
            return f"cli:{os.getuid()}"

    @contextmanager
    def context(self) -> Iterator[Context]:
        """Open store and keys for one command; the database must be of this version.

        Without a configuration the embedded defaults in ./var are made on the spot.
        """
        if self.path is None:
            provide(self.settings)
        self.out.zone = ZoneInfo(self.settings.law.timezone)
        context = open_context(self.settings)
        try:
            self._ready(context.store)
            settle()
            yield context
        finally:
            context.close()

    def _ready(self, store: Store) -> None:
        status = migrate.status(store)
        if status.ok:
            return
        if status.current is None:  # nothing is in it yet
            migrate.upgrade(store)
            return
        raise Misuse("the database is not of this version of the program; run `consentgate db upgrade`")


class Verb(click.Command):
    """A command that takes --json, wherever it stands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed on to click
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())


class Noun(click.Group):
    """A group of commands about one thing, listed in the order in which they are written."""

    command_class = Verb

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click has it
        """Return the commands in the order in which they were added."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names; for a word that is none, say which one it is like."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if near := get_close_matches(args[0], self.list_commands(ctx), 3):
                said = f"{error.message} Did you mean {' or '.join(near)}?"
                raise click.UsageError(said, error.ctx) from error
            raise

    def summary(self, ctx: click.Context, name: str) -> str:
        """Return the first sentence of a command's help, "" when it is not to be listed."""
        command = self.get_command(ctx, name)
        if command is None or command.hidden:
            return ""
        return " ".join(re.split(r"(?<=\.)\s", command.help or "", maxsplit=1)[0].split())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with whole sentences: click would cut them off."""
        rows = [(name, self.summary(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([row for row in rows if row[1]])


class Root(Noun):
    """The program: loads nouns when they are used, turns exceptions into sentences and exit codes.

    `nouns` says of each where it is ("module:name") and what its help begins with, so that nothing is loaded to list
    or complete them.
    """

    def __init__(self, *args: Any, nouns: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:  # noqa: ANN401 - handed on to click
        super().__init__(*args, **kwargs)
        self._nouns = nouns

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click has it
        """Return the nouns in the order in which they are written."""
        return list(self._nouns)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as click has it
        """Return the command of a noun, loaded now."""
        if cmd_name not in self._nouns:
            return None
        module, _, name = self._nouns[cmd_name][0].partition(":")
        found = getattr(import_module(f"gateway.commands.{module}"), name)
        return found if isinstance(found, click.Command) else None

    def summary(self, ctx: click.Context, name: str) -> str:  # noqa: ARG002 - as `Noun` has it
        """Return what the help of a noun begins with."""
        return self._nouns[name][1]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the nouns and options that begin so."""
        found = [
            CompletionItem(noun, help=self.summary(ctx, noun)) for noun in self._nouns if noun.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the command."""
        journal.setup("warning", "console")
        try:
            return super().invoke(ctx)
        except Misuse as error:
            raise Failure(str(error), MISUSE) from error
        except TryLater as error:
            raise Failure(str(error), UNREACHABLE) from error
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError, KeyboardInterrupt):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.filename:  # a file or folder that somebody named
                raise Failure(f"{error.filename}: {error.strerror}", MISUSE) from error
            reference = journal.fault("command", error)
            raise Failure(
                f"a mistake of ours, reference {reference}; the log above tells the story", MISTAKE
            ) from error


class Failure(click.ClickException):
    """A sentence on standard error and an exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        setattr(self, "exit_code", code)  # noqa: B010 - click declares it on the class


pass_shell = click.make_pass_decorator(Shell)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def no() -> NoReturn:
    """End with the exit code that says: the answer is no."""
    click.get_current_context().exit(NO)


def confirm(shell: Shell, yes: bool, key: str, **fields: object) -> None:
    """Ask before something is destroyed, unless `--yes` was given; without a terminal `--yes` is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misuse(shell.out.say(key, **fields) + " " + shell.out.say("say-yes"))
    if not click.confirm(shell.out.say(key, **fields), err=True):
        raise click.Abort


def language() -> str:
    """Return the language of the talk: $CONSENTGATE_LANG, else the locale's, else English."""
    for name in ("CONSENTGATE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "fr" if value.lower().startswith("fr") else "en"
    return "en"


def find_config() -> Path | None:
    """Return the configuration to use when none is named: $CONSENTGATE_CONFIG, then the usual places, else None."""
    if named := os.environ.get("CONSENTGATE_CONFIG"):
        return Path(named)
    return next((place for place in PLACES if place.is_file()), None)


def _json_option() -> click.Option:
    def switch(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        if value and isinstance(ctx.obj, Shell):
            ctx.obj.out.json = True

    return click.Option(["--json"], is_flag=True, expose_value=False, callback=switch, help="Answer in JSON.")
