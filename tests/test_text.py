"""Every sentence exists in French and in English with the same places to fill."""

import string

import pytest

from gateway import text


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_french_comes_first_and_english_is_there():
    assert text.languages()[0] == "fr"
    assert "en" in text.languages()


def test_languages_have_the_same_keys():
    french = set(text.sentences("fr"))
    for lang in text.languages():
        assert set(text.sentences(lang)) ^ french == set(), lang


def test_a_sentence_has_the_same_fields_in_every_language():
    french = text.sentences("fr")
    for lang in text.languages():
        differ = {key for key, value in text.sentences(lang).items() if fields(value) != fields(french.get(key, value))}
        assert differ == set(), lang


def test_no_sentence_is_empty_or_has_stray_spaces():
    stray = {
        (lang, key) for lang in text.languages() for key, s in text.sentences(lang).items() if s != s.strip() or not s
    }
    assert stray == set()


def test_fields_are_named_so_that_translations_may_change_their_order():
    odd = {
        key
        for lang in text.languages()
        for key, s in text.sentences(lang).items()
        for f in fields(s)
        if not f.isidentifier()
    }
    assert odd == set()


def test_say_finds_the_language_by_its_first_part_and_falls_back_to_english():
    assert text.say("web.language", "fr") == "Français"
    assert text.say("web.language", "fr-CA") == "Français"
    assert text.say("web.language", "en_GB".replace("_", "-")) == "English"
    assert text.say("web.language", "tlh") == "English"


def test_say_names_the_missing_key_and_the_missing_field():
    with pytest.raises(KeyError, match=r"web\.nothing"):
        text.say("web.nothing", "fr")
    with pytest.raises(KeyError, match="advertiser"):
        text.say("web.ask.any", "fr")


@pytest.mark.parametrize(
    ("advertiser", "heading"),
    [
        ("Acme", "toute publicité d’Acme, par tous les moyens"),
        ("Éditions du Lac", "toute publicité d’Éditions du Lac, par tous les moyens"),
        ("Thé SA", "toute publicité de Thé SA, par tous les moyens"),
        ("Hébergeur", "toute publicité de Hébergeur, par tous les moyens"),
    ],
)
def test_french_elides_de_in_front_of_a_vowel(advertiser: str, heading: str):
    assert text.say("web.choose.all", "fr-FR", advertiser=advertiser) == heading


def test_french_elides_que_in_front_of_a_vowel():
    assert text.say("web.data.heading", "fr", advertiser="EDF") == "Ce qu’EDF conserve sur vous, et pourquoi"
