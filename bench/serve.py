"""Run the gateway for a benchmark whose load generator cannot log in.

    bench/serve.py --contacts consent.db --spool DIR --prepare
    bench/serve.py --contacts consent.db --spool DIR --listen 127.0.0.1:2525 --upstream 127.0.0.1:2626 [--dkim]

The contacts of `consent.db` (table `consent(addr, state, token)`) are imported once into a database beside it, with a
consent and its evidence for each, and sealed; later runs use it again with an empty spool. A million of them take a
minute or two: do it with `--prepare` before whoever starts the gateway loses patience. Every session is logged in as
the benchmark's account from its first byte: that is done here and not in the product, which takes nothing without one.
"""

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import text

from gateway import clock, journal, service
from gateway.flow import dkimkeys
from gateway.flow.context import Context, open_context
from gateway.flow.gate import Login
from gateway.flow.seal import Sealer, seal
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.settings import Settings
from gateway.smtp.connection import Connection
from gateway.store import accounts, advertisers, ledger, lists, migrate, people
from gateway.store.tables import Account, Advertiser, List

CHUNK = 20_000
EVIDENCE = {
    "mode": "unticked-box",
    "purpose": ["prospecting"],
    "channel": ["email"],
    "controllers": ["Bench SAS"],
    "text": "optin-1",
    "form": "www.sender.test",
    "proof": "form-1",
}


def settings_for(args: argparse.Namespace) -> Settings:
    """Return the settings of the run."""
    spool = Path(args.spool)
    spool.mkdir(parents=True, exist_ok=True)
    (spool / "secret").write_text("benchmark" * 8)
    store = args.store or f"sqlite:///{args.contacts}.consentgate"
    return Settings.model_validate(
        {
            "gateway": {"hostname": "gate.bench.test", "secrets": {1: f"file:{spool / 'secret'}"}},
            "store": {"url": store},
            "smtp": {"listen": args.listen},
            "upstream": {"url": f"smtp://{args.upstream}", "tls": "none", "connections": args.connections},
            "web": {"listen": args.web, "public_url": "https://gate.bench.test"},
            "inbound": {"domain": "back.bench.test"},
            "log": {"level": args.log},
        }
    )


def prepare(context: Context, contacts: str, *, signed: bool = False, keep: bool = False) -> Login:
    """Make tables and contacts unless they are there; empty the spool but for `keep`; return the benchmark's login.

    `signed` says whether copies are signed (rsa-2048).
    """
    migrate.upgrade(context.store)
    with context.store.begin() as tx:
        for table in ("dkim_key",) if keep else ("parcel", "submission", "receipt", "report", "dkim_key"):
            tx.connection().execute(text(f"DELETE FROM {table}"))
        account = accounts.by_login(tx, "bench")
    if account is None:
        account = fill(context, iter(sqlite3.connect(contacts).execute("SELECT addr, state FROM consent")))
        seal(context)  # now, not while it is measured
    if signed:
        with context.store.begin() as tx:
            owner = advertisers.get(tx, account.advertiser_id)
            if owner is None:
                raise LookupError("the benchmark's advertiser is gone")
            [key] = dkimkeys.make(context, tx, owner, "sender.test", ["rsa"], active=True)
        Path(contacts).with_name("gateway.public").write_text(key.public)  # whoever looks at the copies needs it
    return Login(account, None, frozenset({"sender.test"}))


def fill(context: Context, source: Iterator[tuple[str, str]]) -> Account:
    """Import addresses and states, then make the account, so that a run stopped halfway is seen to be incomplete."""
    now = clock.now()
    owner = Advertiser(
        id=context.store.take(1)[0],
        name="bench",
        legal_name="Bench SAS",
        trade_names=["Example News"],
        legal_form="SAS",
        capital="10 000 €",
        siren="552100554",
        vat="FR38552100554",
        office="1 rue du Banc, 75001 Paris",
        registered="552 100 554 RCS Paris",
        email="hello@sender.test",
        privacy_url="https://www.sender.test/privacy",
        domains=["sender.test"],
        upstream_signs=True,
        created_at=now,
    )
    row = List(
        id=context.store.take(1, "list")[0],
        advertiser_id=owner.id,
        name="bench",
        title="Bench",
        regime="opt-in",
        channels=["email"],
        state="active",
        created_at=now,
    )
    with context.store.begin() as tx:
        advertisers.add(tx, owner)
        lists.add(tx, row)
    while chunk := list(islice(source, CHUNK)):
        _people(context, owner, row, chunk)
    account = Account(
        id=context.store.take(1)[0],
        login="bench",
        password_hash="",
        advertiser_id=owner.id,
        list_id=row.id,
        list_ids=[row.id],
        created_at=now,
    )
    with context.store.begin() as tx:
        return accounts.add(tx, account)


def _people(context: Context, owner: Advertiser, row: List, chunk: list[tuple[str, str]]) -> None:
    now = clock.now()
    numbers = iter(context.store.take(3 * len(chunk)))
    contacts = [
        {
            "id": next(numbers),
            "advertiser_id": owner.id,
            "address": address,
            "address_key": parse(address).key,
            "subject": "consumer",
            "age": "adult",
            "created_at": now,
        }
        for address, _ in chunk
    ]
    with context.store.begin() as tx:
        ids = people.upsert_many(tx, contacts)
        ledger.extend(tx, list(_events(chunk, ids, owner, row, numbers)))


def _events(
    chunk: list[tuple[str, str]], ids: dict[str, int], owner: Advertiser, row: List, numbers: Iterator[int]
) -> Iterator[dict]:
    now = clock.now()
    for address, state in chunk:
        kinds = [(Kind.GRANTED, 30, EVIDENCE)] + ([(Kind.WITHDRAWN, 10, {})] if state != "granted" else [])
        for kind, days, evidence in kinds:
            yield {
                "id": next(numbers),
                "advertiser_id": owner.id,
                "contact_id": ids[address],
                "list_id": row.id,
                "channel": "email",
                "kind": kind.value,
                "at": now - timedelta(days=days),
                "recorded_at": now,
                "actor": "bench",
                "evidence": evidence,
            }


def open_door(login: Login) -> None:
    """Log every session in."""
    create = Connection._create_session

    def created(self: Connection):
        talk = create(self)
        talk.login = login
        return talk

    Connection._create_session = created


def sealed_today() -> None:
    """Have no process look through everything for what is unsealed, as each does when it begins and once a day."""
    make = Sealer.__init__

    def made(self: Sealer, context: Context) -> None:
        make(self, context)
        self._whole_at = clock.now()

    Sealer.__init__ = made


def main() -> None:
    """Prepare, then serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:2525")
    parser.add_argument("--upstream", default="127.0.0.1:2626")
    parser.add_argument("--web", default="127.0.0.1:0")
    parser.add_argument("--contacts", required=True)
    parser.add_argument("--spool", required=True)
    parser.add_argument("--store", help="another database, such as postgresql://…")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--log", default="warning")
    parser.add_argument("--dkim", action="store_true", help="sign each copy (rsa-2048)")
    parser.add_argument("--keep", action="store_true", help="keep what the spool holds")
    parser.add_argument("--prepare", action="store_true", help="make the database and end")
    args = parser.parse_args()
    settings = settings_for(args)
    journal.setup(args.log, "json")
    context = open_context(settings)
    login = prepare(context, args.contacts, signed=args.dkim, keep=args.keep)
    context.close()
    if not args.prepare:
        open_door(login)
        sealed_today()
        service.run(settings, service.PARTS, args.workers)


if __name__ == "__main__":
    main()
