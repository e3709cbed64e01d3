"""A campaign from beginning to end on this machine: sent over real SMTP, filtered, delivered, opted out of.

Everything lies in one new folder. Nothing leaves the machine: the next hop is a Maildir.
"""

import asyncio
import smtplib
import socket
import ssl
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from secrets import token_hex

from gateway import certificate, clock, sample
from gateway.errors import Misuse
from gateway.flow import check
from gateway.flow.context import Context, open_context
from gateway.law.reasons import Verdict
from gateway.mail.address import parse
from gateway.mail.oneclick import BODY
from gateway.seat import Seat
from gateway.service import PARTS, Gateway, Role
from gateway.settings import Settings
from gateway.store import migrate, spool
from gateway.text import say

TEXT = """\
Bonjour,

Nos savons de printemps sont arrivés : lavande, fleur d’oranger, verveine.
À découvrir à la boutique ou sur https://www.{domain}/printemps

La Maison Lavande
"""
HTML = """\
<!DOCTYPE html>
<html lang="fr"><head><title>Le printemps est là</title></head>
<body><h1>Le printemps est là</h1>
<p>Nos savons de printemps sont arrivés&nbsp;: lavande, fleur d’oranger, verveine.</p>
<p><a href="https://www.{domain}/printemps">Découvrir la collection</a></p>
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Fortune:
    """What happened to one recipient: the verdict in words, and the delivered copy (None: none left)."""

    address: str
    list: str
    known_as: str
    verdict: Verdict
    sentence: str
    copy: Path | None


class Demo:
    """The sample gateway in a folder of its own, made with its secrets, certificate, tables and people."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        certificate.write(folder / "certificate.pem", folder / "key.pem", "localhost")
        (folder / "secret").write_text(token_hex(32), "ascii")
        self.folder = folder
        self.settings = _settings(folder)
        self._context: Context = open_context(self.settings)
        self._gateway: Gateway | None = None
        migrate.upgrade(self._context.store)
        self.password = sample.fill(self._context, clock.now(), ("rsa", "ed25519"))
        sample.invite(self._context, clock.now())

    async def open(self, parts: frozenset[str] = PARTS) -> None:
        """Start the gateway with these parts; one that runs is stopped first."""
        await self.close()
        self._gateway = Gateway(self._context, Role(parts, seat=Seat(f"demo/{clock.ticks()}")))
        await self._gateway.start()

    async def close(self) -> None:
        """Stop the gateway."""
        if self._gateway:
            await self._gateway.stop()
            self._gateway = None

    def send(self, name: str, recipients: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
        """Send the campaign to people of the list `name`, as any tool would; return the refused ones with the replies.

        Blocks. All refused comes back as a mapping too, not as an exception.
        """
        listen = self.settings.smtp.listen
        with smtplib.SMTP(listen.host, listen.port, timeout=30) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(self.settings.smtp.certificate)))
            client.login(f"{sample.LOGIN}+{name}", self.password)
            try:
                return client.sendmail(sample.SENDER, recipients, campaign(name))
            except smtplib.SMTPRecipientsRefused as refusal:
                return dict(refusal.recipients)

    async def drained(self, seconds: float = 20.0) -> None:
        """Return when nothing that is due waits in the spool; raise TimeoutError after `seconds`."""
        limit = clock.ticks() + seconds
        while await asyncio.to_thread(self._waiting):
            if clock.ticks() > limit:
                raise TimeoutError("the spool does not empty")
            await asyncio.sleep(0.05)

    def _waiting(self) -> int:
        with self._context.store.read() as tx:
            return sum(spool.counts(tx, clock.now()).states[state] for state in ("waiting", "leased"))

    def fortunes(self, lang: str) -> Iterator[Fortune]:
        """Yield for each person of the sample what the law says of them now, and the copy they got."""
        copies = self.copies()
        for person in sample.PEOPLE:
            yield self.fortune(person, copies.get(person.address), lang)

    def fortune(self, person: sample.Person, copy: Path | None, lang: str) -> Fortune:
        """Return the verdict about one person of the sample, with its sentence in `lang`."""
        offer = sample.OFFERS[person.list]
        [(_, verdict)] = check.check(self._context, person.list, [parse(person.address)], offer=offer)
        known_as, sentence = say(f"demo.situation.{person.situation}", lang), say(f"law.{verdict.code}", lang)
        return Fortune(person.address, person.list, known_as, verdict, sentence, copy)

    def copies(self) -> dict[str, Path]:
        """Return the newest delivered copy of each address."""
        folder = Path(self.settings.upstream.url.partition(":")[2])
        found: dict[str, Path] = {}
        for file in sorted((folder / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns):
            found[str(read(file)["Delivered-To"]).strip("<>")] = file
        return found

    def link(self, copy: Path) -> str:
        """Return the one-click address in a delivered copy (RFC 8058)."""
        return str(read(copy)["List-Unsubscribe"]).partition(">")[0].strip().lstrip("<")


def _settings(folder: Path) -> Settings:
    """Return the defaults with everything in `folder` and on ports that are free."""
    smtp, web = _port(2525), _port(8080)
    return Settings.model_validate(
        {
            "gateway": {"secrets": {1: f"file:{folder / 'secret'}"}},
            "store": {"url": f"sqlite:///{folder / 'consentgate.db'}"},
            "smtp": {
                "listen": f"127.0.0.1:{smtp}",
                "certificate": folder / "certificate.pem",
                "private_key": folder / "key.pem",
            },
            "upstream": {"url": f"maildir:{folder / 'outgoing'}"},
            "web": {"listen": f"127.0.0.1:{web}", "public_url": f"http://127.0.0.1:{web}"},
        }
    )


def _port(wished: int) -> int:
    """Return `wished` when it is free on loopback, else a free port."""
    for port in (wished, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as server:
                return int(server.getsockname()[1])
        except OSError:
            continue
    raise Misuse("no free port on 127.0.0.1")


def campaign(name: str) -> bytes:
    """Return the message that the sample's tool sends to the list `name`, the same for everybody."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = sample.SENDER
    message["To"] = "undisclosed-recipients:;"
    message["Subject"] = "Le printemps est là : nos nouveaux savons"
    message["X-Consentgate-Offer"] = sample.OFFERS[name]
    message.set_content(TEXT.format(domain=sample.DOMAIN), cte="quoted-printable")
    message.add_alternative(HTML.format(domain=sample.DOMAIN), subtype="html", cte="quoted-printable")
    return message.as_bytes()


def read(copy: Path) -> EmailMessage:
    """Return a delivered copy as an e-mail program sees it."""
    return BytesParser(policy=policy.default).parsebytes(copy.read_bytes())


def fetch(url: str, *, post: bool) -> int:
    """Follow a link as a mail program does: GET looks, POST is one-click (RFC 8058 3.1). Return the status."""
    body = BODY if post else None
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=30) as answer:  # noqa: S310
        return int(answer.status)
