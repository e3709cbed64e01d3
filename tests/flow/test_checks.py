"""What is asked of the message itself (CPCE L34-5, LCEN 20), each answer with its code."""

import pytest
from sqlalchemy import text

from gateway.demo import campaign
from gateway.flow import nature, promotion
from gateway.flow.context import Context
from gateway.mail import headers, looks
from tests.flow.rig import CAMILLE, OBJECTED, rig

pytestmark = pytest.mark.anyio
FROM = b"From: Maison Lavande <lettre@maison-lavande.example>"
TO = b"To: undisclosed-recipients:;"


async def answer(context: Context, old: bytes = b"", new: bytes = b"", to: str = CAMILLE, **account: object) -> str:
    content = campaign("lettre")
    assert old in content
    async with rig(context) as house:
        return str((await house.send(to, content=content.replace(old, new, 1), draft=house.draft(**account)))[-1])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Maison Lavande", "250"),
        ("Camille de Maison Lavande", "250"),
        ("MAISON-LAVANDE SAS", "250"),
        ("La Poste", "R-MSG-IDENTITY"),
        ('"contact@laposte.example Maison Lavande"', "R-MSG-IDENTITY"),
    ],
)
async def test_the_name_shown_for_the_sender_is_a_name_of_the_advertiser(
    embedded: Context, name: str, code: str
) -> None:
    """tests/law/cases.toml, P18: the display name of an unrelated postal operator."""
    shown = FROM.replace(b"Maison Lavande", name.encode())

    assert code in await answer(embedded, FROM, shown)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("lettre@maison-lavande.example", "250"),
        ("lettre@maison-lavande.example <lettre@maison-lavande.example>", "250"),
        ("lettre@maison-lavande.example (Maison Lavande)", "250"),
        ('"Maison (Lavande)" <lettre@maison-lavande.example>', "250"),
        ("lettre@maison-lavande.example (La Poste)", "R-MSG-IDENTITY"),
        ("lettre@maison-lavande.example <chef@laposte.example>", "R-SMTP-SYNTAX"),
        ("<lettre@maison-lavande.example> <chef@laposte.example>", "R-SMTP-SYNTAX"),
        ("chef@laposte.example <lettre@maison-lavande.example>", "R-SMTP-SYNTAX"),
        ("lettre@maison-lavande.example; chef@laposte.example", "R-SMTP-SYNTAX"),
        ("<@laposte.example:lettre@maison-lavande.example>", "R-SMTP-SYNTAX"),
        ("La Poste: lettre@maison-lavande.example;", "R-SMTP-SYNTAX"),
        ("(La Poste <chef@laposte.example>) lettre@maison-lavande.example", "R-SMTP-SYNTAX"),
        ("Maison Lavande <lettre@maison-lavande.example>\r\nSender: chef@laposte.example", "R-MSG-IDENTITY"),
        ("Maison Lavande <lettre@maison-lavande.example>\r\nSender: demande@maison-lavande.example", "250"),
    ],
)
async def test_every_reader_finds_the_same_author_and_it_is_the_advertiser(
    embedded: Context, field: str, code: str
) -> None:
    """A program that reads the first address and one that reads the last would find two senders."""
    assert code in await answer(embedded, FROM, b"From: " + field.encode())


async def test_a_list_of_recipients_without_end_is_not_read(embedded: Context) -> None:
    """Ten megabytes of it took four seconds."""
    assert "longer than" in await answer(embedded, TO, b"\r\n".join([b"To: " + b"a@" * 5_000] * 20))


async def test_a_signed_offer_is_wrapped_and_its_signed_part_stays_as_it_is(embedded: Context) -> None:
    """tests/law/cases.toml, P17."""
    signed = (
        b"--s\r\nContent-Type: text/plain\r\n\r\nSavons  \r\n"
        b"--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--s--"
    )
    content = (
        FROM + b"\r\n" + TO + b"\r\nSubject: Nos savons\r\nX-Consentgate-Offer: savons\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s\r\n\r\n'
        + signed + b"\r\n"
    )  # fmt: skip
    async with rig(embedded) as house:
        replies = await house.send(CAMILLE, content=content)

    assert replies[-1].code == 250


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        (b"", "R-MSG-SUBJECT"),
        (b"Nos offres\r\nsubject: Re: votre facture", "R-SMTP-SYNTAX"),
        (b"...", "R-MSG-SUBJECT"),
        (b"Re: votre question", "R-MSG-SUBJECT"),
        (b"TR : nos savons", "R-MSG-SUBJECT"),
        (b"Re: nos savons\r\nReferences: <1@maison-lavande.example>", "250"),
        (b"Recettes de printemps", "250"),
    ],
)
async def test_the_subject_is_there_and_answers_nothing_it_does_not_name(
    embedded: Context, subject: bytes, code: str
) -> None:
    field = next(line for line in campaign("lettre").split(b"\r\n") if line.startswith(b"Subject:"))
    whole = campaign("lettre")[campaign("lettre").index(field) :].partition(b"\r\nX-")[0]

    assert code in await answer(embedded, whole, b"Subject: " + subject)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (b"To: a@one.example, b@two.example", "R-MSG-DISCLOSURE"),
        (b"To: a@one.example\r\nCc: B <b@two.example>", "R-MSG-DISCLOSURE"),
        (b"To: a@one.example, A <A@one.example>, lettre@maison-lavande.example", "250"),
    ],
)
async def test_recipients_are_not_shown_to_one_another(embedded: Context, field: bytes, code: str) -> None:
    assert code in await answer(embedded, TO, field)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("siren = '', office = ''", ("R-MSG-LEGALID", "siren, office", "advertiser edit")),
        ("email = '', phone = ''", ("R-MSG-NOCONTACT", "telephone")),
    ],
)
async def test_the_company_can_be_named_and_reached(embedded: Context, change: str, words: tuple[str, ...]) -> None:
    with embedded.store.begin() as tx:
        tx.connection().execute(text(f"UPDATE advertiser SET {change}"))

    said = await answer(embedded)
    assert [word for word in words if word not in said] == []


SERVICE = {"klass": "service", "classes": ["service", "prospecting"]}
OFFER = b"nos nouveaux savons"


@pytest.mark.parametrize(
    ("check", "to", "said"),
    [
        ("enforce", OBJECTED, ("R-OBJECTED", "black friday")),
        ("enforce", CAMILLE, ("250",)),
        ("warn", OBJECTED, ("250",)),
        ("off", OBJECTED, ("250",)),
    ],
)
async def test_service_mail_with_promotional_words_is_taken_as_prospecting(
    embedded: Context, check: str, to: str, said: tuple[str, ...]
) -> None:
    answered = await answer(embedded, b"Bonjour,", b"Black Friday,", to=to, promo_check=check, **SERVICE)

    assert [word for word in said if word not in answered] == []


SHOWN = b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"


@pytest.mark.parametrize(
    "message",
    [
        SHOWN + b"\r\n<p>Bl&shy;ack Fri&#8203;day</p>",
        SHOWN + b"\r\n<p>Bl<b>ack</b> Fri<span style='color:red'>day</span></p>",
        SHOWN + "\r\n<p>𝐁𝐥𝐚𝐜𝐤 Ｆｒｉｄａｙ</p>".encode(),
        SHOWN + b"Content-Transfer-Encoding: base64\r\n\r\nPHA+QmxhY2sgRnJpZGF5PC9wPg",  # without its padding
        SHOWN.replace(b"utf-8", b"x-nobody") + b"\r\n<p>Black Friday</p>",
        SHOWN.replace(b"html", b"enriched") + b"\r\nBlack Friday",
        SHOWN.replace(b"text/html", b"multipart/mixed; boundary=''") + b"\r\n<p>Black Friday</p>",
    ],
)
def test_promotional_words_are_found_however_they_are_written(message: bytes) -> None:
    assert promotion.found_in(looks.text_of(b"From: a@b.fr\r\n" + message + b"\r\n")) == ("black friday",)


def test_a_subject_is_read_as_it_looks() -> None:
    assert looks.answers_nothing(headers.parse("Subject: R\u200be: vos savons\r\n\r\n".encode()))
    assert nature.pretence(headers.parse("Subject: Votre fac\u00adture\r\n\r\n".encode()))


def test_promotional_words_are_found_whole_and_in_both_languages() -> None:
    assert promotion.found_in("Profitez de -20 % : CODE\n PROMO inside, on sale!") == (
        "profitez", "-20 %", "code promo", "on sale",
    )  # fmt: skip
    assert promotion.found_in("Votre commande n° 12 part demain ; TVA 20 %, eau salée, promoteur") == ()


def test_names_are_compared_as_people_read_them() -> None:
    assert looks.named("L'équipe CREME et Cie", ["Crème SAS"])
    assert not looks.named("Lavandes", ["Lavande"])


def test_addresses_are_found_wherever_they_are_shown() -> None:
    parsed = headers.parse(b"To: =?utf-8?q?a=40one=2Eexample?= <b@two.example>\r\n\r\n")

    assert looks.disclosed(parsed, ["acme.example"]) == ["a@one.example", "b@two.example"]
