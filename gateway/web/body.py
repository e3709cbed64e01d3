"""The small forms that come in: read with a limit, and as tolerantly as a person's wish deserves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

LARGEST = 16 * 1024  # bytes; a one-click body has 26
PATIENCE = 15.0  # seconds for all of it
FIELDS = 60  # a sign-up form has two for each box

Form = Mapping[str, str]


async def read(request: Request) -> bytes:
    """Return the body, at most `LARGEST` bytes; raises HTTPException 413, or 408 when it is too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST:
                    raise HTTPException(413)
    except TimeoutError:
        raise HTTPException(408) from None
    return bytes(body)


async def fields(headers: Headers, body: bytes) -> Form:
    """Return the fields of a form by lower-case name, stripped; whatever cannot be read has none.

    A body whose Content-Type is missing or wrong is read as urlencoded, because the wish counts and not the label.
    """
    if headers.get("content-type", "").lower().startswith("multipart/form-data"):
        found = await _multipart(headers, body)
        if found:
            return found
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        return {}
    return {name.strip().lower(): value.strip() for name, value in pairs}


async def _multipart(headers: Headers, body: bytes) -> Form:
    async def stream() -> AsyncIterator[bytes]:
        yield body
        yield b""

    parser = MultiPartParser(headers, stream(), max_files=0, max_fields=FIELDS)  # type: ignore[arg-type]
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        return {}
    return {name.strip().lower(): value.strip() for name, value in form.multi_items() if isinstance(value, str)}
