"""E-mail addresses: one normal form, so that nobody is mailed or missed because of a spelling (RFC 5321, 6531, 5891).

The domain is compared as lower-case A-label, the local part case-folded and in NFC. Plus tags and dots are never
touched: `a+b@example.org` is another person than `a@example.org` unless that person says otherwise.
"""

import re
from dataclasses import dataclass
from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

from gateway.errors import Misuse

# Plain ASCII, the shape of nearly all addresses. "--" goes the careful way, because it may be an A-label.
_PLAIN = re.compile(
    r"(?P<local>[A-Za-z0-9_+=&'/-]+(?:\.[A-Za-z0-9_+=&'/-]+)*)"
    r"@(?P<domain>(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,63})",
)
_LOCAL_MOST, _LABEL_MOST, _MOST = 64, 63, 254  # RFC 5321 4.5.3.1 and the path limit of 256 with its brackets
_SAID_MOST = 80  # how much of a bad address an error repeats

_ROLE_WORDS = """
abuse accounting accueil achat achats admin administratif administration adv agence assistance asso
association billing bonjour boutique bureau cabinet candidature candidatures ce client clients
commande commandes commercial commerciaux communication compta comptabilite comptable contact
contacts courrier dg directeur direction directrice dpo dsi emploi enquiries entreprise
espace-client export facturation factures finance finances formation ftp gestion hello help helpdesk
hostmaster hr import info information informations informatique infos jobs juridique legal
logistique magasin mail maintenance mairie marketing media news noc office order orders partenaires
partenariat personnel postmaster press presse privacy production qualite reception reclamation
reclamations recrutement redaction reservation reservations rgpd rh root sales sales-team sav
secretariat securite security service service-client service-clients serviceclient serviceclients
shop siege societe standard standardiste support team technique usenet vente ventes webmaster www
"""
ROLES = frozenset(_ROLE_WORDS.split())

_FREEMAIL_DOMAINS = """
126.com 163.com 9online.fr aim.com alice.fr aliceadsl.fr aol.com aol.fr bbox.fr bluewin.ch
caramail.com cegetel.net club-internet.fr comcast.net cox.net dartybox.com email.com email.it
facebook.com fastmail.com fastmail.fm free.fr freenet.de freesbee.fr gmail.com gmx.at gmx.ch gmx.com
gmx.de gmx.fr gmx.net googlemail.com hey.com hushmail.com icloud.com inbox.ru infonie.fr jubii.fr
keemail.me laposte.net lavache.com libero.it libertysurf.fr list.ru lycos.com mac.com mail.com
mail.ru mailfence.com mailo.com mailo.fr me.com modulonet.fr msn.com neuf.fr noos.fr nordnet.fr
numericable.com numericable.fr online.de orange.com.fr orange.fr pm.me posteo.de posteo.net
proton.me protonmail.ch protonmail.com qq.com rambler.ru rocketmail.com seznam.cz sfr.fr skynet.be
t-online.de tele2.fr telenet.be tiscali.fr tuta.com tuta.io tutanota.com tutanota.de verizon.net
voila.fr wanadoo.fr web.de worldonline.fr wp.pl yandex.com yandex.ru ymail.com zaclys.net zoho.com
"""
_FREEMAIL = frozenset(_FREEMAIL_DOMAINS.split())
_FREEMAIL_BRANDS = re.compile(r"(?:yahoo|hotmail|outlook|live|windowslive)\.(?:[a-z]{2,3}|com?\.[a-z]{2})")


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `local` as it was given (NFC), `domain` as lower-case A-label."""

    local: str
    domain: str

    @property
    def spelled(self) -> str:
        """Return local part as given, at the domain: what goes into RCPT."""
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """Return the spelling that two writings of one mailbox share: local part case-folded, NFC."""
        if self.local.isascii():
            return f"{self.local.lower()}@{self.domain}"
        return f"{normalize('NFC', normalize('NFC', self.local).casefold())}@{self.domain}"


def parse(text: str) -> Address:
    """Return the address written in `text` (no display name, no angle brackets; blanks around it are ignored).

    Raises `Misuse` when it is none, with a sentence for people that repeats it (not necessarily ASCII).
    Looks nothing up.
    """
    text = text.strip()
    at = text.rfind("@")
    plain = _PLAIN.fullmatch(text[: at + 1] + text[at + 1 :].lower()) if len(text) <= _MOST and text.isascii() else None
    if plain:
        local, domain = plain.groups()
        short = len(domain) <= _LABEL_MOST or all(len(label) <= _LABEL_MOST for label in domain.split("."))
        if short and len(local) <= _LOCAL_MOST:
            return Address(local, domain)
    return _careful(text)


def _careful(text: str) -> Address:
    """Ask email-validator, which knows internationalised and quoted addresses."""
    said = repr(text[:_SAID_MOST])
    try:
        # globally_deliverable would refuse reserved names such as .test; what exists is for DNS to say, not for a form.
        found = validate_email(
            text, check_deliverability=False, allow_quoted_local=True, globally_deliverable=False, strict=True
        )
    except (EmailNotValidError, UnicodeError) as problem:
        raise Misuse(f"{said} is not a valid e-mail address: {problem}") from problem
    if len(found.local_part.encode()) > _LOCAL_MOST:
        raise Misuse(f"{said} is not a valid e-mail address: the part before the @ is too long.")
    domain = (found.ascii_domain or "").lower()
    if not re.search(r"\.[a-z][a-z0-9-]*$", domain):
        raise Misuse(f"{said} is not a valid e-mail address: its domain has no top-level name such as .fr or .com.")
    return Address(found.local_part, domain)


def is_role(address: Address) -> bool:
    """Return whether the local part names a function (contact@, info@), not a person. Says nothing about the domain."""
    local = address.key.rpartition("@")[0].partition("+")[0]
    return local in ROLES or local.replace(".", "").replace("-", "").replace("_", "") in ROLES


def is_freemail(address: Address) -> bool:
    """Return whether the domain is one where anybody may open a mailbox, so that it proves no employer."""
    return address.domain in _FREEMAIL or _FREEMAIL_BRANDS.fullmatch(address.domain) is not None
