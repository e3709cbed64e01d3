"""A tool's list compared with the ledger, both ways; where the two disagree, the no is right.

Who stopped there is recorded here, who stopped here is told there; nobody is added anywhere, because being on a tool's
list proves no consent.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from gateway import clock
from gateway.errors import Misuse, TryLater
from gateway.flow import check, conversations, hooks
from gateway.flow.context import Context
from gateway.flow.conversations import Conversation
from gateway.mail.address import Address, parse
from gateway.plugin import Answer, Call, Event, Heard, Member, Plugin, Tool
from gateway.store.tables import Account, List

CHUNK = 500
Ask = Callable[[Call], Answer]


@dataclass(slots=True)
class Tally:
    """How many members there were, and what was found of them; `failed` could not be told there."""

    members: int = 0
    alike: int = 0
    stopped_there: int = 0
    stopped_here: int = 0
    unknown: int = 0
    unreadable: int = 0
    failed: int = 0


def members(plugin: Plugin, tool: Tool, theirs: str, ask: Ask) -> Iterator[Member]:
    """Yield the members of a tool's list, asking as the plugin says.

    Raises Misuse for a plugin that cannot ask, `errors.TryLater` when the tool does not answer well.
    """
    if plugin.members is None:
        raise Misuse(f"{plugin.name} cannot be asked who is on a list; give its export with --export FILE")
    talk = plugin.members(tool, theirs)
    answer: Answer | None = None
    try:
        while True:
            said = talk.send(answer) if answer is not None else next(talk)
            answer = None
            if isinstance(said, Member):
                yield said
            else:
                answer = _asked(said, ask)
    except StopIteration:
        return
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TryLater(f"{plugin.name} answers what its plugin does not understand: {error!r:.200}") from error
    finally:
        talk.close()


def run(
    context: Context,
    account: Account,
    row: List,
    found: Iterable[Member],
    ask: Ask,
    *,
    dry: bool = False,
    on_progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Compare, and unless `dry` put right what differs; return what was found. Once more changes nothing more."""
    tally, stream = Tally(), iter(found)
    plugin = context.plugin(account.plugin)
    notify = None if dry else plugin.notify
    tool = conversations.tool(context, account.login)
    while chunk := list(islice(stream, CHUNK)):
        for member, code in _judged(context, row, chunk, tally):
            opposed = code == "R-OBJECTED"
            tally.unknown += member.subscribed and code == "R-UNKNOWN"
            if member.subscribed and opposed:
                tally.stopped_here += 1
                if notify is not None:
                    event = Event("unsubscribed", member.address, clock.now(), row.name)
                    tally.failed += not _told(conversations.bounded(notify(event, tool)), ask)
            elif not member.subscribed and not opposed:
                tally.stopped_there += 1
                if not dry:
                    heard = Heard("objected", member.address, row.name, member.at)
                    hooks.record(context, account, heard, "sync")
            else:
                tally.alike += code != "R-UNKNOWN"
        on_progress(tally)
    return tally


def _judged(context: Context, row: List, chunk: list[Member], tally: Tally) -> Iterator[tuple[Member, str]]:
    """Yield each member whose address is one, with what the law says of them."""
    tally.members += len(chunk)
    known: list[tuple[Member, Address]] = []
    for member in chunk:
        try:
            known.append((member, parse(member.address)))
        except Misuse:
            tally.unreadable += 1
    verdicts = check.check(context, row.name, [address for _, address in known])
    for (member, _), (_, verdict) in zip(known, verdicts, strict=True):
        yield member, verdict.code


def _told(talk: Conversation, ask: Ask) -> bool:
    """Hold a conversation; say whether the tool understood all of it."""
    answer: Answer | None = None
    try:
        while True:
            call = talk.send(answer) if answer is not None else next(talk)
            answer = _asked(call, ask)
    except StopIteration:
        return True
    except (TryLater, ValueError, KeyError, TypeError, AttributeError):
        return False
    finally:
        talk.close()


def _asked(call: Call, ask: Ask) -> Answer:
    answer = ask(call)
    if not 200 <= answer.status < 300 and answer.status not in call.fine:
        raise TryLater(f"the tool answers {answer.status} to {call.method} {call.url.partition('?')[0]}")
    return answer
