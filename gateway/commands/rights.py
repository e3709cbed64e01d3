"""`contact rectify|restrict|erase|access`: the rights of one person (GDPR 15-18)."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from gateway import clock
from gateway.commands.common import Shell, Verb, confirm, pass_shell, yes_option
from gateway.commands.found import advertiser_named, contact_named
from gateway.commands.output import plain
from gateway.commands.spreadsheet import written
from gateway.commands.told import answer
from gateway.errors import Misuse
from gateway.flow import access as access_
from gateway.flow import certificate as paper
from gateway.flow import consent, privacy, recipients, requests
from gateway.flow.consent import Saying
from gateway.mail.address import parse
from gateway.text import say

_owner_option = click.option("--advertiser", help="Whose contact it is.")


@click.command(cls=Verb)
@click.argument("address")
@_owner_option
@click.option("--new-address", help="The right address; objections made under the old one hold for both.")
@click.option("--name", help="Name.")
@click.option("--company", help="Company.")
@click.option("--function", help="Function in the company.")
@click.option("--subject", type=click.Choice(["consumer", "professional", "organisation"]), help="What they are.")
@click.option("--country", help="Country, two letters.")
@click.option("--language", help="Language, two letters.")
@click.option("--age", type=click.Choice(["adult", "15-17", "under15"]), help="Age.")
@pass_shell
def rectify(shell: Shell, /, address: str, advertiser: str | None, new_address: str | None, **changes: Any) -> None:  # noqa: ANN401 - fields
    """Correct what is held on a person (GDPR 16); the ledger names the fields, not their values."""
    given = {name: value for name, value in changes.items() if value is not None}
    if not given and not new_address:
        raise Misuse("say what is right: --new-address, --name, --company …")
    new = parse(new_address) if new_address else None
    with shell.context() as context, context.store.begin() as tx:
        owner = advertiser_named(tx, advertiser)
        row = contact_named(tx, owner, address)
        said = Saying(clock.now(), "cli", shell.actor)
        requests.settle(context, tx, owner.id, parse(address), "rectification", shell.actor)
        fields = privacy.rectify(context, tx, row, given, new, said)
        shown, told = row.address, recipients.of_contact(tx, row.id)
    answer(shell.out, {"address": shown, "advertiser": owner.name, "changed": fields}, told if fields else ())


@click.command(cls=Verb)
@click.argument("address")
@_owner_option
@click.option("--lift", is_flag=True, help="End the restriction.")
@pass_shell
def restrict(shell: Shell, address: str, advertiser: str | None, lift: bool) -> None:
    """Keep a person's data and send nothing while something is being clarified (GDPR 18)."""
    with shell.context() as context:
        with context.store.begin() as tx:
            owner = advertiser_named(tx, advertiser)
            row = contact_named(tx, owner, address)
            fresh = privacy.restrict(context, tx, row, Saying(clock.now(), "cli", shell.actor), lifted=lift)
            if not lift:
                requests.settle(context, tx, owner.id, parse(address), "restriction", shell.actor)
            told = recipients.of_contact(tx, row.id)
        if not lift:
            consent.settle(context, row.id)
    found = {"address": row.address, "advertiser": owner.name, "restricted": not lift, "recorded": fresh}
    answer(shell.out, found, told)


@click.command(cls=Verb)
@click.argument("address")
@_owner_option
@yes_option
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file for the certificate, .html or .txt; the same as .json goes beside it.",
)
@pass_shell
def erase(shell: Shell, address: str, advertiser: str | None, yes: bool, certificate: Path | None) -> None:
    """Erase a person (GDPR 17), print the certificate and who must be told (GDPR 19).

    What stays: the keyed digest of the address, so that no import brings the person back, and the ledger without
    anything that says who it was. The certificate is in the person's language and does not name them.
    """
    if certificate and certificate.suffix not in {".html", ".txt"}:
        raise Misuse(f"--certificate {certificate}: name it .html or .txt; the JSON goes beside it")
    parsed = parse(address)
    with shell.context() as context:
        with context.store.read() as tx:
            owner = advertiser_named(tx, advertiser)
            row = contact_named(tx, owner, address)
        confirm(shell, yes, "ask-erase", address=parsed.spelled)
        with _papers(certificate) as write:
            with context.store.begin() as tx:
                request = requests.settle(context, tx, owner.id, parsed, "erasure", shell.actor)
            said = Saying(clock.now(), "cli", shell.actor, channel=None)
            done = privacy.erase(context, row, owner.legal_name or owner.name, said)
            document = paper.document(done, owner, request.id)
            as_page = paper.html if certificate and certificate.suffix == ".html" else paper.text
            write(as_page(document, access_.language(row), context.policy.timezone), paper.machine(document))
    kept = [say(f"rights.kept-{name}", shell.out.lang) for name in paper.KEPT]
    found: dict[str, Any] = {
        "certificate": done.reference, "at": done.at, "advertiser": done.advertiser, "request": request.id,
        "deleted": dict(done.deleted), "kept": kept,
    }  # fmt: skip
    if certificate:
        found["files"] = [str(certificate), str(certificate.with_suffix(".json"))]
    answer(shell.out, found, done.told)


@contextmanager
def _papers(target: Path | None) -> Iterator[Callable[[str, str], None]]:
    """Give what writes the certificate and its JSON; the files are made before the erasure, and go when it fails."""
    if target is None:
        yield lambda *_: None
        return
    with ExitStack() as files:
        writes = []
        for path in (target, target.with_suffix(".json")):
            writes.append(files.enter_context(written(path)))
            files.push(_gone_on_failure(path))

        def write(*contents: str) -> None:
            for one, content in zip(writes, contents, strict=True):
                one(content)

        yield write


def _gone_on_failure(path: Path) -> Callable[..., None]:
    def leave(kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            path.unlink(missing_ok=True)

    return leave


@click.command(cls=Verb)
@click.argument("address")
@_owner_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help="Folder to write to.",
)
@pass_shell
def access(shell: Shell, address: str, advertiser: str | None, out: Path) -> None:
    """Write everything held on a person (GDPR 15): a page in their language, and JSON.

    Hand it to that person only: by mail to the very address, unless there is no doubt who asks (GDPR 12(6)).
    """
    with shell.context() as context, context.store.begin() as tx:
        owner = advertiser_named(tx, advertiser)
        row = contact_named(tx, owner, address)
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = requests.settle(context, tx, owner.id, parse(address), "access", shell.actor).id
        found = access_.document(context, tx, owner, row)
        text = access_.page(found, access_.language(row), context.policy.timezone)
        files = {out / f"access-{number}.json": json.dumps(found, ensure_ascii=False, indent=2, default=plain) + "\n",
                 out / f"access-{number}.html": text}  # fmt: skip
        for path, content in files.items():  # before the request is closed: no file, no answer
            path.touch(mode=0o600)
            path.write_text(content, encoding="utf-8")
    shell.out.record({"address": address, "request": number, "files": [str(path) for path in files]})


ALL = (rectify, restrict, erase, access)
