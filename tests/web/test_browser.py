"""The journeys of a person in real Chromium, without script (see the fixture `visit`)."""

import re

import pytest

from gateway.web.color import LEGIBLE, NIGHT, PAPER, contrast
from tests.web.house import KNOWN, shown, token

HERE, DOOR = f"/p/{token()}", f"/1/{token()}"
LONG = shown(advertiser="Donaudampfschifffahrtselektrizitätengesellschaft" * 2, list_title="Hauptbetriebswerkbau" * 8)


def heading(page) -> str:
    return page.get_by_role("heading", level=1).inner_text().replace("\u00a0", " ")


def press(page, name: str | None = None, *, key: str = "") -> None:
    """Press a button, or the key while it has the focus, and wait until what it leads to is all there.

    A page still on its way shows what was before, and cannot be reloaded.
    """
    with page.expect_navigation():
        if key:
            page.keyboard.press(key)
        else:
            (page.get_by_role("button", name=name) if name else page.get_by_role("button")).click()


def wide(page) -> bool:
    """Whether something sticks out to the right of the window."""
    return page.locator("html").evaluate("html => html.scrollWidth > html.clientWidth")


def color(page, selector: str, style: str) -> str:
    """Return a computed colour of an element as "#rrggbb"."""
    color = page.locator(selector).evaluate(f"element => getComputedStyle(element).{style}")
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", color)[:3])


@pytest.mark.parametrize("start", [HERE, DOOR], ids=["page", "one-click"])
@pytest.mark.parametrize(
    ("locale", "asks", "stop", "done", "finer", "only", "save", "undo", "undone"),
    [
        (
            "fr-FR",
            "Ne plus recevoir ces e-mails ?",
            "Me désinscrire",
            "C’est fait",
            "Choisir plus précisément",
            "seulement les e-mails de",
            "Enregistrer ce choix",
            "Annuler ma désinscription",
            "Votre désinscription est annulée",
        ),
        (
            "en-GB",
            "Stop receiving these e-mails?",
            "Unsubscribe",
            "Done",
            "Choose more precisely",
            "only the e-mails of",
            "Save this choice",
            "Undo my opt-out",
            "Your opt-out has been undone",
        ),
    ],
    ids=["fr", "en"],
)
def test_stop_then_less_then_undo(visit, desk, start, locale, asks, stop, done, finer, only, save, undo, undone):
    page = visit(start, locale=locale)
    assert heading(page) == asks
    assert page.get_by_role("button").count() == 1
    assert desk.changes == []

    press(page, stop)
    assert heading(page) == done
    assert done in page.title()
    assert desk.views[KNOWN.contact].stopped_all

    page.get_by_text(finer).click()
    page.get_by_label(only).check()
    press(page, save)
    assert heading(page) == done
    assert desk.views[KNOWN.contact] == shown(stopped_list=True, can_undo=True)

    press(page, undo)
    assert undone in page.get_by_role("status").inner_text()
    assert heading(page) == asks
    assert desk.views[KNOWN.contact] == shown()


def test_reloading_and_going_back_repeat_nothing(visit, desk):
    page = visit(HERE)
    press(page)
    page.reload()
    page.go_back()
    page.go_forward()
    assert len(desk.changes) == 1
    assert heading(page) == "C’est fait"


def test_the_keyboard_alone_is_enough_and_the_focus_is_seen(visit, desk):
    page = visit(HERE)
    page.keyboard.press("Tab")
    focused = page.locator(":focus-visible")
    assert focused.inner_text() == "Me désinscrire"
    assert focused.bounding_box()["height"] >= 44
    unfocused = page.screenshot()
    press(page, key="Enter")
    assert heading(page) == "C’est fait"

    page.keyboard.press("Tab")
    assert page.locator(":focus-visible").inner_text() == "Annuler ma désinscription"
    assert page.screenshot() != unfocused
    press(page, key="Space")
    assert [call[0] for call in desk.changes] == ["stop", "undo"]


@pytest.mark.parametrize("view", [shown(), LONG], ids=["usual", "long names"])
def test_nothing_sticks_out_at_320_pixels(visit, desk, view):
    desk.views[KNOWN.contact] = view
    page = visit(HERE, width=320)
    assert not wide(page)
    press(page)
    assert not wide(page)


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_the_page_follows_the_colour_scheme(visit, desk, dark):
    page = visit(HERE, dark=dark)
    background = NIGHT if dark else PAPER
    assert color(page, "main", "backgroundColor") == background
    for selector in ("h1", ".who", ".small >> nth=0"):
        assert contrast(color(page, selector, "color"), background) >= LEGIBLE
    assert contrast(color(page, "button", "color"), color(page, "button", "backgroundColor")) >= LEGIBLE
    assert contrast(color(page, "footer a >> nth=0", "color"), color(page, "body", "backgroundColor")) >= LEGIBLE


def test_the_language_can_be_changed_on_the_page_and_stays(visit, desk):
    page = visit(DOOR, locale="fr-FR")
    with page.expect_navigation():
        page.get_by_role("link", name="English").click()
    assert heading(page) == "Stop receiving these e-mails?"
    press(page, "Unsubscribe")
    assert heading(page) == "Done"


def test_when_the_store_is_away_the_person_can_try_again_and_then_it_is_done(visit, desk):
    page = visit(HERE)
    desk.away()
    press(page)
    assert heading(page) == "Pas encore confirmé"

    desk.trouble = None
    press(page, "Réessayer")
    assert heading(page) == "C’est fait"
    assert desk.views[KNOWN.contact].stopped_all


def test_a_page_for_a_wrong_link_names_nobody(visit, desk):
    page = visit("/p/wrong", locale="en-US")
    assert heading(page) == "Unknown link"
    assert page.get_by_role("button").count() == 0
