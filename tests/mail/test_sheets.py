# ruff: noqa: E501
"""Whatever the sender's style sheets say, the mention is seen in a browser, or it is put beside the page, before it."""

from base64 import encodebytes
from email.mime.text import MIMEText
from pathlib import Path
from quopri import encodestring

import pytest

from gateway.mail.rewrite import Unfit, plan
from tests.mail import golden_rules as rules
from tests.mail.golden_support import STOP, insert_of
from tests.support.browser import launched

TEMPLATES = Path(__file__).parent / "templates"  # what the heads of well-known templates and editors say
PAGES = Path(__file__).with_name("rendering.js").read_text()
LEAST_CONTRAST, LEAST_SIZE, WIDTH = 4.5, 12, 600
AD = "<p>Bonjour</p>"
HEAD = b"From: a@b.fr\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
COVER = "position:fixed;inset:0;background:#fff;z-index:2147483647"

# Of the mention's own elements: overruled.
OVERRULED = {
    "position": "body>div:last-child{position:absolute!important;left:-9999px!important}",
    "role": "[role=contentinfo]{position:absolute!important;top:-9999px!important}",
    "no body of the table": "tbody{display:none!important}",
    "transform": "div{transform:scale(0)!important}",
    "clip": "div{clip-path:inset(100%)!important}",
    "filter": "td{filter:opacity(0)!important}",
    "margin": "div{margin-left:-9999px!important}",
    "fill": "a,p{-webkit-text-fill-color:transparent!important}",
    "discs": "a,p{-webkit-text-security:disc!important}",
    "pointer": "a{pointer-events:none!important}",
    "contents": "div{content-visibility:hidden!important}",
    "zoom": "div{zoom:0.01!important}",
    "mask": "div{mask:linear-gradient(transparent,transparent)!important}",
    "cell": "td{display:block;position:absolute!important;height:0!important;overflow:hidden!important}",
    "blend": "div{mix-blend-mode:screen!important}",
    "columns": "div{columns:40!important}",
    "writing": "div{writing-mode:vertical-rl!important;height:1px!important}",
    "animation": "@keyframes k{to{opacity:0;transform:scale(0)}}div{animation:k 1ms forwards!important}",
    "narrow": "div,table,td,p,a{max-width:0!important;overflow:hidden!important;width:0!important}",
    "editable": "a{-webkit-user-modify:read-write!important}",
    "border": "body{border:1px solid #1234ef;border-top-color:#99999e}html{overflow:hidden}",
    "columns of the page": "body{columns:2}",
    "letters": "html{font-size:0}body{line-height:0;letter-spacing:-50px;text-indent:-9999px;word-spacing:-999px}",
    "invisible": "body{visibility:hidden}",
    "flex": "body{display:flex}p{z-index:2147483647}",
    "float": "body{float:right;width:1px}",
    "other class": ".hidden{display:none;opacity:0}#other{clip-path:inset(0)}",
    "half a name": r"b\6fdy{opacity:0}",
}
# Of what is around it, or painted over it: nothing can overrule that.
VEILED = {
    "body": "body{display:none}",
    "faded": "body{opacity:0}",
    "filtered": "body{filter:opacity(0)}",
    "masked": "body{-webkit-mask:linear-gradient(transparent,transparent)}",
    "clipped": "body{clip-path:inset(0 0 500px 0)}",
    "cut": "body{max-height:60px;overflow:hidden}",
    "cut below the window": "html{height:100%;overflow:hidden}body{height:100%}",
    "cut by another name": "body{overflow-y:clip;block-size:50px}",
    "no width": "html,body{width:0;overflow-x:hidden}",
    "out of the window": "body{margin-left:-9999px}",
    "out of the window, counted": "body{margin:calc(0px - 9999px)}",
    "backwards": "body{display:flex;flex-direction:row-reverse}p{flex:0 0 100vw}",
    "behind a border": "body{border-left:9999px solid;overflow-x:hidden}",
    "behind a space": "body{padding-left:999px}html{overflow-x:hidden}",
    "behind columns": "body{columns:2;column-gap:900px;overflow-x:hidden}",
    "moved": "body{translate:-9999px}",
    "animated": "@keyframes k{to{opacity:0}}body{animation:k 1ms forwards}",
    "starting": "@starting-style{body{opacity:0}}body{transition:opacity 9999s}",
    "root": ":root{opacity:0}",
    "not": ":not(p):not(head){opacity:0}",
    "where": ":where(.x){opacity:0}",
    "is": "body:is(body,{}){opacity:0}",
    "has": "html:has(p){opacity:0}",
    "anything below": "html>*{opacity:0}",
    "attribute": "[class]{opacity:0}",
    "attribute of any kind": "[*|class]{opacity:0}",
    "kind": "*|body{opacity:0}",
    "id": "#B{opacity:0}",
    "class": ".café{opacity:0}",
    "class, escaped": r".caf\e9{opacity:0}",
    "escaped": r"\62 ody{\6f pacity:0}",
    "nested": "html{& body{opacity:0}}",
    "nested in media": "body{color:red;@media all{opacity:0}}",
    "scope": "@scope(html){body{opacity:0}}",
    "layer": "@layer a{@supports (display:block){body{opacity:0!important}}}",
    "fetched": "@import 'https://exemple.fr/later.css';",
    "fetched, escaped": r"@\69mport 'data:text/css,body{opacity:0}';",
    "fetched, with a comment": "@import/**/'data:text/css,body{opacity:0}';",
    "comment": "body/**/{/**/opacity/**/:/**/0/**/}",
    "comment in a string": '.a{content:"/*"} body{opacity:0} .b{content:"*/"}',
    "quote in an address": ".x{background:url(a\"b)} body{opacity:0} .y{background:url(c'd)}",
    "string without end": ".x{content:'abc\n} body{opacity:0} .y{content:'}",
    "end tag that is none": ".x{} </stylex{} body{opacity:0}",
    "marks of comments": "<!-- body{opacity:0} -->",
    "brackets too many": "}}body{opacity:0}",
    "painted after": "p::after{content:'';position:fixed;inset:0;background:#fff;z-index:9}",
    "painted after, escaped": r"p::\61 fter{content:'';position:fixed;inset:0;background:#fff}",
    "painted after any": ":is(p,td)::after{content:'';position:fixed;inset:0;background:#fff}",
    "painted before": "td:before{content:'x';position:absolute;inset:0;background:#fff}",
    "painted after the page": f"body::after{{content:'';{COVER}}}",
    "first lines": "p::first-line{font-size:0;color:#fff}",
    "font": "@font-face{font-family:'Arial';src:url(data:font/woff2;base64,xx)}",
    "turned round": "a,p{unicode-bidi:bidi-override!important;direction:rtl!important}",
    "hidden from Word": "p{mso-hide:all}",
    "indented where all is unknown": "div{text-indent:-9999px!important}",
    "faded where all is unknown": "p,a{opacity:0!important}",
}
MARKUP = {
    "shadow": f"<body><template shadowrootmode=open>{AD}</template></body>",
    "inert": f"<body inert>{AD}</body>",
    "popover": f"<body popover>{AD}</body>",
    "editable": f"<body contenteditable>{AD}</body>",
    "away": f"<body style='position:absolute;left:-9999px'>{AD}</body>",
    "small": f"<body style='width:0;height:0;overflow:hidden'>{AD}</body>",
    "reference": f"<body style='opa&#99;ity&colon;0'>{AD}</body>",
    "second body": f"<body>{AD}<body style='opacity:0'>",
    "sheet behind a bracket": f"<style title='>'>body{{opacity:0}}</style><body>{AD}</body>",
    "sheet with a slash": f"<style/>body{{opacity:0}}</style><body>{AD}</body>",
    "sheet behind a quote": f'<!-- <style>" --> <style>body{{opacity:0}}</style><body>{AD}</body>',
    "sheet behind a comment": f"<!-- <style>/* --> <style>body{{opacity:0}}</style><body>{AD}</body>",
    "sheet in a drawing": f"<body>{AD}<svg><style>&#98;ody{{opacity:0}}</style></svg>",
    "link": f"<link rel=stylesheet href='data:text/css,body{{opacity:0}}'><body>{AD}</body>",
    "link, reference": f"<LINK title='a>b' REL='style&#115;heet' HREF='https://exemple.fr/x.css'><body>{AD}</body>",
    "policy": f"<meta http-equiv='content-secu&#114;ity-policy' content=\"style-src 'nonce-x'\"><body>{AD}</body>",
    "leads away": f"<meta http-equiv=refresh content='0;url=https://exemple.fr/'><body>{AD}</body>",
    "painted over from behind": f"<body>{AD}</body><div style='{COVER}'>x</div>",
}
LONG = "<p>Bonjour à tous</p>" * 5_000  # Gmail shows the beginning of such a page
HIGH = {
    "highest": f"<body>{LONG}<div style='{COVER}'>x</div></body>",
    "counted": f"<style>b{{position:fixed;z-index:calc(9e9)}}</style><body>{LONG}</body>",
    "escaped": f"<style>b{{position:fixed;z\\2d index:2147483647}}</style><body>{LONG}</body>",
    "referred to": f"<body>{LONG}<div style='z&#45;index:2147483647'>x</div></body>",
}
BESIDE = {
    "pulled over": f"<body>{AD}<div style='height:600px;margin-bottom:-600px;position:relative;z-index:9;background:#fff'>x</div></body>",
    "fixed": f"<body>{AD}<div style='{COVER}'>x</div></body>",
    "long": f"<html><head><title>x</title></head><body>{LONG}<div style='position:absolute;top:0;left:0;right:0;height:999px;background:#fff;z-index:99999999'>x</div></body></html>",
    "dialog": f"<body>{AD}<dialog open style='{COVER};width:100%;height:100%'>x</dialog></body>",
}


def styled(sheet: str) -> str:
    return f"<html><head><style>{sheet}</style></head><body class='café x' id=b>{AD}</body></html>"


def planned(page: str):
    result = plan(HEAD + page.replace("\n", "\r\n").encode())
    assert not isinstance(result, Unfit)
    return result


@pytest.fixture(scope="module")
def seen():
    """Return what a browser says of the mention in each page that has it."""
    pages = {name: styled(sheet) for name, sheet in OVERRULED.items()} | BESIDE
    pages |= {path.name: path.read_text() for path in TEMPLATES.glob("*.html")}
    shown = {name: rules.text_of(rules.read(planned(page).copy(insert_of({})))) for name, page in pages.items()}
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 800})
        page.set_content("<!DOCTYPE html><body></body>")
        return page.evaluate(PAGES, {"pages": shown, "width": WIDTH, "stop": STOP})


@pytest.mark.parametrize("name", [*OVERRULED, *BESIDE, *sorted(path.name for path in TEMPLATES.glob("*.html"))])
def test_no_sheet_hides_the_mention(seen, name):
    [*_, ours] = seen[name]
    assert ours["hit"], ours
    assert ours["plain"], ours
    assert ours["contrast"] >= LEAST_CONTRAST, ours
    assert ours["size"] >= LEAST_SIZE, ours
    assert 0 <= ours["left"] < ours["right"] <= WIDTH, ours


@pytest.mark.parametrize(
    "page", [*map(styled, VEILED.values()), *MARKUP.values(), *HIGH.values()], ids=[*VEILED, *MARKUP, *HIGH]
)
def test_where_the_mention_could_be_hidden_it_comes_first_and_apart(page):
    ready = planned(page)
    assert ready.wrapped
    first = rules.read(ready.copy(insert_of({}))).get_payload()[0]
    assert all(STOP in rules.text_of(part) for part in first.get_payload())


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.stem)
def test_well_known_templates_bear_the_mention_themselves(path):
    assert not planned(path.read_text()).wrapped


def test_large_sheets_are_not_followed():
    assert planned(styled("p{color:red}" * 20_000)).wrapped
    assert planned(styled("a{" * 20)).wrapped


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("kind", ["html", "plain"])
def test_of_what_gmail_shows_the_beginning_only_the_mention_stands_there(kind, encoding):
    body = (
        f"<html><head><title>x</title></head><body>{LONG}</body></html>"
        if kind == "html"
        else "Bonjour à tous\r\n" * 9_000
    )
    message = MIMEText(body, kind, "utf-8")
    del message["Content-Transfer-Encoding"]
    message["Content-Transfer-Encoding"] = encoding
    coded = {
        "8bit": str.encode,
        "base64": lambda text: encodebytes(text.encode()),
        "quoted-printable": lambda text: encodestring(text.encode()),
    }[encoding](body)
    fields = b"From: a@b.fr\r\nSubject: x\r\n" + str(message).partition("\n\n")[0].replace("\n", "\r\n").encode()
    ready = plan(fields + b"\r\n\r\n" + coded.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), opening=True)
    assert not isinstance(ready, Unfit)
    assert not ready.wrapped
    text = rules.text_of(rules.read(ready.copy(insert_of({}))))
    assert text.count(STOP) == 1
    assert text.count("tous") == body.count("tous")
    opened, said, began = text.index("Publicit"), text.index(STOP), text.index("Bonjour")
    assert opened < said < began
    assert said < 5_000
