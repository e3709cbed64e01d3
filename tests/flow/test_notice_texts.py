"""Every information text there is, in every language, word for word; and what all of them must hold."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.flow.noticetext import Texts, Writer, full_html
from gateway.law.channels import CHANNELS
from gateway.law.notices import Collection, Control, Form, Refusal, form
from gateway.text import languages

GOLDEN = Path(__file__).parent / "golden"
EXISTING = [
    (collection, channel)
    for collection in Collection
    for channel in sorted(CHANNELS)
    if isinstance(form(collection, channel, automated_call_customer=True), Form)
]
GIVEN = {
    "name": "form",
    "company": "La Maison du Thé SAS",
    "office": "1 rue du Thé, 69001 Lyon",
    "registered": "RCS Lyon 732 829 320.",
    "contact": "bonjour@tea.example",
    "link": "https://tea.example/rgpd",
    "families": "thé, tasses",
    "partners": "Les Tasses SARL, Biscuits & Cie",
    "partners_date": "2 mars 2026",
    "stop": "04 00 00 00 00",
    "dpo": "dpo@tea.example",
    "years": "3",
    "transfers": "none",
    "profiling": "none",
}


def texts(collection: Collection, channel: str, lang: str, **more: str) -> Texts:
    found = form(collection, channel, automated_call_customer=True)
    assert isinstance(found, Form)
    return Writer(collection, channel, found, GIVEN | more, lang).texts()


class Page(HTMLParser):
    """The boxes, labels and ids of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def document(lang: str) -> Iterator[str]:
    for collection, channel in EXISTING:
        made = texts(collection, channel, lang)
        yield f"=== {collection} × {channel}\n{made.text}\n---\n{made.full}\n"


@pytest.mark.parametrize("lang", languages())
def test_every_text_is_the_one_that_was_read_and_accepted(lang: str) -> None:
    """On failure read the difference, then: .venv/bin/python -m tests.flow.test_notice_texts."""
    assert "\n".join(document(lang)) == (GOLDEN / f"notices.{lang}.txt").read_text("utf-8")


@pytest.mark.parametrize("lang", languages())
@pytest.mark.parametrize(("collection", "channel"), EXISTING)
def test_the_box_is_not_ticked_and_has_its_label(collection: Collection, channel: str, lang: str) -> None:
    made = texts(collection, channel, lang)
    page = Page(made.html)

    (box,) = page.all("input")
    assert box["type"] == "checkbox"
    assert not {"checked", "required", "disabled", "onclick"} & box.keys()
    assert [label["for"] for label in page.all("label")] == [box["id"]]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert box["aria-describedby"] in ids
    assert page.all("section")[0]["lang"] == lang
    assert made.text.count("☐") == 1


@pytest.mark.parametrize("lang", languages())
@pytest.mark.parametrize(("collection", "channel"), EXISTING)
def test_text_html_and_order_say_the_same(collection: Collection, channel: str, lang: str) -> None:
    """Company first, then the box, what a refusal changes, recipients, rights, link (GDPR 12(1), 13)."""
    made = texts(collection, channel, lang)

    words = " ".join(Page(made.html).words.split())
    for line in made.text.splitlines():
        assert line.removeprefix("☐ ") in words
    keeping = "Destinataires" if lang == "fr" else "Recipients"
    places = [made.text.index(part) for part in ("La Maison", "☐", keeping, "https:")]
    assert places == sorted(places)
    assert made.text.splitlines()[-1].endswith("https://tea.example/rgpd")
    assert made.text.splitlines()[-2].endswith("bonjour@tea.example.")


@pytest.mark.parametrize("lang", languages())
@pytest.mark.parametrize(("collection", "channel"), EXISTING)
def test_the_full_text_has_every_field_of_gdpr_13(collection: Collection, channel: str, lang: str) -> None:
    made = texts(collection, channel, lang)
    blocks = made.full.split("\n\n")

    found = form(collection, channel, automated_call_customer=True)
    assert isinstance(found, Form)
    # controller, dpo, purposes, categories, source, recipients, transfers, retention, mandatory, profiling, rights,
    # withdrawal, death, complaint, version; and the interest where it is the basis
    assert len(blocks) == (16 if found.control is Control.REFUSE else 15)
    assert "{" not in made.full + made.text + made.html
    assert not re.search(r"  |\.\.|None(?!\.)|\( ?\)", made.full + made.text)
    assert Page(full_html("t", made.full, lang)).all("article")[0]["lang"] == lang


def test_what_people_write_cannot_become_markup() -> None:
    made = texts(Collection.OPT_IN, "email", "en", company='<b>Tea & "Co"</b>', link='https://x.example/?a="b"&c')

    assert "<b>" not in made.html
    assert "&lt;b&gt;Tea &amp;" in made.html
    assert Page(made.html).all("a") == [{"href": 'https://x.example/?a="b"&c'}]


def test_children_get_a_parents_box_of_its_own() -> None:
    made = texts(Collection.OPT_IN, "email", "fr", child="yes")

    assert made.text.count("☐") == 2
    assert "parent" in made.text
    assert len({box["id"] for box in Page(made.html).all("input")}) == 2


def test_unknown_transfers_are_not_said_to_be_none() -> None:
    silent = texts(Collection.OPT_IN, "email", "en", transfers="", profiling="")

    assert "outside the European Union" not in silent.full
    assert "automated" not in silent.full


@pytest.mark.parametrize(
    ("collection", "channel", "code"),
    [
        (Collection.OPT_OUT, "fax", "opt-out-none"),
        (Collection.CUSTOMER, "fax", "customer-none"),
        (Collection.CUSTOMER, "autocall", "customer-none"),
        (Collection.CUSTOMER, "phone", "customer-phone"),
        (Collection.CUSTOMER, "social", "customer-none"),
        (Collection.PROFESSIONAL, "social", "professional-none"),
        (Collection.OPT_OUT, "email", "opt-out-customers"),
        (Collection.OPT_OUT, "sms", "opt-out-customers"),
        (Collection.OPT_OUT, "phone", "opt-out-none"),
        (Collection.OPT_IN, "post", "post-needs-no-consent"),
        (Collection.TRACKING, "sms", "tracking-email-only"),
        (Collection.OPT_IN, "telepathy", "unknown-channel"),
    ],
)
def test_what_does_not_exist_in_law_is_refused_with_its_reason(collection: Collection, channel: str, code: str) -> None:
    found = form(collection, channel)

    assert isinstance(found, Refusal)
    assert found.code == code
    assert found.article


def test_consent_is_asked_by_a_box_to_accept_and_an_exception_offers_a_box_to_refuse() -> None:
    controls = {(collection, channel): form(collection, channel) for collection, channel in EXISTING}

    for (collection, channel), found in controls.items():
        if isinstance(found, Form):
            asks = collection in {"opt-in", "tracking"} or (collection == "partners" and channel != "post")
            assert found.control is (Control.ACCEPT if asks else Control.REFUSE)
            assert ("stop" in found.fields) == (channel == "fax")


if __name__ == "__main__":
    for language in languages():
        (GOLDEN / f"notices.{language}.txt").write_text("\n".join(document(language)), "utf-8")
