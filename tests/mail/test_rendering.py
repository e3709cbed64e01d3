"""Every HTML copy of the corpus in a real browser: the link is on the screen, can be clicked, and can be read."""

from pathlib import Path

import pytest

from gateway.mail.rewrite import Unfit, plan
from tests.mail import golden_rules as rules
from tests.mail.golden_support import STOP, insert_of
from tests.support.browser import launched

FOLDER = Path(__file__).parent / "golden"
PAGES = Path(__file__).with_name("rendering.js").read_text()
WIDTHS = (1024, 375, 320)
LEAST_CONTRAST, LEAST_SIZE = 4.5, 12


def pages() -> dict[str, str]:
    """Return every HTML body of the golden copies, and some that are hostile to what is put into them."""
    found = {}
    for path in sorted(FOLDER.glob("*.out")):
        for number, part in enumerate(rules.read(path.read_bytes()).walk()):
            if part.get_content_type() in {"text/html", "text/x-amp-html"} and STOP in (text := rules.text_of(part)):
                found[f"{path.stem}/{number}"] = text
    return found


def copied(page: str) -> str:
    """Return the page with the mention put in."""
    head = b"From: a@b.fr\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    result = plan(head + page.replace("\n", "\r\n").encode())
    assert not isinstance(result, Unfit)
    return rules.text_of(rules.read(result.copy(insert_of({}))))


HOSTILE = {
    "dark page": '<body style="background:#111;color:#eee">Bonjour</body>',
    "white paragraphs": "<style>p,td,a,strong{color:#fff}</style><body><p>Bonjour</p></body>",
    "tiny letters": "<style>*{font-size:2px;line-height:2px}</style><body>Bonjour</body>",
    "hidden links": "<style>a{display:none}table{visibility:hidden}</style><body>Bonjour</body>",
    "one line": "<body style='white-space:nowrap;overflow:hidden'>Bonjour</body>",
    "right to left": '<html dir="rtl" lang="ar"><body dir="rtl">مرحبا</body></html>',
    "centred": '<body><center><table width="600"><tr><td align="center">Bonjour</td></tr></table></center></body>',
    "floats": '<body><div style="float:left;width:60%">Bonjour</div><div style="float:right">x</div></body>',
    "dark scheme": "<style>@media(prefers-color-scheme:dark){*{background:#000!important;color:#fff}}</style>"
    "<meta name='color-scheme' content='light dark'><body>Bonjour</body>",
    "columns": "<style>body{column-count:3}</style><body>Bonjour</body>",
    "flex": "<style>body{display:flex}</style><body><div style='min-width:300px'>Bonjour</div></body>",
}


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_link_is_seen_and_can_be_clicked_on_every_page(chromium, width, scheme):
    shown = pages() | {name: copied(page) for name, page in HOSTILE.items()}
    assert len(shown) > 60
    context = chromium.new_context(viewport={"width": 1100, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_content("<!DOCTYPE html><body></body>")
    results = page.evaluate(PAGES, {"pages": shown, "width": width, "stop": STOP})
    context.close()

    assert set(results) == set(shown)
    for name, links in results.items():
        assert links, f"{name}: no link"
        ours = links[-1]
        assert ours["hit"], f"{name}: something else is where the link is: {ours}"
        assert ours["contrast"] >= LEAST_CONTRAST, f"{name}: {ours}"
        assert ours["size"] >= LEAST_SIZE, f"{name}: {ours}"
        assert ours["left"] >= 0, f"{name}: {ours}"
        assert ours["right"] <= max(width, ours["wide"]), f"{name}: {ours}"
        assert ours["words"] == "Ne plus recevoir ces e-mails", f"{name}: {ours}"
