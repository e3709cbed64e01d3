"""The public form of a list, as an administrator opens it, changes it and puts it on a site."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support.shell import Gate

PAGE = "https://www.tea.example/thanks"


def opened(tea: Gate, *options: str) -> None:
    """Give the list its text and its form."""
    tea.run("notice", "new", "news-form", "--list", "news", "--family", "tea")
    tea.run("list", "edit", "news", "--join", *options)


def test_a_form_without_a_text_is_refused_with_the_cure(tea: Gate) -> None:
    done = tea.run("list", "edit", "news", "--join", code=2)

    assert "consentgate notice new news-form --list news" in done.stderr
    assert tea.json("list", "show", "news")["join"] is False


@pytest.mark.parametrize(("regime", "origin"), [("customer", "own"), ("opt-in", "bought")])
def test_people_sign_up_to_lists_of_consent_of_your_own_only(tea: Gate, regime: str, origin: str) -> None:
    tea.run("list", "create", "other", "--regime", regime, "--origin", origin)

    assert "regime opt-in only" in tea.run("list", "edit", "other", "--join", code=2).stderr


def test_a_form_is_opened_changed_and_closed(tea: Gate) -> None:
    opened(tea, "--join-return", PAGE)
    tea.run("list", "edit", "news", "--join-age")
    shown = tea.json("list", "show", "news")
    assert (shown["join"], shown["join_age"], shown["join_returns"]) == (True, True, [PAGE])

    tea.run("list", "edit", "news", "--title", "Lettre")
    assert tea.json("list", "show", "news")["join_returns"] == [PAGE]
    tea.run("list", "edit", "news", "--no-join")
    assert tea.json("list", "show", "news")["join"] is False
    assert "open it with --join" in tea.run("list", "edit", "news", "--join-age", code=2).stderr


@pytest.mark.parametrize(
    "place",
    [
        "tea.example",
        "http://www.tea.example/",
        "javascript:alert(1)",
        "https://a@tea.example/",
        "https:///x",
        "https://a b/",
    ],
)
def test_a_page_to_return_to_is_a_whole_https_address(tea: Gate, place: str) -> None:
    tea.run("notice", "new", "news-form", "--list", "news", "--family", "tea")

    assert "--join-return" in tea.run("list", "edit", "news", "--join", "--join-return", place, code=2).stderr


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_form_for_the_own_site_is_plain_html_with_nothing_ticked(tea: Gate, language: str) -> None:
    opened(tea, "--join-return", PAGE)
    markup = tea.run("list", "form", "news", "--language", language, "--return", PAGE).stdout
    tree = LexborHTMLParser(markup)

    form = tree.css_first("form")
    assert form.attributes["action"] == f"http://127.0.0.1:8080/join/news?lang={language}"
    assert form.attributes["method"] == "post"
    assert [box.attributes["name"] for box in tree.css("[type=checkbox]")] == ["box-news-form"]
    assert tree.css("[checked]") == []
    assert tree.css_first("[name=return]").attributes["value"] == PAGE
    assert tree.css_first("[name=shown-news-form]").attributes["value"] == "news-form/1"
    assert not tree.css("script, link, style, img, iframe")
    assert {"fr": "S’inscrire", "en": "Sign up"}[language] in tree.css_first("button").text()


def test_the_form_leads_back_only_to_pages_that_the_list_names(tea: Gate) -> None:
    opened(tea)

    assert "none yet" in tea.run("list", "form", "news", "--return", PAGE, code=2).stderr
    assert tea.json("list", "form", "news")["html"].count("<form") == 1
