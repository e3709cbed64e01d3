"""The rights of a person in real Chromium, from the link in a message to the mailbox and back, without script."""

import json

import pytest

from gateway import text
from gateway.flow.optout import Desk
from tests.web.states import Walk


@pytest.fixture
def walk(chromium, house):
    """A new person in a French browser that runs no script."""
    context = chromium.new_context(locale="fr-FR", java_script_enabled=False)
    yield Walk(house, context.new_page())
    assert context.cookies() == []
    context.close()


def said(page) -> str:
    return page.locator("main").inner_text().replace("\u00a0", " ")


def test_the_page_about_the_data_says_what_and_why_and_shows_none_of_it(walk):
    walk.go(walk.here)
    with walk.page.expect_navigation():
        walk.page.get_by_role("link", name="Vos données").click()
    found = walk.page.content()

    assert "« La lettre de la Maison Lavande » : vous l’avez accepté le" in said(walk.page)
    assert "la trace de 7 messages envoyés" in said(walk.page)
    assert "votre société" in said(walk.page)
    assert "Atelier Durand" not in found
    assert "Camille" not in found
    assert walk.address not in found
    walk.page.get_by_text("Le texte montré le").click()
    assert "vous enverra sa lettre" in said(walk.page)


def test_a_copy_goes_to_whoever_reads_the_mailbox_and_to_nobody_else(walk):
    walk.ask("access")
    assert walk.house.letters()[-1]["To"] == walk.address
    assert "Camille" not in walk.page.content()  # a scanner that follows the link sees nothing
    walk.press("confirm")
    assert "Camille" not in walk.page.content()

    with walk.page.expect_download() as download:
        walk.page.get_by_role("button", name="Télécharger").click()
    assert json.loads(download.value.path().read_text("utf-8"))["data"]["address"] == walk.address
    assert download.value.suggested_filename == "data.json"
    walk.press("copy")
    assert "Camille Durand" in said(walk.page)
    assert "accord donné" in said(walk.page)

    walk.go(f"{walk.here}/data")
    assert "Recevoir une copie de mes données — demandé le" in said(walk.page)
    assert "fait." in said(walk.page)


def test_a_correction_is_made_by_the_person(walk):
    walk.confirmed("rectification")
    walk.page.get_by_label("Nom", exact=True).fill("Camille Dupont")
    walk.page.get_by_label("Langue").select_option("en")
    walk.press("save")
    contact = walk.house.person(walk.address)
    assert contact
    assert (contact.name, contact.company, contact.language) == ("Camille Dupont", "Atelier Durand", "en")
    assert "C’est corrigé" in said(walk.page)


def test_an_erasure_shows_its_certificate_and_the_old_links_still_answer(walk):
    walk.confirmed("erasure")
    assert "Attestation n°" in said(walk.page)
    assert walk.house.person(walk.address) is None
    walk.page.reload()
    assert "Attestation n°" in said(walk.page)
    walk.go(walk.here)
    assert "C’est fait" in said(walk.page)
    walk.go(f"{walk.here}/data")
    assert "Plus rien" in said(walk.page)


def test_a_restriction_is_set_and_ended_by_the_same_link(walk):
    walk.confirmed("restriction")
    assert walk.house.person(walk.address).restricted
    walk.go(f"{walk.here}/data")
    assert "rien ne vous est envoyé" in said(walk.page)
    walk.go(walk.letter)
    walk.press("lift")
    assert not walk.house.person(walk.address).restricted


def test_who_did_not_ask_says_so_and_nothing_happens(walk):
    walk.ask("erasure")
    walk.press("cancel")
    assert "Rien n’a changé" in said(walk.page)
    assert walk.house.person(walk.address)


def test_a_choice_of_channels_and_a_reason_are_kept_and_shown_again(walk):
    walk.stopped()
    walk.open()
    walk.page.get_by_label("par SMS").check()
    walk.press("choose", scope="list")
    walk.press("why", why="not-asked")
    view = Desk(walk.house.context).page(walk.house.link(walk.address))
    assert view
    assert (view.stopped_list, view.stopped_all, view.stopped_channels) == (True, False, {"sms"})
    assert view.why == "not-asked"
    walk.open()
    assert walk.page.get_by_label("par SMS").is_checked()
    assert walk.page.get_by_label("par courrier").is_checked() is False
    assert walk.page.get_by_label("seulement").is_checked()

    walk.press("undo")
    assert text.say("web.undone", "fr").replace("\u00a0", " ") in said(walk.page)
    view = Desk(walk.house.context).page(walk.house.link(walk.address))
    assert view
    assert not view.stopped
    assert view.stopped_channels == set()


def test_the_keyboard_alone_is_enough_to_ask_for_a_right(walk):
    walk.go(f"{walk.here}/data")
    keys = walk.page.keyboard
    for _ in range(30):
        keys.press("Tab")
        if walk.page.locator(":focus").get_attribute("name") == "right":
            break
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    keys.press("Space")
    with walk.page.expect_navigation():
        keys.press("Enter")
    assert "Un e-mail est parti" in said(walk.page)
    assert walk.house.letters()[-1]["To"] == walk.address
