"""What the gateway itself writes to a person or a tool: a letter goes into the spool with the event it tells of.

    with context.store.begin() as tx:
        consent.record(...)  # the event
        letters.send(
            context, tx, advertiser, MessageClass.RIGHTS, to=contact.address, subject=…, body=[…, Button(…)], lang="fr"
        )

It is written in the caller's transaction, so it is durable exactly when the event is. From there it is delivered like
any other parcel, by any node: the law is asked again for its class, the copy is signed with the advertiser's keys, what
the next hop said becomes a receipt. Only the classes that need no basis may be written here (RIGHTS answers a
request, NOTICE informs, SERVICE is anything else that one must know); they carry no mention, so they must not promote.

Content that is no plain letter (a delivery report, say) is any message with CRLF lines.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway import clock
from gateway.flow.commit import Row
from gateway.flow.context import Context
from gateway.flow.facts import ITSELF
from gateway.flow.intake import PERSONAL, within
from gateway.law.facts import MessageClass
from gateway.mail.address import parse
from gateway.mail.compose import Button, Head, compose
from gateway.store import spool
from gateway.store.tables import Advertiser
from gateway.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one mailbox.

    `recipient` is spelled as `mail.address` does; the return path is the null one, as every automatic answer and
    report has it (RFC 3834, 3.3; RFC 5321, 4.5.5). `foreign` is mail of others, passed on: never signed with the
    advertiser's key, whatever stands in its From.
    """

    advertiser_id: int
    recipient: str
    content: bytes
    klass: MessageClass
    list_id: int | None = None
    contact_id: int | None = None
    foreign: bool = False


def post(context: Context, tx: Tx, letter: Letter) -> int:
    """Put the letter into the spool inside `tx`, and return its reference: the number of its parcel.

    Raises ValueError for a class that the gateway does not write.
    """
    if letter.klass not in PERSONAL:
        raise ValueError(f"the gateway writes no {letter.klass} mail of its own")
    now = clock.now()
    number, ref = context.store.take(2)
    submission: Row = {
        "id": number,
        "account_id": ITSELF,
        "advertiser_id": letter.advertiser_id,
        "list_id": letter.list_id,
        "klass": letter.klass.value,
        "mail_from": "",
        "content": letter.content,
        "smtputf8": not letter.recipient.isascii(),
        "hints": {"from": [], "missing": [], "remove": [], "foreign": letter.foreign},
        "received_at": now,
    }
    parcel = {
        "id": ref,
        "submission_id": number,
        "contact_id": letter.contact_id,
        "recipient": letter.recipient,
        "due_at": now,
        "expires_at": now + context.settings.limits.expire,
        "created_at": now,
    }
    spool.put(tx, [submission], [parcel])
    return ref


def send(
    context: Context,
    tx: Tx,
    advertiser: Advertiser,
    klass: MessageClass,
    *,
    to: str,
    subject: str,
    body: Sequence[str | Button],
    lang: str,
    list_id: int | None = None,
    contact_id: int | None = None,
    in_reply_to: str = "",
    automatic: Literal["", "auto-generated", "auto-replied"] = "auto-generated",
) -> int:
    """Write a letter in the advertiser's name (`mail.compose`), with fresh Date and Message-ID, and `post` it.

    `in_reply_to` is the Message-ID that it answers, if it answers one.
    """
    host = context.settings.gateway.hostname
    head = Head(
        author=sender(context, advertiser),
        author_name=advertiser.legal_name or advertiser.name,
        to=to,
        subject=subject,
        date=clock.now(),
        message_id=f"<{secrets.token_hex(16)}@{host}>",
        lang=lang,
        reply_to=advertiser.email,
        in_reply_to=in_reply_to,
        automatic=automatic,
    )
    return post(context, tx, Letter(advertiser.id, to, compose(head, body), klass, list_id, contact_id))


def sender(context: Context, advertiser: Advertiser) -> str:
    """Return the address that letters of the advertiser come from.

    It is the advertiser's own where that lies below a sending domain, so that it can be signed; else the postmaster
    of the first sending domain, who is always there (RFC 5321, 4.5.1), or of the gateway. Answers go to the
    advertiser's own address in any case.
    """
    if advertiser.email and within(parse(advertiser.email).domain, advertiser.domains):
        return advertiser.email
    return f"postmaster@{advertiser.domains[0] if advertiser.domains else context.settings.gateway.hostname}"
