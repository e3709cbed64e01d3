"""Charsets and transfer encodings of one leaf: decoded for looking, encoded for splicing (RFC 2045 6, RFC 2046 4.1)."""

import binascii
import codecs
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import cycle

# Charsets by Python's name in which the bytes below 0x40, "<" ">" "=" and quotes among them, mean the same as in ASCII
# wherever they occur. Other charsets people use are decoded first; what is in neither set is not touched.
_SAFE = frozenset(
    ["ascii", "utf-8", "koi8-r", "koi8-u", "mac-roman", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255"]
    + ["cp1256", "cp1257", "cp1258", "cp437", "cp850", "cp852", "cp858", "cp866", "cp874", "tis-620", "gb2312", "gbk"]
    + ["gb18030", "big5", "big5hkscs", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949"]
    + [f"iso8859-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)]
)
_OTHER = frozenset(
    [f"utf-{name}" for name in ("7", "8-sig", "16", "16-le", "16-be", "32", "32-le", "32-be")]
    + [f"iso2022_{name}" for name in ("jp", "jp_1", "jp_2", "jp_2004", "jp_3", "jp_ext", "kr")]
    + ["hz"]
)
_SUPERSETS = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]+")
_QP_TOKEN = re.compile(rb"=[0-9A-Fa-f]{2}|=\r\n|.", re.DOTALL)
_QP_LINE_OF = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_ALONE = re.compile(rb"(\r(?!\n)|(?<!\r)\n)")
# What Western charsets may lack, and what people write instead.
_TYPOGRAPHY = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " ", "\u202f": " "}
)
LINE_MOST = 998
_PLAIN = frozenset({"", "7bit", "8bit", "binary"})
# Text that quoted-printable leaves as it is, as most in English.
_QP_ITSELF = re.compile(rb"(?:(?!\.|--)[\t -<>-~]{0,76}+(?<![ \t])(?:\r\n|\Z))*+")
_B64_LINE = 76
_QP_FEW = 16  # places


@lru_cache(maxsize=256)
def charset(label: str) -> str | None:
    """Return Python's name of a charset for mail, or None when it is unknown or no charset."""
    try:
        name = codecs.lookup(label.strip().lower() or "us-ascii").name
    except (LookupError, ValueError):
        return None
    return name if name in _SAFE or name in _OTHER else None


def transparent(name: str) -> bool:
    """Return whether markup may be looked for in the bytes of charset `name` (a name from `charset`)."""
    return name in _SAFE


def reading(data: bytes, name: str) -> str | None:
    """Return the charset by which `data` labelled `name` can be read: a usual superset, itself, or UTF-8; or None.

    What is no text in a charset that is written with ASCII signs, as those of escape sequences are, is not UTF-8.
    """
    candidates = [_SUPERSETS.get(name, name), name, *(["utf-8"] if name in _SAFE else [])]
    for candidate in candidates:
        try:
            text = data.decode(candidate)
            if name not in _SAFE:
                text.encode()  # UTF-7 can spell halves of characters
        except (UnicodeError, ValueError):
            continue
        return candidate
    return None


def fitted(text: str, name: str) -> bytes | None:
    """Return `text` in charset `name`, its typography simplified where that helps; None when it does not fit."""
    try:
        return text.encode(name)
    except UnicodeError:
        pass
    try:
        return text.translate(_TYPOGRAPHY).encode(name)
    except UnicodeError:
        return None


def long_lined(data: bytes) -> bool:
    """Return whether a line is longer than a mail line may be (RFC 5322 2.1.1)."""
    return len(data) > LINE_MOST and len(max(data.split(b"\r\n"), key=len)) > LINE_MOST


def transfer_decoded(raw: bytes, encoding: str) -> bytes | None:
    """Return the body without its transfer encoding; None for an unknown one, or base64 that readers may read apart."""
    if encoding in _PLAIN:
        return raw
    if encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    if encoding == "base64":
        signs = raw.translate(None, b" \t\r\n")
        try:
            return None if len(signs) % 4 else binascii.a2b_base64(signs, strict_mode=True)
        except ValueError:
            return None
    return None


def known(encoding: str) -> bool:
    """Return whether `readings` decodes all that a lenient reader would decode."""
    return encoding in _PLAIN or "quoted" in encoding or "base64" in encoding


def readings(raw: bytes, encoding: str, label: str) -> tuple[bytes, ...]:
    """Return the body as it is and in each way that a lenient reader may decode it, `label` being its charset.

    In charsets that write "<" as others do not it comes in UTF-8 as well; what may be UTF-16, without its NULs.
    """
    found = [raw]
    try:
        if "quoted" in encoding:
            found.append(binascii.a2b_qp(raw))
        elif "base64" in encoding:
            found.append(binascii.a2b_base64(raw + b"=="))
    except ValueError:
        pass
    name = charset(label)
    if name and not transparent(name):
        found += [data.decode(name, "replace").encode("utf-8", "replace") for data in found]
    return (*found, *[data.replace(b"\0", b"") for data in found if b"\0" in data])


def qp(data: bytes) -> bytes:
    """Return `data` in quoted-printable: CRLF stays a line end, CR or LF alone is encoded; no line begins with "--"."""
    return data if _QP_ITSELF.fullmatch(data) else _quoted(data)


@lru_cache(maxsize=256)
def qp_again(data: bytes) -> bytes:
    """Return what `qp` does, of what comes again in other messages: as a whole, or most of its lines."""
    itself = _QP_ITSELF.fullmatch(data)
    return data if itself else b"".join([_quoted_again(line) for line in data.splitlines(keepends=True)])


def _quoted(data: bytes) -> bytes:
    # The leading CRLF tells b2a_qp to break lines by CRLF. "--" could be taken for a boundary.
    if data.count(b"\r") == data.count(b"\r\n") == data.count(b"\n"):
        coded = binascii.b2a_qp(b"\r\n" + data)[2:]
    else:
        pairs = zip(cycle((False, True)), _ALONE.split(data), strict=False)
        coded = b"".join(
            [b"=%02X=\r\n" % chunk[0] if odd else binascii.b2a_qp(b"\r\n" + chunk)[2:] for odd, chunk in pairs]
        )
    if coded.startswith(b"--"):
        coded = b"=2D" + coded[1:]
    return coded.replace(b"\n--", b"\n=2D-")


_quoted_again = lru_cache(maxsize=4096)(_quoted)


def base64(data: bytes) -> bytes:
    """Return `data` in base64, in lines of 76, without a line end behind the last."""
    coded = binascii.b2a_base64(data, newline=False)
    return b"\r\n".join([coded[at : at + _B64_LINE] for at in range(0, len(coded), _B64_LINE)])


def qp_places(raw: bytes, data: bytes, offsets: Sequence[int]) -> list[int] | None:
    """Return where in the quoted-printable `raw` the bytes at `offsets` (ascending) of its decoded `data` are written.

    None when one cannot be told. Few are looked for from the end, many in one walk.
    """
    places: list[int] = []
    place = count = 0
    for offset in offsets:
        found = place if places and offset == count else None
        if found is None and len(offsets) <= _QP_FEW:
            found = _qp_near_end(raw, data, offset)
        if found is None:
            found = _qp_walk(raw, place, offset - count) if offset < len(data) else len(raw)
        if found is None:
            return None
        places.append(found)
        place, count = found, offset
    return places


def _qp_near_end(raw: bytes, data: bytes, offset: int) -> int | None:
    if offset >= len(data):
        return len(raw)
    place = raw.rfind(data[offset : offset + 6])
    whole = b"=" not in raw[max(0, place - 2) : place]  # and not the middle of what one "=" began
    return place if place >= 0 and whole and len(binascii.a2b_qp(raw[place:])) == len(data) - offset else None


def _qp_walk(raw: bytes, start: int, count: int) -> int | None:
    """Return where in `raw`, counted from `start`, `count` bytes are written before; by lines, then by characters."""
    place, wanted = start, count
    # What is written is no shorter than what it means: so many bytes, up to a line end, are behind no offset.
    while (stop := raw.rfind(b"\n", place, place + count) + 1) > place:
        count, place = count - len(binascii.a2b_qp(raw[place:stop])), stop
    place = _qp_step(raw, place, count) if b"=" in raw[place : place + count + 1] else place + count
    return place if len(binascii.a2b_qp(raw[start:place])) == wanted else None


def _qp_step(raw: bytes, place: int, count: int) -> int:
    """Return where `count` more bytes are written before, but for what cannot be told."""
    for line in _QP_LINE_OF.finditer(raw, place):
        more = len(binascii.a2b_qp(line[0]))
        if more > count:
            break
        count, place = count - more, line.end()
    for token in _QP_TOKEN.finditer(raw, place):
        if count <= 0 and token[0] != b"=\r\n":
            break
        count, place = count - len(binascii.a2b_qp(token[0])), token.end()
    return place


def base64_place(raw: bytes, offset: int) -> int:
    """Return where in the base64 `raw` the group of four begins that holds the decoded byte `offset`."""
    wanted = offset // 3 * 4
    for run in _BASE64_RUN.finditer(raw):
        if wanted < run.end() - run.start():
            return run.start() + wanted
        wanted -= run.end() - run.start()
    return len(raw.rstrip())
