"""One effect for one request, however often it is sent: the answer is kept and given again (Idempotency-Key).

The draft draft-ietf-httpapi-idempotency-key-header says how: the same key with another request is a mistake, and the
same request while the first is being worked on is told to wait.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from gateway import clock
from gateway.flow.context import Context
from gateway.store import once as store
from gateway.store.outward import Once

KEPT = timedelta(days=7)
ABANDONED = timedelta(minutes=2)  # after which a request that was begun is taken to have ended with its process


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a request; `again` says that it was given before."""

    status: int
    body: bytes
    again: bool = False


class Differs(Exception):
    """The key was used for another request."""


class Busy(Exception):
    """The same request is being worked on."""


def once(context: Context, owner: str, key: str, fingerprint: bytes, work: Callable[[], Done]) -> Done:
    """Return what `work` answers, or answered when it was asked before; blocks.

    Raises Differs and Busy. When `work` raises, nothing is kept, so the request may be sent again.
    """
    now = clock.now()
    row = Once(owner=owner, key=key, fingerprint=fingerprint, at=now)
    with context.store.begin() as tx:
        if not store.claim(tx, row):
            known = store.get(tx, owner, key)
            if known is None or known.fingerprint != fingerprint:
                raise Differs
            if known.status:
                return Done(known.status, context.vault.open(known.body, _about(owner, key)), again=True)
            if now - known.at < ABANDONED or not store.take_over(tx, known, now):
                raise Busy
    try:
        done = work()
    except BaseException:
        with context.store.begin() as tx:
            store.forget(tx, owner, key)
        raise
    with context.store.begin() as tx:
        store.answer(tx, owner, key, done.status, context.vault.seal(done.body, _about(owner, key)))
    return done


def _about(owner: str, key: str) -> str:
    """Return what a kept answer is sealed for: it may hold a secret that is shown once."""
    return f"answer {owner} {key}"


def expire(context: Context) -> int:
    """Forget the answers of a week ago, and return how many there were."""
    with context.store.begin() as tx:
        return store.expire(tx, clock.now() - KEPT)
