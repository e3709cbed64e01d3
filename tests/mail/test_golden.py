"""Golden messages: what goes in, what comes out, and what must hold of it. A new case is a new set of files."""

import tomllib
from pathlib import Path

import pytest

from gateway.mail.rewrite import Unfit
from tests.mail import golden_rules as rules
from tests.mail.golden_support import CHOOSE, HEADERS, STOP, fields_of, hold_form, insert_of, plan_of

FOLDER = Path(__file__).parent / "golden"
CASES = sorted((path.stem for path in FOLDER.glob("*.eml")), key=lambda name: (len(name.split("-")[0]), name))


@pytest.fixture(params=CASES)
def case(request):
    files = {suffix: (FOLDER / f"{request.param}.{suffix}").read_bytes() for suffix in ("eml", "out", "why")}
    given = tomllib.loads((FOLDER / f"{request.param}.toml").read_text())
    return files["eml"], files["out"], given


def planned(eml, given):
    return plan_of(eml, given)


def test_every_case_says_why():
    assert len(CASES) >= 60
    for name in CASES:
        assert len((FOLDER / f"{name}.why").read_text().strip()) > 5


def test_a_message_becomes_its_golden_copy(case):
    eml, out, given = case
    result = planned(eml, given)
    if "unfit" in given:
        assert isinstance(result, Unfit)
        assert (result.code, out) == (given["unfit"], b"")
        assert result.why
        assert result.say("fr") != result.why
        return
    assert not isinstance(result, Unfit), result.why

    assert out == result.copy(insert_of(given))
    assert out == result.copy(insert_of(given)), "a second copy of one plan is like the first"
    assert result.wrapped is given.get("wrapped", False)
    hold_form(result, insert_of(given))


def test_a_copy_is_sound_mail(case):
    eml, out, given = case
    if not out:
        return
    before, after = rules.read(eml), rules.read(out)

    assert out.count(b"\r\n") == out.count(b"\n") == out.count(b"\r")
    assert max(map(len, out.split(b"\r\n"))) <= 998
    known = {type(defect) for part in before.walk() for defect in part.defects}
    if not given.get("wrapped"):
        assert {type(defect) for part in after.walk() for defect in part.defects} <= known
        assert rules.shape(before) == rules.shape(after)
    assert [after[name] for name, _ in HEADERS] == [value for _, value in HEADERS]
    assert [len(after.get_all(name)) for name, _ in HEADERS] == [1, 1, 1]


def test_what_was_not_spliced_is_the_senders(case):
    eml, out, given = case
    if not out or given.get("wrapped"):
        return
    before, after = rules.raw_parts(rules.read(eml)), rules.raw_parts(rules.read(out))
    changed = set(given["bodies"]) | set(given.get("changed", ()))
    for number, (was, became) in enumerate(zip(before, after, strict=True)):
        if number and number not in changed:
            assert was == became
        if number in changed:
            assert was[1] != became[1]


def test_the_senders_header_stays_in_order(case):
    eml, out, given = case
    if not out:
        return
    source, copy = (content.partition(b"\r\n\r\n")[0].decode().split("\r\n") for content in (eml, out))
    copy = copy[copy.index("List-Id: Nouvelles <news.exemple.fr>") + 1 :]
    lines = [line for line in source if line and not line.lower().startswith(("content-", "mime-version"))]
    kept = [line for line in lines if line in copy]

    if not given.get("dropped"):
        assert kept == lines
    assert [line for line in copy if line in kept] == kept
    assert len(lines) - len(kept) == given.get("dropped", 0)


def test_a_wrapped_body_is_untouched(case):
    eml, out, given = case
    if not given.get("wrapped"):
        return
    head, _, body = eml.partition(b"\r\n\r\n")
    message = rules.read(out)
    mention, inner = message.iter_parts()

    assert message.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in mention.iter_parts()] == ["text/plain", "text/html"]
    assert not message.defects
    assert b"\r\n\r\n" + body + b"\r\n--" + message.get_boundary().encode() + b"--\r\n" in out
    content_fields = [
        value for name, value in rules.read(head + b"\r\n\r\n").raw_items() if name.lower().startswith("content-")
    ]
    assert content_fields == [value for _, value in inner.raw_items()]


def test_every_alternative_shows_the_mention_once(case):
    _, out, given = case
    if not out:
        return
    after = list(rules.read(out).walk())
    bodies = [after[number] for number in given["bodies"]] if "bodies" in given else after[2:4]
    fields, lang = fields_of(given), given.get("lang", "fr")
    opening = {"fr": "Publicité envoyée par ", "en": "Advertisement sent by "}[lang]
    name = fields.legal_name.replace("’", "'")
    for body in bodies:
        text = rules.text_of(body)
        count = 1 + given.get("placeholders", 0)
        if body.get_content_type() == "text/plain":
            assert text.count(STOP) == count
            assert " ".join(text.split()).replace("’", "'").count(opening + name) == 1
        else:
            links = rules.shown_links(text, STOP)
            assert len(links) == count
            assert all(links), "a link has words"
            assert rules.shown_text(text).replace("’", "'").count(opening + name) == 1
            assert rules.seen(rules.mention_node(text))
            assert rules.mention_node(text).parent.tag in {"body", "div"}
            assert rules.mention_node(text).attributes["lang"] == lang
        assert "unsubscribe_url%" not in text


def test_without_the_mention_a_body_reads_as_before(case):
    eml, out, given = case
    if not out or given.get("wrapped") or given.get("placeholders") or given.get("changed"):
        return
    before, after = list(rules.read(eml).walk()), list(rules.read(out).walk())
    insert = insert_of(given)
    for number in given["bodies"]:
        was, became = rules.text_of(before[number]), rules.text_of(after[number])
        html = after[number].get_content_type() != "text/plain"
        if given.get("opening"):
            line = insert.mention.opening_page.decode().replace("\r", "") if html else f"{insert.mention.opening}\n\n"
            assert became.count(line) == 1
            became = became.replace(line, "")
        start = became.index('<div lang="') if html else became.index("_" * 40)
        end_mark = "</table></div>\n" if html else insert.mention.text.rsplit("\n", 1)[1] + "\n"
        end = became.index(end_mark, start) + len(end_mark)
        left, right = became[:start].rstrip(), became[end:]

        assert was.endswith(right)
        rest = was[: len(was) - len(right)].rstrip() if right else was.rstrip()
        closes = left.removeprefix(rest).lstrip()
        assert left.startswith(rest)
        assert not closes or (html and set(closes.replace("</", "<").split("<")) <= set(_tags(closes)))


def _tags(closes):
    return {""} | {f"{name}>" for name in ("p", "div", "td", "tr", "table", "font", "a", "template", "body")}


def test_preferences_go_to_their_own_page():
    out = (FOLDER / "111-placeholder-ours.out").read_bytes()
    assert CHOOSE.encode() in out
