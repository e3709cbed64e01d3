"""The operator's own wording of the mention: a text and a page with places to fill (docs/howto/mention.md).

A place is the name of a field in braces, such as `{legal_name}`. A line whose places are all empty is left out, so that
a line "Source: {source_sentence}" is there only for people whose address has a source to be named. What the law needs
cannot be left out, and what would hide it cannot be put in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.errors import Misuse
from gateway.mail import html
from gateway.mail.page import Page, Spot, quick

REQUIRED = (
    *("legal_name", "legal_form_capital", "registered_office", "siren_rcs", "vat", "phone_or_email"),  # LCEN 19
    *("basis_sentence", "source_sentence", "art14_sentence", "privacy_url"),  # GDPR 13, 14
    *("optout_url", "tracking_sentence", "tracking_url"),  # CPCE L34-5, GDPR 21(4); LIL 82
)
OPTIONAL = ("trade_name", "collection_date", "preferences_url", "optout_mailto", "rights_contact", "list_name")
_PLACE = re.compile(r"\{([a-z0-9_]+)\}")
_TAGS = frozenset(b"p div span br strong b em i u small a ul ol li".split())
_ATTRIBUTE = re.compile(r"""\s+([a-zA-Z-]+)(?:\s*=\s*"([^"]*)")?""")
_ATTRIBUTES = frozenset({"href", "style", "lang", "dir", "title"})
_PROPERTY = re.compile(r"(?:margin|padding)(?:-[a-z]+)?|text-(?:align|decoration)|font-(?:weight|style)")
_TARGET = re.compile(r"\{[a-z0-9_]+\}|https://[^\s{}]+|mailto:[^\s{}]+")
_STOP_LINK = re.compile(r"""<a\s[^>]*href="\{optout_url\}"[^>]*>([^<]*(?:<[^/][^>]*>[^<]+)*)""")
_MOST = 8_000


@dataclass(frozen=True, slots=True)
class Template:
    """Both forms, checked: `text` and `html` with places; lines end in LF."""

    text: str
    html: str


def read(text: str, page: str, where: str) -> Template:
    """Return the template; raise `Misuse`, naming the file and what is wrong with it.

    `where` is the path without its ending, for the message.
    """
    for ending, form in ((".txt", text), (".html", page)):
        if problem := _wrong(form) or (_wrong_page(form) if ending == ".html" else ""):
            raise Misuse(f"{where}{ending}: {problem}")
    return Template(_lines(text), _lines(page))


def filled(form: str, values: Mapping[str, str]) -> list[str]:
    """Return the lines of a form with `values` in their places, without the lines whose places are all empty."""
    lines = []
    for line in form.split("\n"):
        names = _PLACE.findall(line)
        if not names or any(values[name] for name in names):
            lines.append(_PLACE.sub(lambda place: values[place[1]], line).rstrip())
    return lines


def dressed(page: str, styles: Mapping[str, str]) -> str:
    """Return the page with our style in each tag, before its own: `styles` by tag, "" for any other.

    The sender's style sheet would rule the mention otherwise.
    """

    def dress(tag: re.Match[str]) -> str:
        name, rest = tag[1], tag[2]
        if name == "br":
            return tag[0]
        ours, own = styles.get(name, styles[""]), re.search(r'\sstyle="([^"]*)"', rest)
        rest = rest.replace(own[0], "") if own else rest
        more = "".join([f";{each.strip()}!important" for each in own[1].split(";") if each.strip()]) if own else ""
        return f'<{name} style="{ours}{more}"{rest}>'

    return re.sub(r"<([a-z]+)([^<>]*)>", dress, page)


def _lines(form: str) -> str:
    return "\n".join(line.rstrip() for line in form.strip().splitlines())


def _wrong(form: str) -> str:
    """Return what is wrong with either form, "" when nothing is."""
    names = _PLACE.findall(form)
    unknown = next((name for name in names if name not in (*REQUIRED, *OPTIONAL)), None)
    if unknown:
        return f"{{{unknown}}} is no place; there are {', '.join((*REQUIRED, *OPTIONAL))}"
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        return f"the law needs {', '.join(f'{{{name}}}' for name in missing)}, which the template lacks"
    if len(form) > _MOST:
        return f"{len(form)} characters are too long for a mention; {_MOST} at most"
    if any(not sign.isprintable() and sign not in "\r\n\t" for sign in form):
        return "it holds characters that cannot be seen"
    return ""


def _wrong_page(page: str) -> str:
    """Return what is wrong with the page: what could hide the mention, reach out, or upset the message around it."""
    data = page.encode()
    whole = Page(data)
    if "<!" in page or "<?" in page or quick(whole) != Spot(len(data), b""):
        return "its tags are not closed one by one, in order, as in a tidy page; comments are not taken either"
    for name, start, end in html.tags(whole):
        tag = data[start:end].decode()
        if name not in _TAGS:
            return f"<{name.decode()}> is not taken; there may be {', '.join(sorted(each.decode() for each in _TAGS))}"
        if problem := next(_wrong_attributes(name.decode(), tag), ""):
            return problem
    stops = _STOP_LINK.findall(page)
    if len(stops) != 1 or page.count("{optout_url}") != 1 or not _shown(stops[0]):
        return 'there must be one link with words to stop: <a href="{optout_url}">…</a>'
    return ""


def _wrong_attributes(name: str, tag: str) -> Iterator[str]:
    inside = tag[1 + len(name) :].rstrip(">").rstrip("/")
    if _ATTRIBUTE.sub("", inside).strip():
        yield f'{tag}: attributes are written name="value"'
    for attribute, value in _ATTRIBUTE.findall(inside):
        if attribute not in _ATTRIBUTES:
            yield f"{tag}: {attribute} is not taken; there may be {', '.join(sorted(_ATTRIBUTES))}"
        if attribute == "href" and not _TARGET.fullmatch(value):
            yield f"{tag}: a link leads to a place such as {{optout_url}}, to https:// or to mailto:"
        if attribute == "style":
            yield from _wrong_style(tag, value)


def _wrong_style(tag: str, style: str) -> Iterator[str]:
    for declaration in filter(None, (each.strip() for each in style.split(";"))):
        key, _, value = declaration.partition(":")
        if not _PROPERTY.fullmatch(key.strip()) or not re.fullmatch(r"\s*[a-z0-9. ]+(?:px|em|%)?\s*", value):
            yield f"{tag}: style {declaration!r} is not taken: size, colours and place are those of the mention"


def _shown(words: str) -> bool:
    return bool(re.sub(r"<[^>]*>|&nbsp;|\s", "", words))
