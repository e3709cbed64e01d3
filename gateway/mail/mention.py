"""The mention: who sends this, why you get it, how to stop it (CPCE L34-5; LCEN 19; GDPR 14, 21(4)).

The one thing of ours that everybody sees. The HTML form brings its own colours on its own background, 13 px, and a
width that fits 320 px; "!important" because the sender's style sheet must not hide it. It is ASCII with character
references, so that it reads the same whatever charset the message claims. The text form has lines of at most 72.

Every field comes from people: none can add markup, lines, links, or turn the direction of the text.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import NamedTuple

from gateway import text
from gateway.errors import Misuse
from gateway.mail.template import Template, dressed, filled
from gateway.text import local

_URL = re.compile(r"https?://[^\s<>\"'`\\{}|^]{1,1900}")
_MAILTO = re.compile(
    r"(?:mailto:)?([^\s<>\"'`\\{}|^?&@]{1,64}@[^\s<>\"'`\\{}|^?&@]{1,255})(\?[^\s<>\"'`\\{}|^]{0,200})?"
)
_FIELD_MOST = 1_000
_WIDTH, _HTML_WIDTH = 72, 74
_RULE = "_" * 40  # no hyphens: a boundary may be made of them; not "-- ", behind which readers hide text
# Where the recipient's own links go.
_STOP, _CHOOSE, _WRITE, _MAIL, _UNTRACK = "\x01", "\x02", "\x03", "\x04", "\x05"
_SLOTS = re.compile("[\x01-\x05]")
_HARD = "\x06"  # a space at which no line is broken

# The sender's style sheet rules the page: all of it is overruled, element by element, and the block begins anew.
# Clients that do not know `all` hardly know what could hide the block either; the rest is said by name, or in `sheets`.
_ANEW, _OURS = "all:initial!important", "all:revert!important"
_LETTERS = "font-size:13px!important;line-height:20px!important;color:#333333!important"
_BARE = f"{_OURS};background:none!important"
_SHOWN = (
    f"{_ANEW};clear:both!important;display:block!important;visibility:visible!important;opacity:1!important;"
    "max-height:none!important;overflow:visible!important;position:relative!important;z-index:2147483647!important"
)
_BOX = f"{_SHOWN};margin:16px 0 0!important;padding:0!important".replace(" ", _HARD)
_INSIDE = (
    "visibility:visible!important;background-color:#ffffff!important;"
    f"font-family:Arial,Helvetica,sans-serif!important;{_LETTERS};"
    "text-align:start!important;white-space:normal!important;word-break:break-word!important"
)
_FRAME = f"{_OURS};display:table!important;width:100%!important;border-spacing:0!important"
_GROUP, _ROW = f"{_OURS};display:table-row-group!important", f"{_OURS};display:table-row!important"
_CELL = (
    f"{_OURS};display:table-cell!important;padding:12px 16px 4px!important;"
    f"border-top:1px solid #767676!important;{_INSIDE}"
).replace(" ", _HARD)
_PARAGRAPH = (
    f"{_BARE};display:block!important;max-width:640px!important;margin:0 auto 8px!important;padding:0!important;"
    f"{_LETTERS}"
).replace(" ", _HARD)
_OPENING = f"{_SHOWN};margin:0!important;padding:8px 16px 1px!important;{_INSIDE}".replace(" ", _HARD)
_LINK = (
    f"{_BARE};display:inline!important;font-size:13px!important;color:#0b4fa8!important;"
    "text-decoration:underline!important"
)
_STRONG = f"{_LINK};font-weight:bold!important"
# What tells hosted next hops (SendGrid, Mailgun, SES, Postmark, SparkPost) to lead nobody through counters of clicks.
_UNTRACKED = " clicktracking=off disable-tracking=true ses:no-track data-pm-no-track data-msys-clicktrack=0"
_LINKS = frozenset({"optout_url", "preferences_url", "optout_mailto", "tracking_url"})
_OWN = frozenset({_STOP, _CHOOSE, _UNTRACK})


class MentionFields(NamedTuple):
    """What the mention says; plain text in the language of the recipient, "" where there is nothing.

    `legal_name` and `optout_url` (http or https) are required. `basis_sentence` and `source_sentence` complete "you
    receive it because …" and "Source: …"; `art14_sentence` holds purposes, categories and retention for the short
    layer of the GDPR 14 notice, to which the rights are added. `optout_mailto` is an address or a mailto URL.
    `nature` is "" for prospecting and "noncom" for messages without promotion.
    """

    legal_name: str
    optout_url: str
    trade_name: str = ""
    legal_form_capital: str = ""
    registered_office: str = ""
    siren_rcs: str = ""
    vat: str = ""
    phone_or_email: str = ""
    basis_sentence: str = ""
    source_sentence: str = ""
    collection_date: str = ""
    preferences_url: str = ""
    optout_mailto: str = ""
    privacy_url: str = ""
    rights_contact: str = ""
    list_name: str = ""
    tracking_sentence: str = ""
    tracking_url: str = ""
    art14_sentence: str = ""
    nature: str = ""


class Mention(NamedTuple):
    """The block as `text` (lines end in LF, none behind the last) and as `page`: HTML in ASCII, whole lines with CRLF.

    `opening` and `opening_page` say on one line that this is advertising, for messages that do not show it themselves.
    """

    text: str
    page: bytes
    lang: str
    opening: str
    opening_page: bytes

    @property
    def html(self) -> str:
        """Return the page without the last line end."""
        return self.page.decode("ascii").removesuffix("\r\n")


class _There(NamedTuple):
    """Which links a recipient has besides the one to stop."""

    choose: bool
    write: bool
    untrack: bool


def render(fields: MentionFields, lang: str, template: Template | None = None) -> Mention:
    """Return the mention in `lang`, or in English where that language has no texts. Raises `Misuse`, see the fields.

    `template` is the operator's own wording in that language.
    """
    if not _is_url(fields.optout_url):
        raise Misuse(f"The mention needs an http(s) address to stop at, not {fields.optout_url[:80]!r}.")
    choose = fields.preferences_url
    if choose == fields.optout_url or not _is_url(choose):
        choose = ""
    write = _MAILTO.fullmatch(fields.optout_mailto) if fields.optout_mailto.isascii() else None
    address, query = (write[1], write[2] or "") if write else ("", "")
    untrack = fields.tracking_url if _is_url(fields.tracking_url) else ""
    given = {name: _clean(value) for name, value in fields._asdict().items() if name not in _LINKS}
    if not given["legal_name"]:
        raise Misuse("The mention needs the legal name of the advertiser.")
    lang, there = _known(lang), _There(bool(choose), bool(write), bool(untrack))
    plain, page = _own(given, lang, there, template) if template else _default(given, lang, there)
    links = {_STOP: fields.optout_url, _CHOOSE: choose, _WRITE: f"mailto:{address}{query}", _MAIL: address}
    links[_UNTRACK] = untrack
    opening = text.say("mail.advertisement", lang, company=given["trade_name"] or given["legal_name"])
    markup = "".join([f"{line}\r\n" for line in _boxed(page, lang)])
    return Mention(
        _linked("\n".join([_RULE, *plain]), links),
        _linked(markup, {slot: escape(link) for slot, link in links.items()}).encode("ascii"),  # links are ASCII
        lang,
        "\n".join(_wrapped(opening)),
        f"\r\n{_opening_html(opening, lang)}\r\n".encode("ascii"),
    )


def _linked(written: str, links: Mapping[str, str]) -> str:
    return _SLOTS.sub(lambda slot: links[slot[0]], written)


def _default(given: dict[str, str], lang: str, there: _There) -> tuple[list[str], list[str]]:
    """Return the lines of both forms in our own words."""
    about, more = _about(given, lang), _more(given, lang)
    watched = _paragraphs([given["tracking_sentence"]]) if given["tracking_sentence"] else []
    if there.untrack:
        watched += [*([] if watched else [""]), text.say("mail.untrack-text", lang), _UNTRACK]
    plain = [*_wrapped(about), "", *_text_links(given, lang, there), *_paragraphs(more), *watched]
    return plain, _page(about, more, given, lang, there)


def _own(given: dict[str, str], lang: str, there: _There, template: Template) -> tuple[list[str], list[str]]:
    """Return the lines of both forms in the operator's words."""
    art14 = given["art14_sentence"] and text.say("mail.art14", lang, art14=given["art14_sentence"])
    links = {
        "optout_url": _STOP,
        "preferences_url": _CHOOSE if there.choose else "",
        "tracking_url": _UNTRACK if there.untrack else "",
        "optout_mailto": _MAIL if there.write else "",
    }
    sentences = {name: _open(value) if name.endswith("_sentence") else value for name, value in given.items()}
    values = {**sentences, "art14_sentence": art14, **links}
    plain = [line for each in filled(template.text, values) for line in _wrapped(each)]
    marked = {name: _ascii(escape(value)) for name, value in values.items()}
    page = template.html.replace('href="{optout_mailto}"', f'href="{_WRITE}"' if there.write else 'href=""')
    for place in ("optout_url", "preferences_url", "tracking_url"):
        page = page.replace(f'href="{{{place}}}"', f'href="{{{place}}}"{_UNTRACKED}')
    page = dressed("\n".join(filled(page, marked)), {"a": _LINK, "p": _PARAGRAPH, "": f"{_BARE};{_LETTERS}"})
    return plain, [_ascii(line) for line in page.split("\n")]


def _opening_html(opening: str, lang: str) -> str:
    """Return the first line as a block of its own, in the clothes of the mention."""
    line = f'<p style="{_PARAGRAPH}">{_ascii(escape(opening))}</p>'
    markup = f'<div lang="{lang}" dir="{local.direction(lang)}" style="{_OPENING}">{line}</div>'
    return "\r\n".join(_wrapped(markup, _HTML_WIDTH)).replace(_HARD, " ")


def _about(given: dict[str, str], lang: str) -> str:
    """Return who sends it, why, and where the address comes from."""
    nature = "-noncom" if given["nature"] == "noncom" else ""
    name = given["legal_name"]
    if given["trade_name"] and given["trade_name"].casefold() != name.casefold():
        name = f"{name} ({given['trade_name']})"
    identity = ("legal_form_capital", "registered_office", "siren_rcs", "vat", "phone_or_email")
    sender = ", ".join([name, *[given[key] for key in identity if given[key]]])
    sentences = [
        text.say(f"mail.sent{nature}", lang, sender=_open(sender)),
        given["basis_sentence"] and text.say(f"mail.basis{nature}", lang, basis=_open(given["basis_sentence"])),
        given["list_name"] and text.say("mail.list", lang, list=_open(given["list_name"])),
        given["source_sentence"] and text.say("mail.source", lang, source=_open(given["source_sentence"])),
        given["collection_date"] and text.say("mail.collected", lang, date=_open(given["collection_date"])),
    ]
    return " ".join(filter(None, sentences))


def _more(given: dict[str, str], lang: str) -> list[str]:
    """Return the further paragraphs: rights contact, GDPR 14, and a privacy address that is no link."""
    privacy = given["privacy_url"]
    return [
        paragraph
        for paragraph in (
            f"{text.say('mail.privacy-text', lang)} {privacy}" if privacy and not _is_url(privacy) else "",
            given["rights_contact"] and text.say("mail.rights", lang, contact=_open(given["rights_contact"])),
            given["art14_sentence"] and text.say("mail.art14", lang, art14=given["art14_sentence"]),
        )
        if paragraph
    ]


def _text_links(given: dict[str, str], lang: str, there: _There) -> list[str]:
    lines = [text.say("mail.stop-text", lang), _STOP]
    if there.write:
        lines.append(f"{text.say('mail.write-text', lang)} {_MAIL}")
    if there.choose:
        lines += ["", text.say("mail.preferences-text", lang), _CHOOSE]
    if _is_url(given["privacy_url"]):
        lines += ["", text.say("mail.privacy-text", lang), given["privacy_url"]]
    return lines


def _page(about: str, more: list[str], given: dict[str, str], lang: str, there: _There) -> list[str]:
    """Return the paragraphs of the HTML form."""
    stop = _link(_STOP, _ascii(escape(text.say("mail.stop", lang))), _STRONG)
    if there.write:
        stop += f" &#183; {_link(_WRITE, _ascii(escape(text.say('mail.write', lang))))}"
    links = []
    if there.choose:
        links.append(_link(_CHOOSE, _ascii(escape(text.say("mail.preferences", lang)))))
    if _is_url(given["privacy_url"]):
        links.append(_link(escape(given["privacy_url"]), _ascii(escape(text.say("mail.privacy", lang)))))
    watched = _ascii(escape(given["tracking_sentence"]))
    if there.untrack:
        watched = f"{watched} {_link(_UNTRACK, _ascii(escape(text.say('mail.untrack', lang))))}".lstrip()
    bodies = [_ascii(escape(about)), stop, " &#183; ".join(links), *[_ascii(escape(each)) for each in more], watched]
    return [f'<p style="{_PARAGRAPH}">{body}</p>' for body in bodies if body]


def _boxed(page: list[str], lang: str) -> list[str]:
    """Return the lines of the HTML form in its box, with its own background and nothing inherited."""
    lines = [
        f'<div lang="{lang}" dir="{local.direction(lang)}" role="contentinfo" style="{_BOX}">',
        '<table role="presentation" width="100%" border="0" cellspacing="0" cellpadding="0" bgcolor="#ffffff"'
        f' style="{_FRAME}"><tbody style="{_GROUP}"><tr style="{_ROW}">',
        f'<td bgcolor="#ffffff" style="{_CELL}">',
        *page,
        "</td></tr></tbody></table></div>",
    ]
    return [part.replace(_HARD, " ") for line in lines for part in _wrapped(line, _HTML_WIDTH)]


def _link(target: str, label: str, style: str = _LINK) -> str:
    return f'<a href="{target}"{_UNTRACKED if target in _OWN else ""} style="{style}">{label}</a>'


def _paragraphs(paragraphs: list[str]) -> list[str]:
    return [line for paragraph in paragraphs for line in ["", *_wrapped(paragraph)]]


def _wrapped(paragraph: str, width: int = _WIDTH) -> list[str]:
    """Return `paragraph` in lines of at most `width`, longer where one word is; breaks at plain spaces only."""
    lines: list[str] = []
    line = ""
    for word in paragraph.split(" "):
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


@lru_cache(maxsize=4096)
def _clean(value: str) -> str:
    """Return `value` on one line, without what is not printed: controls, joiners, marks that turn the direction."""
    value = value[:_FIELD_MOST]
    if not value.isprintable():
        value = "".join([character if character.isprintable() else " " for character in value])
    return " ".join(value.split())


def _open(value: str) -> str:
    """Return `value` without the full stop that the sentence around it brings."""
    return value.removesuffix(".")


def _is_url(value: str) -> bool:
    return value.isascii() and _URL.fullmatch(value) is not None


def _ascii(markup: str) -> str:
    return markup if markup.isascii() else markup.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _known(lang: str) -> str:
    code = lang.partition("-")[0].lower()
    return code if code in text.languages() else text.FALLBACK
