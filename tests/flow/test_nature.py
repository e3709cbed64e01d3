"""What is advertising shows itself, what watches asks first, and what the sender should know is said."""

from email import policy
from email.parser import BytesParser
from html import unescape
from pathlib import Path

import pytest

from gateway import clock, sample
from gateway.demo import campaign
from gateway.errors import Misuse
from gateway.flow import check, consent, hosted, nature
from gateway.flow.consent import Saying
from gateway.flow.context import Context, open_context
from gateway.flow.gate import Recipient
from gateway.flow.mentions import Mentions
from gateway.flow.optout import Desk
from gateway.flow.sectors import Sectors
from gateway.law.events import Kind
from gateway.mail import headers
from gateway.mail.address import parse
from gateway.store import advertisers, people
from gateway.tokens import Link
from tests.flow.rig import CAMILLE, plain, rig

anyio = pytest.mark.anyio
PIXEL = b'<img src="https://t.maison-lavande.example/o.gif" width="1" height="1">'


def fields(subject: str, sender: str = "Maison Lavande", more: str = ""):
    return headers.parse(f"From: {sender} <a@b.fr>\r\nSubject: {subject}\r\n{more}\r\n".encode())


@pytest.mark.parametrize(
    ("subject", "sender", "shows"),
    [
        ("Nos offres d’automne", "Maison Lavande", True),
        ("Découvrez nos savons", "Maison Lavande", True),
        ("Savon à 3 €", "Maison Lavande", True),
        ("Bonjour Camille", "Maison Lavande Newsletter", True),
        ("Bonjour Camille", "Maison Lavande", False),
        ("Votre rendez-vous", "Maison Lavande", False),
        ("NOUVEAUTES", "Maison Lavande", True),
    ],
)
def test_from_and_subject_show_the_commercial_nature_or_not(subject, sender, shows):
    assert nature.advertises(fields(subject, sender)) is shows


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Votre facture de novembre", "invoice"),
        ("Your invoice 2026-11", "invoice"),
        ("Mise en demeure avant poursuites", "official"),
        ("Suite à notre conversation", "personal"),
        ("Votre facture moins chère : -20 % ce mois-ci", None),
        ("Bonjour Camille", None),
        ("Réduisez vos impôts", None),
    ],
)
def test_an_invoice_an_authority_or_an_acquaintance_is_not_imitated(subject, kind):
    found = nature.pretence(fields(subject))
    assert (found and found[0]) == kind


@anyio
async def test_what_imitates_an_invoice_goes_to_nobody(embedded: Context) -> None:
    content = _subject(b"Votre facture de novembre")
    async with rig(embedded) as house:
        said = str((await house.send(CAMILLE, content=content))[-1])
    assert said.startswith("550 5.7.0 R-MSG-NOTAD")
    assert "votre facture" in said


@anyio
async def test_a_copy_begins_with_the_line_that_the_subject_lacks(embedded: Context) -> None:
    async with rig(embedded) as house:
        [plainly] = _inspected(embedded, house, _subject(b"Bonjour"))
        [shown] = _inspected(embedded, house, _subject(b"Nos offres"))
    assert plain(message(plainly.copy), "plain").startswith("Publicité – Maison Lavande SAS\r\n\r\nBonjour")
    assert "Publicité – Maison Lavande" in " ".join(unescape(plain(message(plainly.copy), "html")).split())
    assert "Publicité – " not in plain(message(shown.copy), "plain")
    assert any("première ligne" in one.say("fr") or "une ligne" in one.say("fr") for one in plainly.cautions)


@anyio
async def test_a_mention_in_a_part_of_its_own_is_foreseen(embedded: Context) -> None:
    hiding = campaign("lettre").replace(b"<head>", b"<head><style>body{display:none}</style>")
    async with rig(embedded) as house:
        [apart] = _inspected(embedded, house, hiding)
        [within] = _inspected(embedded, house, campaign("lettre"))
    assert message(apart.copy).get_content_type() == "multipart/mixed"
    assert any("une partie à elle" in one.say("fr") for one in apart.cautions)
    assert all("part of its own" not in one.say("en") for one in within.cautions)


@anyio
async def test_pixels_stay_only_where_the_person_agreed_to_them_and_go_when_that_is_taken_back(
    embedded: Context,
) -> None:
    content = campaign("lettre").replace(b"</body>", PIXEL + b"</body>")
    assert PIXEL in content
    async with rig(embedded) as house:
        [without] = _inspected(embedded, house, content)
        link = _agrees(embedded)
        [agreed] = _inspected(embedded, house, content)
        assert Desk(embedded).page(link).tracked
        assert not Desk(embedded).untrack(link).tracked
        assert not Desk(embedded).untrack(link).tracked
        [again] = _inspected(embedded, house, content)

    assert b"o.gif" not in without.copy
    assert b"#tracking" not in without.copy
    assert PIXEL in agreed.copy
    assert b"#tracking" in agreed.copy
    assert b"o.gif" not in again.copy


def _agrees(context: Context) -> Link:
    """Let Camille agree to be watched, on its own; return a link of hers."""
    with context.store.begin() as tx:
        owner = next(one for one in advertisers.all(tx) if one.siren == sample.SIREN)
        contact = people.find(tx, owner.id, parse(CAMILLE).key)
        evidence = {
            "purpose": ["tracking"], "mode": "unticked-box", "controllers": ["Maison Lavande SAS"],
            "text": "suivi-1", "proof": "journal-1", "channel": ["email"],
        }  # fmt: skip
        consent.record(context, tx, contact, None, Kind.GRANTED, Saying(clock.now(), "page", evidence=evidence))
    return Link(contact.id, 0, 0)


def message(copy: bytes):
    return BytesParser(policy=policy.default).parsebytes(copy)


def _subject(subject: bytes) -> bytes:
    lines = campaign("lettre").split(b"\r\n")
    at = next(place for place, line in enumerate(lines) if line.startswith(b"Subject:"))
    end = next(place for place in range(at + 1, len(lines)) if not lines[place].startswith((b" ", b"\t")))
    return b"\r\n".join([*lines[:at], b"Subject: " + subject, *lines[end:]])


def _inspected(context: Context, house, content: bytes):
    draft = house.draft()
    draft.recipients.append(Recipient(parse(CAMILLE)))
    found = check.inspect(context, draft, content)
    assert [one.decided.passes for one in found] == [True], found[0].sentence
    return found


@pytest.mark.parametrize(
    ("field", "warned"),
    [
        ("X-SES-LIST-MANAGEMENT-OPTIONS: contacts; topic=news", "X-SES-LIST-MANAGEMENT-OPTIONS"),
        ('X-SMTPAPI: {"asm_group_id": 4}', "X-SMTPAPI"),
        ('X-SMTPAPI: {"category": "news"}', "X-SMTPAPI"),
        ('X-SMTPAPI: {"filters": {"subscriptiontrack": {"settings": {"enable": 0}}}}', None),
        ('X-SMTPAPI: {"filters": {"subscriptiontrack": []}}', "X-SMTPAPI"),
        ('X-MSYS-API: {"campaign_id": "news"}', "X-MSYS-API"),
        ('X-MSYS-API: {"options": {"transactional": true}}', None),
        ("X-MSYS-API: {", "X-MSYS-API"),
        ("X-PM-Message-Stream: broadcast", "X-PM-Message-Stream"),
        ("X-PM-Message-Stream: outbound", None),
        ("X-Mailgun-Tag: news", "X-Mailgun-Tag"),
        ("X-MC-Tags: news", "X-MC-Tags"),
        ("X-Mailer: x", None),
    ],
)
def test_a_second_opt_out_from_the_next_hop_is_foreseen(field, warned):
    found = [name for name, _ in hosted.optouts(fields("x", more=field + "\r\n"))]
    assert found == ([warned] if warned else [])


@pytest.mark.parametrize(
    ("text", "sector"),
    [
        ("Nos grands crus, à -20 %", "alcool"),
        ("Nos grands crus. L'abus d'alcool est dangereux pour la santé, à consommer avec modération.", None),
        ("Pompe à chaleur offerte", "économies d’énergie et énergies renouvelables"),
        ("Mobilisez votre CPF", "formation financée par le CPF"),
        ("Nos savons à la lavande", None),
    ],
)
def test_trades_with_a_duty_are_pointed_out(text, sector):
    assert [found["sector"]["fr"] for found in Sectors().found_in(text)] == ([sector] if sector else [])


def test_an_operator_adds_trades_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "sectors.toml"
    file.write_text('[fireworks]\nwords = "feux d’artifice, pétards"\ndue = "majeurs seulement"\nsays = "18 ans"\n')
    [found] = Sectors(file).found_in("Nos feux d’artifice")
    assert (found["sector"]["fr"], found["due"]["en"]) == ("fireworks", "majeurs seulement")
    assert not list(Sectors(file).found_in("Nos feux d’artifice, dès 18 ans"))


@pytest.mark.parametrize("text", ["[x]\nwords = 'a'", "words = 'a'", "[x]\nwords='a'\ndue='b'\nmore='c'", "["])
def test_a_file_of_trades_that_is_not_understood_names_itself(tmp_path: Path, text: str) -> None:
    file = tmp_path / "sectors.toml"
    file.write_text(text)
    with pytest.raises(Misuse, match=r"sectors\.toml"):
        Sectors(file)


@anyio
async def test_the_operators_mention_is_the_one_that_leaves(embedded: Context, tmp_path: Path) -> None:
    places = (
        "{legal_name} {legal_form_capital} {registered_office} {siren_rcs} {vat} {phone_or_email}\n{basis_sentence}\n"
        "Source : {source_sentence}\n{art14_sentence}\n{tracking_sentence} {tracking_url}\n{privacy_url}\n"
    )
    (tmp_path / "default.fr.txt").write_text(f"Salut de {places}Stop {{optout_url}}")
    page = "".join(f"<p>{line}</p>\n" for line in places.splitlines())
    (tmp_path / "default.fr.html").write_text(f'{page}<p>Salut <a href="{{optout_url}}">Stop</a></p>')
    settings = embedded.settings
    settings = settings.model_copy(update={"gateway": settings.gateway.model_copy(update={"mentions": tmp_path})})
    context = open_context(settings)
    async with rig(context) as house:
        [found] = _inspected(context, house, campaign("lettre"))
    context.close()
    text = found.copy.decode().replace("=\r\n", "")
    assert text.count("Salut") == 2
    assert "Source :" not in text
    assert "Ne plus recevoir" not in text


@pytest.mark.parametrize(
    ("name", "words"),
    [("default.xx.txt", "languages: fr, en"), ("default.txt", "languages"), ("shop.fr.txt", "shop.fr.html does not")],
)
def test_a_folder_of_mentions_is_named_as_asked(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(Misuse, match=words):
        Mentions(tmp_path)
