"""Opt-out placeholders of the well-known tools and our own, found in a decoded body.

A tool that normally fills them in leaves them to us when it relays through us. What stands for an opt-out or
preferences address becomes ours; what nobody here can fill in keeps the message back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class Flood(Exception):
    """More placeholders than any message has."""


class Kind(StrEnum):
    """What becomes of a placeholder."""

    STOP = "unsubscribe_url"
    CHOOSE = "preferences_url"
    DROP = "drop"  # only marks a place for its tool
    STUCK = "stuck"  # nobody can fill it in


@dataclass(frozen=True, slots=True)
class Found:
    """`data[start:end]` is a placeholder; `label` says that its tool puts a whole link there, not an address only."""

    start: int
    end: int
    kind: Kind
    label: bool = False


# Written as the tools document them; "~" is an optional blank, "@" any name. Letters match in either case. Each sign is
# also met percent-encoded in an address and, where it is markup, as a reference in HTML.
_STOP = """%unsubscribe_url% %tag_unsubscribe_url% %mailing_list_unsubscribe_url% {{~amazonSESUnsubscribeUrl~}}
<%~asm_group_unsubscribe_raw_url~%> <%~asm_global_unsubscribe_raw_url~%> {{{~pm:unsubscribe~}}}
{{{~pm:unsubscribe_url~}}}
*|UNSUB|* *|UNSUB:@|* {{~UnsubscribeURL~}} {{~UnsubscribeURL~.~}} {{~unsubscribe_url~}} {unsubscribe_url} {$unsubscribe}
[UNSUBSCRIBEURL] [BLACKLISTURL] [link:subscription_unsubscribe_url] [link:subscription_instant_unsubscribe_url]
[LINK_UNSUBSCRIBE] [[UNSUB_LINK_EN]] [[UNSUB_LINK_FR]] %UNSUBSCRIBELINK% {{~unsubscribe_link~}} {{~unsubscribe~}}
/unsubscribe_from_list {{{~unsubscribe_url~}}} {%~unsubscribe_url~%} {%~unsubscribe_link~%}"""
_STOP_LABEL = """[UNSUBSCRIBE] {unsubscribe_text} <%~asm_group_unsubscribe_url~%> <%~asm_global_unsubscribe_url~%>
{%~unsubscribe~%} [link:subscription_unsubscribe]"""
_CHOOSE = """%preferences_url% <%~asm_preferences_raw_url~%> *|UPDATE_PROFILE|* [PREFERENCESURL] {{~ManageURL~}}
[link:subscription_manage_url] [LINK_PREFERENCES] {{~preferences_url~}} {preferences_url}"""
_CHOOSE_LABEL = "<%~asm_preferences_url~%> [PREFERENCES] [link:subscription_manage] [unsubscribe_preferences]"
_DROP = """[FOOTER] [[data-msys-unsubscribe="1"]]"""
_STUCK = """{{~OptinURL~}} [CONFIRMATIONURL] {resubscribe_url} [SUBSCRIBEURL] [JUMPOFFURL] [FORWARDURL] %recipient.@%
{{{~pm:@~}}} *|UNSUB:@ <%~asm_@%>"""
_REFERENCES = {"<": b"&lt;", ">": b"&gt;", '"': b"&quot;"}
_BARE = re.compile(rb"https?://")
_WHOLE = re.compile(rb"https?://[^\s\"'<>]*\Z")  # the beginning of an address that holds the placeholder
_REST = re.compile(rb"[^\s\"'<>]*?(?=[.,;:!?)\]]*(?:[\s\"'<>]|\Z))")  # and its end, without the sentence around it
_LOOK_BACK = 300
_PATH = b"/unsubscribe_from_list"  # the one that begins with a sign found everywhere
_BEFORE, _AFTER, _HITS_MOST = 8, 200, 2_000  # around an opening; and how many of them a message may have
_FEW = 16  # signs that are looked at one by one, before the expression looks for all
_OPENING = 6  # characters by which a placeholder is told from other uses of its first sign


def _sign(character: str) -> bytes:
    if character.isalnum() or character == "_":
        return character.lower().encode("ascii")
    if character == "~":
        return rb"(?:\s|&nbsp;|%20|\+){0,3}"
    if character == "@":
        return rb"[^\s<>{}%|*\"']{1,60}"
    forms = [re.escape(character.encode("ascii")), b"%%%02x" % ord(character), _REFERENCES.get(character, b"")]
    return b"(?:" + b"|".join(filter(None, forms)) + b")"


def _expression() -> tuple[re.Pattern[bytes], dict[int, tuple[Kind, bool]]]:
    """Return one expression with a group for each sort of placeholder, and what each group means."""
    sorts = (
        (_STOP, Kind.STOP, False),
        (_STOP_LABEL, Kind.STOP, True),
        (_CHOOSE, Kind.CHOOSE, False),
        (_CHOOSE_LABEL, Kind.CHOOSE, True),
        (_DROP, Kind.DROP, False),
        (_STUCK, Kind.STUCK, False),
    )
    groups, meaning = [], {}
    for number, (spelled, kind, label) in enumerate(sorts, 1):
        words = [b"".join([_sign(character) for character in word]) for word in spelled.split()]
        groups.append(b"(" + b"|".join(words) + b")")
        meaning[number] = (kind, label)
    # "[unsubscribe](…)" is somebody's Markdown.
    return re.compile(b"(?:" + b"|".join(groups) + rb")(?![(\[:])"), meaning


SPELLINGS = tuple(" ".join((_STOP, _STOP_LABEL, _CHOOSE, _CHOOSE_LABEL, _DROP, _STUCK)).split())
_ANY, _MEANING = _expression()


def _openings() -> tuple[tuple[bytes, re.Pattern[bytes]], ...]:
    """Return, by its first byte, how each placeholder begins: what starts with one byte is searched at memory speed.

    "<%" is found by its second sign, as tags are many; the signs of all others may be percent-encoded.
    """
    heads: dict[str, set[bytes]] = {}
    for word in SPELLINGS:
        begin = word.removeprefix("<")
        heads.setdefault(begin[0], set()).add(b"".join([_sign(each) for each in begin[1:_OPENING]]))
    after = {sign: b"(?:" + b"|".join(sorted(rest)) + b")" for sign, rest in heads.items()}
    coded = [b"%02x" % ord(sign) + rest for sign, rest in after.items()]
    plain = {sign: [rest] for sign, rest in after.items() if sign != _PATH.decode()[0]}
    plain["%"] += coded
    return tuple(
        [
            (sign.encode(), re.compile(re.escape(sign.encode()) + b"(?:" + b"|".join(rests) + b")"))
            for sign, rests in plain.items()
        ]
    )


_OPENINGS = _openings()
_MARK = re.compile(rb"[%b]|%b" % (re.escape(b"".join([sign for sign, _ in _OPENINGS])), _PATH), re.IGNORECASE)


def possible(data: bytes) -> bool:
    """Return whether a placeholder can be in a short text, by the signs alone."""
    return _MARK.search(data) is not None


def find(data: bytes, low: bytes | None = None) -> tuple[Found, ...]:
    """Return the placeholders in `data` (a decoded body in a charset of `encode.transparent`), in order.

    `low` is the same in lower case, if at hand. Raises `Flood` for more words of the kind than any message has.
    """
    low = data.lower() if low is None else low
    found: list[Found] = []
    for lo, hi in _windows(low):
        for match in _ANY.finditer(low, lo, hi):
            one = _found(low, match)
            if found and one.start < found[-1].end:  # a part of an address that goes as a whole
                whole = found.pop()
                kind = Kind.STUCK if one.kind is Kind.STUCK else whole.kind
                one = replace(whole, end=max(whole.end, one.end), kind=kind)
            found.append(one)
    return tuple(found)


def _windows(data: bytes) -> list[tuple[int, int]]:
    """Return the stretches of `data` that begin like a placeholder: the whole expression is costly."""
    hits: list[int] = []
    for found in _hits(data):
        hits.append(found)
        if len(hits) > _HITS_MOST:
            raise Flood
    windows: list[tuple[int, int]] = []
    for hit in sorted(hits):
        lo, hi = max(0, hit - _BEFORE), hit + _AFTER
        if windows and lo <= windows[-1][1]:
            lo = windows.pop()[0]
        windows.append((lo, hi))
    return windows


def _hits(data: bytes) -> Iterator[int]:
    for sign, opening in _OPENINGS:
        at, few = data.find(sign), _FEW
        while at >= 0 and few:
            match = opening.match(data, at)
            if match:
                yield at
            at, few = data.find(sign, match.end() if match else at + 1), few - 1
        if at >= 0:  # and likely many more
            for match in opening.finditer(data, at):
                yield match.start()
    at = data.find(_PATH) if b"_" in data else -1
    while at >= 0:
        yield at
        at = data.find(_PATH, at + 1)


def _found(data: bytes, match: re.Match[bytes]) -> Found:
    kind, label = _MEANING[match.lastindex or 0]
    start, end = match.span()
    # Editors put "http://" or a site before what they take for a relative address, and trackers of clicks put it behind
    # theirs: an opt-out is reached straight, so the address goes as a whole.
    if kind in (Kind.STOP, Kind.CHOOSE) and (prefix := _WHOLE.search(data, max(0, start - _LOOK_BACK), start)):
        if not _BARE.fullmatch(prefix[0]) and (rest := _REST.match(data, end)):
            end = rest.end()
        start = prefix.start()
    # In an attribute only the address fits, whatever the tool would have put there.
    inside_tag = data.rfind(b"<", max(0, start - 2_000), start) > data.rfind(b">", max(0, start - 2_000), start)
    return Found(start, end, kind, label and not inside_tag)
