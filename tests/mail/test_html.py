# ruff: noqa: E501
"""Wherever the mention goes in a page, a reader sees it; the two ways of finding the place agree."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.mail import html
from gateway.mail.page import Page, quick
from tests.mail import golden_rules as rules

MARK = "https://stop.exemple.fr/"
BLOCK = (
    f'\r\n<div role="contentinfo"><table><tr><td><p>Publicite <a href="{MARK}">Stop</a></p></td></tr></table></div>\r\n'
)
SOUP = st.lists(
    st.sampled_from(
        """<html>|</html>|<body>|</body>|<head>|</head>|<div>|</div>|<div style="display:none">|<p>|</p>|<p style="display:none">
        |<table>|</table>|<tr>|</tr>|<td>|</td>|<td style="display:none">|<ul>|</ul>|<li>|</li>|<b>|</b>|<font style="display:none">
        |</font>|<a href="x">|</a>|<span style='display:none'>|</span>|<!--|-->|<!-- x -->|--!>|<!-->|<!doctype html>|<style>|</style>
        |<script>|</script>|<title>|</title>|<textarea>|</textarea>|<template>|</template>|<select>|<option>|</select>|<svg>|</svg>
        |<math>|</math>|<br>|<br/>|<img alt="</body>">|<img alt='>'>|<a title="|<a title='|">|'>|<|>|="|text|<center>|</center>
        |<!--[if mso]>|<![endif]-->|<!--[if !mso]><!-->|<!--<![endif]-->|<![if !mso]>|<![endif]>|<noscript>|</noscript>|<h1>|</h1>
        |<blockquote>|</blockquote>|</|<!|<?x|<body class="x">|<iframe>|</iframe>|<object>|</object>|<caption>|</caption>|<tbody>
        |<button>|</button>|<form>|</form>|<pre>|</pre>|<plaintext>|<frameset>|<dl>|<dt>|<dd style="display:none">|</dl>|<hr>|<input>
        |<nobr>|<i>|</i>|<address>|</x>|<x-y>|</x-y>|<u style="display:none">|</u>|<xmp>|</xmp>|<th>|<details>|<summary>""".replace(
            "\n", ""
        )
        .replace("  ", "")
        .split("|")
    ),
    max_size=14,
).map("".join)


def with_mention(page: str) -> str | None:
    data = page.encode()
    spot = html.find(Page(data))
    if spot is None:
        return None
    return (data[: spot.offset] + spot.close + BLOCK.encode() + data[spot.offset :]).decode()


@given(SOUP)
@settings(max_examples=600, deadline=None)
@example("<table><tr><td style='display:none'><div></td>")
@example("<b style='display:none'><table></b>")
def test_in_any_soup_of_tags_the_mention_is_seen_once(page):
    copy = with_mention(page)
    if copy is not None:
        assert rules.shown_links(copy, MARK) == ["Stop"], copy


@given(SOUP)
@settings(max_examples=400, deadline=None)
def test_the_quick_way_agrees_with_the_careful_way(page):
    careful = html.careful(Page(page.encode()))
    assert quick(Page(page.encode())) in (None, careful)
    assert Page(page.encode()).plain in (None, careful)


TIDY = st.recursive(
    st.sampled_from(
        ["x", "a > b", "<br>", "<img src=a/b>", "<IMG alt='</body'>", '<hr class="x>y"/>', "<style>p > a{}</style>", "<title>&</title>"]
    ),
    lambda inner: st.builds(
        lambda name, attributes, parts: f"<{name}{attributes}>{''.join(parts)}</{name}>",
        st.sampled_from(["p", "div", "td", "A", "span", "x", "title"]),
        st.sampled_from(
            ["", " ", " a", ' a="b"', " a='\"'", " a= 'x>'", ' a="', "/", ' a="b"c', " =x", ' a="</p>"', ' ="b= "', ' a=b="c d= "']
        ),
        st.lists(inner, max_size=4),
    ),
    max_leaves=8,
).map(lambda body: f"<!doctype html><html><body>{body}</body></html>")  # fmt: skip


@given(TIDY)
@settings(max_examples=400, deadline=None)
def test_the_plain_way_answers_for_tidy_pages_only_and_agrees(page):
    read = Page(page.encode())
    assert read.plain in (None, html.careful(read))
    assert read.plain is not None or any(
        odd in page for odd in ("='", '="', "= ", "<x", "<title", "</a/", "=x", "a/>", "/>")
    )
    if read.plain:
        assert read.count(b"img") == read.low.count(b"<im")
        assert read.count(b"html") == read.low.count(b"<html")
    assert list(html.tags(read)) == list(html.careful_tags(read))


HEADS = st.lists(
    st.sampled_from(
        """<!doctype html>|<!doctype [if>|<html lang="fr">|<HEAD>|</head>|<meta charset=utf-8>|<meta a="b>c">|<link a="="/>|<title>x</title>
        |<title>x</style>|<style>p > a{}</style>|<style ="b= ">|<style>|</style>|<body>|<body ="b= ">|<body class=x style="a">|<Body/>
        |<!-- x -->|<!--[if mso]>|<![endif]-->|x|<p>| |\r\n|\v|<base href='x'>|﻿|<script>|</script>|</html>|<bodyx>|<""".replace(
            "\n        ", ""
        ).split("|")
    ),
    max_size=10,
).map("".join)


@given(HEADS)
@settings(max_examples=600, deadline=None)
@example('﻿<!DOCTYPE html>\r\n<html><head><title>x</title></head>\r\n<body class="a"><p>x')
def test_the_ways_of_finding_the_first_line_agree(page):
    read = Page(page.encode())
    assert read.head() in (-1, html.careful_begin(read))


def test_the_head_of_a_usual_page_is_read_at_once():
    page = (
        b'\xef\xbb\xbf<!DOCTYPE html>\r\n<html><head><title>x</title><style>a{}</style></head>\r\n<body class="a"><p>x'
    )
    assert Page(page).head() == page.index(b"<p>")


@pytest.mark.parametrize("tag", ['<p ="b= ">', '<p a=b="c d= ">', '<p a/="b= ">', "<p a='b'='c= '>"])
def test_a_quote_that_begins_behind_an_equals_sign_out_of_place_is_seen(tag):
    page = Page(f"{tag}x</p>".encode())
    assert page.plain is None
    assert html.find(page) == html.careful(page) == html.Spot(0, b"")


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_have_a_spot_within_or_none(data):
    spot = html.find(Page(data))
    assert spot is None or 0 <= spot.offset <= len(data)


class Oracle(HTMLParser):
    """The standard library's parser, noting where the last closing body tag is."""

    def __init__(self):
        super().__init__(convert_charrefs=False)
        self.last = None

    def handle_endtag(self, tag):
        if tag == "body":
            self.last = self.getpos()


PAGES = [
    "<html><body>Bonjour</body></html>",
    "<html>\n<body>\n<!-- </body> -->\nBonjour</body>\n<!-- </body> --></html>",
    "<body><script>'</body>'</script>\n<style>/*</body>*/</style>\n<img alt='</body>'>x</body>",
    "<BODY>\n<p>Un<p>Deux\n</BODY >\n",
    "<body>\n<!--[if mso]></body><![endif]-->\n<table><tr><td>x</td></tr></table></body>",
    "<body>a</body>\n<body>b</body>\n",
]


@pytest.mark.parametrize("page", PAGES)
def test_the_standard_library_sees_the_same_closing_tag(page):
    oracle = Oracle()
    oracle.feed(page)
    oracle.close()
    line, column = oracle.last
    offset = sum(len(each) + 1 for each in page.split("\n")[: line - 1]) + column

    assert html.careful(Page(page.encode())).offset == offset
    assert html.find(Page(page.encode())).offset == offset


def test_newsletters_of_the_corpus_take_the_quick_way():
    page = (Path(__file__).parent / "golden" / "27-html-latin1-entities.eml").read_bytes().partition(b"\r\n\r\n")[2]
    assert quick(Page(page)) is not None


@pytest.mark.parametrize(
    "page",
    [
        b"<" * 200_000,
        b"<a " * 60_000,
        b"<!--" * 50_000,
        b"<div>" * 40_000,
        b'<a b="' * 30_000,
        b"</b>" * 50_000,
        b"<a b=" * 30_000,
        b"<body a" * 100_000,
        b"<style>" * 60_000,
    ],
)
@pytest.mark.timeout(20)
def test_hostile_pages_take_bounded_time(page):
    assert sum(1 for _ in html.tags(Page(page))) <= len(page)
    assert html.find(Page(page)) is None or html.find(Page(page)).offset <= len(page)


def test_a_comment_that_a_bang_ends_hides_no_open_element_from_us():
    page = b"<p>x</p><!-- a --!><div style='display:none'> b --><p>y</p>"
    spot = html.find(Page(page))

    assert spot == html.careful(Page(page))
    assert spot is not None
    assert spot.close == b"</div>"


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("opacity:0", False),
        ("opacity: .0 !important", False),
        ("opacity:0.9", True),
        ("opacity:inherit", True),
        ("displa\\y:none", False),
        ("display:/**/none", False),
        ("display:block", True),
        ("font-family:\\'Arial\\'", True),
    ],
)
def test_a_page_that_may_be_hidden_as_a_whole_has_no_place_for_the_mention(style, shown):
    assert (html.find(Page(f'<html><body style="{style}">x</body></html>'.encode())) is not None) is shown
