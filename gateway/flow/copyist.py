"""Writing people's copies: what is the same for many of them is written once, then each gets their own links."""

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from gateway.flow import wording
from gateway.flow.context import Context
from gateway.flow.facts import Case
from gateway.flow.wording import Said
from gateway.law.facts import MessageClass
from gateway.law.reasons import Token, Verdict
from gateway.mail import headers
from gateway.mail.form import StandIns
from gateway.mail.rewrite import Insert, Plan, Unfit, plain
from gateway.store.spool import Handed
from gateway.store.tables import Advertiser, List
from gateway.tokens import Link, Purpose

_MOST = 2048  # inserts that are kept


class _Kept(NamedTuple):
    """An insert, with the rows from which it was made: while these are kept, no others have their place in memory."""

    insert: Insert
    advertiser: Advertiser
    list: List | None


class Copyist:
    """Writes copies, in any thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stand_ins = StandIns(context.tokens.stand_in(), context.tokens.stand_in())  # of links, and in mailto
        self._settings = context.settings
        self._inserts: dict[tuple[int, int, Said, bool, frozenset[Token]], _Kept] = {}

    def written(self, submission: Handed, plan: Plan | Unfit, case: Case, verdict: Verdict, *, parcel: int) -> bytes:
        """Return the person's own copy, unsigned: everything that `verdict.inject` asks for, below our trace fields.

        A message that needs no mention (service, notices, answers about rights) stays as it is.
        """
        top = _trace(self._context.settings.gateway.hostname, submission, parcel)
        if Token.FOOT not in verdict.inject:
            copy = plain(submission.content, top, remove=frozenset(submission.hints["remove"]))
            if isinstance(copy, Unfit):
                raise TypeError("a message that cannot be read was let through")
            return copy
        if isinstance(plan, Unfit):
            raise TypeError("a message that cannot carry the mention was let through")
        insert, words = self._insert(case, verdict), self._words(case, parcel)
        form = plan.form(insert, self._stand_ins)
        if form is None:
            return top + plan.copy(insert.filled(self._stand_ins, words))
        return form.filled([word.encode("ascii") for word in words], top)

    def _words(self, case: Case, parcel: int) -> list[str]:
        """Return what stands for the stand-ins in the copy of one person."""
        link, seal = _link(case, parcel), self._context.tokens.seal
        return [seal(Purpose.LINK, link), seal(Purpose.MAILTO, link) if self._context.settings.inbound.listen else ""]

    def _insert(self, case: Case, verdict: Verdict) -> Insert:
        """Return what goes into the copy, with stand-ins for the person's tokens."""
        said = wording.said(self._context, case, verdict)
        noncom = case.message.klass is MessageClass.NONCOM
        key = (id(case.advertiser), id(case.list), said, noncom, verdict.inject)
        if len(self._inserts) >= _MOST or self._settings is not self._context.settings:
            self._inserts.clear()
            self._settings = self._context.settings
        kept = self._inserts.get(key)
        if kept is None:
            kept = self._inserts[key] = _Kept(self._made(case, verdict, said), case.advertiser, case.list)
        return kept.insert

    def _made(self, case: Case, verdict: Verdict, said: Said) -> Insert:
        token, written = self._stand_ins.words
        base, inbound = self._context.settings.web.public_url, self._context.settings.inbound
        page = f"{base}/p/{token}"
        # Without a door for it, an address to write to would lead nowhere.
        mailto = f"stop+{written}@{inbound.domain}" if inbound.listen else ""
        return Insert(
            headers=tuple(_list_fields(self._context, case.list, verdict, f"{base}/1/{token}", mailto)),
            mention=wording.mention(self._context, case, verdict, said, page, mailto),
            links={"unsubscribe_url": page, "preferences_url": page},
            tracking=Token.TRK in verdict.inject,
        )


def return_path(context: Context, case: Case, parcel: int) -> str:
    """Return the envelope sender of one copy: a bounce that comes to it says whose it is (VERP)."""
    return f"b+{context.tokens.seal(Purpose.BOUNCE, _link(case, parcel))}@{context.settings.inbound.domain}"


def _link(case: Case, parcel: int) -> Link:
    return Link(case.contact.id if case.contact else 0, case.list.id if case.list else 0, parcel)


def _list_fields(
    context: Context, row: List | None, verdict: Verdict, one_click: str, mailto: str
) -> list[tuple[str, str]]:
    """RFC 2369, RFC 8058, RFC 2919."""
    fields = []
    if Token.LU in verdict.inject:
        write = f", <mailto:{mailto}>" if mailto else ""
        fields.append(("List-Unsubscribe", f"<{one_click}>{write}"))
    if Token.LUP in verdict.inject:
        fields.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    if Token.LID in verdict.inject and row:
        fields.append(("List-Id", f"<{row.name}.lists.{context.settings.gateway.hostname}>"))
    return fields


def _trace(host: str, submission: Handed, parcel: int) -> bytes:
    """Return our Received field (RFC 5321 4.4) and the fields that the tool left out (RFC 6409 8.2, 8.3).

    No FOR clause: a copy tells nothing about other recipients. A letter of our own, and the message of a dry run, were
    received from nobody.
    """
    number, second = str(parcel), submission.received_at.replace(microsecond=0)
    before, behind = _received(host, tuple(submission.hints["from"]), len(number), second)
    fields = [before, number.encode("ascii"), behind]
    if "date" in submission.hints["missing"]:
        fields.append(headers.line("Date", format_datetime(second)))
    if "message-id" in submission.hints["missing"]:
        fields.append(headers.line("Message-ID", f"<{submission.id}@{host}>"))
    return b"".join(fields)


@lru_cache(maxsize=256)
def _received(host: str, peer: tuple[str, ...], digits: int, second: datetime) -> tuple[bytes, bytes]:
    """Return the field before and behind the copy's number, of so many digits: the copies of a second share it."""
    came = f"by {host} id {'0' * digits}; {format_datetime(second)}"
    if peer:
        helo, address, protocol = peer
        came = f"from {helo} ({address}) by {host} with {protocol} id {'0' * digits}; {format_datetime(second)}"
    before, sign, behind = headers.line("Received", came).rpartition(b";")  # there is none in the date
    return before[:-digits], sign + behind
