"""The bulk check: a million addresses in, a million verdicts out, line by line, in bounded memory.

The body is put on disk before the first answer, because most clients read nothing until they have sent everything: a
server that answers while it reads would wait for them, and they for it. The file has no name and goes with the request.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Annotated

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import StreamingResponse

from gateway.errors import TryLater
from gateway.flow import crowd, remote
from gateway.flow.apikeys import Grant
from gateway.flow.crowd import Answer
from gateway.web import apimodels as m
from gateway.web.apiaccess import BULK, context_of, may

TYPE = "application/x-ndjson"
LINES = 2000  # answers handed over at once
MARGIN = 65_536  # bytes that are read before they are written to the file
LONGEST = 2000  # characters of a line
router = APIRouter()
_BODY = {
    "required": True,
    "content": {TYPE: {"schema": {"type": "string", "example": '{"address": "camille@example.org"}\n'}}},
}
_ANSWER = {"description": "One verdict a line, in the order of the addresses.", "content": {TYPE: {}}}


@router.post(
    BULK,
    tags=["check"],
    summary="May these people be mailed now?",
    response_class=StreamingResponse,
    responses={200: _ANSWER},
    openapi_extra={"requestBody": _BODY},
)
async def bulk(
    request: Request,
    by: Annotated[Grant, may("check")],
    list: Annotated[m.ListName, Query()],  # noqa: A002 - the word of the whole program
    offer: Annotated[m.Word | None, Query(description="The offer family that the messages would have.")] = None,
) -> StreamingResponse:
    """Answer NDJSON with NDJSON: a line is an address, a JSON string, or an object with `address`.

    A line of the answer has `address`, `may`, `code` and `rule`; INVALID is the code of what is no address. An answer
    whose last line is not `{"end": true, …}` was broken off.
    """
    context, slots = context_of(request), request.app.state.bulks
    await to_thread.run_sync(remote.one_list, context, by, list)
    if slots.locked():
        raise HTTPException(429, "other bulk checks are running; ask again soon", {"Retry-After": "10"})
    await slots.acquire()
    file = TemporaryFile()  # noqa: SIM115 - closed when the answer is
    try:
        await _spool(request, file)
        found = crowd.answers(context, list, _addresses(file), offer=offer)
    except BaseException:
        file.close()
        slots.release()
        raise
    return StreamingResponse(_answers(found, file, slots), media_type=TYPE)


async def _spool(request: Request, file: IO[bytes]) -> None:
    waiting = bytearray()
    async for chunk in request.stream():
        waiting += chunk
        if len(waiting) >= MARGIN:
            await to_thread.run_sync(file.write, bytes(waiting))
            waiting.clear()
    file.write(waiting)
    file.seek(0)


def _addresses(file: IO[bytes]) -> Iterator[str]:
    """Yield the address of each line; what is no line of the agreed form is handed on and found invalid."""
    for raw in file:
        line = raw.decode("utf-8", "replace").strip()[:LONGEST]
        if line[:1] not in ('"', "{"):
            yield line
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield line
            continue
        address = value.get("address") if isinstance(value, dict) else value
        yield address.strip() or line if isinstance(address, str) else line


async def _answers(found: Iterator[Answer], file: IO[bytes], slots: asyncio.Semaphore) -> AsyncIterator[bytes]:
    count = 0
    try:
        while True:
            lines, number = await to_thread.run_sync(_some, found)
            if not number:
                break
            count += number
            yield lines
        yield json.dumps({"end": True, "answers": count}).encode() + b"\n"
    except TryLater as error:
        yield json.dumps({"end": False, "answers": count, "problem": str(error)}).encode() + b"\n"
    finally:
        slots.release()
        await to_thread.run_sync(_close, found, file)


def _some(found: Iterator[Answer]) -> tuple[bytes, int]:
    chunk = [*islice(found, LINES)]
    return "".join(map(_line, chunk)).encode("utf-8", "replace"), len(chunk)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _line(one: Answer) -> str:
    problem = f',"problem":{_encode(one.problem)}' if one.problem else ""
    return f'{{"address":{_encode(one.address)},{_rest(one.fate, one.code, one.rule)}{problem}}}\n'


@lru_cache(maxsize=1000)  # as many as there are verdicts, at most: those for a million people are a handful
def _rest(fate: str, code: str, rule: str) -> str:
    return _encode({"may": fate == "send", "code": code, "rule": rule})[1:-1]


def _close(found: Iterator[Answer], file: IO[bytes]) -> None:
    close = getattr(found, "close", None)  # ends the processes that answer
    if close is not None:
        close()
    file.close()
