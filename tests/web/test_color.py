"""The advertiser's colour is safe to print and always readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.color import HOUSE, LEGIBLE, NIGHT, PAPER, contrast, palette


@given(st.integers(0, 0xFFFFFF))
def test_any_colour_is_readable_by_day_and_by_night_and_text_is_readable_on_it(number):
    colors = palette(f"#{number:06x}")
    assert colors.plain == f"#{number:06x}"
    assert contrast(colors.day, PAPER) >= LEGIBLE  # also white text on a button of that colour
    assert contrast(colors.night, NIGHT) >= LEGIBLE
    assert contrast(colors.night, "#131514") >= LEGIBLE  # the text on a button by night (page.css)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_short_forms_are_understood():
    assert palette("#F80").plain == palette("f80").plain == palette(" ff8800 ").plain == "#ff8800"


@given(st.text())
def test_anything_else_becomes_the_colour_of_the_house_or_a_plain_colour(text):
    assert palette(text).plain == HOUSE or len(palette(text).plain) == 7


@pytest.mark.parametrize("text", ["", "red", "#12", "#ff00", "#fff;}", "url(//x)", "#ggg", "#fff\n", "#٣٣٣"])
def test_what_is_not_a_colour_becomes_that_of_the_house(text):
    assert palette(text).plain == (HOUSE if text != "#fff\n" else "#ffffff")
