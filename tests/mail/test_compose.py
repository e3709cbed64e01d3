"""Composing: what the gateway writes reads the same in both bodies, and nobody can put anything into it."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import mailparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from gateway.errors import Misuse
from gateway.mail import headers
from gateway.mail.compose import Button, Head, compose

HEAD = Head(
    author="bonjour@maison-lavande.example",
    author_name="Maison Lavande",
    to="élise@mailbox.example".replace("é", "e"),
    subject="Confirmez votre inscription à « La lettre »",
    date=datetime(2026, 11, 23, 10, 0, tzinfo=UTC),
    message_id="<1@gate.example>",
    lang="fr",
)
BODY = ["Bonjour,", "Une demande a été faite " * 12, Button("Confirmer", "https://gate.example/c/" + "a" * 200)]


def parsed(content: bytes) -> EmailMessage:
    message: Any = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part
    return str(part.get_content())


def test_two_libraries_and_our_own_read_the_same_letter() -> None:
    content = compose(HEAD, BODY)

    message, other = parsed(content), mailparser.parse_from_bytes(content)
    assert message.defects == []
    assert not other.has_defects
    assert message["Subject"] == other.subject == HEAD.subject
    [author] = message["From"].addresses
    assert (author.display_name, author.addr_spec) == (HEAD.author_name, HEAD.author)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == HEAD.date
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert headers.parse(content).broken < 0


def test_it_is_seven_bit_with_crlf_and_short_lines() -> None:
    content = compose(HEAD, BODY)

    assert content.isascii()
    assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r")
    assert max(len(line) for line in content.split(b"\r\n")) <= 78


def test_both_bodies_say_the_same_and_the_link_is_whole_in_each() -> None:
    message = parsed(compose(HEAD, BODY))

    text, tree = body(message, "plain"), LexborHTMLParser(body(message, "html"))
    assert tree.body
    assert tree.css_first("html").attributes["lang"] == "fr"
    assert tree.css_first("a").attributes["href"] == BODY[2].url  # type: ignore[union-attr]
    assert f"<{BODY[2].url}>" in text  # type: ignore[union-attr]
    for said in ("Bonjour,", "Confirmer"):
        assert said in text
        assert said in tree.body.text()


def test_an_answer_says_what_it_answers() -> None:
    message = parsed(
        compose(replace(HEAD, in_reply_to="<7@mailbox.example>", automatic="auto-replied"), ["Bien reçu."])
    )

    assert message["In-Reply-To"] == message["References"] == "<7@mailbox.example>"
    assert message["Auto-Submitted"] == "auto-replied"


def test_an_address_beyond_ascii_keeps_its_letters() -> None:
    content = compose(replace(HEAD, to="élise@mailbox.example"), BODY)

    assert "To: <élise@mailbox.example>\r\n".encode() in content


def test_a_quoted_local_part_stays_quoted() -> None:
    message = parsed(compose(replace(HEAD, to='"a b"@mailbox.example'), BODY))

    assert message["To"].addresses[0].addr_spec == '"a b"@mailbox.example'


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_nothing_that_people_write_becomes_a_field_a_line_or_markup(name: str, subject: str, said: str) -> None:
    hostile = "\r\nBcc: victim@mailbox.example\r\n\r\n<script>alert(1)</script>"
    content = compose(replace(HEAD, author_name=name + hostile, subject=subject + hostile), [said + hostile])

    message = parsed(content)
    tree = LexborHTMLParser(body(message, "html"))
    assert message["Bcc"] is None
    assert list(message.keys()) == list(parsed(compose(HEAD, BODY)).keys())
    assert message["From"].addresses[0].addr_spec == HEAD.author
    assert tree.css("script") == []
    assert len(tree.css("p")) == 1


@pytest.mark.parametrize("bad", ["a@b.example\r\nBcc: c@d.example", "a@b.example>, <c@d.example"])
def test_an_address_that_is_none_is_no_letter(bad: str) -> None:
    with pytest.raises(Misuse):
        compose(replace(HEAD, to=bad), BODY)
