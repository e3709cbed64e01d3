# ruff: noqa: E501
"""Write the golden cases: `python -m tests.mail.make_golden` writes those that are missing, never over a file.

Delete the files of a case to write it anew, then read the diff: a golden file is what a person has looked at. The
cases come from threads in which footer tools broke mail; `why` says what each is about.
"""

import base64
import codecs
import quopri
import tomllib
from pathlib import Path

from gateway.mail.rewrite import Unfit, plan
from tests.mail.golden_support import insert_of

FOLDER = Path(__file__).parent / "golden"
TOP = (
    "From: Jardins <news@exemple.fr>\nTo: anna@example.org\nSubject: Offre\n"
    "Date: Mon, 23 Nov 2026 10:00:00 +0000\nMessage-ID: <1@exemple.fr>\n"
)
MIME = TOP + "MIME-Version: 1.0\n"
PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Offre</title></head>\n<body>\n<p>Bonjour, nos rosiers d'\u00e9t\u00e9 sont l\u00e0.</p>\n"
    "</body>\n</html>\n"
)
WORDS = "Bonjour,\n\nnos rosiers sont la.\n"
PNG = base64.encodebytes(b"\x89PNG\r\n\x1a\n" + bytes(range(150))).decode()
CASES: dict[str, tuple[bytes, str, str]] = {}


def qp(text: str, charset: str = "utf-8") -> str:
    return quopri.encodestring(text.encode(charset)).decode()


def b64(text: str, charset: str = "utf-8") -> str:
    return base64.encodebytes(text.encode(charset)).decode()


def part(kind: str, body: str, *, cte: str = "", more: str = "") -> str:
    return f"Content-Type: {kind}\n" + (f"Content-Transfer-Encoding: {cte}\n" if cte else "") + more + "\n" + body


def multi(kind: str, *parts: str, boundary: str = "b1", more: str = "") -> str:
    inner = "".join(f"--{boundary}\n{each}\n" for each in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"{more}\n\n{inner}--{boundary}--\n'


def case(name: str, message: str | bytes, why: str, toml: str = "") -> None:
    raw = message if isinstance(message, bytes) else message.encode()
    CASES[name] = (raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), why, toml)


def page(body: str) -> str:
    return f"<html><body>\n{body}\n</body></html>\n"


TEXT = part("text/plain; charset=utf-8", WORDS, cte="7bit")
HTML = part("text/html; charset=utf-8", qp(PAGE), cte="quoted-printable")
PDF = part(
    'application/pdf; name="a.pdf"',
    b64("%PDF-1.4 tarif"),
    cte="base64",
    more='Content-Disposition: attachment; filename="a.pdf"\n',
)
IMAGE = part("image/png", PNG, cte="base64", more="Content-ID: <logo@x>\nContent-Disposition: inline\n")


def html_part(body: str, *, cte: str = "7bit", charset: str = "utf-8") -> str:
    return part(f"text/html; charset={charset}", body, cte=cte)


def plain_shapes() -> None:
    case(
        "01-alternative",
        MIME + multi("alternative", TEXT, HTML),
        "The usual newsletter: 7bit text, quoted-printable HTML; both get the mention.",
        "bodies = [1, 2]",
    )
    case(
        "02-text-only",
        MIME + part("text/plain; charset=utf-8", WORDS, cte="8bit"),
        "A text alone stays text/plain: never relabelled as HTML (mailcow 7019).",
        "bodies = [0]",
    )
    case(
        "03-html-only",
        MIME + HTML,
        "HTML alone gets the mention before the closing body tag (mailcow 5858).",
        "bodies = [0]",
    )
    case(
        "04-no-mime",
        TOP + "\n" + WORDS,
        "A message without MIME fields is plain ASCII; to carry accents it becomes MIME.",
        "bodies = [0]",
    )
    case(
        "05-no-mime-english",
        TOP + "\n" + WORDS,
        "An ASCII mention leaves a message without MIME fields as it is.",
        'bodies = [0]\nlang = "en"',
    )
    case(
        "06-mixed-attachment",
        MIME + multi("mixed", multi("alternative", TEXT, HTML, boundary="b2"), PDF),
        "An attachment must neither vanish nor change (mailcow 5892, 7399; rspamd 5334).",
        "bodies = [2, 3]",
    )
    case(
        "07-eighteen-attachments",
        MIME + multi("mixed", TEXT, *[PDF.replace("a.pdf", f"a{n}.pdf") for n in range(18)]),
        "Eighteen attachments stay eighteen (mailcow 7399: five were left).",
        "bodies = [1]",
    )
    case(
        "08-related-image",
        MIME + multi("related", HTML, IMAGE),
        "The root of a multipart/related is the body; its inline image stays intact (mailcow 7480).",
        "bodies = [1]",
    )
    case(
        "09-alternative-related",
        MIME + multi("alternative", TEXT, multi("related", HTML, IMAGE, boundary="b2")),
        "Text beside related{HTML, image}: both alternatives get the mention.",
        "bodies = [1, 3]",
    )
    case(
        "10-mixed-related-alternative",
        MIME
        + multi("mixed", multi("related", multi("alternative", TEXT, HTML, boundary="b3"), IMAGE, boundary="b2"), PDF),
        "Three levels, as Apple Mail and Outlook nest them.",
        "bodies = [3, 4]",
    )
    case(
        "11-text-attachment",
        MIME
        + multi(
            "mixed",
            TEXT,
            part("text/plain; charset=utf-8", "a,b\n1,2\n", more='Content-Disposition: attachment; filename="x.csv"\n'),
        ),
        "A text attachment is a file, not a body (Haraka: banner in text attachments).",
        "bodies = [1]",
    )
    case(
        "12-html-attachment-first",
        MIME
        + multi(
            "mixed",
            part(
                'text/html; name="brochure.html"',
                page("Brochure"),
                more='Content-Disposition: attachment; filename="brochure.html"\n',
            ),
            TEXT,
        ),
        "An attached HTML file before the text is skipped.",
        "bodies = [2]",
    )
    case(
        "13-attached-message",
        MIME + multi("mixed", TEXT, part("message/rfc822", TOP + "\n" + WORDS)),
        "An attached message is never looked into.",
        "bodies = [1]",
    )
    case(
        "14-inline-second-text",
        MIME + multi("mixed", TEXT, IMAGE, part("text/plain", "Fin.\n")),
        "Only the first body gets the mention, not every text part (mailcow 6588).",
        "bodies = [1]",
    )
    case(
        "15-calendar",
        MIME
        + multi(
            "alternative",
            TEXT,
            HTML,
            part("text/calendar; method=REQUEST; charset=utf-8", "BEGIN:VCALENDAR\nEND:VCALENDAR\n", cte="7bit"),
        ),
        "An invitation among the alternatives stays as it is.",
        "bodies = [1, 2]",
    )
    case(
        "16-amp",
        MIME
        + multi(
            "alternative",
            TEXT,
            part(
                "text/x-amp-html; charset=utf-8",
                "<!doctype html>\n<html amp4email><head></head><body>Bonjour</body></html>\n",
            ),
            HTML,
        ),
        "The AMP alternative is read too: it gets the mention.",
        "bodies = [1, 2, 3]",
    )
    case(
        "17-watch",
        MIME + multi("alternative", TEXT, part("text/watch-html; charset=utf-8", "<b>Bonjour</b>\n"), HTML),
        "So does what a watch shows.",
        "bodies = [1, 2, 3]",
    )
    case(
        "18-empty-text-part",
        MIME + multi("alternative", "Content-Type: text/plain; charset=utf-8\n", HTML),
        "An empty text alternative, its empty line shared with the delimiter.",
        "bodies = [1, 2]",
    )
    case(
        "19-part-without-fields",
        MIME + multi("mixed", "\n" + WORDS, PDF),
        "A part without fields is text/plain.",
        "bodies = [1]",
    )
    case(
        "20-unknown-multipart",
        MIME + multi("x-campaign", TEXT, PDF),
        "An unknown multipart is read as mixed (RFC 2046 5.1.3).",
        "bodies = [1]",
    )


def encodings() -> None:
    accents = "Été à la plage : 10 € de moins.\n"
    case(
        "21-qp-accents",
        MIME + part("text/plain; charset=utf-8", qp(accents), cte="quoted-printable"),
        "Quoted-printable stays so, and only there (mailcow 7480).",
        "bodies = [0]",
    )
    case(
        "22-base64-text",
        MIME + part("text/plain; charset=utf-8", b64(accents * 9), cte="base64"),
        "A base64 text keeps its lines up to the mention.",
        "bodies = [0]",
    )
    case(
        "23-base64-html",
        MIME + part("text/html; charset=utf-8", b64(PAGE * 1), cte="base64"),
        "A base64 page is opened at the group of four that holds the closing tag.",
        "bodies = [0]",
    )
    case(
        "24-latin1",
        MIME.encode()
        + b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
        + accents.replace("€", "F").encode("latin-1"),
        "Latin-1 carries the mention with plain quotes; the charset stays.",
        'bodies = [0]\nfields = { legal_name = "Jardins d’Été SARL" }',
    )
    case(
        "25-latin1-cannot",
        MIME.encode()
        + b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
        + b"\xc9t\xe9 \x80 10\n",
        "A name that Latin-1 lacks turns the leaf into UTF-8; 0x80 is the euro sign, as readers show it.",
        'bodies = [0]\nfields = { legal_name = "Œuvre & Cie" }',
    )
    case(
        "26-us-ascii",
        MIME + part("text/plain; charset=us-ascii", WORDS + "2+2=4  \n", cte="7bit"),
        "ASCII becomes UTF-8 when the mention has accents; equals signs and blanks at line ends survive.",
        "bodies = [0]",
    )
    case(
        "27-html-latin1-entities",
        MIME.encode()
        + b"Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
        + PAGE.encode("latin-1"),
        "HTML never changes charset: the mention is ASCII with references.",
        "bodies = [0]",
    )
    case(
        "28-utf16",
        MIME
        + part(
            "text/plain; charset=utf-16",
            base64.encodebytes(codecs.BOM_UTF16_LE + accents.encode("utf-16-le")).decode(),
            cte="base64",
        ),
        "UTF-16 text becomes UTF-8, still base64.",
        "bodies = [0]",
    )
    case(
        "29-html-utf16",
        MIME + part("text/html; charset=utf-16le", base64.encodebytes(PAGE.encode("utf-16-le")).decode(), cte="base64"),
        "UTF-16 HTML cannot be spliced by bytes: wrapped.",
        "wrapped = true",
    )
    case(
        "30-iso-2022-jp",
        MIME.encode()
        + b"Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: 7bit\n\n"
        + "こんにちは\n".encode("iso2022_jp"),
        "A charset with shifts is decoded first and becomes UTF-8.",
        "bodies = [0]",
    )
    case(
        "31-gb2312",
        MIME.encode()
        + b"Content-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: 8bit\n\n"
        + "你好，镕基\n".encode("gb18030"),
        "Labelled gb2312 with a character of its superset: read as people's programs read it.",
        "bodies = [0]",
    )
    case(
        "32-unknown-charset",
        MIME.encode() + b"Content-Type: text/plain; charset=x-klingon\nContent-Transfer-Encoding: 8bit\n\nqapla\xff\n",
        "An unknown charset: nobody knows what the bytes mean, wrapped.",
        "wrapped = true",
    )
    case(
        "33-not-utf8",
        MIME.encode() + b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\xc9t\xe9\n",
        "Labelled UTF-8 and not: wrapped.",
        "wrapped = true",
    )
    case(
        "34-unlabelled-utf8",
        MIME.encode() + "Content-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\nÉté\n".encode(),
        "No charset, but UTF-8 it is: relabelled as what it is.",
        "bodies = [0]",
    )
    case(
        "35-unknown-encoding",
        MIME + part("text/plain", "begin 644 x\n", cte="x-uuencode"),
        "An unknown transfer encoding: wrapped.",
        "wrapped = true",
    )
    case(
        "36-base64-broken",
        MIME + part("text/html; charset=utf-8", "PGI+\n*!*\nYTwvYj4=\n", cte="base64"),
        "Base64 that readers decode differently: wrapped.",
        "wrapped = true",
    )
    case(
        "37-qp-soft-break-in-tag",
        MIME + part("text/html; charset=utf-8", "<html><body>Bonjour</bo=\ndy></html>\n", cte="quoted-printable"),
        "A soft line break inside the closing tag hides it from a search on raw bytes.",
        "bodies = [0]",
    )
    case(
        "38-qp-encoded-tag",
        MIME + part("text/html; charset=utf-8", "<html><body>Bonjour=3C/body=3E</html>\n", cte="quoted-printable"),
        "So does an encoded bracket.",
        "bodies = [0]",
    )
    case(
        "39-long-fields",
        MIME + html_part(page("Bonjour")),
        "A field with a word longer than a line may be: the page alone becomes quoted-printable.",
        f'bodies = [0]\nfields = {{ siren_rcs = "{"9" * 999}" }}',
    )
    case(
        "40-base64-lf",
        MIME + part("text/plain; charset=utf-8", b64("Bonjour\nà tous\n-- \nAnna\n"), cte="base64"),
        "Base64 text with LF line ends keeps them, in the mention too.",
        "bodies = [0]",
    )
    case(
        "41-bom",
        MIME + part("text/html; charset=utf-8", qp("\ufeff" + PAGE), cte="quoted-printable"),
        "A byte order mark stays first.",
        "bodies = [0]",
    )


def html_shapes() -> None:
    for name, body, why in [
        ("42-comment-after", "<html><body>Bonjour</body><!-- </body> --></html>\n", "A closing tag in a comment is none."),
        ("43-script", "<html><body>Bonjour<script>var a='</body>';</script></body></html>\n", "A closing tag in a script is none."),
        ("44-style", "<html><head><style>/*</body>*/p{}</style></head><body>Bonjour</body></html>\n", "Nor in a style sheet."),
        ("45-attribute", '<html><body>Bonjour<img alt="</body>" src="x"></body></html>\n', "Nor in an attribute."),
        ("46-two-bodies", "<html><body>Un</body><body>Deux</body></html>\n", "Of several closing tags the last counts: all content stays above."),
        ("47-no-body", "<p>Bonjour</p>\n", "A fragment gets the mention at its end."),
        ("48-html-end-only", "<html><p>Bonjour</p></html>\n", "Without a body tag, before the end of html."),
        ("49-upper-case", "<HTML><BODY>Bonjour</BODY></HTML>\n", "Tags in capitals."),
        ("50-unclosed-hidden", '<html><body><div style="display:none">Apercu<p>Bonjour</body></html>\n', "A hidden container left open is closed before the mention: it must be seen."),
        ("51-unclosed-table", "<html><body><table><tr><td>Bonjour</body></html>\n", "A table left open is closed first."),
        ("52-unclosed-comment", "<html><body>Bonjour<!-- fin </body></html>\n", "A comment that never ends swallows all: the mention goes before it."),
        ("53-unclosed-style", "<p>Bonjour</p><style>p{}\n", "So does a style sheet."),
        ("54-unclosed-tag", '<p>Bonjour</p><a href="\n', "So does a tag cut off."),
        ("55-mso", "<html><body><!--[if mso]><table><tr><td></body><![endif]--><p>Bonjour</p><!--[if mso]></td></tr></table><![endif]--></body></html>\n", "Outlook's conditionals are comments to all others; their tags do not count."),
        ("56-not-mso-closed", "<html><body><!--[if !mso]><!--><p>Bonjour</p><!--<![endif]--></body></html>\n", "A revealed conditional that ends before is harmless."),
        ("58-textarea", "<html><body><textarea></body></textarea>Bonjour</body></html>\n", "A closing tag in a text field is none."),
        ("59-template", "<html><body>Bonjour<template><p>x</body></html>\n", "A template left open shows nothing: it is closed first."),
        ("60-formatting", "<html><body><div><font color=white>Bonjour</div></body></html>\n", "Formatting left open reaches beyond its container: closed first."),
        ("61-anchor-open", '<html><body><a href="https://exemple.fr/">Bonjour</body></html>\n', "A link left open must not take the mention in."),
        ("62-empty-html", "", "An empty page gets the mention."),
        ("63-doctype-comment", "<!DOCTYPE html><!-->x<html><body>Bonjour</body></html>\n", "The shortest comment there is ends at once."),
        ("64-gmail-quote", '<div dir="ltr">Bonjour<br clear="all"><div class="gmail_signature">Anna</div></div>\n', "A one-to-one message as a mailbox writes it (mailcow 6491)."),
    ]:  # fmt: skip
        case(name, MIME + html_part(body), why, "bodies = [0]")
    case(
        "57-not-mso-open",
        MIME + html_part("<html><body><!--[if !mso]><!-->Bonjour</body><!--<![endif]--></html>\n"),
        "The closing tag inside a conditional that Outlook skips: wrapped.",
        "wrapped = true",
    )
    case(
        "65-frameset",
        MIME + html_part("<html><frameset><frame src=x></frameset></html>\n"),
        "A frameset has no place for text: wrapped.",
        "wrapped = true",
    )
    case(
        "66-plaintext-element",
        MIME + html_part("<html><body>Bonjour<plaintext></body></html>\n"),
        "After <plaintext> nothing is markup: wrapped.",
        "wrapped = true",
    )
    case(
        "67-svg-style",
        MIME + html_part("<html><body><svg><style></body></svg></html>\n"),
        "Raw text rules differ inside SVG: wrapped.",
        "wrapped = true",
    )


def text_shapes() -> None:
    case(
        "68-signature",
        MIME + part("text/plain; charset=utf-8", WORDS + "-- \nAnna\nJardins\n", cte="8bit"),
        "The mention goes above the signature, which readers fold away.",
        "bodies = [0]",
    )
    case(
        "69-flowed",
        MIME + part("text/plain; charset=utf-8; format=flowed", "Une phrase qui \ncoule \n\n-- \nAnna\n", cte="8bit"),
        "format=flowed: fixed lines, an empty one before, none ends in a blank (RFC 3676).",
        "bodies = [0]",
    )
    case(
        "70-flowed-delsp",
        MIME + part("text/plain; charset=utf-8; format=flowed; delsp=yes", "Une phrase qui \ncoule \n", cte="8bit"),
        "The same with DelSp; the last line flows.",
        "bodies = [0]",
    )
    case(
        "71-flowed-stuffed",
        MIME + part("text/plain; charset=utf-8; format=flowed", "Bonjour\n", cte="8bit"),
        "A line of the mention that begins with > is stuffed.",
        'bodies = [0]\nfields = { tracking_sentence = "> From ici" }',
    )
    case(
        "72-no-final-line-end",
        (MIME + multi("alternative", TEXT, HTML)).replace("la.\n\n--b1", "la.\n--b1"),
        "A text part without a line end of its own.",
        "bodies = [1, 2]",
    )
    case(
        "73-dash-boundary",
        MIME + multi("mixed", TEXT, PDF, boundary="-" * 38),
        "A boundary made of hyphens must not meet a ruler of hyphens in the mention.",
        "bodies = [1]",
    )
    case(
        "74-hostile-boundary",
        MIME + multi("mixed", part("text/plain", "Hello\n"), html_part(page("x")), boundary="stop"),
        "An operator's field that looks like the delimiter cannot end the part.",
        'bodies = [1]\nlang = "en"\nfields = { tracking_sentence = "--stop-- x" }',
    )


def opaque() -> None:
    signed = multi(
        "signed",
        TEXT,
        part("application/pkcs7-signature; name=smime.p7s", PNG, cte="base64"),
        more='; protocol="application/pkcs7-signature"; micalg=sha-256',
    )
    case("75-smime", MIME + signed, "S/MIME: wrapped, the signed part untouched (P17).", "wrapped = true")
    case(
        "76-pgp-mime",
        MIME + signed.replace("pkcs7-signature", "pgp-signature"),
        "PGP/MIME: the same.",
        "wrapped = true",
    )
    case(
        "77-signed-in-mixed",
        MIME + multi("mixed", signed.replace("b1", "b2"), part("text/plain", "Pied de liste\n")),
        "Signed below a list footer: the whole is wrapped.",
        "wrapped = true",
    )
    case(
        "78-smime-opaque",
        MIME + part("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", PNG, cte="base64"),
        "Signed in one piece: wrapped.",
        "wrapped = true",
    )
    case(
        "79-smime-encrypted",
        MIME + part("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", PNG, cte="base64"),
        "Encrypted: nobody can tell what it says.",
        'unfit = "R-MSG-OPAQUE"',
    )
    case(
        "80-pgp-encrypted",
        MIME
        + multi(
            "encrypted", part("application/pgp-encrypted", "Version: 1\n"), part("application/octet-stream", "x\n")
        ),
        "PGP/MIME encrypted.",
        'unfit = "R-MSG-OPAQUE"',
    )
    case(
        "81-pgp-inline",
        MIME + part("text/plain", "-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n"),
        "Encrypted within a text.",
        'unfit = "R-MSG-OPAQUE"',
    )
    case(
        "82-pgp-inline-signed",
        MIME
        + part(
            "text/plain; charset=utf-8",
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nBonjour\n- -- \nAnna\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n",
            cte="8bit",
        ),
        "Signed within a text: the mention goes behind the signature.",
        "bodies = [0]",
    )
    case(
        "83-partial",
        MIME + part('message/partial; id="x"; number=1; total=2', "x\n"),
        "A fragment.",
        'unfit = "R-MSG-OPAQUE"',
    )
    case(
        "84-external",
        MIME + part('message/external-body; access-type=URL; URL="https://x.test/"', "Content-Type: text/plain\n\n"),
        "A body kept elsewhere.",
        'unfit = "R-MSG-OPAQUE"',
    )
    case("85-image-only", MIME + part("image/png", PNG, cte="base64"), "An image alone: wrapped.", "wrapped = true")
    case("86-pdf-only", MIME + PDF, "A file alone: wrapped, still a file.", "wrapped = true")
    case(
        "87-attached-text-alone",
        MIME + part("text/plain", WORDS, more="Content-Disposition: attachment\n"),
        "A text shown as a file: wrapped.",
        "wrapped = true",
    )
    case(
        "88-enriched",
        MIME + multi("alternative", TEXT, part("text/enriched", "<bold>x</bold>\n")),
        "An alternative that cannot bear the mention: the whole is wrapped, so that any choice shows it.",
        "wrapped = true",
    )
    case(
        "89-root-message",
        MIME + part("message/rfc822", TOP + "\n" + WORDS),
        "Nothing but an attached message: wrapped.",
        "wrapped = true",
    )
    case(
        "90-digest",
        MIME + multi("digest", "\n" + TOP + "\n" + WORDS),
        "A digest of messages: wrapped.",
        "wrapped = true",
    )
    case(
        "91-related-start",
        MIME
        + multi(
            "related", IMAGE, HTML.replace("Content-Tr", "Content-ID: <root@x>\nContent-Tr"), more='; start="<root@x>"'
        ),
        "Readers that ignore `start` would show another root: wrapped.",
        "wrapped = true",
    )
    case(
        "92-bad-type",
        MIME + "Content-Type: html\n\n" + PAGE.encode("ascii", "replace").decode(),
        "A content type that is none: wrapped.",
        "wrapped = true",
    )
    case(
        "93-wrapped-8bit",
        MIME.encode()
        + b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nContent-Language: fr\n\n\xff\n",
        "A wrapped 8-bit body: the outer part says 8bit too, all Content fields move inside.",
        "wrapped = true",
    )


def malformed() -> None:
    case(
        "94-type-twice",
        MIME + "Content-Type: text/plain\n" + HTML,
        "Two content types: readers differ.",
        'unfit = "R-SMTP-SYNTAX"',
    )
    case(
        "95-blank-before-colon",
        TOP + "Content-Type : text/html\n\n" + PAGE.encode("ascii", "replace").decode(),
        "A blank before the colon: some readers see a field, some the body.",
        'unfit = "R-SMTP-SYNTAX"',
    )
    case("96-no-boundary", MIME + "Content-Type: multipart/mixed\n\nx\n", "No boundary.", 'unfit = "R-MSG-OPAQUE"')
    case(
        "97-boundary-absent",
        MIME + 'Content-Type: multipart/mixed; boundary="b1"\n\nx\n',
        "No part between boundaries.",
        'unfit = "R-MSG-OPAQUE"',
    )
    case(
        "98-no-close",
        (MIME + multi("alternative", TEXT, HTML)).replace("--b1--\n", ""),
        "The closing delimiter is missing, as in cut mail: the parts are clear all the same.",
        "bodies = [1, 2]",
    )
    case(
        "99-multipart-base64",
        MIME + "Content-Transfer-Encoding: base64\n" + multi("mixed", TEXT),
        "A multipart in base64 is forbidden, and some decode it.",
        'unfit = "R-MSG-OPAQUE"',
    )
    case("100-deep", MIME + _nested(20), "Twenty levels.", 'unfit = "R-MSG-OPAQUE"')
    case("101-nul", MIME + part("text/plain", "a\0b\n"), "A NUL byte.", 'unfit = "R-SMTP-SYNTAX"')
    case(
        "102-preamble-epilogue",
        (MIME + multi("alternative", TEXT, HTML)).replace("\n\n--b1", "\n\nThis is MIME.\n--b1x\n--b1", 1)
        + "Epilogue\n--b1\n",
        "Text around the parts is no part; a line that only begins like the boundary is none.",
        "bodies = [1, 2]",
    )
    case("103-header-only", MIME.rstrip("\n") + "\n", "A message that ends with its header.", "bodies = [0]")


def _nested(levels: int) -> str:
    inner = TEXT
    for level in range(levels):
        inner = multi("mixed", inner, boundary=f"d{level}")
    return inner


def header_cases() -> None:
    lists = (
        "List-Unsubscribe: <https://tool.test/u>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\nList-Id: <a.b>\n"
    )
    own = "X-Consentgate-List: news\nBcc: x@example.org\nReturn-Path: <a@b.fr>\nResent-Bcc: y@example.org\n"
    case(
        "104-dropped",
        lists + MIME + own + HTML,
        "List fields, our own and Bcc do not pass; all else stays in order.",
        "bodies = [0]\ndropped = 7",
    )
    case(
        "105-removed",
        MIME + "X-Campaign: 7\nX-Mailer: tool\nx-campaign: 8\n" + HTML,
        "Fields that the plugin names go, whatever their case.",
        'bodies = [0]\nremove = ["x-campaign", "content-type", "mime-version"]\ndropped = 2',
    )
    case(
        "106-folded",
        MIME + "X-Long: a\n  b\n\tc\nDKIM-Signature: v=1; a=rsa-sha256;\n\tb=abc\n" + HTML,
        "Folded fields and foreign signatures stay byte for byte.",
        "bodies = [0]",
    )
    case("107-utf8-header", MIME.replace("Offre", "Été") + HTML, "A UTF-8 header (RFC 6532) stays.", "bodies = [0]")
    case("108-no-mime-version", TOP + HTML, "MIME-Version is added where only it is missing.", "bodies = [0]")
    case(
        "109-comment-in-type",
        MIME + HTML.replace("text/html;", "text/html (page);"),
        "A comment in the content type.",
        "bodies = [0]",
    )
    case(
        "110-rfc2231-boundary",
        MIME
        + multi("alternative", TEXT, HTML, boundary="ab1").replace('boundary="ab1"', 'boundary*0="ab"; boundary*1="1"'),
        "A boundary in two pieces (RFC 2231).",
        "bodies = [1, 2]",
    )


def placeholder_cases() -> None:
    link = '<p><a href="{}">Se d&eacute;sinscrire</a></p>'
    for number, (name, body, count, why) in enumerate(
        [
            ("ours", link.format("%unsubscribe_url%") + "%preferences_url%", 1, "Our own placeholders."),
            ("listmonk", link.format("{{ UnsubscribeURL }}"), 1, "listmonk's."),
            (
                "listmonk-encoded",
                link.format("%7B%7B%20UnsubscribeURL%20%7D%7D"),
                1,
                "The same as an editor percent-encodes it in an address.",
            ),
            (
                "sendgrid",
                link.format("<%asm_group_unsubscribe_raw_url%>"),
                1,
                "SendGrid's inside href (sendgrid/docs 3644: ignored there).",
            ),
            (
                "sendgrid-text",
                "<p>&lt;%asm_group_unsubscribe_url%&gt;</p>",
                1,
                "SendGrid's in the text becomes a link with words.",
            ),
            ("postmark", link.format("{{{ pm:unsubscribe }}}"), 1, "Postmark's."),
            ("mandrill", link.format("*|UNSUB:https://exemple.fr/x|*"), 1, "Mandrill's, with a page of its own."),
            ("ses", link.format("{{amazonSESUnsubscribeUrl}}") * 2, 2, "Amazon SES's, twice."),
            (
                "phplist",
                link.format("http://[UNSUBSCRIBEURL]") + "[FOOTER]",
                1,
                "phpList's, with the http:// editors add; its footer mark goes.",
            ),
            (
                "mautic",
                link.format("{unsubscribe_url}") + "<p>{unsubscribe_text}</p>",
                2,
                "Mautic's address and its sentence.",
            ),
            (
                "odoo",
                link.format("https://erp.exemple.fr/unsubscribe_from_list"),
                1,
                "Odoo's, which it replaces whole.",
            ),
            ("mailpoet", link.format("[link:subscription_unsubscribe_url]"), 1, "MailPoet's."),
            (
                "sparkpost",
                '<a data-msys-unsubscribe="1" href="https://exemple.fr/stop">Stop</a>',
                0,
                "SparkPost marks the sender's own link: left.",
            ),
        ],
        111,
    ):
        case(f"{number}-placeholder-{name}", MIME + html_part(page(body)), why, f"bodies = [0]\nplaceholders = {count}")
    long = "<p>" + "Bonjour à tous, " * 5 + '<a href="%unsubscribe_url%">x</a></p>'
    case(
        "124-placeholder-qp",
        MIME + html_part(qp(page(long)), cte="quoted-printable"),
        "Quoted-printable: the place is found in the raw bytes.",
        "bodies = [0]\nplaceholders = 1",
    )
    split = qp(page(long)).replace("%unsubscribe_url%", "%unsub=\nscribe=5Furl%")
    case(
        "125-placeholder-qp-split",
        MIME + html_part(split, cte="quoted-printable"),
        "Split by a soft line break and partly encoded.",
        "bodies = [0]\nplaceholders = 1",
    )
    case(
        "126-placeholder-base64",
        MIME + part("text/plain; charset=utf-8", b64("Arrêt : %unsubscribe_url%\n"), cte="base64"),
        "In base64.",
        "bodies = [0]\nplaceholders = 1",
    )
    case(
        "127-placeholder-anew",
        MIME + part("text/plain", 'Stop: %unsubscribe_url% ou [[data-msys-unsubscribe="1"]].\n'),
        "In a leaf that is encoded anew.",
        "bodies = [0]\nplaceholders = 1",
    )
    case(
        "128-placeholder-other-part",
        MIME + multi("mixed", TEXT, part("text/plain", "Stop: %unsubscribe_url%\n")),
        "In a second inline text: replaced there too.",
        "bodies = [1]\nchanged = [2]",
    )
    case(
        "129-placeholder-attachment",
        MIME
        + multi(
            "mixed", TEXT, part("text/plain", "Modele: %unsubscribe_url%\n", more="Content-Disposition: attachment\n")
        ),
        "In an attachment: a file is not touched.",
        "bodies = [1]",
    )
    case(
        "130-markdown",
        MIME + part("text/plain; charset=utf-8", "Voir [unsubscribe](https://exemple.fr/).\n", cte="8bit"),
        "Markdown is no placeholder.",
        "bodies = [0]",
    )
    case(
        "131-stuck-mailgun",
        MIME + html_part(page("Bonjour %recipient.name%")),
        "An unfilled Mailgun tag (ghost adapter 8).",
        'unfit = "R-MSG-PLACEHOLDER"',
    )
    case(
        "132-stuck-optin",
        MIME + html_part(page("{{ OptinURL }}")),
        "A confirmation address that only the tool has.",
        'unfit = "R-MSG-PLACEHOLDER"',
    )
    case(
        "133-stuck-signed",
        MIME + multi("signed", part("text/plain", "%unsubscribe_url%\n"), part("application/pgp-signature", "x\n")),
        "In a signed part nothing can be replaced.",
        'unfit = "R-MSG-PLACEHOLDER"',
    )
    case(
        "134-stuck-subject",
        MIME.replace("Offre", "Offre {unsubscribe_url}") + HTML,
        "In the subject.",
        'unfit = "R-MSG-PLACEHOLDER"',
    )


for _write in (plain_shapes, encodings, html_shapes, text_shapes, opaque, malformed, header_cases, placeholder_cases):
    _write()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, (raw, why, toml) in CASES.items():
        files = {"eml": raw, "toml": (toml + "\n").encode(), "why": (why + "\n").encode()}
        result = plan(raw, remove=frozenset(tomllib.loads(toml).get("remove", ())))
        files["out"] = b"" if isinstance(result, Unfit) else result.copy(insert_of(tomllib.loads(toml)))
        for suffix, data in files.items():
            path = FOLDER / f"{name}.{suffix}"
            if not path.exists():
                path.write_bytes(data)


if __name__ == "__main__":
    main()
