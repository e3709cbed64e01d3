"""The mention says what the law asks for, legibly, and no field of it can do anything but be read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from gateway import text
from gateway.errors import Misuse
from gateway.mail.mention import MentionFields, render
from tests.mail import golden_rules as rules

FULL = MentionFields(
    legal_name="Jardins d’Exemple SAS",
    optout_url="https://stop.exemple.fr/p/abc",
    trade_name="La Roseraie",
    legal_form_capital="SAS au capital de 10 000 €",
    registered_office="1 rue de la Paix, 75002 Paris",
    siren_rcs="RCS Paris 123 456 789",
    vat="FR00123456789",
    phone_or_email="01 02 03 04 05",
    basis_sentence="vous êtes client depuis le 3 mai 2025",
    source_sentence="Fichiers SA, le 2 mars 2026",
    collection_date="1 mars 2026",
    preferences_url="https://stop.exemple.fr/c/abc",
    optout_mailto="mailto:stop+abc@in.exemple.fr?subject=stop",
    privacy_url="https://exemple.fr/vie-privee",
    rights_contact="dpo@exemple.fr",
    list_name="Nouvelles",
    tracking_url="https://stop.exemple.fr/p/abc#tracking",
    tracking_sentence="Nous mesurons l’ouverture de ce message.",
    art14_sentence="Fichiers SA nous a transmis votre adresse, gardée 3 ans.",
)
HOSTILE = st.text(st.characters(codec="utf-8") | st.sampled_from("<>&\"'\r\n\0\x01\x04\x05\u202e\u2028-_"), max_size=60)


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_field_is_read_in_both_forms(lang):
    mention = render(FULL, lang)
    plain, shown = " ".join(mention.text.split()), rules.shown_text(mention.html)
    for name in MentionFields.__slots__:
        value = getattr(FULL, name)
        if name.endswith("_url"):
            assert value in mention.text
            assert f'href="{value}"' in mention.html
        elif name == "optout_mailto":
            assert "stop+abc@in.exemple.fr" in plain
            assert f'href="{value}"' in mention.html.replace("&amp;", "&")
            continue
        elif name != "nature":
            assert value.removesuffix(".") in plain
            assert value.removesuffix(".") in shown


def test_the_opening_is_the_one_of_the_rules():
    assert "Publicité envoyée par Jardins d’Exemple SAS (La Roseraie)," in " ".join(render(FULL, "fr").text.split())
    assert "Advertisement sent by" in render(FULL, "en").text
    assert "Message envoyé par X." in render(MentionFields("X", "https://a.fr/", nature="noncom"), "fr").text


def test_one_opt_out_link_and_one_mailto_with_words():
    links = LexborHTMLParser(render(FULL, "fr").html).css("a")
    assert [" ".join(link.text().split()) for link in links] == [
        "Ne plus recevoir ces e-mails",
        "Le demander par e-mail",
        "Choisir les e-mails que je reçois",
        "Vos données et vos droits",
        "Ne plus être mesuré",
    ]


def test_the_page_part_is_ascii_and_names_its_language():
    mention = render(FULL, "fr-CA")
    assert mention.html.isascii()
    assert mention.html.startswith('<div lang="fr" dir="ltr"')
    assert render(FULL, "de").lang == text.FALLBACK


def test_colours_have_contrast_on_their_own_background():
    def light(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    mention = render(FULL, "fr").html
    assert "background-color:#ffffff" in mention
    for colour in ("#333333", "#0b4fa8"):
        assert f"color:{colour}!important" in mention
        assert 1.05 / (light(colour) + 0.05) >= 7


def test_text_lines_fit_72_unless_one_word_is_longer():
    assert all(len(line) <= 72 or " " not in line for line in render(FULL, "fr").text.split("\n"))


@given(st.builds(MentionFields, HOSTILE, st.just("https://a.fr/x"), *[HOSTILE] * (len(MentionFields.__slots__) - 2)))
@settings(max_examples=300, deadline=None)
def test_hostile_fields_are_only_read(given_fields):
    try:
        mention = render(given_fields, "fr")
    except Misuse:
        assert not any(sign.isprintable() and not sign.isspace() for sign in given_fields.legal_name)
        return
    tree = LexborHTMLParser(mention.html)
    assert {node.tag for node in tree.body.css("*")} <= {
        "body",
        "div",
        "table",
        "tbody",
        "tr",
        "td",
        "p",
        "a",
        "strong",
    }
    assert {link.attributes["href"].partition(":")[0] for link in tree.css("a")} <= {"https", "http", "mailto"}
    assert len(tree.css('a[href="https://a.fr/x"]')) == 1
    assert all(line.isprintable() for line in mention.text.replace("\u00a0", " ").split("\n"))
    assert all(line.isprintable() for line in mention.html.split("\r\n"))


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "https://a.fr/ x", 'https://a.fr/"', "ftp://a.fr/", "https://é.fr/"]
)
def test_an_address_to_stop_at_is_required(url):
    with pytest.raises(Misuse):
        render(MentionFields("X", url), "fr")


def test_a_name_is_required():
    with pytest.raises(Misuse):
        render(MentionFields(" \u202e", "https://a.fr/"), "fr")
