"""The company in the mention, as French companies write it (C. com. R123-237, R123-238)."""

import pytest

from gateway import clock
from gateway.flow.wording import identity
from gateway.store.tables import Advertiser


@pytest.mark.parametrize(
    ("name", "form", "capital", "lang", "said"),
    [
        ("Exemple", "SAS", "10 000 €", "fr", "SAS au capital de 10 000 €"),
        ("Exemple", "SAS", "10 000 €", "en", "SAS with a capital of 10 000 €"),
        ("Exemple SAS", "SAS", "10 000 €", "fr", "au capital de 10 000 €"),
        ("Exemple sas", "SAS", "", "fr", ""),
        ("Jeanne Petit", "EI", "", "fr", "EI"),
        ("Exemple", "SA", "au capital de 37 000 €", "fr", "SA, au capital de 37 000 €"),
        ("Exemple", "", "", "fr", ""),
    ],
)
def test_form_and_capital_are_said_once(name: str, form: str, capital: str, lang: str, said: str) -> None:
    row = Advertiser(id=1, name="x", legal_name=name, legal_form=form, capital=capital, created_at=clock.now())

    assert identity(row, lang)["legal_form_capital"] == said


@pytest.mark.parametrize(
    ("given", "said"), [("FR38552100554", "TVA FR38552100554"), ("TVA FR38552100554", "TVA FR38552100554"), ("", "")]
)
def test_the_number_for_vat_says_what_it_is(given: str, said: str) -> None:
    assert identity(Advertiser(id=1, name="x", vat=given, created_at=clock.now()), "fr")["vat"] == said
