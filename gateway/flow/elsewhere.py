"""What the export of another tool says of people who said no there, or never yes, in columns of its own. Pure.

Mailchimp writes `UNSUB_TIME`, Brevo `EMAIL_BLOCKLIST` and `SMS_BLOCKLIST`, Sendinblue `BLACKLISTED`, HubSpot
`Unsubscribed from all email`, others a status; a shop writes whether offers are accepted (`Accepts Email Marketing`).
Left unread, such a column would let an import turn a no into a consent.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from gateway.flow.headers import plain

_MESSAGES = frozenset({"sms", "mms"})
_MAIL = frozenset({"email"})
# Empty, or “not so”, of people who did not say no; any other value, such as a date, is a no.
_MARKS = (
    "blocklist", "blocklisted", "blacklist", "blacklisted", "suppressed", "unsubscribed", "unsubscribe",
    "unsub", "unsub_time", "unsubscribed_at", "unsubscribe_date", "unsubscribed_date", "unsubscribe_time",
    "unsubscribed_on", "unsubscribed_from_all_email", "optedout", "opted_out", "opted_out_at", "opt_out_date",
    "optout_date", "opt_out_time", "optout_time", "has_opted_out_of_email", "do_not_contact", "donotcontact",
    "do_not_email", "donotemail", "dnc", "objection", "objected", "objected_at", "opposition", "oppose",
    "opposee", "date_opposition", "liste_noire", "desinscrit", "desinscrite", "desinscription",
    "date_desinscription", "desinscrit_le", "desabonne", "desabonnee", "desabonnement", "date_desabonnement",
    "desabonne_le", "ne_pas_contacter", "ne_plus_contacter", "date_retrait", "date_refus", "desinscrit_e",
    "desabonne_e", "oppose_e", "complained", "complained_at", "plainte",
)  # fmt: skip
_OF_CHANNEL = {"email": _MAIL, "e_mail": _MAIL, "mail": _MAIL, "sms": _MESSAGES, "mms": _MESSAGES}
_STATUS = frozenset({"status", "statut", "etat", "state", "email_status", "statut_email", "subscription_status",
                     "subscriber_status", "member_status", "statut_abonnement", "email_marketing_status"})  # fmt: skip
_NOT_SO = frozenset({"", "0", "no", "n", "false", "non", "faux", "off", "null", "none", "nil", "never", "jamais", "n_a",
                     "0000_00_00", "0000_00_00_00_00_00"})  # fmt: skip
# Beginnings, so that désabonné, désabonnée and unsubscribed by admin are found.
_STATUS_NO = ("unsub", "opted_out", "optedout", "opt_out", "optout", "blocklist", "blacklist", "suppress", "desabon",
              "desinscri", "oppos", "object", "complain", "plainte", "spam", "do_not_", "ne_pas_", "ne_plus_",
              "liste_noire", "retire", "refus", "withdrawn")  # fmt: skip
# The same of people who were asked and did not answer yes: nothing to import as a consent.
_STATUS_NOT_YET = ("unconfirm", "not_confirm", "non_confirm", "a_confirmer", "pending", "en_attente", "non_abonne",
                   "non_inscrit", "not_subscri", "nonsubscri", "non_subscri", "transactional")  # fmt: skip
_AGREEMENTS = (
    "opt_in", "optin", "double_opt_in", "double_optin", "opted_in", "newsletter", "newsletter_optin",
    "newsletter_opt_in", "subscribed", "is_subscribed", "subscribe", "abonne", "abonnee", "abonne_e", "inscrit",
    "inscrite", "accepts_marketing", "accepts_email_marketing", "accepts_sms_marketing", "marketing_consent",
    "marketing_opt_in", "marketing_optin", "marketing", "consent", "consented", "consentement", "consent_given",
    "accord", "accepte", "accepte_offres", "accepte_newsletter", "gdpr_consent", "rgpd", "permission",
)  # fmt: skip
_NO_AGREEMENT = _NOT_SO - {"", "n_a"}


class Sort(Enum):
    """What the values of a column mean: a no unless "not so"; one of several states; yes or no to offers."""

    MARK = auto()
    STATUS = auto()
    AGREEMENT = auto()


class No(NamedTuple):
    """A column that may say that somebody said no: its place and title, which channels it is about (None: all)."""

    place: int
    title: str
    channels: frozenset[str] | None
    sort: Sort


def recognised(headers: Sequence[str], known: Iterable[str]) -> list[No]:
    """Return the columns, of those that are not `known` to be something else, in which people may have said no."""
    others = set(known)
    return [
        found
        for place, header in enumerate(headers)
        if header not in others and (found := _column(place, header, plain(header)))
    ]


def _column(place: int, header: str, name: str) -> No | None:
    if sort := _sort(name):
        channels = _MESSAGES if "sms" in name.split("_") else None
        return No(place, header, channels, sort)
    for word, channels in _OF_CHANNEL.items():
        bare = name.removeprefix(f"{word}_") if name.startswith(f"{word}_") else name.removesuffix(f"_{word}")
        if bare != name and (sort := _sort(bare)):
            return No(place, header, channels, sort)
    return None


def _sort(name: str) -> Sort | None:
    if name in _STATUS:
        return Sort.STATUS
    return Sort.MARK if name in _MARKS else Sort.AGREEMENT if name in _AGREEMENTS else None


def said(columns: Iterable[No], cells: Sequence[object], channel: str) -> Mapping[str, str]:
    """Return where (title → value) a row says that its person said no to `channel`; empty when nowhere."""
    return _found(columns, cells, channel, _is_no)


def lacks(columns: Iterable[No], cells: Sequence[object], channel: str) -> Mapping[str, str]:
    """Return where (title → value) a row says that its person never agreed to offers; empty when nowhere."""
    return _found(columns, cells, channel, _is_no_yes)


def _found(
    columns: Iterable[No], cells: Sequence[object], channel: str, asked: Callable[[str, Sort], bool]
) -> Mapping[str, str]:
    return {
        column.title: str(value)
        for column in columns
        if (value := cells[column.place]) is not None
        and (column.channels is None or channel in column.channels)
        and asked(plain(str(value)), column.sort)
    }


def _is_no(word: str, sort: Sort) -> bool:
    return (sort is Sort.MARK and word not in _NOT_SO) or (sort is Sort.STATUS and word.startswith(_STATUS_NO))


def _is_no_yes(word: str, sort: Sort) -> bool:
    never = sort is Sort.AGREEMENT and (word in _NO_AGREEMENT or word.startswith((*_STATUS_NO, *_STATUS_NOT_YET)))
    return never or (sort is Sort.STATUS and word.startswith(_STATUS_NOT_YET))
