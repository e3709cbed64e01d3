"""What the mail room costs: planning and copying one newsletter of 10 KB, and their parts, in µs of CPU.

usage: python bench/mail_parts.py
"""

import quopri
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gateway.mail import encode, html, structure
from gateway.mail.address import parse
from gateway.mail.mention import MentionFields, render
from gateway.mail.page import Page, quick
from gateway.mail.rewrite import Insert, plan

WORDS = [
    "offer",
    "garden",
    "winter",
    "station",
    "letter",
    "update",
    "weekly",
    "thanks",
    "harbour",
    "café",
    "märz",
    "issue",
]


def newsletter(size: int, *, charset_text: str = "utf-8") -> bytes:
    """Return a multipart/alternative of about `size` bytes: text/plain 7bit, text/html quoted-printable."""
    rng = random.Random(7)

    def words(count: int) -> str:
        return " ".join(rng.choice(WORDS) for _ in range(count)).capitalize() + "."

    lines, page = (
        [],
        "<!DOCTYPE html>\r\n<html><head><title>News</title>\r\n<style>p{margin:0}</style></head>\r\n<body>\r\n",
    )
    while sum(map(len, lines)) < size * 0.28:
        lines.append(words(10).encode("ascii", "replace").decode()[:76] + "\r\n")
    while len(page) < size * 0.56:
        link = f'<a href="https://example.test/a?id={rng.randrange(10**6)}">{words(4)}</a>'
        page += f'<p class="b">{link} {words(22)}</p>\r\n'
    page += "</body>\r\n</html>\r\n"
    coded = quopri.encodestring(page.replace("\r\n", "\n").encode()).replace(b"\n", b"\r\n")
    head = (
        "From: Example News <news@sender.test>\r\nTo: Members <members@list.test>\r\nSubject: Weekly news\r\n"
        "Date: Mon, 02 Jun 2025 10:00:00 +0000\r\nMessage-ID: <bench-0001@sender.test>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="=_alt"\r\n\r\n'
        f"--=_alt\r\nContent-Type: text/plain; charset={charset_text}\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        f"{''.join(lines)}\r\n--=_alt\r\nContent-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return head.encode() + coded + b"\r\n--=_alt--\r\n"


FIELDS = MentionFields(
    legal_name="Jardins d’Exemple SAS",
    optout_url="https://stop.example.test/p/" + "a" * 55,
    optout_mailto="stop+" + "b" * 55 + "@in.example.test",
    registered_office="1 rue de la Paix, 75002 Paris",
    siren_rcs="RCS Paris 123 456 789",
    basis_sentence="vous l’avez accepté le 10 janvier 2026",
    privacy_url="https://example.test/vie-privee",
)


def timed(name: str, work) -> None:
    """Print the best mean of several rounds, so that what else the machine does counts little."""
    best = min(_round(work) for _ in range(15))
    print(f"{name:<52}{best * 1e6:9.1f} µs")


def _round(work, times: int = 200) -> float:
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


def main() -> None:
    """Measure."""
    raw = newsletter(10_240)
    mention = render(FIELDS, "fr")
    english = render(FIELDS, "en")
    token = "a" * 55
    insert = Insert(
        (
            ("List-Unsubscribe", f"<https://stop.example.test/1/{token}>, <mailto:stop+{token}@in.example.test>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("List-Id", "News <news.list.example.test>"),
        ),
        mention,
    )
    ready = plan(raw)
    ready.copy(insert)
    page = next(part for part in structure.scan(raw).walk() if part.kind == "text/html")
    coded = raw[page.body_start : page.end]
    data = encode.transfer_decoded(coded, "quoted-printable")
    print(f"message {len(raw)} bytes, HTML {len(data)} bytes, mention {len(mention.text)} + {len(mention.html)}")
    timed("plan", lambda: plan(raw))
    timed("plan + first copy", lambda: plan(raw).copy(insert))
    timed("copy", lambda: ready.copy(insert))
    timed("  of that: HTML mention to quoted-printable", lambda: encode.qp_again(mention.page))
    timed("render the mention, another link", lambda: render(FIELDS, "fr"))
    timed("scan the structure", lambda: structure.scan(raw))
    timed("decode quoted-printable", lambda: encode.transfer_decoded(coded, "quoted-printable"))
    timed("read and place, quick", lambda: quick(Page(data)))
    timed("read and place, careful", lambda: html.careful(Page(data)))
    timed("parse a plain address", lambda: parse("anna.b@example.org"))
    large = newsletter(100_000)
    timed("plan, 100 KB", lambda: plan(large))
    assert english.lang == "en"


if __name__ == "__main__":
    main()
