"""Every page and state: usable by everybody, small, alone, on any screen (WCAG 2.2 AA by axe-core in Chromium)."""

from itertools import cycle

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.states import STATES, Walk

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = Axe()
SMALL = 30 * 1024  # bytes


@pytest.fixture(scope="module")
def sent():
    """What was asked for and how many bytes came back, by address."""
    return {}


@pytest.fixture(scope="module")
def windows(chromium, sent):
    """A French window and an English one, kept for all states; script is on for axe, the pages have none."""
    opened = {lang: chromium.new_context(locale=lang, viewport={"width": 1280, "height": 800}) for lang in ("fr", "en")}
    pages = {lang: context.new_page() for lang, context in opened.items()}
    for page in pages.values():
        page.on("request", lambda request: sent.setdefault(request.url, 0))
        page.on("response", lambda answer: sent.update({answer.url: int(answer.headers.get("content-length", 0))}))
    yield pages
    for context in opened.values():
        context.close()


def barriers(page, *rules: str) -> list[str]:
    """Return what axe-core finds against the page as it stands, of all rules or of some."""
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": RULES}
    found = AXE.run(page, options={"runOnly": only, "resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {node['html']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def sticks_out(page) -> bool:
    return page.locator("html").evaluate("html => html.scrollWidth > html.clientWidth")


@pytest.mark.parametrize(("state", "lang"), list(zip(STATES, cycle(["fr", "en"]), strict=False)))
def test_a_state_is_open_to_everybody(house, windows, sent, state, lang):
    """Large and by day, small and by night, and with everything twice as large; half of the states in each language."""
    page = windows[lang]
    look(page, 1280, dark=False)
    STATES[state](Walk(house, page))
    assert page.locator("html").get_attribute("lang") == lang
    assert barriers(page) == []

    look(page, 320, dark=True)
    assert barriers(page, "color-contrast", "target-size") == []
    assert not sticks_out(page), "at 320 pixels"
    look(page, 640, dark=True)  # 1280 at 200 %
    page.locator("html").evaluate("html => { html.style.fontSize = '200%' }")
    assert not sticks_out(page), "with everything twice as large"

    assert [url for url in sent if not url.startswith(house.url)] == []
    assert max(sent.values()) < SMALL


def test_a_barrier_would_be_found(house, windows):
    page = windows["fr"]
    STATES["ask"](Walk(house, page))
    page.locator("button").first.evaluate("button => { button.textContent = '' }")

    assert barriers(page)[0].startswith("button-name")


def look(page, width: int, *, dark: bool) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if dark else "light")
