"""The operator's words for the mention: what the law needs is in them, and nothing hides it."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from gateway.errors import Misuse
from gateway.mail import template
from gateway.mail.mention import render
from tests.mail import golden_rules as rules
from tests.mail.test_mention import FULL

TEXT = """De {legal_name} {legal_form_capital} {registered_office} {siren_rcs} {vat} {phone_or_email}
Pourquoi : {basis_sentence}
Source : {source_sentence}
{art14_sentence}
{tracking_sentence} {tracking_url}
Vos droits : {privacy_url}

Stop : {optout_url}
ou {optout_mailto}
"""
PAGE = """<p>De <b>{legal_name}</b> {legal_form_capital} {registered_office} {siren_rcs} {vat} {phone_or_email}</p>
<p>Pourquoi&nbsp;: {basis_sentence}</p>
<p>Source : {source_sentence}</p>
<p>{art14_sentence}</p>
<p>{tracking_sentence} <a href="{tracking_url}">Ne plus mesurer</a></p>
<p style="text-align:center"><a href="{optout_url}">Stop</a> <a href="{optout_mailto}">Écrire</a></p>
<p><a href="{privacy_url}">Vos droits</a></p>
"""


def test_the_operators_words_are_read_in_both_forms():
    mention = render(FULL, "fr", template.read(TEXT, PAGE, "x"))
    assert "Pourquoi : vous êtes client depuis le 3 mai 2025" in mention.text
    assert FULL.optout_url in mention.text
    assert "stop+abc@in.exemple.fr" in mention.text
    assert all(len(line) <= 72 or "://" in line for line in mention.text.split("\n"))
    assert mention.html.isascii()
    assert rules.shown_links(mention.html, FULL.optout_url) == ["Stop"]
    links = [link.attributes["href"] for link in LexborHTMLParser(mention.html).css("a")]
    assert links == [FULL.tracking_url, FULL.optout_url, "mailto:stop+abc@in.exemple.fr?subject=stop", FULL.privacy_url]
    assert "Source : Fichiers SA" in rules.shown_text(mention.html)


def test_a_line_whose_places_are_empty_is_left_out():
    bare = FULL._replace(source_sentence="", tracking_sentence="", tracking_url="", art14_sentence="")
    mention = render(bare, "fr", template.read(TEXT, PAGE, "x"))
    for form in (mention.text, rules.shown_text(mention.html)):
        assert "Source" not in form
        assert "mesurer" not in form
        assert "Pourquoi" in form


def test_every_tag_wears_our_clothes():
    page = LexborHTMLParser(render(FULL, "fr", template.read(TEXT, PAGE, "x")).html)
    for node in page.css("td p, td b, td a"):
        style = node.attributes["style"]
        assert "color:#" in style
        assert "font-size:13px!important" in style
    assert "text-align:center" in page.css("p")[5].attributes["style"]


@pytest.mark.parametrize("place", template.REQUIRED)
@pytest.mark.parametrize("form", ["txt", "html"])
def test_what_the_law_needs_is_missed_by_name(place, form):
    text = TEXT.replace(f"{{{place}}}", "") if form == "txt" else TEXT
    page = PAGE.replace(f"{{{place}}}", "x") if form == "html" else PAGE
    with pytest.raises(Misuse, match=rf"mine\.{form}: .*\{{{place}\}}"):
        template.read(text, page, "mine")


STOP = '<a href="{optout_url}">Stop</a>'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<p>De", "<p>{nobody} De", "no place"),
        ("<p>De", "<div>De", "closed"),
        ("<p>De", "<!-- x --><p>De", "comments"),
        ("<p>De", "<p class='x'>De", "written"),
        ("<p>De", '<p hidden="hidden">De', "hidden"),
        ("<p>De", '<p style="display:none">De', "display"),
        ("<p>De", '<p style="color:#fff">De', "color"),
        ("<p>De", '<p style="font-size:1px">De', "font-size"),
        ("<p>De", '<p style="margin:-99px">De', "margin"),
        ("<p>De", '<p><img src="https://x/o.gif" />De', "img"),
        ("<p>De", "<p><script>x</script>De", "closed"),
        ("<p>De", "<p><style>p{display:none}</style>De", "style"),
        ("<p>De", "<p><form></form>De", "form"),
        (STOP, '<a href="{optout_url}"> &nbsp;</a>', "words to stop"),
        (STOP, STOP + STOP, "words to stop"),
        (STOP, "{optout_url}", "words to stop"),
        (STOP, STOP + '<a href="javascript:x">x</a>', "leads to"),
        (STOP, STOP + '<a href="http://x.fr/">x</a>', "leads to"),
        (STOP, STOP + "\u202e", "cannot be seen"),
        (STOP, STOP + "x" * 9000, "too long"),
    ],
)
def test_nothing_hides_the_mention_or_reaches_out(old, new, words):
    assert old in PAGE
    with pytest.raises(Misuse, match=words):
        template.read(TEXT, PAGE.replace(old, new, 1), "mine")
