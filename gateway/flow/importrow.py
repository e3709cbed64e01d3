"""What one row of an import says: a person, and one event with its evidence. Pure; refuses with a code and a detail."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gateway.errors import Misuse
from gateway.flow import dates, elsewhere
from gateway.flow.headers import plain
from gateway.law.channels import CHANNELS
from gateway.law.events import Kind
from gateway.law.standing import OPT_OUTS
from gateway.mail.address import Address, is_freemail, is_role, parse
from gateway.store.tables import List

YES = frozenset({"1", "yes", "y", "true", "x", "oui", "o", "vrai", "on"})
NO = frozenset({"0", "no", "n", "false", "non", "faux", "off"})
# Which event a row of a list of that regime is about, unless it says otherwise.
KIND_OF = {"opt-in": Kind.GRANTED, "customer": Kind.SOLD, "professional": Kind.INFORMED}


class RowError(ValueError):
    """A row, or a value, that cannot be taken; `code` names the sentence, `detail` what was found."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


def text(value: object) -> str:
    """Return a value as one line of text; raise RowError for what is none, which not every database would take."""
    line = " ".join(str(value).split())
    if "\0" in line:
        raise RowError("unreadable")
    return line


def words(value: object) -> list[str]:
    """Return several values: of a list as they are, of text separated by commas, semicolons or bars."""
    parts: Iterable[object] = value if isinstance(value, list) else re.split(r"[,;|]", str(value))
    return [word for part in parts if (word := text(part))]


def flag(value: object) -> bool:
    """Return yes or no in the words of spreadsheets."""
    word = str(value).strip().casefold()
    if word in YES:
        return True
    if word in NO:
        return False
    raise RowError("not-yes-or-no", text(value))


def moment(value: object, zone: ZoneInfo) -> datetime:
    """Return an aware moment from ISO 8601 or day, month, year (`dates`); without a time zone it is of `zone`."""
    try:
        return dates.read(str(value), zone)
    except ValueError as error:
        raise RowError("not-a-date", text(value)) from error


def _country(value: object) -> str:
    code = text(value).upper()
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise RowError("not-a-country", text(value))
    return code


def _one_of(*allowed: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        word = text(value).lower()
        if word not in allowed:
            raise RowError("not-one-of", f"{text(value)} ({', '.join(allowed)})")
        return word

    return read


def _called(**meanings: str) -> Callable[[object], str]:
    """Return what reads one of these words, or another word for it (word → others, separated by blanks)."""
    known = {plain(other): word for word, others in meanings.items() for other in (word, *others.split())}
    known = {other: word.replace("_", "-") for other, word in known.items()}

    def read(value: object) -> str:
        word = known.get(plain(text(value)))
        if word is None:
            names = ", ".join(name.replace("_", "-") for name in meanings)
            raise RowError("not-one-of", f"{text(value)} ({names})")
        return word

    return read


_act = _called(
    unticked_box="case_non_cochee case_non_pre_cochee",
    signed_form="formulaire_signe",
    double_opt_in="double_optin",
    recorded_oral="accord_oral_enregistre",
)


def _mode(value: object) -> str:
    """Return the act; one that makes no consent stands as it was written, because that is what happened."""
    try:
        return _act(value)
    except RowError:
        return text(value)


_nature = _called(
    sale="vente achat commande order purchase service prestation",
    free_tier="gratuit free trial essai essai_gratuit",
    account="compte creation_compte",
    cart="panier",
    quote="devis",
)
_subject = _called(
    consumer="consommateur consommatrice particulier",
    professional="professionnel professionnelle pro",
    organisation="organization organisme personne_morale",
)
_age = _called(**{"adult": "adulte majeur majeure", "15-17": "", "under15": "moins_de_15 moins_de_15_ans under_15"})
_proof_kind = _called(individual="individuel individuelle", template="modele", site_configuration="", batch="lot")


KINDS = tuple(kind.value for kind in (Kind.GRANTED, Kind.INFORMED, Kind.SOLD, Kind.ACTED, Kind.ENDED))


def _kind(value: object) -> Kind:
    word = text(value).lower()
    if word in OPT_OUTS:
        raise RowError("opposed")
    return Kind(_one_of(*KINDS)(word))


def _channel(value: object) -> str:
    return _one_of(*CHANNELS)(str(value).replace("-", ""))  # e-mail is email


@dataclass(frozen=True, slots=True)
class Column:
    """One thing a row may say. `part` is address, event, contact or evidence; `names` what headers call it."""

    name: str
    part: str
    read: Callable[[object], object]
    help: str
    names: tuple[str, ...] = ()


SOURCES = ("direct", "partner", "rented", "bought", "exchanged", "scraped", "enriched")
COLUMNS: tuple[Column, ...] = (
    Column("address", "address", text, "e-mail address", ("email", "e_mail", "mail", "courriel", "adresse_email",
           "adresse_e_mail", "adresse_mail", "email_address", "e_mail_address", "adresse_messagerie",
           "adresse_electronique", "adresse", "courrier_electronique", "mel")),
    Column("at", "event", text, "when it happened: ISO 8601 or day/month/year", ("date", "date_consentement",
           "consent_date", "consented_at", "optin_date", "date_optin", "opt_in_date", "date_achat", "date_vente",
           "sale_date", "date_collecte", "date_inscription", "date_abonnement", "inscrit_le", "abonne_le",
           "signup_date", "subscribed_at", "subscription_date", "optin_time", "opt_in_time", "given_at", "confirmed_at",
           "confirm_time")),
    Column("kind", "event", _kind, f"event to record: {', '.join(KINDS)}", ("event",)),
    Column("channel", "event", _channel, f"channel that it is about, else email: {', '.join(CHANNELS)}", ("canal",)),
    Column("first_name", "contact", text, "given name", ("prenom", "firstname", "given_name")),
    Column("name", "contact", text, "name", ("nom", "lastname", "last_name", "full_name", "nom_complet",
           "nom_famille", "surname")),
    Column("company", "contact", text, "company", ("societe", "entreprise", "organisation", "organization",
           "raison_sociale", "nom_entreprise", "nom_societe", "company_name")),
    Column("function", "contact", text, "function in the company", ("fonction", "poste", "job_title", "job", "titre")),
    Column("subject", "contact", _subject, "consumer, professional or organisation", ("type",)),
    Column("country", "contact", _country, "country, two letters", ("pays", "country_code", "code_pays")),
    Column("language", "contact", text, "language, two letters", ("langue", "lang", "locale")),
    Column("age", "contact", _age, "adult, 15-17 or under15", ()),
    Column("source", "contact", _one_of(*SOURCES), "direct, partner, rented, bought, exchanged, scraped", ()),
    Column("source_name", "contact", text, "who handed the address over", ("nom_source", "origine")),
    Column("acquired_at", "contact", text, "when it was handed over", ("date_acquisition",)),
    Column("mode", "evidence", _mode, "unticked-box, signed-form, double-opt-in or recorded-oral", ("act",)),
    Column("text", "evidence", text, "version of the text that was shown", ("notice", "text_version", "version_texte")),
    Column("proof", "evidence", text, "where the proof of this person's act lies", ("preuve", "proof_ref")),
    Column("proof_kind", "evidence", _proof_kind, "individual, or template, site-configuration, batch", ()),
    Column("form", "evidence", text, "form or page", ("formulaire", "page", "form_id", "url")),
    Column("controllers", "evidence", words, "companies that the text named", ("responsables", "partenaires_nommes")),
    Column("purpose", "evidence", words, "prospecting, partners", ("purposes", "finalite", "finalites")),
    Column("families", "evidence", words, "offer families sold, announced or of the function", ("family", "familles",
           "famille")),
    Column("given_by", "evidence", _one_of("self", "joint", "parent", "other"), "self, or joint (with a parent)", ()),
    Column("free", "evidence", flag, "no condition of something else", ("libre",)),
    Column("nature", "evidence", _nature, "sale, free-tier, account, cart or quote", ("nature_vente",)),
    Column("entity", "evidence", text, "SIREN of the seller", ("siren", "siren_vendeur", "seller_siren")),
    Column("from_person", "evidence", flag, "the person gave the address", ("donnee_par_la_personne",)),
    Column("at_sale", "evidence", flag, "collected on the occasion of the sale", ("a_la_vente",)),
    Column("refusal_offered", "evidence", flag, "refusal was offered", ("refus_propose", "optout_offered")),
    Column("refused", "evidence", flag, "the person refused at collection", ("refus", "optout", "opt_out")),
    Column("article", "evidence", _one_of("13", "14"), "GDPR article of the notice: 13 or 14", ()),
    Column("transfer_announced", "evidence", flag, "told that the address would be passed on", ()),
    Column("professional_capacity", "evidence", flag, "given in a professional capacity", ()),
)  # fmt: skip
BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}


_POSTAL = frozenset({"address", "adresse"})  # of the post where another column is of e-mail
_KNOWN = {plain(name): column.name for column in COLUMNS for name in (column.name, *column.names)}


def is_address(header: str, *, postal: bool = False) -> bool:
    """Return whether a column with this header holds addresses of e-mail; `postal`: also if it is only "address"."""
    return _KNOWN.get(plain(header)) == "address" and (postal or plain(header) not in _POSTAL)


def meanings(headers: Iterable[str], chosen: Mapping[str, str], *, lone: bool = False) -> dict[str, str]:
    """Return header → column for the headers that are understood; `chosen` (column → header) goes first.

    With `lone`, the only header there is is the address, whatever it is called.

    Raises Misuse for an unknown column, for a header that is not there, and when no header is the address.
    """
    headers = list(headers)
    for name, header in chosen.items():
        if name not in BY_NAME:
            raise Misuse(f"--map {name}: there is no such column; there are {', '.join(BY_NAME)}")
        if header not in headers:
            raise Misuse(f"--map {name}={header}: the file has no column {header}; it has {', '.join(headers)}")
    found = {header: name for name, header in chosen.items()}
    taken = set(chosen)
    for header in sorted(headers, key=lambda one: plain(one) in _POSTAL):
        name = _KNOWN.get(plain(header), "")
        if header not in found and name and name not in taken:
            found[header] = name
            taken.add(name)
    if len(headers) == 1 and not found and lone:
        return {headers[0]: "address"}
    if "address" not in taken:
        raise Misuse(f"no column is the address; say which with --map address=HEADER: {', '.join(headers)}")
    return found


class Entry(NamedTuple):
    """A row understood. `key` is that of the address; rows with no evidence of their own share one mapping."""

    address: Address
    key: str
    contact: dict[str, Any]
    kind: Kind
    at: datetime
    channel: str
    direct: bool
    evidence: Mapping[str, Any]


class Places:
    """Where in a row what stands; worked out once for all rows with the same columns.

    `names` says which column of ours a column is (`meanings`); others are left unread.
    """

    def __init__(self, columns: Sequence[str], names: Mapping[str, str]) -> None:
        places = {names[column]: place for place, column in enumerate(columns) if column in names}
        self.address, self.at = places.get("address"), places.get("at")
        self.acquired_at, self.channel = places.get("acquired_at"), places.get("channel")
        self.kind = places.get("kind")
        self.noes = elsewhere.recognised(columns, names)
        # (place, name, how to read it, whether it is evidence)
        self.readers = [
            (place, name, BY_NAME[name].read, BY_NAME[name].part == "evidence")
            for name, place in places.items()
            if BY_NAME[name].part in {"contact", "evidence"} and name != "acquired_at"
        ]


class RowReader:
    """How rows are read: for which list, with which values where the row has none, at which moment.

    What holds for every row is read once. Raises Misuse when one of `defaults` cannot be read.
    """

    def __init__(
        self, row: List, defaults: Mapping[str, object], now: datetime, zone: ZoneInfo, kind: Kind | None = None
    ) -> None:
        self._defaults = defaults
        self._own = row.origin == "own"
        self._source = "direct" if self._own else row.origin
        self._kind = kind or KIND_OF[row.regime]
        self._moment_of = lru_cache(maxsize=65_536)(partial(_past, zone=zone, now=now))
        places = Places(list(defaults), {name: name for name in defaults})
        try:
            self._contact, self._evidence = _sort(places, list(defaults.values()), {})
            self._channel = _channel(defaults.get("channel", "email"))
        except RowError as error:
            raise Misuse(f"{error.code.replace('-', ' ')}: {error.detail}") from error

    def entry(self, cells: Sequence[object], places: Places, problem: str = "") -> Entry:
        """Return what a row says; raise RowError when it cannot be, or has a `problem`."""
        if problem:
            raise RowError(problem)
        if places.address is None or _empty(cells[places.address]):
            raise RowError("no-address")
        written = str(cells[places.address])
        try:
            address = parse(written)
        except Misuse as error:
            raise RowError("bad-address", text(written)) from error
        contact, own = _sort(places, cells, self._contact)
        source = contact.setdefault("source", self._source)
        contact["acquired_at"] = self._moment(cells, places.acquired_at, "acquired_at", required=source != "direct")
        given = contact.pop("first_name", "")
        if given:
            contact["name"] = f"{given} {contact.get('name', '')}".strip()
        contact["kind"] = "role" if is_role(address) else "named"
        contact["freemail"] = is_freemail(address)
        at = self._moment(cells, places.at, "at", required=True)
        if at is None:
            raise RowError("no-at")
        # What was said to a seller or a partner was not said to us (law.standing.outvotes).
        direct = self._own and source == "direct"
        evidence = self._evidence | own if own else self._evidence
        channel = self._channel if (place := places.channel) is None or _empty(cells[place]) else _channel(cells[place])
        kind = self._kind if (place := places.kind) is None or _empty(cells[place]) else _kind(cells[place])
        if places.noes:
            _agreeing(places.noes, cells, channel, kind)
        return Entry(address, address.key, contact, kind, at, channel, direct, evidence)

    def _moment(self, cells: Sequence[object], place: int | None, name: str, *, required: bool) -> datetime | None:
        written = None if place is None or _empty(cells[place]) else cells[place]
        if written is None:
            written = self._defaults.get(name)
        if written is None:
            if required:
                raise RowError(f"no-{name.replace('_', '-')}")
            return None
        return self._moment_of(str(written))


def _agreeing(noes: Sequence[elsewhere.No], cells: Sequence[object], channel: str, kind: Kind) -> None:
    """Raise RowError when the tool that wrote the file has it that the person said no, or never gave the consent."""
    code, said = "opposed-there", elsewhere.said(noes, cells, channel)
    if not said and kind is Kind.GRANTED:
        code, said = "not-agreed", elsewhere.lacks(noes, cells, channel)
    if said:
        raise RowError(code, ", ".join(f"{title}: {text(value)}" for title, value in said.items()))


def _past(written: str, zone: ZoneInfo, now: datetime) -> datetime:
    at = moment(written, zone)
    if at > now:
        raise RowError("in-the-future", text(written))
    return at


def _sort(places: Places, cells: Sequence[object], known: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a row says of the contact, on top of what is `known`, and its evidence."""
    contact, evidence = dict(known), dict[str, Any]()
    for place, name, read, proves in places.readers:
        value = cells[place]
        if not _empty(value):
            (evidence if proves else contact)[name] = read(value)
    return contact, evidence


def _empty(value: object) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value == []
