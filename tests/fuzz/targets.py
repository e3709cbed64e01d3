"""What the fuzzer feeds, and what must hold whatever it finds: each target takes any bytes and raises for a mistake.

A target raises AssertionError when the promise is broken, and `Slow` when one input costs more than a second of
processor time. Anything else that comes out of the gateway is a crash.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from gateway.errors import Misuse
from gateway.mail import headers, html, looks, params
from gateway.mail.address import parse
from gateway.mail.page import Page, quick
from gateway.mail.rewrite import Plan, plan
from tests.mail import golden_rules as rules
from tests.mail import oracle
from tests.mail.golden_support import STOP, hold_form, insert_of

LARGEST = 20_000
INSERT = insert_of({})
WATCHED = replace(INSERT, tracking=True)
_BLOCK = b'\r\n<div role="contentinfo"><table><tr><td><p>Pub <a href="%s">Stop</a></p></td></tr></table></div>\r\n'


class Slow(Exception):
    """One input cost more than a second."""


def mime(data: bytes) -> None:
    """A whole message becomes a sound copy with the mention, or is refused."""
    content = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    result = _timed(lambda: plan(content))
    if not isinstance(result, Plan):
        assert result.why
        assert result.code.startswith("R-")
        return
    copy, watched = (_timed(lambda insert=insert: result.copy(insert)) for insert in (INSERT, WATCHED))
    oracle.hold(content, watched, STOP, wrapped=result.wrapped, edits=result.needs_links)
    if result.tracks:
        oracle.hold(content, copy, STOP, wrapped=False, edits=True)
    else:
        assert copy == watched
    assert not oracle.pixels(copy), "a pixel is left"
    for insert in (INSERT, WATCHED):
        _timed(lambda insert=insert: hold_form(result, insert))


def page(data: bytes) -> None:
    """A page of HTML shows the mention once, or is refused; the two ways of reading it agree."""
    read = _timed(lambda: Page(data))
    careful = _timed(lambda: html.careful(read))
    assert read.plain in (None, careful), "the plain way and the careful way differ"
    assert _timed(lambda: quick(read)) in (None, careful), "the quick way and the careful way differ"
    first = _timed(lambda: html.careful_begin(read))
    assert read.head() in (-1, first), "the ways of finding the first line differ"
    tags = _timed(lambda: list(html.careful_tags(read)))
    assert _timed(lambda: list(html.tags(read))) == tags, "the ways of finding tags differ"
    spot = _timed(lambda: html.find(read))
    if spot is None:
        return
    assert spot == careful
    copy = data[:first] + _BLOCK % STOP.encode() + data[first:]
    assert rules.shown_links(copy.decode("latin-1"), STOP) == ["Stop"], "the mention is not seen at the top"
    copy = data[: spot.offset] + spot.close + _BLOCK % STOP.encode() + data[spot.offset :]
    assert rules.shown_links(copy.decode("latin-1"), STOP) == ["Stop"], "the mention is not seen"


def head(data: bytes) -> None:
    """Header fields are read without an exception, and written again only as one field."""
    section = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    fields = _timed(lambda: headers.parse(section))
    for field in fields.fields:
        assert section[field.start : field.end].lower().startswith(field.name.encode())
        _timed(lambda field=field: field.text)
        _timed(lambda field=field: params.read("content-type", field.raw))
        _timed(lambda field=field: params.read("content-disposition", field.raw))
    try:
        for author in _timed(lambda: looks.authors(fields)):
            parse(author.address.spelled)
    except Misuse:
        pass
    looks.answers_nothing(fields)
    looks.disclosed(fields, ("exemple.fr",))
    shown = headers.phrase(data.decode("utf-8", "replace"))
    assert shown.isascii()
    try:
        written = headers.line("X-Fuzz", data.decode("latin-1"))
    except Misuse:
        return
    assert [field.name for field in headers.parse(written + b"\r\n").fields] == ["x-fuzz"]


TARGETS: dict[str, Callable[[bytes], None]] = {"mime": mime, "page": page, "head": head}


def _timed(work: Callable):
    start = time.thread_time()
    result = work()
    if time.thread_time() - start > 1:
        raise Slow
    return result
