"""Dates, plurals and the direction of writing for any language; one that babel does not know is written as English."""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime

from gateway import text


@lru_cache(maxsize=256)
def locale(lang: str) -> Locale:
    """Return babel's locale of a language code ("fr", "pt-BR"), that of English for one it does not know."""
    try:
        return Locale.parse(lang.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse(text.FALLBACK)


def direction(lang: str) -> str:
    """Return "ltr" or "rtl", as the HTML attribute `dir` has it."""
    return str(locale(lang).text_direction)


@lru_cache(maxsize=4096)
def day(at: date, lang: str) -> str:
    """Return a day in words: "3 mars 2026"."""
    return _first(str(format_date(at, "long", locale=locale(lang))), lang)


def day_of(moment: datetime, lang: str, timezone: str) -> str:
    """Return the day of an aware moment, in words, as the calendar of `timezone` (an IANA name) has it."""
    return day(moment.astimezone(ZoneInfo(timezone)).date(), lang)


def minute_of(moment: datetime, lang: str, timezone: str) -> str:
    """Return an aware moment in words, with its time of day: "3 mars 2026, 14:05"."""
    words = format_datetime(moment, "d MMMM y, HH:mm", tzinfo=ZoneInfo(timezone), locale=locale(lang))
    return _first(str(words), lang)


def _first(words: str, lang: str) -> str:
    """Return the date as French has it, whose first day of the month is the only one with an ordinal."""
    return f"1er{words[1:]}" if lang.startswith("fr") and words.startswith("1 ") else words


def count(key: str, lang: str, number: int, **fields: object) -> str:
    """Return the sentence for a number of things.

    Its forms stand below `key` under the names of CLDR's plural rules (zero, one, two, few, many, other); `other` is
    there always, and stands for those that are missing. The place `{number}` is filled.
    """
    spoken = lang if text.has(f"{key}.other", lang) else text.FALLBACK
    form = f"{key}.{locale(spoken).plural_form(number)}"
    return text.say(form if text.has(form, spoken) else f"{key}.other", spoken, number=number, **fields)


def name(lang: str) -> str:
    """Return what the language calls itself: "Français"."""
    if text.has("web.language", lang):
        return text.say("web.language", lang)
    try:
        return str(Locale.parse(lang.replace("-", "_")).get_display_name() or lang)
    except (ValueError, UnknownLocaleError):
        return lang
