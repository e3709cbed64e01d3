"""Delivery reports, read back by the standard library and by Mailman's bounce reader."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from flufl.bounce import all_failures
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import dsn
from gateway.mail.dsn import DeliveryReport, Reported

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
ORIGINAL = b"From: Shop <news@shop.example>\r\nSubject: Spring\r\n\r\nA secret offer.\r\n"
REFUSED = Reported("Anna@list.example", "failed", "5.7.1", "550 5.7.1 R-OBJECTED ref=7 recipient has objected")
LATE = Reported("ben@list.example", "delayed", "4.4.1", "451 4.4.1 later", remote="mx.example")


def letter(*fates: Reported, **changed: object) -> DeliveryReport:
    plain = DeliveryReport("gate.example", "postmaster@shop.example", "b-1@shop.example", NOW, NOW, ORIGINAL, fates)
    return replace(plain, **changed)


def parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def groups(content: bytes) -> list[dict[str, str]]:
    """Return the field groups of the part for machines."""
    [part] = [p for p in parsed(content).walk() if p.get_content_type() == "message/delivery-status"]
    return [dict(group.items()) for group in part.get_payload()]


def test_a_report_names_each_recipient_with_action_status_and_reply() -> None:
    whole, first, second = groups(dsn.report(letter(replace(REFUSED, orcpt="rfc822;Anna+2Bx@list.example"), LATE)))

    assert whole["Reporting-MTA"] == "dns; gate.example"
    assert whole["Arrival-Date"]
    assert first["Original-Recipient"] == "rfc822; Anna+x@list.example"
    assert first["Final-Recipient"] == "rfc822; Anna@list.example"
    assert (first["Action"], first["Status"]) == ("failed", "5.7.1")
    assert first["Diagnostic-Code"] == "smtp; 550 5.7.1 R-OBJECTED ref=7 recipient has objected"
    assert (second["Action"], second["Status"], second["Remote-MTA"]) == ("delayed", "4.4.1", "dns; mx.example")


def test_mailman_reads_who_failed_for_good_and_who_only_for_now() -> None:
    temporary, permanent = all_failures(message_from_bytes(dsn.report(letter(REFUSED, LATE))))

    assert permanent == {b"Anna@list.example"}
    assert temporary == {b"ben@list.example"}


def test_a_report_is_automatic_and_for_people_in_both_languages() -> None:
    words = {"fr": "le destinataire s’est opposé", "en": "the recipient has objected"}
    message = parsed(dsn.report(letter(replace(REFUSED, words=words))))

    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["To"] == "b-1@shop.example"
    text = next(message.iter_parts()).get_content()
    assert all(part in text for part in [*words.values(), "« Spring »", '"Spring"', "R-OBJECTED ref=7"])
    assert text.index(words["fr"]) < text.index(words["en"])


def test_headers_come_back_and_the_whole_message_only_when_it_is_asked_for() -> None:
    short, full = dsn.report(letter(REFUSED)), dsn.report(letter(REFUSED, full=True))

    assert b"A secret offer" not in short
    assert [p.get_content_type() for p in parsed(short).iter_parts()][-1] == "text/rfc822-headers"
    [returned] = [p for p in parsed(full).iter_parts() if p.get_content_type() == "message/rfc822"]
    assert returned.get_content()["Subject"] == "Spring"
    assert ORIGINAL in full


def test_addresses_and_headers_outside_ascii_take_the_international_forms() -> None:
    fate = Reported("rené@list.example", "failed", "5.1.1", orcpt="utf-8;ren\\x{E9}@list.example")
    content = dsn.report(letter(fate, original="Subject: Été\r\n\r\n".encode()))

    assert "Final-Recipient: utf-8; rené@list.example\r\n".encode() in content
    assert "Original-Recipient: utf-8; rené@list.example\r\n".encode() in content
    kinds = [part.get_content_type() for part in parsed(content).iter_parts()]
    assert kinds == ["text/plain", "message/global-delivery-status", "message/global-headers"]


def test_the_envelope_id_comes_back_as_it_was_meant() -> None:
    whole = groups(dsn.report(letter(REFUSED, envid="QQ+2B42+20x")))[0]

    assert whole["Original-Envelope-Id"] == "QQ+42 x"


@pytest.mark.parametrize("trick", ["a+0D+0AAction: delivered", "a\r\nAction: delivered", "a+0AX", "\\x{0A}X"])
def test_nobody_writes_a_field_of_their_own(trick: str) -> None:
    fate = replace(REFUSED, orcpt=f"utf-8;{trick}", diagnostic=f"550 {trick}", remote=trick)
    content = dsn.report(letter(fate, envid=trick, to="x@y.example"))

    _, only = groups(content)
    assert only["Action"] == "failed"
    assert re.findall(rb"^(Action|X)", content, re.MULTILINE) == [b"Action"]


@given(st.text(max_size=80), st.text(max_size=80), st.binary(max_size=200))
def test_whatever_came_in_the_report_is_one_message_of_smtp_lines(one: str, two: str, garbage: bytes) -> None:
    original = garbage.replace(b"\r", b"").replace(b"\n", b"\r\n")
    fate = Reported("anna@list.example", "failed", "5.7.1", one, f"rfc822;{two}", remote=two)
    content = dsn.report(letter(fate, original=original, envid=one, full=True))

    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert next(part.get_content_type() for part in parsed_loosely(content).iter_parts()) == "text/plain"


def parsed_loosely(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_xtext_is_undone_by_its_opposite(text: str) -> None:
    assert dsn.decoded(dsn.encoded(text)) == text
