"""The log holds one line an event and nothing that it must not hold."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import journal
from gateway.tokens import Keyring, Link, Purpose, Tokens

TOKEN = Tokens(Keyring({1: bytes(32)})).seal(Purpose.LINK, Link(1, 2, 3))


@pytest.fixture
def written(capsys):
    """What was written to the log since last asked; the log is put back afterwards."""
    root, log = logging.getLogger(), journal._log
    handlers = root.handlers
    journal.setup("info", "json")
    yield lambda: capsys.readouterr().err
    root.handlers, journal._log = handlers, log


@pytest.fixture
def lines(written):
    """The same as decoded JSON."""
    return lambda: [json.loads(line) for line in written().splitlines()]


def test_an_event_is_one_line_with_time_level_and_fields(lines):
    journal.note("delivered", ref=12, reply="250 2.0.0 ok\r\nbye", first=True)
    journal.warn("slow")

    first, second = lines()
    assert list(first) == ["at", "level", "event", "ref", "reply", "first"]
    assert (first["level"], first["event"], first["ref"], first["reply"]) == (
        "info",
        "delivered",
        12,
        "250 2.0.0 ok\r\nbye",
    )
    assert first["at"].endswith("+00:00")
    assert second["level"] == "warning"


def test_events_below_the_level_are_not_written(lines):
    journal.setup("warning", "json")
    journal.note("quiet")
    assert lines() == []


def test_the_console_format_is_for_eyes(written):
    journal.setup("info", "console")
    journal.note("delivered", ref=12)
    line = written()
    assert "delivered" in line
    assert "{" not in line


def test_a_fault_has_a_reference_and_the_story(lines):
    try:
        int("jane.doe@example.org")
    except ValueError as error:
        reference = journal.fault("bug", error, where="test")

    (line,) = lines()
    assert len(reference) == 8
    assert line["reference"] == reference
    assert line["error"] == "ValueError"
    assert "test_journal.py" in line["traceback"]
    assert "jane.doe" not in json.dumps(line)
    assert "j…e@example.org" in line["traceback"]


@pytest.mark.parametrize(
    "leak",
    [
        {"recipient": "jane.doe@example.org"},
        {"reply": "550 <jane.doe@example.org>: no such user"},
        {"to": ["x", {"deep": ("jane.doe@example.org",)}]},
        {"by_address": {"jane.doe@example.org": 1}},
        {"path": "/join?mail=jane.doe%40example.org"},
        {"error": LookupError("jane.doe@example.org")},
        {"raw": b"jane.doe@example.org"},
        {"password": "jane.doe"},
        {"form": {"password": "jane.doe"}},
        {"store": "postgresql://jane.doe:jane.doe@db.example/x"},
        {"url": "https://example.org/jane.doe"},
    ],
)
def test_what_a_careless_caller_passes_does_not_reach_the_log(lines, leak):
    journal.note("leak", **leak)
    assert "jane.doe" not in json.dumps(lines(), ensure_ascii=False)


def test_tokens_do_not_reach_the_log(written):
    journal.note("request", path=f"/1/{TOKEN}", again=f"stop+{TOKEN.upper()}@bounce.example.org")
    assert TOKEN not in written().lower()


def test_what_libraries_log_is_scrubbed_too_and_only_from_warnings_on(lines):
    logging.getLogger("library.part").info("accepted jane.doe@example.org")
    logging.getLogger("library.part").warning("refused %s", "jane.doe@example.org")

    (line,) = lines()
    assert (line["event"], line["logger"], line["level"]) == ("library", "library.part", "warning")
    assert line["text"] == "refused j…e@example.org"


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("jane.doe@example.org", "j…e@example.org"),
        ("jane@example.org", "j…@example.org"),
        ("j@example.org", "…@example.org"),
        ("@example.org", "…@example.org"),
        ("élodie@exämple.fr", "é…e@exämple.fr"),
        ('"jane doe"@example.org', "…@example.org"),
        ("jane+tag@[192.0.2.1]", "j…g@?192.0.2.1?"),
        ("a@b@example.org", "a…@example.org"),
        ("jane.doe@", "j…e@"),
        ("", "…"),
        ("no address at all", "…"),
        ("jane.doe@example.org\r\nevent=forged", "j…e@example.org??event?forged"),
        ("jane.doe@ex\x1b[31mample.org", "j…e@ex??31mample.org"),
        ("jane.doe@\u202egro.elpmaxe", "j…e@?gro.elpmaxe"),
        ("jane.doe@\udc80.org", "j…e@?.org"),
        ("jane.doe@" + "a" * 5000, "j…e@" + "a" * 100),
        ("a" * 100_000 + "@example.org", "a…a@example.org"),
    ],
)
def test_a_mask_shows_enough_to_recognise_and_too_little_to_write_to(address, masked):
    assert journal.mask(address) == masked


@given(st.text())
def test_a_mask_is_one_short_printable_line_whatever_it_is_given(text):
    masked = journal.mask(text)
    assert len(masked) <= 104
    assert masked.isprintable()
    assert masked.isspace() is False


def test_scrubbing_long_hostile_text_does_not_take_long():
    for text in ("a" * 200_000, "a" * 200_000 + " @", "@" * 50_000, "a@" * 50_000, "://" * 50_000 + "@"):
        journal.scrub(text)
    assert journal.scrub("j…e@example.org") == "j…e@example.org"
