"""Puts an information text together: the first layer in its order, as text and HTML, and the full text behind it.

Order of the first layer (GDPR 12(1), 13): who and why, the control, what a refusal changes, recipients and
duration, rights and contact, the link to the full text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from gateway.law.notices import Collection, Control, Form
from gateway.text import cited, say

STATE_OF_LAW = "2026-11-23"  # docs/rules.md was read against the law of that day
NONE = "none"  # what a person writes in the register where there is nothing


@dataclass(frozen=True, slots=True)
class Texts:
    """One notice in one language: the first layer as text and as HTML, and the full text."""

    text: str
    html: str
    full: str


class Writer:
    """Writes one notice in one language. `given` are the fields of `law.notices.FIELDS` and a few more, as words."""

    def __init__(self, collection: Collection, channel: str, form: Form, given: Mapping[str, str], lang: str) -> None:
        self.collection, self.channel, self.form, self.lang = collection, channel, form, lang
        professional = collection is Collection.PROFESSIONAL
        words = {
            "by": say(f"notice.by.{channel}", lang),
            "data": say(f"notice.{'pro' if professional else 'data'}.{channel}", lang),
            "mine": say(f"notice.mine.{channel}", lang),
            "period": say("notice.retention.period", lang),
            "request": say("notice.retention.request", lang),
            "article": cited(form.article, lang),
        }
        self.given = {**words, **{key: value for key, value in given.items() if value}}
        self.given["recipients"] = self.given.get("recipients") or self._recipients()
        self.given["retention"] = self.given.get("retention") or self._retention()

    def texts(self) -> Texts:
        """Return the three texts."""
        return Texts(self._text(), self._html(), "\n\n".join(f"{head}\n{body}" for head, body in self._full()))

    def title(self) -> str:
        """Return a heading for the notice."""
        return self._say(f"title.{self.collection}", channel=self._say(f"channel.{self.channel}"))

    # --- the first layer ----------------------------------------------------------------------------------------------

    def _who(self) -> list[str]:
        child = [self._say("who.child")] if self._child else []
        source = [self._say("keeping.source")] if self.given.get("source") else []
        phone = [self._say("phone.law")] if self.channel == "phone" and self._consents else []
        return [*child, self._of("who"), *source, *phone]

    def _boxes(self) -> list[tuple[str, str]]:
        child = [("parent", self._say("control.child"))] if self._child else []
        return [(self.form.control.value, self._of("control")), *child]

    def _after(self) -> list[str]:
        how = self.form.control.value
        return [
            f"{self._say(f'refusing.{how}')} {self._stopping()}",
            self._say("keeping.line"),
            self._say(f"keeping.rights-{how}"),
        ]

    def _text(self) -> str:
        boxes = [f"☐ {label}" for _, label in self._boxes()]
        return "\n".join([*self._who(), *boxes, *self._after(), self._say("keeping.link")])

    def _html(self) -> str:
        key = f"notice-{self.given['name']}-{self.lang}"
        lines = [f'<section class="consentgate-notice" lang="{self.lang}" aria-labelledby="{key}-title">']
        lines.append(f'<h2 id="{key}-title">{escape(self.title())}</h2>')
        lines += [f"<p>{escape(line)}</p>" for line in self._who()]
        for name, label in self._boxes():
            box = f'<input type="checkbox" id="{key}-{name}" name="{name}" value="yes" aria-describedby="{key}-after">'
            lines.append(f'<p>{box} <label for="{key}-{name}">{escape(label)}</label></p>')
        lines.append(f'<div id="{key}-after">')
        lines += [f"<p>{escape(line)}</p>" for line in self._after()]
        link = escape(self.given["link"])
        sentence = escape(self._say("keeping.link", link="\0")).replace("\0", f'<a href="{link}">{link}</a>')
        return "\n".join([*lines, f"<p>{sentence}</p>", "</div>", "</section>"])

    # --- the full text ------------------------------------------------------------------------------------------------

    def _full(self) -> Iterator[tuple[str, str]]:
        """Yield heading and words of every field of GDPR 13 and 14 that is known."""
        how = self.form.control.value
        yield self._headed("controller", self._say("full.controller"))
        for key in ("joint", "representative", "dpo"):
            if self._states(key):
                yield self._headed(key, self.given[key])
        yield self._headed("purposes", f"{self._of('full', 'purpose-')} {self._say('full.purpose-proof')}")
        if self.form.interest:
            yield self._headed("interest", self.given.get("interest") or self._say("full.interest"))
        pro = "-pro" if self.collection is Collection.PROFESSIONAL else ""
        yield self._headed("categories", self._say(f"full.categories{pro}"))
        yield self._headed("source", self._say(f"full.source-{'other' if self.given.get('source') else 'person'}"))
        yield self._headed("recipients", f"{_capital(self.given['recipients'])}.")
        if transfers := self.given.get("transfers"):
            yield self._headed("transfers", self._say("full.transfers-none") if transfers == NONE else transfers)
        yield self._headed("retention", _capital(self._say("full.retention")))
        yield self._headed("mandatory", self._say(f"full.mandatory-{how}"))
        if profiling := self.given.get("profiling"):
            yield self._headed("profiling", self._say("full.profiling-none") if profiling == NONE else profiling)
        yield self._headed("rights", self._say("full.rights"))
        change = "withdrawal" if self._consents else "objection"
        yield self._headed("withdrawal", self._say(f"full.{change}", stopping=self._stopping()))
        yield self._headed("death", self._say("full.death"))
        yield self._headed("complaint", self._say("full.complaint"))
        yield self._headed("version", self._say("full.version", language=self.lang, state=STATE_OF_LAW))

    def _headed(self, key: str, words: str) -> tuple[str, str]:
        return self._say(f"heading.{key}"), words.strip()

    # --- words --------------------------------------------------------------------------------------------------------

    @property
    def _consents(self) -> bool:
        return self.form.control is Control.ACCEPT

    @property
    def _child(self) -> bool:
        return bool(self.given.get("child")) and self._consents

    def _states(self, key: str) -> bool:
        return self.given.get(key, NONE) != NONE

    def _of(self, part: str, prefix: str = "") -> str:
        """Return the sentence of a part for this collection, in the wording of the channel where it has its own."""
        for key in (f"{self.collection}-{self.channel}", str(self.collection)):
            try:
                return self._say(f"{part}.{prefix}{key}")
            except KeyError as error:
                missing = error
        raise missing

    def _recipients(self) -> str:
        kind = "partners" if self.collection is Collection.PARTNERS else "default"
        return self._say(f"recipients.{kind}")

    def _retention(self) -> str:
        if self.collection is Collection.TRACKING:
            return self._say("retention.tracking")
        if self.channel == "phone" and self._consents:
            return self._say("retention.phone")
        kind = "customer" if self.collection is Collection.CUSTOMER else "prospect"
        return self._say(f"retention.{kind}")

    def _stopping(self) -> str:
        kinds = {Collection.PARTNERS: "partners", Collection.TRACKING: "tracking"}
        if self.channel in {"phone", "post"} and not self._consents:
            return self._say(f"stop.{self.channel}-refuse")
        return self._say(f"stop.{kinds.get(self.collection, self.channel)}")

    def _say(self, key: str, **more: str) -> str:
        return say(f"notice.{key}", self.lang, **{**self.given, **more})


def full_html(title: str, full: str, lang: str) -> str:
    """Return the full text as a part of a page; `full` is as `Texts` has it."""
    lines = [f'<article class="consentgate-notice-full" lang="{lang}">', f"<h1>{escape(title)}</h1>"]
    for block in full.split("\n\n"):
        head, _, body = block.partition("\n")
        lines += [f"<h2>{escape(head)}</h2>", f"<p>{escape(body)}</p>"]
    return "\n".join([*lines, "</article>"])


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
