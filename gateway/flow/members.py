"""The people of a list, or of an advertiser, page by page with all that a decision may look at."""

from collections.abc import Iterator, Sequence

from gateway import clock
from gateway.flow.context import Context
from gateway.flow.facts import Case, Question, gather
from gateway.mail.address import parse
from gateway.store import people
from gateway.store.tables import Contact, List

PAGE = 500


def of_list(context: Context, row: List) -> Iterator[Sequence[tuple[Contact, Case]]]:
    """Yield the people of a list with their facts of this moment, a page at a time."""
    after = 0
    while True:
        with context.store.read() as tx:
            page = people.of_list(tx, row.id, after, PAGE)
        if not page:
            return
        addresses = tuple(parse(contact.address) for contact in page)
        [cases] = gather(context, [Question(row.advertiser_id, row.id, addresses)], clock.now())
        yield list(zip(page, cases, strict=True))
        after = page[-1].id


def of_advertiser(context: Context, advertiser_id: int) -> Iterator[Sequence[Contact]]:
    """Yield every contact of an advertiser, a page at a time."""
    after = 0
    while True:
        with context.store.read() as tx:
            page = people.of_advertiser(tx, advertiser_id, after, PAGE)
        if not page:
            return
        yield page
        after = page[-1].id
