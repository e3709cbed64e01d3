"""The arguments of MAIL and RCPT (RFC 5321 4.1.2, RFC 1870, 6152, 6531, 3461, 4954): text in, values or a reply out."""

import re
from dataclasses import dataclass

from gateway.mail.reply import Reply

_BARE_PATH = re.compile(r"[^\s<>]+")
# "<" ["@" domain *("," "@" domain) ":"] mailbox ">"; a quoted local part may hold anything, ">" and blanks included
_PATH = re.compile(r'<(?P<route>@[^:<>"]*:)?(?P<mailbox>(?:"(?:[^"\\]|\\.)*"@[^<>\s]*|[^<>\s"]*))>')
_KEYWORD = re.compile(r"[A-Z0-9][A-Z0-9-]*")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")  # RFC 3461 4
# RFC 6533 3: utf-8-addr-xtext may also hold \x{HEXPOINT}; that form is within xtext already except for UTF-8 itself
_UTF8_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2}|[^\x00-\x7f])*")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_ENVID_MOST, _ORCPT_MOST, _SIZE_DIGITS = 100, 500, 20


class Refused(Exception):
    """The argument is not acceptable; carries the reply."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(code, status, text)


@dataclass(frozen=True, slots=True)
class MailArgument:
    """What MAIL said. `size` in bytes, 0 when not declared."""

    path: str  # "" is the null sender
    size: int = 0
    eight_bit: bool = False
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class RcptArgument:
    """What RCPT said; `notify` in upper case, `orcpt` verbatim."""

    path: str
    notify: str = ""
    orcpt: str = ""


def mail(argument: str) -> MailArgument:
    """Return the parsed argument of MAIL; raises `Refused`."""
    path, words = _split(argument, "FROM:")
    params = _params(words, {"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"})
    size = params.get("SIZE", "0")
    if not (size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS):
        raise Refused(501, "5.5.4", "SIZE takes a number")
    body = params.get("BODY", "7BIT").upper()
    if body not in {"7BIT", "8BITMIME"}:
        raise Refused(501, "5.5.4", "BODY is 7BIT or 8BITMIME")
    if params.get("SMTPUTF8", ""):
        raise Refused(501, "5.5.4", "SMTPUTF8 takes no value")
    ret = params.get("RET", "").upper()
    if "RET" in params and ret not in {"FULL", "HDRS"}:
        raise Refused(501, "5.5.4", "RET is FULL or HDRS")
    envid = params.get("ENVID", "")
    if "ENVID" in params and not (0 < len(envid) <= _ENVID_MOST and _XTEXT.fullmatch(envid)):
        raise Refused(501, "5.5.4", "ENVID is up to 100 characters of xtext")
    # AUTH= (RFC 4954 5) says whom the message came from; we trust nobody with that and so treat it as AUTH=<>.
    auth = params.get("AUTH", "")
    if "AUTH" in params and auth != "<>" and not (auth and _XTEXT.fullmatch(auth)):
        raise Refused(501, "5.5.4", "AUTH is <> or xtext")
    return MailArgument(path, int(size), body == "8BITMIME", "SMTPUTF8" in params, ret, envid)


def rcpt(argument: str) -> RcptArgument:
    """Return the parsed argument of RCPT; raises `Refused`."""
    path, words = _split(argument, "TO:")
    if not path:
        raise Refused(501, "5.1.3", "a recipient is needed")
    params = _params(words, {"NOTIFY", "ORCPT"})
    notify = params.get("NOTIFY", "").upper()
    if "NOTIFY" in params and notify != "NEVER":
        wishes = notify.split(",")
        if not set(wishes) <= {"SUCCESS", "FAILURE", "DELAY"} or len(set(wishes)) != len(wishes):
            raise Refused(501, "5.5.4", "NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY")
    orcpt = params.get("ORCPT", "")
    if "ORCPT" in params:
        kind, semicolon, address = orcpt.partition(";")
        text = _UTF8_XTEXT if kind.lower() == "utf-8" else _XTEXT
        if not (semicolon and address and _ATOM.fullmatch(kind) and text.fullmatch(address)):
            raise Refused(501, "5.5.4", "ORCPT is an address type, a semicolon and xtext")
        if len(orcpt) > _ORCPT_MOST:
            raise Refused(501, "5.5.4", "ORCPT is too long")
    return RcptArgument(path, notify, orcpt)


def _split(argument: str, keyword: str) -> tuple[str, list[str]]:
    """Return the mailbox, its source route stripped (RFC 5321 appendix C), and the parameters."""
    if argument[: len(keyword)].upper() != keyword:
        raise Refused(501, "5.5.4", f"the argument begins with {keyword}")
    rest = argument[len(keyword) :].strip(" \t")
    found = _PATH.match(rest) or _BARE_PATH.match(rest)
    if not found or rest[found.end() : found.end() + 1].strip(" \t"):
        raise Refused(501, "5.1.7" if keyword == "FROM:" else "5.1.3", "an address in angle brackets is needed")
    mailbox = found["mailbox"] if found.re is _PATH else found[0]
    return mailbox, rest[found.end() :].split()


def _params(words: list[str], known: set[str]) -> dict[str, str]:
    params: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        plain = name.isascii() and (word.isascii() or name.upper() == "ORCPT")  # RFC 6533 3
        name = name.upper()
        if not plain or not _KEYWORD.fullmatch(name) or (equals and not value):
            raise Refused(501, "5.5.4", "a parameter is malformed")
        if name not in known:
            raise Refused(555, "5.5.4", "a parameter is not known here")
        if name in params:
            raise Refused(501, "5.5.4", f"{name} was given twice")
        params[name] = value
    return params
