"""Taking a message in: decide for each recipient, write everything in one durable transaction, then say 250.

Mixed verdicts (RFC 5321 4.2.5). One recipient that cannot be decided defers the whole message and nothing
is kept. All refused: 550, or what the account's block style asks for. Some refused: 250, a parcel for each of the
others, and a report for the refused ones.
"""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta

from gateway import clock
from gateway.errors import InDoubt
from gateway.flow import intake, judge, report, rows
from gateway.flow.commit import Committer, Entry, Filing
from gateway.flow.context import Context
from gateway.flow.deliver import Deliverer, Lease
from gateway.flow.facts import PLAIN, Case, Question, Reader
from gateway.flow.gate import Draft, Login, Peer, Recipient
from gateway.flow.intake import Refusal
from gateway.flow.judge import Decided, Opening
from gateway.flow.login import Logins
from gateway.flow.room import FREE
from gateway.law.reasons import REASONS
from gateway.mail.address import Address, parse
from gateway.mail.reply import Reply

RECENT = timedelta(seconds=30)  # the law is asked again, with fresh facts, when the copy leaves
NAMED = 5  # copies whose references the 250 says, for `queue show`
FORBIDDEN = REASONS["R-SENDER-FORBIDDEN"]
SENDER_OK = Reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")

# Refusals that the message itself may still overturn: it can name another offer.
MAY_CHANGE = frozenset({"R-CUST-NOTANALOGOUS", "R-B2B-UNRELATED", "R-CONSENT-PURPOSE"})


class Accept:
    """The gate of one process (`flow.gate.Gate`). Without a deliverer, accepted parcels wait in the spool."""

    def __init__(self, context: Context, reader: Reader, committer: Committer, deliverer: Deliverer | None) -> None:
        self._context = context
        self._reader = reader
        self._committer = committer
        self._deliverer = deliverer
        self._logins = Logins(context)
        self._desk = asyncio.Lock()  # one large message at a time is read and planned

    async def login(self, username: str, password: bytes) -> Login | None:
        """Return the login, or None when name or password are wrong or the account is disabled."""
        return await self._logins.check(username, password)

    async def sender(self, draft: Draft) -> Reply:
        """Answer MAIL: the return path must be below a domain of the login (RFC 6409 6.1); the null sender may pass."""
        if not draft.mail_from or intake.within(parse(draft.mail_from).domain, draft.login.domains):
            return SENDER_OK
        known = ", ".join(sorted(draft.login.domains)) or "none yet"
        return Reply(FORBIDDEN.smtp, FORBIDDEN.status, f"{FORBIDDEN.code} this login sends from these domains: {known}")

    async def recipient(self, draft: Draft, address: Address, notify: str, orcpt: str) -> Reply:
        """Answer RCPT: in full when list and class are certain already, else the answer comes after DATA."""
        recipient = Recipient(address, notify, orcpt)
        account = draft.login.account
        row, klass = intake.fixed_list(draft.login), intake.fixed_class(account)
        if row is not None and klass is not None and account.block_style == "refuse":
            question = Question(account.advertiser_id, row, (address,), PLAIN[klass], account.id)
            [case] = await self._reader.ask(question)
            decided = Decided(recipient, case, case.verdict)
            if not decided.passes and decided.verdict.code not in MAY_CHANGE:
                return await self._refuse(draft, [decided], "recipient")
            recipient = Recipient(address, notify, orcpt, case)
        draft.recipients.append(recipient)
        return RECIPIENT_OK

    async def message(self, draft: Draft, content: bytes, peer: Peer) -> Reply:
        """Answer the end of DATA; 250 only once everything needed to deliver is durable.

        Who was named twice gets one copy.
        """
        if len(draft.recipients) > 1:
            draft.recipients = [*{one.address.key: one for one in draft.recipients}.values()]
        async with self._desk if len(content) > FREE else nullcontext():
            decided, filing, lease = await self._judged(draft, content, peer)
        if filing is not None:
            return await self._keep(draft, filing, lease)
        deferred = next((one for one in decided if one.deferred), None)
        return deferred.reply(0) if deferred else await self._refuse(draft, decided, "message")

    async def _judged(
        self, draft: Draft, content: bytes, peer: Peer
    ) -> tuple[Sequence[Decided], Filing | None, Lease | None]:
        """Return the verdicts; what is to be written if the message is kept; and the lease that delivers it at once.

        What a message is planned with takes twice as much memory as itself: only a lease keeps it until the commit.
        """
        opened = judge.opening(self._context, draft, content, even=True)
        cases = await self._cases(draft, opened)
        keys = await self._context.signing.keys(draft.login.account.advertiser_id)
        decided, wrong = judge.closing(draft, opened, cases, keys)
        if any(one.deferred for one in decided) or wrong or _all_refused(draft, decided):
            return decided, None, None
        filing = self._filing(draft, opened, decided, peer)
        return decided, filing, self._deliverer.lease(filing, opened.plan) if self._deliverer else None

    async def _cases(self, draft: Draft, opened: Opening) -> Sequence[Case]:
        """Return a case for each recipient: those read at RCPT, if not long ago and for this list, else all anew."""
        read = [recipient.case for recipient in draft.recipients if recipient.case]
        recent = all(clock.now() - case.now < RECENT for case in read)
        named = opened.question.list  # by a header, it may be another than the one that RCPT was answered for
        same = all(case.list is not None and named in (case.list.id, case.list.name) for case in read)
        if len(read) < len(draft.recipients) or not recent or not same:
            return await self._reader.ask(opened.question)
        return [case.about(opened.question.message) for case in read]

    async def _refuse(self, draft: Draft, decided: Sequence[Decided], stage: str) -> Reply:
        """Keep the receipts and nothing else; return the refusal of the first recipient.

        What is wrong with the message itself comes here whatever the block style: it is the campaign that must stop.
        """
        if decided[0].deferred:
            return decided[0].reply(0)
        account = draft.login.account
        entries = [Entry(rows.receipt(one.case, one.verdict, account.id, stage)) for one in decided]
        filing = await self._committer.write(Filing(entries=entries))
        rows.note("refused", filing, account=account.login)
        return decided[0].reply(filing.entries[0].receipt["ref"])

    def _filing(self, draft: Draft, opened: Opening, decided: Sequence[Decided], peer: Peer) -> Filing:
        """Return the submission with a parcel for each copy kept and a report for each other one."""
        if isinstance(opened.taken, Refusal):
            raise TypeError("a message that may go to nobody is not kept")
        submission = rows.submission(draft, decided[0].case, opened.taken, opened.content, opened.missing, peer)
        filing = Filing(submission, [self._entry(draft, one) for one in decided])
        if self._context.settings.inbound.listen:
            filing.trail = rows.trail(submission, sum(one.passes for one in decided))
        return filing

    async def _keep(self, draft: Draft, filing: Filing, lease: Lease | None) -> Reply:
        """Write what is kept; then 250."""
        try:
            await self._committer.write(filing)
        except (InDoubt, asyncio.CancelledError):  # it may be durable, or become so: the tool has gone meanwhile
            if lease:
                lease.abandon()
            raise
        except BaseException:
            if lease:
                lease.give_back()
            raise
        rows.note("accepted", filing, account=draft.login.account.login)
        if lease:
            lease.begin()
        elif self._deliverer:
            self._deliverer.look()
        refs = [str(entry.receipt["ref"]) for entry in filing.entries[:NAMED]]
        return Reply(250, "2.0.0", f"Ok: queued as {', '.join(refs)}{', ...' if len(filing.entries) > NAMED else ''}")

    def _entry(self, draft: Draft, one: Decided) -> Entry:
        account = draft.login.account
        receipt = rows.receipt(one.case, one.verdict, account.id, "message")
        lifetime = self._context.settings.limits.expire
        if one.passes:
            return Entry(receipt, rows.parcel(one.case, one.recipient, "waiting", "", lifetime))
        held = account.block_style == "hold"
        parcel = rows.parcel(one.case, one.recipient, "held", one.verdict.code, lifetime) if held else None
        body = {
            "code": one.verdict.code,
            "recipient": one.recipient.address.spelled,
            "orcpt": one.recipient.orcpt,
        }
        kind, now = "held" if held else "refused", one.case.now
        return Entry(receipt, parcel, report.row(account, draft.mail_from, one.recipient.notify, kind, now, body))


def _all_refused(draft: Draft, decided: Sequence[Decided]) -> bool:
    return draft.login.account.block_style == "refuse" and not any(one.passes for one in decided)
