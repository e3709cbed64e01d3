"""Dates, plurals and directions; and a language that somebody adds with a file."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway import text
from gateway.errors import Misuse
from gateway.flow.context import open_context
from gateway.text import local
from tests.flow.rig import settings_for

ARABIC = """\
language = "العربية"
[ask]
heading = "إيقاف هذه الرسائل؟"
stop = "إلغاء الاشتراك"
[data.kept-messages]
one = "رسالة"
two = "رسالتان"
few = "{number} رسائل"
other = "{number} رسالة"
"""
KLINGON = '[ask]\nheading = "yImev"\n'


@pytest.fixture
def more(tmp_path: Path):
    """A folder with two more languages, forgotten again after the test."""
    for lang, content in {"ar": ARABIC, "tlh": KLINGON, "fr": '[ask]\nheading = "Autre chose"\n'}.items():
        (tmp_path / lang).mkdir()
        (tmp_path / lang / "web.toml").write_text(content, "utf-8")
    (tmp_path / "README").write_text("not a language", "utf-8")
    yield tmp_path
    text._all.cache_clear()


def test_a_language_is_added_with_a_file_and_what_it_lacks_is_said_in_english(more: Path):
    text.learn(more)
    assert text.languages() == ("fr", "en", "ar", "tlh")
    assert text.say("web.ask.heading", "ar") == "إيقاف هذه الرسائل؟"
    assert text.say("web.ask.ease", "ar") == text.say("web.ask.ease", "en")
    assert text.say("web.ask.heading", "fr") == "Ne plus recevoir ces e-mails\u00a0?"  # ours stay ours
    assert [local.name(lang) for lang in text.languages()] == ["Français", "English", "العربية", "tlh"]
    assert [local.direction(lang) for lang in text.languages()] == ["ltr", "ltr", "rtl", "ltr"]


def test_plurals_are_those_of_the_language_or_of_english_where_it_has_none(more: Path):
    text.learn(more)
    said = {lang: [local.count("web.data.kept-messages", lang, n) for n in (1, 2, 3, 100)] for lang in ("ar", "tlh")}
    assert said["ar"] == ["رسالة", "رسالتان", "3 رسائل", "100 رسالة"]
    assert said["tlh"][:2] == ["the trace of one message sent", "the trace of 2 messages sent"]
    assert local.count("web.data.kept-messages", "fr", 0) == "la trace d’un message envoyé"


def test_dates_are_written_out():
    assert local.day(date(2026, 3, 1), "fr") == "1er mars 2026"
    assert local.day(date(2026, 3, 1), "en") == "March 1, 2026"
    assert local.day(date(2026, 3, 1), "tlh") == "March 1, 2026"
    assert local.day_of(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "fr", "Europe/Paris") == "2 mars 2026"
    assert local.minute_of(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "fr", "Europe/Paris") == "2 mars 2026, 00:30"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "web.toml").write_text("[ask\n", "utf-8")
    settings = settings_for(f"sqlite:///{tmp_path / 'x.db'}", tmp_path)
    gateway = settings.gateway.model_copy(update={"languages": tmp_path})
    with pytest.raises(Misuse, match=r"languages: the texts de/web\.toml cannot be read"):
        open_context(settings.model_copy(update={"gateway": gateway}))
