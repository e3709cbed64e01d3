"""One parcel's attempt: ask the law again, write the copy, hand it to the courier, and say what is to be recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from gateway import clock
from gateway.courier.courier import Courier, Letter, Outcome
from gateway.flow import report, retry, rows
from gateway.flow.commit import Entry, Filing, Row
from gateway.flow.context import Context
from gateway.flow.copyist import Copyist, return_path
from gateway.flow.facts import Case, Question, Reader
from gateway.flow.shelf import Book
from gateway.flow.signing import Keys
from gateway.law.reasons import REASONS, Fate, Token, Verdict
from gateway.mail.address import parse
from gateway.mail.dsn import encoded
from gateway.mail.reply import Reply
from gateway.mail.rewrite import Plan, Unfit
from gateway.store.spool import Claimed, Handed, Settled
from gateway.store.trails import PAUSED

UNDECIDED = timedelta(minutes=1)  # until the law is asked again about a parcel it could not decide


@dataclass(frozen=True, slots=True)
class Job:
    """A parcel in our hands, with the submission it belongs to and its prepared rewriting."""

    parcel: Claimed
    book: Book
    ours: Callable[[], bool]  # whether our lease surely lasts

    @property
    def submission(self) -> Handed:
        """Return what was handed in."""
        return self.book.submission

    @property
    def plan(self) -> Plan | Unfit:
        """Return how copies are made."""
        return self.book.plan


class Handover:
    """Attempts parcels. Another `courier` may take over at any moment."""

    def __init__(self, context: Context, reader: Reader, courier: Courier) -> None:
        self._context = context
        self._copyist = Copyist(context)
        self._reader = reader
        self.courier = courier

    async def attempt(self, job: Job) -> Filing:
        """Return what is to be recorded; raise `errors.TryLater` when nothing was decided or sent."""
        keys = await self._context.signing.keys(job.submission.advertiser_id)
        # Last, so that nothing but the handover comes after it.
        [case] = await self._reader.ask(_question(job), patient=True)
        verdict = _verdict(job, case)
        if verdict.fate is Fate.DEFER:
            reply = Reply(verdict.reason.smtp, verdict.reason.status, verdict.code)
            return self._later(job.parcel, reply, UNDECIDED, counted=False)
        if verdict.fate is Fate.REFUSE:
            return self._final(job, case, verdict, "dropped", "", b"")
        if case.frame.paused and Token.FOOT in verdict.inject and job.book.campaign in case.frame.paused:
            return self._held(job.parcel)
        copy = self._copy(job, case, verdict, keys)
        if copy is None:
            verdict = Verdict(REASONS["R-MSG-NODKIM"], rule="message")  # the key was retired since the 250
            return self._final(job, case, verdict, "dropped", "", b"")
        letter = self._letter(job, case, copy)
        outcome = await self.courier.hand(letter)
        return self._record(job, case, verdict, outcome, letter)

    def _copy(self, job: Job, case: Case, verdict: Verdict, keys: Keys) -> bytes | None:
        """Return the person's copy, signed where there is a key; None when it must be signed and there is none."""
        bare = self._copyist.written(job.submission, job.plan, case, verdict, parcel=job.parcel.id)
        copy = bare if job.submission.hints.get("foreign") else keys.signed(bare)
        must = Token.DKIM in verdict.inject and not case.advertiser.upstream_signs
        return None if must and copy is bare else copy

    def _letter(self, job: Job, case: Case, copy: bytes) -> Letter:
        """Return the letter, with the return path of its own that lets us understand its bounce (`[inbound]`).

        The next hop is then not asked to report success: that report would come to us, and the tool gets ours.
        """
        row, parcel = job.submission, job.parcel
        sender, notify, orcpt = row.mail_from, parcel.notify, parcel.orcpt
        if sender and self._context.settings.inbound.verp:
            sender = return_path(self._context, case, parcel.id)
            wishes = [wish for wish in notify.split(",") if wish and wish != "SUCCESS"]
            notify = ",".join(wishes) or ("NEVER" if notify else "")
            orcpt = orcpt or (f"rfc822;{encoded(parcel.recipient)}" if parcel.recipient.isascii() else "")
        return Letter(
            sender=sender,
            recipient=parcel.recipient,
            content=copy,
            smtputf8=row.smtputf8,
            notify=notify,
            orcpt=orcpt,
            envid=row.envid,
            ret=row.ret,
            ours=job.ours,
        )

    def _record(self, job: Job, case: Case, verdict: Verdict, outcome: Outcome, letter: Letter) -> Filing:
        fate, reply, parcel = outcome.fate, str(outcome.reply), job.parcel
        wait = self._wait(parcel)
        if fate == "deferred" and clock.now() + wait <= parcel.expires_at:
            filing = self._later(parcel, outcome.reply, wait, counted=True)
            if parcel.attempts == 0:  # the first time is told, as mail tools do; more would fill the ledger
                filing.entries = [Entry(self._receipt(job, case, verdict, "deferred", reply))]
            if retry.delayed(self._context.settings.limits.retries, parcel.attempts):
                filing.reports = self._reports(job, case, verdict, "delayed", reply)
            return filing
        filing = self._final(job, case, verdict, "failed" if fate == "deferred" else fate, reply, letter.content)
        if fate == "delivered" and not (outcome.reports and "SUCCESS" in letter.notify):
            filing.reports = self._reports(job, case, verdict, "relayed", reply)
        return filing

    def stumbled(self, parcel: Claimed, reference: str) -> Filing:
        """Return what is to be recorded when a mistake of our own kept the parcel here: it waits, nothing is lost."""
        reply = Reply(451, "4.3.0", f"internal trouble, see {reference} in the log")
        return self._later(parcel, reply, self._wait(parcel), counted=True)

    def _held(self, parcel: Claimed) -> Filing:
        """Return the filing with which the copies of a paused campaign are kept until it goes on."""
        settled = Settled(parcel.id, parcel.submission_id, "held", clock.now(), parcel.attempts, reason=PAUSED)
        return Filing(settled=settled)

    def _wait(self, parcel: Claimed) -> timedelta:
        return retry.wait(self._context.settings.limits.retries, parcel.attempts)

    def _later(self, parcel: Claimed, reply: Reply, wait: timedelta, *, counted: bool) -> Filing:
        """Return the filing with which the parcel waits for another attempt."""
        settled = Settled(
            parcel_id=parcel.id,
            submission_id=parcel.submission_id,
            state="waiting",
            due_at=clock.now() + wait,
            attempts=parcel.attempts + counted,
            reply=str(reply),
            reason="",
        )
        return Filing(settled=settled)

    def _receipt(self, job: Job, case: Case, verdict: Verdict, outcome: str, reply: str) -> Row:
        receipt = rows.receipt(case, verdict, job.submission.account_id, "delivery")
        receipt.update(ref=job.parcel.id, submission_id=job.parcel.submission_id, outcome=outcome, reply=reply)
        return receipt

    def _final(self, job: Job, case: Case, verdict: Verdict, outcome: str, reply: str, copy: bytes) -> Filing:
        """Return the filing with which the parcel goes; its receipt stays, and the tool is told what it must know."""
        parcel = job.parcel
        settled = Settled(
            parcel_id=parcel.id,
            submission_id=parcel.submission_id,
            state="gone",
            due_at=case.now,
            attempts=parcel.attempts + 1,
            reply=reply,
            reason=verdict.code,
        )
        entry = Entry(self._receipt(job, case, verdict, outcome, reply), copy=copy)
        filing = Filing(entries=[entry], settled=settled)
        if outcome == "delivered":
            entry.waited = (clock.now() - parcel.created_at).total_seconds()
            filing.events = rows.told(case, verdict, parcel.id)
            filing.handle = rows.handle(case, job.submission, parcel.id)
        else:
            filing.reports = self._reports(job, case, verdict, outcome, reply)
            filing.events = rows.bounced(case, reply, parcel.id) if outcome == "failed" else []
        return filing

    def _reports(self, job: Job, case: Case, verdict: Verdict, kind: str, reply: str) -> list[Row]:
        """Return what the tool is to be told about the copy, if anything; soon, with what else happens to its message.

        `reply` is "" when it was the law's doing.
        """
        parcel, row = job.parcel, job.submission
        if not report.wanted(case.account, row.mail_from, parcel.notify, kind):
            return []
        body = {"code": verdict.code, "recipient": parcel.recipient, "orcpt": parcel.orcpt, "reply": reply}
        due = clock.now() + self._context.settings.limits.report_after
        found = report.row(case.account, row.mail_from, parcel.notify, kind, due, body)
        return [found | {"ref": parcel.id, "submission_id": row.id}] if found else []


def _question(job: Job) -> Question:
    row = job.submission
    return Question(row.advertiser_id, row.list_id, (parse(job.parcel.recipient),), job.book.message, row.account_id)


def _verdict(job: Job, case: Case) -> Verdict:
    """Return the law's verdict, or the refusal of a message that cannot carry the mention it needs."""
    verdict = case.verdict
    if isinstance(job.plan, Unfit) and Token.FOOT in verdict.inject:
        return Verdict(REASONS[job.plan.code], rule="message")
    return verdict
