"""`check` and `inspect`: what would happen, through the very code that sends."""

import difflib
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.utils import getaddresses
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import click

from gateway.commands.common import Shell, Verb, no, pass_shell
from gateway.commands.found import account_named
from gateway.commands.output import harmless, quoted
from gateway.errors import Misuse
from gateway.flow import check as flow
from gateway.flow import crowd
from gateway.flow.check import Inspected
from gateway.flow.crowd import Answer
from gateway.flow.gate import Draft, Login, Recipient
from gateway.flow.importfile import Sheet
from gateway.flow.importrow import is_address
from gateway.flow.intake import allowed_domains
from gateway.law.reasons import Fate
from gateway.mail import headers
from gateway.mail.address import parse
from gateway.mail.lines import crlf
from gateway.store import advertisers
from gateway.store.tx import Tx
from gateway.text import say

PAGE = 1000  # lines written at once
COLUMNS = ("fate", "code", "rule", "also", "sentence")  # of --json, after the address


@click.command(cls=Verb)
@click.option("--list", "list_name", required=True, help="List that would be mailed.")
@click.option("--offer", help="Offer family that the message would have; else that of the list.")
@click.argument("addresses", nargs=-1)
@click.option(
    "--file",
    type=click.Path(allow_dash=True, dir_okay=False),
    help="Addresses, one a line, or a file with a column of them; - for standard input, one a line.",
)
@pass_shell
def check(shell: Shell, list_name: str, offer: str | None, addresses: tuple[str, ...], file: str | None) -> None:
    """May these people be mailed now? A verdict and its reason each, as a stream.

    Exit code 1 when the answer is no for one of them. With --json one object a line. Any number of addresses is read
    as it comes; many are shared among the processors.
    """
    if not addresses and not file:
        raise Misuse("name addresses, or a file with --file; - is standard input")
    refused = False
    show = _Shown(shell, alone=len(addresses) == 1 and not file)
    with shell.context() as context, _lines(file) as lines:
        stream = crowd.answers(context, list_name, chain(addresses, lines), offer=offer)
        while page := list(islice(stream, PAGE)):
            refused = refused or any(answer.fate != Fate.SEND for answer in page)
            shell.out.page(map(show, page))
    if refused:
        no()


class _Shown:
    """Writes answers; all that is not the address is worked out once for each verdict there is."""

    def __init__(self, shell: Shell, *, alone: bool) -> None:
        self._json, self._lang, self._alone = shell.out.json, shell.out.lang, alone
        self._rest: dict[tuple[object, ...], str] = {}

    def __call__(self, answer: Answer) -> str:
        """Return the line, or lines, of an answer."""
        rest = self._rest.get(answer[1:])
        if rest is None:
            rest = self._rest_of(answer)
            if not answer.problem:
                self._rest[answer[1:]] = rest
        if self._json:
            return f'{{"address": {quoted(answer.address)}, {rest}'
        line = f"{answer.fate:<7} {answer.code:<21} {harmless(answer.address)}"
        return f"{line}\n{rest}" if rest else line

    def _rest_of(self, answer: Answer) -> str:
        sentence = answer.problem or say(f"law.{answer.code}", self._lang)
        if self._json:
            row = {**answer._asdict(), "sentence": sentence}
            return json.dumps({name: row[name] for name in COLUMNS}, ensure_ascii=False)[1:]
        return harmless(f"        {sentence}") if self._alone else ""


@contextmanager
def _lines(file: str | None) -> Iterator[Iterable[str]]:
    if file is None:
        yield ()
    elif file == "-":
        yield sys.stdin
    else:
        try:
            stream = Path(file).open("rb")  # noqa: SIM115 - closed below
        except OSError as error:
            raise Misuse(f"{file}: cannot be read ({error.strerror})") from error
        with stream:
            if stream.seekable():
                yield _addresses(stream)
            else:  # what another program writes meanwhile can be read only once
                yield io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace")


def _addresses(stream: BinaryIO) -> Iterator[str]:
    """Yield the address of each line, or of each row of a file with columns: of that named so, else of the first."""
    if not stream.read(1):
        return
    sheet = Sheet(stream)
    place = next((place for place, name in enumerate(sheet.columns) if is_address(name)), 0)
    if len(sheet.columns) == 1 and sheet.columns[0] != "1" and not is_address(sheet.columns[0], postal=True):
        yield sheet.columns[0]  # no header, but a line that is no address
    for line in sheet:
        values = (
            line.cells if sheet.columns else [v for name, v in line.values.items() if is_address(name, postal=True)]
        )
        yield str(values[place]) if values else "?"


@click.command("inspect", cls=Verb)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("more", nargs=-1, metavar="")
@click.option("--account", required=True, help="Account that would hand the message in; login+list names a list.")
@click.option("--to", "recipients", multiple=True, required=True, help="Recipient; more may follow, or repeat it.")
@click.option("--mail-from", help="Envelope sender; else the From address.")
@click.option(
    "--copies", type=click.Path(path_type=Path, file_okay=False), help="Folder for the copies that would leave."
)
@click.option("--diff/--no-diff", default=True, help="Show what would be changed in the first copy.")
@pass_shell
def inspect_(
    shell: Shell,
    /,
    file: Path,
    more: tuple[str, ...],
    account: str,
    recipients: tuple[str, ...],
    **options: Any,  # noqa: ANN401
) -> None:
    """Show what would happen to a message, without sending it. Exit code 1 when a recipient is refused."""
    content = crlf(file.read_bytes())
    with shell.context() as context:
        with context.store.read() as tx:
            login = _login(tx, account)
        sender = options["mail_from"] if options["mail_from"] is not None else _author(content)
        draft = Draft(login, sender, recipients=[Recipient(parse(text)) for text in (*recipients, *more)])
        found = flow.inspect(context, draft, content)
    paths = _written(options["copies"], found) if options["copies"] else {}
    rows = [_row(shell, one, paths.get(place)) for place, one in enumerate(found)]
    copy = next((one.copy for one in found if one.copy is not None), None)
    if shell.out.json:
        warnings = [one.say(shell.out.lang) for one in found[0].cautions]
        shell.out.data({"recipients": rows, "warnings": warnings, "diff": _diff(content, copy) if copy else None})
    else:
        shell.out.table(["address", "fate", "code", "sentence"], rows)
        for one in found[0].cautions:
            shell.out.talk(one.say(shell.out.lang))
        if copy is not None and options["diff"]:
            shell.out.text("\n" + _diff(content, copy))
    if not all(one.decided.passes for one in found):
        no()


def _author(content: bytes) -> str:
    value = headers.parse(content).get("from") or ""
    return next((address for _, address in getaddresses([value])), "")


def _login(tx: Tx, name: str) -> Login:
    user, _, row = name.partition("+")
    account = account_named(tx, user)
    owner = advertisers.get(tx, account.advertiser_id)
    return Login(account, row or None, allowed_domains(account, owner) if owner else frozenset())


def _row(shell: Shell, one: Inspected, path: Path | None) -> dict[str, Any]:
    verdict = one.decided.verdict
    return {
        "address": one.decided.recipient.address.spelled,
        "fate": verdict.fate.value,
        "code": verdict.code,
        "sentence": one.decided.detail or say(f"law.{verdict.code}", shell.out.lang),
        "also": list(verdict.also),
        "copy": str(path) if path else None,
    }


def _written(folder: Path, found: Iterable[Inspected]) -> dict[int, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for place, one in enumerate(found):
        if one.copy is not None:
            paths[place] = folder / f"{place + 1:03}.eml"
            paths[place].write_bytes(one.copy)
    return paths


def _diff(before: bytes, after: bytes) -> str:
    old, new = (part.decode("utf-8", "replace").replace("\r\n", "\n").splitlines() for part in (before, after))
    lines = difflib.unified_diff(old, new, "as handed in", "as it would leave", lineterm="", n=2)
    return "\n".join(harmless(line, keep="\t") for line in lines)
