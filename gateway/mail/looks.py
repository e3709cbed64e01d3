"""What a message shows to the person who gets it: its author, its subject, other people's addresses, its words.

Facts only; what follows from them is for `flow.checks` to say. Input is hostile, and all of this is linear in its size.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from email import policy
from functools import lru_cache
from html import unescape
from itertools import pairwise
from typing import NamedTuple
from unicodedata import combining, normalize

from gateway.errors import Misuse
from gateway.mail import bodies, encode, structure
from gateway.mail.address import Address, parse
from gateway.mail.headers import Headers, decode
from gateway.mail.structure import Broken, Part

_ANSWER = re.compile(r"\s*(?:re|r[ée]p|fwd?|tr|aw|wg|sv)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"@]{1,64}@([^\s<>()\[\],;:\"@]{1,253})")
_LOCAL_MOST = 64
_LOCAL = re.compile(r"[^\s<>()\[\],;:\"@]+\Z")
_HOST = re.compile(r"[^\s<>()\[\],;:\"@]{1,253}")
# Each alternative ends at the next "<", so that hostile markup costs no more than its length.
_MARKUP = re.compile(r"<(style|script|title)\b[^<>]*>[^<]*</\1\s*>|<!--[^<]*-->|<[^<>]*>", re.IGNORECASE)
_INLINE = re.compile(r"</?(?:a|b|big|em|font|i|mark|s|small|span|strong|sub|sup|u|wbr)(?:[\s/][^<>]*)?>", re.IGNORECASE)
# What is not seen: it parts no word to a reader (Default_Ignorable_Code_Point of Unicode).
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_WORD = re.compile(r"[^\W_]+")
_FORM_WORDS = "sa sas sasu sarl eurl snc sca scs scop sci ei eirl gie se ltd llc plc inc gmbh ag bv nv"
_FORMS = frozenset(_FORM_WORDS.split())
_FIELD_MOST = 2_000  # bytes of a From field; the time of the standard library's parser grows with the square of it
# One mailbox as every reader finds it, once quoted strings and comments are taken out: a name at most, and one address.
_SPOT = r"[^\s<>()\[\],:;\"\\]"
_MAILBOX = re.compile(
    rf"\s*+(?:[^<>()\[\],:;\"@\\]*+<\s*+({_SPOT}++)\s*+>|({_SPOT}++)(?:\s*+<\s*+\2\s*+>)?)\s*+(?:,|\Z)"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
_COMMENT = re.compile(r"\(((?:[^()\\]|\\.)*+)\)")
_COMMENTS_DEEP = 4
_MARKS = frozenset('<>@"')
_SHOWN_MOST = 100_000  # bytes of To and Cc
_REMEMBERED_MOST = 300  # longer values are rare, and a memory for them could be filled on purpose
_TEXT_MOST = 200_000  # characters of text that are read


class Author(NamedTuple):
    """One mailbox of a From field, with the name shown for it, "" when there is none."""

    name: str
    address: Address

    @property
    def domain(self) -> str:
        """Return the domain of the address."""
        return self.address.domain


def authors(fields: Headers, name: str = "from") -> tuple[Author, ...]:
    """Return the mailboxes of the From fields, or of those of another `name`.

    Raises `errors.Misuse` when one is no address, or when some reader may find another one in its place.
    """
    return tuple(author for field in fields.fields if field.name == name for author in _known(field.raw))


def _known(raw: bytes) -> tuple[Author, ...]:
    return _remembered(raw) if len(raw) < _REMEMBERED_MOST else _mailboxes(raw)


def _mailboxes(raw: bytes) -> tuple[Author, ...]:
    """Parse before encoded words are decoded, so that none of them can pretend to be an address."""
    if len(raw) > _FIELD_MOST:  # and not read in part: what is behind would be shown without having been looked at
        raise Misuse(f"it is longer than {_FIELD_MOST} bytes")
    value = " ".join(raw.decode("utf-8", "replace").split())
    try:
        found = policy.default.header_factory("from", value)
    except Exception as error:  # the standard library's parser stumbles over some fields
        raise Misuse("it is no list of addresses") from error
    written, said = _skeleton(value)
    if _hosts(written) != [_host(each.addr_spec) for each in found.addresses] or _MARKS & set(said):
        raise Misuse("readers may find another address in it; write it as: Name <address>")
    return tuple([Author(f"{each.display_name} {said}".strip(), parse(each.addr_spec)) for each in found.addresses])


def _skeleton(value: str) -> tuple[str, str]:
    """Return a From field without quoted strings and comments, and what the comments say: old readers show it."""
    written, said = _QUOTED.sub("q", value), []
    for _ in range(_COMMENTS_DEEP):
        said += _COMMENT.findall(written)
        written = _COMMENT.sub(" ", written)
    return written, " ".join(decode(each.encode()) for each in said)


def _hosts(written: str) -> list[str] | None:
    """Return where the mailboxes are that every reader finds in a skeleton; None when readers may differ."""
    hosts, at = [], 0
    while at < len(written):
        mailbox = _MAILBOX.match(written, at)
        if mailbox is None:
            return None
        hosts.append(_host(mailbox[1] or mailbox[2]))
        at = mailbox.end()
    return hosts


def _host(address: str) -> str:
    return address.rpartition("@")[2].lower()


_remembered = lru_cache(maxsize=1024)(_mailboxes)


def answers_nothing(fields: Headers) -> bool:
    """Return whether the subject pretends to answer or to pass on a message, while no field names that message."""
    known = any(field.name in {"references", "in-reply-to"} for field in fields.fields)
    return not known and _ANSWER.match(visible(fields.get("subject") or "")) is not None


def disclosed(fields: Headers, own: Iterable[str]) -> list[str]:
    """Return the addresses that To and Cc show, without those in or below the domains `own`; names are read too.

    Raises `errors.Misuse` when these fields are longer than those of a message to one person can be.
    """
    shown = [field for field in fields.fields if field.name in {"to", "cc"}]
    if sum(len(field.raw) for field in shown) > _SHOWN_MOST:
        raise Misuse(f"To and Cc are longer than {_SHOWN_MOST} bytes; each copy may show its own address only")
    text = " ".join(field.text for field in shown)
    if text.count("@") < 2:
        return []
    mine = tuple(own)
    found: dict[str, None] = {}
    for before, after in pairwise(text.split("@")):  # and not one expression, which would look for each again and again
        local, host = _LOCAL.search(before[-_LOCAL_MOST:]), _HOST.match(after)
        if local and host:
            domain = host[0].casefold().rstrip(".")
            if not any(domain == parent or domain.endswith("." + parent) for parent in mine):
                found[f"{local[0].casefold()}@{domain}"] = None
    return list(found)


def domains_in(text: str) -> list[str]:
    """Return the domains of what looks like an address in a text."""
    return [match[1].casefold().rstrip(".") for match in _ADDRESS.finditer(text)]


def words(text: str) -> Sequence[str]:
    """Return the words of a text as they are compared: lower-case, without accents and punctuation."""
    return _remembered_words(text) if len(text) < _REMEMBERED_MOST else _words(text)


def _words(text: str) -> Sequence[str]:
    if text.isascii():
        return _WORD.findall(text.lower())
    plain = "".join(sign for sign in normalize("NFKD", visible(text).casefold()) if not combining(sign))
    return _WORD.findall(plain.replace("œ", "oe").replace("æ", "ae"))


def visible(text: str) -> str:
    """Return a text as it looks: without what is not seen, and with letters of other shapes as the usual ones."""
    return text if text.isascii() else normalize("NFKC", _UNSEEN.sub("", text))


_remembered_words = lru_cache(maxsize=4096)(_words)


def named(shown: str, names: Iterable[str]) -> bool:
    """Return whether the name `shown` says one of `names`, whole words in order; forms such as SAS do not count."""
    said = f" {' '.join(words(shown))} "
    for name in names:
        wanted = words(name)
        bare = [word for word in wanted if word not in _FORMS] or wanted
        if bare and (f" {' '.join(bare)} " in said or f" {' '.join(wanted)} " in said or "".join(bare) in said.split()):
            return True
    return False


def text_of(content: bytes) -> str:
    """Return the text of the body parts that a person reads, as it looks, tags taken out; as well as it can be read.

    Of a page it comes once more, with what is beside a tag within a line put together: so can a word be written.
    """
    found: list[str] = []
    for is_page, text in _texts(content):
        ways = (text, _INLINE.sub("", text)) if is_page else ()
        found += [unescape(_MARKUP.sub(" ", each)) for each in dict.fromkeys(ways)] or [text]
    return visible("\n".join(found))[: 2 * _TEXT_MOST]


def markup_of(content: bytes) -> str:
    """Return the HTML of those parts, as it is written."""
    return "\n".join(text for is_page, text in _texts(content) if is_page)[:_TEXT_MOST]


def longest(content: bytes) -> int:
    """Return how many bytes the longest of those parts has in UTF-8, up to a bound."""
    return max((len(text.encode("utf-8", "replace")) for _, text in _texts(content)), default=0)


def _texts(content: bytes) -> Iterator[tuple[bool, str]]:
    """Yield whether a part is a page, and its text."""
    try:
        root = structure.scan(content)
    except Broken:  # readers make of it what they can
        yield True, content[:_TEXT_MOST].decode("utf-8", "replace")
        return
    for part in root.walk():
        if (part.kind.startswith("text/") or part.seems("text")) and not part.named:
            yield bodies.is_page(part), _text(content, part)


def _text(content: bytes, part: Part) -> str:
    raw, label = content[part.body_start : part.end], part.type.params.get("charset", "")
    data = encode.transfer_decoded(raw, part.encoding)
    charset = encode.charset(label)
    if data is None or charset is None or part.type.doubtful:  # some reader may read it all the same
        found = encode.readings(raw, part.encoding, label)
        return "\n".join(each[:_TEXT_MOST].decode("utf-8", "replace") for each in found)
    data = data[:_TEXT_MOST]
    return data.decode(encode.reading(data, charset) or "ascii", "replace")
