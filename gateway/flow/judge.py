"""The verdicts on one message, the same for a message that is sent and for a dry run.

It goes in two steps because the evidence is read in between, by the two callers in their own way: `opening` reads the
message and says what must be known; `closing` decides for each recipient.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.flow import checks, intake, nature, promotion
from gateway.flow.context import Context
from gateway.flow.facts import Case, Question
from gateway.flow.gate import Draft, Recipient
from gateway.flow.intake import PERSONAL, Intake, Refusal
from gateway.flow.signing import Keys
from gateway.law.reasons import REASONS, Fate, Verdict
from gateway.mail import headers
from gateway.mail.headers import Headers
from gateway.mail.reply import Reply
from gateway.mail.rewrite import Plan, Unfit, plan
from gateway.text import say


@dataclass(frozen=True, slots=True)
class Opening:
    """What was found in the message, and the question to ask about its recipients."""

    content: bytes
    fields: Headers
    taken: Intake | Refusal
    plan: Plan | Unfit
    question: Question

    @property
    def missing(self) -> list[str]:
        """Return the fields that a submission server adds when they are not there (RFC 6409 8.2, 8.3)."""
        return [name for name in ("date", "message-id") if self.fields.get(name) is None]


@dataclass(frozen=True, slots=True)
class Decided:
    """One recipient with the verdict; a `detail` that is not "" replaces the general sentence in the reply."""

    recipient: Recipient
    case: Case
    verdict: Verdict
    detail: str = ""

    @property
    def passes(self) -> bool:
        """Return whether the copy may leave."""
        return self.verdict.fate is Fate.SEND

    @property
    def deferred(self) -> bool:
        """Return whether the question must be asked again later."""
        return self.verdict.fate is Fate.DEFER

    def reply(self, ref: int) -> Reply:
        """Return the refusal or deferral as people read it: code, reference, sentence."""
        reason = self.verdict.reason
        sentence = self.detail or say(f"law.{reason.code}", "en")
        return Reply(reason.smtp, reason.status, f"{reason.code} ref={ref} {sentence}")


def opening(context: Context, draft: Draft, content: bytes, *, even: bool = False) -> Opening:
    """Read the message: its fields, what it says about itself, how copies of it would be made.

    `even` says that the door has already refused a CR or LF alone.
    """
    account = draft.login.account
    fields = headers.parse(content)
    taken = intake.read(context, draft.login, fields)
    addresses = tuple(recipient.address for recipient in draft.recipients)
    if isinstance(taken, Refusal):
        ready = plan(content, fields=fields, even=even)
        question = Question(account.advertiser_id, None, addresses, account_id=account.id)
    else:
        taken = promotion.checked(taken, account, fields, content)
        taken = nature.seen(taken, fields)
        removed = frozenset(taken.hints.remove)
        ready = plan(content, remove=removed, opening=taken.opening, fields=fields, even=even)
        if isinstance(ready, Plan) and ready.tracks:
            taken = replace(taken, message=replace(taken.message, tracks=True))
        question = Question(account.advertiser_id, taken.list, addresses, taken.message, account.id)
    return Opening(content, fields, taken, ready, question)


def closing(
    draft: Draft, opened: Opening, cases: Sequence[Case], keys: Keys
) -> tuple[Sequence[Decided], Refusal | None]:
    """Return the verdict for each recipient, and what is wrong with the message itself, if anything is.

    `keys` are the signing keys of the advertiser.
    """
    refusal = _wrong(draft, opened, cases[0], keys)
    pairs = zip(draft.recipients, cases, strict=True)
    return [_decide(recipient, case, opened, refusal) for recipient, case in pairs], refusal


def _wrong(draft: Draft, opened: Opening, case: Case, keys: Keys) -> Refusal | None:
    if isinstance(opened.taken, Refusal):
        return opened.taken
    found = checks.check(draft, opened.taken, opened.fields, case.advertiser, keys)
    if found or not isinstance(opened.plan, Unfit):
        return found
    readable = not opened.plan.code.startswith("R-SMTP")
    if readable and opened.taken.message.klass in PERSONAL:
        return None  # it needs no mention
    return Refusal(REASONS[opened.plan.code], opened.plan.why)


def _decide(recipient: Recipient, case: Case, opened: Opening, refusal: Refusal | None) -> Decided:
    if refusal is not None:
        return Decided(recipient, case, Verdict(refusal.reason, rule="message"), refusal.detail)
    verdict = case.verdict
    promotes = opened.taken.promotes if isinstance(opened.taken, Intake) else ()
    if not promotes or verdict.fate is not Fate.REFUSE or case.message.klass in PERSONAL:
        return Decided(recipient, case, verdict)
    detail = f"{say(f'law.{verdict.code}', 'en')}; taken as prospecting for its words: {', '.join(promotes)}"
    return Decided(recipient, case, verdict, detail)
