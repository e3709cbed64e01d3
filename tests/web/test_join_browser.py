"""Signing up as a person does it: in real Chromium, without script, in French and English (see the fixture `visit`)."""

import pytest

from gateway.flow import join, joinform
from gateway.tokens import Link, Purpose
from gateway.web import joinpages
from gateway.web.color import LEGIBLE, NIGHT, PAPER, contrast
from tests.flow.joinlist import MAIN, PARTNERS, TRACKING
from tests.web.house import Running
from tests.web.test_browser import color, heading, press, wide

FORM = "/join/lettre"
NEW = "nouvelle@mailbox.example"


@pytest.fixture
def url(hall):
    """The fixture `visit` opens the real pages here."""
    return hall.url


WORDS = {
    "fr-FR": {
        "form": "S’inscrire à « La lettre de la Maison Lavande »",
        "accept": "S’inscrire",
        "refuse": "Non merci",
        "sent": "Il reste une étape",
        "ask": "Confirmer votre inscription ?",
        "confirm": "Confirmer",
        "done": "C’est confirmé",
        "no": "Aucune inscription",
        "decline": "Ne pas m’inscrire",
        "label": "Oui, je veux recevoir ces e-mails de Maison Lavande SAS.",
    },
    "en-GB": {
        "form": "Sign up to “La lettre de la Maison Lavande”",
        "accept": "Sign up",
        "refuse": "No, thank you",
        "sent": "One step left",
        "ask": "Confirm your sign-up?",
        "confirm": "Confirm",
        "done": "Confirmed",
        "no": "Not signed up",
        "decline": "Do not sign me up",
        "label": "Yes, send me these e-mails from Maison Lavande SAS.",
    },
}


@pytest.mark.parametrize("locale", WORDS)
def test_sign_up_confirm_and_change_ones_mind(visit, hall, locale):
    words = WORDS[locale]
    page = visit(FORM, locale=locale)
    assert heading(page) == words["form"]
    assert page.locator("input:checked").count() == 0

    page.get_by_role("textbox").first.fill(NEW)
    page.get_by_label(words["label"]).check()
    press(page, words["accept"])
    assert heading(page) == words["sent"]
    page.reload()
    assert len(hall.letters(NEW)) == 1

    [path] = hall.letters(NEW)
    page = visit(path, locale=locale)
    assert heading(page) == words["ask"]
    assert words["label"] in page.locator("main").inner_text()
    assert hall.verdict(NEW) == "R-UNKNOWN"

    press(page, words["confirm"])
    assert heading(page) == words["done"]
    assert hall.verdict(NEW) == "A-CONSENT"
    page.reload()
    assert len(hall.granted()) == 1

    with page.expect_navigation():
        page.locator("main a").click()
    press(page, {"fr-FR": "Me désinscrire", "en-GB": "Unsubscribe"}[locale])
    assert hall.verdict(NEW) == "R-OBJECTED"


@pytest.mark.parametrize("locale", WORDS)
def test_no_is_as_near_as_yes_on_the_form_and_in_the_letter(visit, hall, locale):
    words = WORDS[locale]
    page = visit(FORM, locale=locale)
    yes, no = (page.get_by_role("button", name=words[name]) for name in ("accept", "refuse"))
    style = (
        "element => { const s = getComputedStyle(element); return [s.backgroundColor, s.color, s.fontSize, s.border] }"
    )
    assert yes.evaluate(style) == no.evaluate(style)
    assert yes.bounding_box()["width"] == pytest.approx(no.bounding_box()["width"], abs=1)
    press(page, words["refuse"])
    assert heading(page) == words["no"]
    assert hall.waiting() == []

    join.signup(hall.context, "lettre", join.Wish(NEW, locale[:2], frozenset({MAIN})))
    page = visit(hall.letters(NEW)[0], locale=locale)
    press(page, words["decline"])
    assert heading(page) == words["no"]
    assert hall.waiting() == []


def test_each_box_is_one_consent(visit, hall):
    page = visit(FORM)
    page.get_by_role("textbox").first.fill(NEW)
    for box in (MAIN, PARTNERS, TRACKING):
        page.check(f"[name=box-{box}]")
    press(page, "S’inscrire")
    page = visit(hall.letters(NEW)[0])
    assert page.locator("main li").count() == 3
    press(page, "Confirmer")

    assert [event.evidence["purpose"] for event in hall.granted()] == [["prospecting"], ["partners"], ["tracking"]]


def test_a_forgotten_tick_is_said_and_nothing_has_to_be_typed_again(visit, hall):
    page = visit(FORM)
    page.get_by_role("textbox").first.fill(NEW)
    press(page, "S’inscrire")

    assert "Aucune case n’est cochée" in page.get_by_role("alert").inner_text()
    assert page.get_by_role("textbox").first.input_value() == NEW
    assert page.locator("[type=checkbox][aria-invalid=true]").count() == 3
    page.check(f"[name=box-{MAIN}]")
    press(page, "S’inscrire")
    assert heading(page) == "Il reste une étape"


def test_without_an_address_the_browser_itself_asks_for_it(visit, hall):
    page = visit(FORM)
    page.check(f"[name=box-{MAIN}]")
    page.get_by_role("button", name="S’inscrire").click()

    assert page.locator("[name=address]:invalid").count() == 1
    assert hall.waiting() == []


def test_a_child_and_a_parent_sign_up_together(visit, hall):
    hall.reset(child=True, more=False)
    page = visit(FORM, width=400)
    page.fill("[name=address]", NEW)
    page.get_by_label("Moins de 15 ans", exact=True).check()
    page.check(f"[name=box-{MAIN}]")
    press(page, "S’inscrire")
    assert "l’adresse e-mail d’un parent" in page.get_by_role("alert").inner_text()

    page.fill("[name=parent]", "parent@mailbox.example")
    page.check("[name=joint]")
    press(page, "S’inscrire")
    page = visit(hall.letters(NEW)[0])
    press(page, "Confirmer")
    assert heading(page) == "Merci, encore une confirmation"
    page = visit(hall.letters("parent@mailbox.example")[0])
    assert heading(page) == "Confirmer l’inscription de votre enfant ?"
    press(page, "J’accepte avec mon enfant")
    assert heading(page) == "C’est confirmé"
    assert hall.verdict(NEW) == "A-CONSENT"
    assert page.locator("main a").count() == 0


def test_where_it_is_not_for_children_they_are_turned_away_kindly(visit, hall):
    hall.reset(ask_age=True, more=False)
    page = visit(FORM)
    page.fill("[name=address]", NEW)
    page.get_by_label("Moins de 15 ans").check()
    page.check(f"[name=box-{MAIN}]")
    press(page, "S’inscrire")

    assert "moins de 15 ans" in page.get_by_role("alert").inner_text()
    assert hall.waiting() == []


def test_the_keyboard_alone_is_enough_and_never_meets_the_trap(visit, hall):
    hall.reset(more=False)
    page = visit(FORM)
    page.keyboard.press("Tab")
    page.keyboard.type(NEW)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == f"box-{MAIN}"
    page.keyboard.press("Space")
    met = []
    while page.evaluate("document.activeElement.value") != "join":
        page.keyboard.press("Tab")
        met.append(page.evaluate("document.activeElement.name"))
        assert len(met) < 10
    assert "website" not in met
    assert page.locator(":focus-visible").bounding_box()["height"] >= 44
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert heading(page) == "Il reste une étape"


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_nothing_sticks_out_at_320_pixels_and_all_is_legible(visit, hall, dark):
    hall.reset(child=True, channels=("email", "sms"))
    page = visit(FORM, width=320, dark=dark)
    assert not wide(page)
    assert color(page, "main", "backgroundColor") == (NIGHT if dark else PAPER)
    for selector in (".fine p >> nth=0", ".line small >> nth=0", "legend >> nth=0"):
        assert contrast(color(page, selector, "color"), NIGHT if dark else PAPER) >= LEGIBLE


def test_a_link_whose_time_is_over_leads_back_to_the_form(visit, hall):
    join.signup(hall.context, "lettre", join.Wish(NEW, "fr", frozenset({MAIN})))
    [row] = hall.waiting()
    path = hall.letters(NEW)[0]
    join.decline(hall.context, Link(row.id, row.list_id, join.PERSON))
    page = visit(path)
    assert heading(page) == "Ce lien n’est plus valable"
    assert hall.context.tokens.open(Purpose.JOIN, path.rpartition("/")[2])

    with page.expect_navigation():
        page.get_by_role("link", name="Ouvrir le formulaire").click()
    assert page.get_by_role("button").count() == 2


def test_the_form_to_embed_works_on_the_advertisers_own_site(chromium, hall):
    """A plain page of another origin, with the very snippet that `list form` prints."""
    site = Running(_site(lambda: snippet))
    try:
        hall.reset(returns=[f"{site.url}/merci"], more=False)
        with hall.context.store.read() as tx:
            found = joinform.of(tx, "lettre", "fr")
        assert found
        snippet = joinpages.snippet(found, hall.url, f"{site.url}/merci", 7)
        context = chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{site.url}/contact")
        page.fill("[name=address]", NEW)
        page.check(f"[name=box-{MAIN}]")
        press(page, "S’inscrire")

        assert page.url == f"{site.url}/merci"
        assert len(hall.letters(NEW)) == 1
        context.close()
    finally:
        site.close()


def _site(snippet):
    """Return a site of somebody else: a page with the form, and a page that says thanks."""

    async def app(scope, receive, send):
        body = "<h1>Merci</h1>" if scope["path"] == "/merci" else f"<h1>Contact</h1>{snippet()}"
        page = f'<!doctype html><html lang="fr"><head><title>Site</title></head><body><main>{body}</main></body></html>'
        head = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"referrer-policy", b"strict-origin-when-cross-origin"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": page.encode()})

    return app
