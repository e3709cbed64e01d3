"""Hand a list to somebody else: only those who may be, each with an event, and the whole with a record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway import clock
from gateway.flow import members
from gateway.flow.consent import CHANNEL
from gateway.flow.context import Context
from gateway.flow.facts import Case
from gateway.flow.hashed import Hashes
from gateway.law.events import Kind
from gateway.law.transfer import WASHED, Handing, Partner, may_hand
from gateway.store import ledger, transfers
from gateway.store.records import Transfer
from gateway.store.tables import Contact, List

KINDS = ("sale", "rental", "exchange")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be handed to whom; `wash` are the hashes that the partner does not want to have."""

    partner: Partner
    kind: str
    contact: str = ""
    actor: str = ""
    wash: Hashes | None = None


def run(
    context: Context, row: List, order: Order, *, dry: bool, on_handed: Callable[[Contact, int], None] = lambda *_: None
) -> Transfer:
    """Hand over the people of `row` and return the record; `dry` writes nothing and hands nothing over.

    The event of a person is durable before `on_handed` sees them, so that nobody is handed over without a trace. It
    also gets the number of that event: the partner's reference, by which they are told even of people erased here.
    """
    record = Transfer(
        id=0 if dry else context.store.take(1)[0], list_id=row.id, kind=order.kind, partner=order.partner.name,
        partner_siren=order.partner.siren, partner_contact=order.contact, actor=order.actor, at=clock.now(),
    )  # fmt: skip
    if not dry:
        with context.store.begin() as tx:
            transfers.add(tx, record)
    for page in members.of_list(context, row):
        answered = [(contact, _answer(case, order)) for contact, case in page]
        handed = [(contact, answer) for contact, answer in answered if answer.allowed]
        record.handed, record.kept = record.handed + len(handed), record.kept + len(page) - len(handed)
        for _, answer in answered:
            record.reasons = record.reasons | {answer.code: record.reasons.get(answer.code, 0) + 1}
        if dry:
            continue
        references = _write(context, row, record, handed)
        for (contact, _), reference in zip(handed, references, strict=True):
            on_handed(contact, reference)
    return record


def _answer(case: Case, order: Order) -> Handing:
    answer = may_hand(case.facts, order.partner)
    if answer.allowed and order.wash is not None and order.wash.names(case.address):
        return Handing(WASHED, answer.because)
    return answer


def _write(context: Context, row: List, record: Transfer, handed: Sequence[tuple[Contact, Handing]]) -> range:
    now, numbers = clock.now(), context.store.take(len(handed))
    events = [
        {
            "id": number,
            "advertiser_id": row.advertiser_id,
            "contact_id": contact.id,
            "list_id": row.id,
            "channel": CHANNEL,
            "kind": Kind.TRANSFERRED.value,
            "at": now,
            "recorded_at": now,
            "actor": record.actor,
            "evidence": {
                "transfer": record.id, "partner": record.partner, "siren": record.partner_siren, "kind": record.kind,
                "because": list(answer.because),
            },
        }
        for number, (contact, answer) in zip(numbers, handed, strict=True)
    ]  # fmt: skip
    with context.store.begin() as tx:
        ledger.extend(tx, events)
        transfers.save(tx, record)
    return numbers
