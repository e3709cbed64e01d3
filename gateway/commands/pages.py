"""The reference page of the commands, made from the commands themselves."""

import inspect
import re

import click


def commands_page(root: click.Command) -> str:
    """Return docs/reference/commands.md, in Markdown."""
    lines = [
        "# Commands",
        "",
        "Made from the program by `consentgate config reference commands`; a test holds it equal. Every command also",
        "takes `--json` and `--help`. Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 the",
        "answer is no, 2 misuse, 3 something needed is unreachable, 70 a mistake of ours (with a reference).",
    ]
    context = click.Context(root, info_name="consentgate")
    lines += ["", *_options(root, context)]
    for name, command in _children(root, context):
        lines += _section(command, click.Context(command, info_name=name, parent=context), 2)
    return "\n".join(lines).rstrip("\n") + "\n"


def _children(command: click.Command, context: click.Context) -> list[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        return []
    found = ((name, command.get_command(context, name)) for name in command.list_commands(context))
    return [(name, child) for name, child in found if child and not child.hidden]


def _section(command: click.Command, context: click.Context, depth: int) -> list[str]:
    usage = " ".join(part for part in command.collect_usage_pieces(context) if part != "[OPTIONS]")
    lines = ["", f"{'#' * depth} {context.command_path} {usage}".rstrip(), ""]
    # What click leaves as it is (after its \b) is for typing.
    lines += re.sub(
        "\b\n(.+?)(?=\n\n|$)", r"```sh\n\1\n```", inspect.cleandoc(command.help or ""), flags=re.DOTALL
    ).splitlines()
    if options := _options(command, context):
        lines += ["", *options]
    for name, child in _children(command, context):
        lines += _section(child, click.Context(child, info_name=name, parent=context), depth + 1)
    return lines


def _options(command: click.Command, context: click.Context) -> list[str]:
    records = [
        record
        for parameter in command.params
        if isinstance(parameter, click.Option)
        and parameter.name != "json"
        and (record := parameter.get_help_record(context))
    ]
    if not records:
        return []
    rows = [f"| `{name.replace('|', chr(92) + '|')}` | {text.replace('|', chr(92) + '|')} |" for name, text in records]
    return ["| option | |", "|---|---|", *rows]
