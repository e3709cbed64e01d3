"""One transaction with the next hop: MAIL, RCPT, DATA, and what the replies mean."""

from collections.abc import Callable
from contextlib import suppress

from gateway.courier.connection import END, Line, Lost
from gateway.courier.courier import Outcome, always
from gateway.courier.envelope import Envelope
from gateway.mail.reply import Reply

# Refusals that tell of a quarrel between the two machines (sequence, login), not of this letter: a wrong setting must
# not bounce a campaign.
_OURS = frozenset({500, 502, 503, 530, 534, 535, 538})


class Doubt(Exception):
    """The connection was lost after the message was sent: it may have been taken."""


async def transact(line: Line, envelope: Envelope, ours: Callable[[], bool] = always) -> Outcome:
    """Offer one letter and return what came of it.

    Raises `Lost` when the connection ended before the message was sent, `Doubt` when it ended afterwards, and
    `Withdrawn` when the message was not `ours` any more.
    """
    replies = await _begin(line, envelope)
    refusal = next((reply for reply in replies if not reply.ok), None)
    if refusal is not None and refusal.code == 421:
        raise Lost(str(refusal), [refusal])
    granted = len(replies) == 3 and replies[-1].code == 354
    if refusal is not None:
        if granted:  # RFC 2920 3.1: DATA was granted although nobody is left to get the message
            with suppress(Lost):
                await line.send(b"", END)
        return judged(refusal)
    if not granted or [reply.code // 100 for reply in replies[:2]] != [2, 2]:
        raise Lost(f"next hop talks nonsense: {replies[-1]}")
    return await _finish(line, envelope, ours)


async def _begin(line: Line, envelope: Envelope) -> list[Reply]:
    """Send the commands before the message; return the replies to MAIL, RCPT and DATA, or up to the first refusal."""
    commands = [envelope.mail, envelope.rcpt, b"DATA"]
    reset, line.dirty = line.dirty, True
    if reset:
        commands.insert(0, b"RSET")
    try:
        replies = await (line.ask(*commands) if "pipelining" in line.offers else _one_by_one(line, commands))
    except Lost as trouble:
        if trouble.refusal is None:
            raise
        replies = list(trouble.replies)  # it said why before it went
    if reset and not replies.pop(0).ok:
        raise Lost("next hop refuses RSET")
    return replies


async def _one_by_one(line: Line, commands: list[bytes]) -> list[Reply]:
    replies: list[Reply] = []
    for command in commands:
        replies += await line.ask(command)
        if not replies[-1].ok:
            break
    return replies


async def _finish(line: Line, envelope: Envelope, ours: Callable[[], bool]) -> Outcome:
    """Send the message."""
    try:
        reply = await line.send(envelope.body, envelope.end, ours)
    except Lost as trouble:
        if trouble.refusal is None:
            raise Doubt(f"{trouble} after the message was sent; it may have been delivered") from trouble
        reply = trouble.refusal  # refused while we were still sending
    if reply.code // 100 == 3:
        raise Doubt(f"next hop talks nonsense after the message was sent ({reply}); it may have been delivered")
    line.dirty = False
    return judged(reply)


def judged(reply: Reply) -> Outcome:
    """Return what a reply of the next hop means for the letter."""
    if reply.ok:
        return Outcome("delivered", reply)
    return Outcome("deferred" if reply.temporary or reply.code in _OURS else "failed", reply)
