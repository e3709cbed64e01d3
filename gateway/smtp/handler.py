"""The hooks that aiosmtpd calls by name, between the protocol and the gate."""

# ruff: noqa: ARG002, N802 (aiosmtpd finds these methods by their names and gives each the same arguments)

import inspect

from gateway import journal
from gateway.errors import Full, Misuse, TryLater
from gateway.flow.gate import Draft, Gate, Peer
from gateway.mail.address import Address, parse
from gateway.mail.reply import Reply
from gateway.smtp.auth import Auth
from gateway.smtp.connection import Talk, Transaction
from gateway.smtp.params import MailArgument, RcptArgument
from gateway.smtp.protocol import Dialog

HOOKS = frozenset({"handle_MAIL", "handle_RCPT", "handle_DATA", "handle_exception", "auth_PLAIN", "auth_LOGIN"})
_PATH_MOST = 254  # RFC 5321 4.5.3.1.3, without the brackets


class Handler(Auth):
    """Translates commands into questions to the gate."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    async def handle_MAIL(self, server: Dialog, talk: Talk, transaction: Transaction, wanted: MailArgument) -> Reply:
        """Begin a draft if the gate lets this login use that sender."""
        assert talk.login is not None  # noqa: S101 (the protocol has seen to it)
        sender = sender_in(wanted)
        if isinstance(sender, Reply):
            return sender
        draft = Draft(talk.login, sender, wanted.smtputf8, wanted.eight_bit, wanted.envid, wanted.ret)
        reply = await self.gate.sender(draft)
        if reply.ok:
            transaction.draft = draft
        return reply

    async def handle_RCPT(self, server: Dialog, talk: Talk, transaction: Transaction, wanted: RcptArgument) -> Reply:
        """Ask the gate about one recipient; it adds the recipient to the draft itself."""
        draft = transaction.draft
        assert isinstance(draft, Draft)  # noqa: S101 (handle_MAIL has made it)
        if wanted.path.lower() == "postmaster":  # RFC 5321 4.1.1.3: valid without a domain
            found: Address | Reply = Address(wanted.path, server.options.hostname.lower())
        else:
            found = address_in(wanted.path, "5.1.3", smtputf8=draft.smtputf8)
        if isinstance(found, Reply):
            return found
        if not draft.smtputf8 and not wanted.orcpt.isascii():
            return Reply(501, "5.5.4", "such an ORCPT needs SMTPUTF8, which MAIL did not ask for")  # RFC 6533 3
        return await self.gate.recipient(draft, found, wanted.notify, wanted.orcpt)

    async def handle_DATA(self, server: Dialog, talk: Talk, transaction: Transaction, content: bytes) -> Reply:
        """Hand the whole message to the gate."""
        draft = transaction.draft
        assert isinstance(draft, Draft)  # noqa: S101 (handle_MAIL has made it)
        # RFC 3848, RFC 6531 4.3: the A is always there, since nobody comes in without a login.
        protocol = f"{'UTF8SMTP' if draft.smtputf8 else 'ESMTP'}{'S' if talk.secure else ''}A"
        return await self.gate.message(draft, content, Peer(talk.host_name or "", server.host, protocol))

    async def handle_exception(self, error: Exception) -> str:
        """Answer for what went wrong inside: try again later, and for a bug where in the log to look."""
        return answer(error)


def answer(error: Exception) -> str:
    """Return the reply for what went wrong inside."""
    if isinstance(error, Full):
        return "452 4.3.1 no room for mail at the moment, try again later"
    if isinstance(error, TryLater):
        return "451 4.3.0 something needed cannot be reached, try again later"
    return f"451 4.3.0 internal error, try again later; ref={journal.fault('smtp.fault', error)}"


def check_hooks(handler: object, hooks: frozenset[str] = HOOKS) -> None:
    """Raise TypeError unless the handler has all hooks and no other: aiosmtpd never calls a misspelt one."""
    names = {name for name in dir(handler) if name.startswith(("handle_", "auth_"))}
    if names != hooks:
        raise TypeError(f"hooks unknown: {sorted(names - hooks)}, hooks missing: {sorted(hooks - names)}")
    if wrong := [name for name in sorted(names) if not inspect.iscoroutinefunction(getattr(handler, name))]:
        raise TypeError(f"hooks that would stop every session, because they are not async: {wrong}")


def sender_in(wanted: MailArgument) -> str | Reply:
    """Return the sender that MAIL names, "" for the null one, or the refusal."""
    if not wanted.path:
        return ""
    found = address_in(wanted.path, "5.1.7", smtputf8=wanted.smtputf8)
    return found if isinstance(found, Reply) else found.spelled


def address_in(path: str, status: str, *, smtputf8: bool) -> Address | Reply:
    """Return the address in a path, or the refusal."""
    if len(path.encode()) > _PATH_MOST:
        return Reply(501, status, "path too long")
    if not smtputf8 and not path.isascii():
        return Reply(553, "5.6.7", "this address needs SMTPUTF8, which MAIL did not ask for")
    try:
        return parse(path)
    except Misuse:
        return Reply(553, status, "not a valid address")
