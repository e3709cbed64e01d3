"""What the export of another tool says of people who said no there, in columns that are nothing else to us. Pure.

Mailchimp writes `UNSUB_TIME`, Brevo `EMAIL_BLOCKLIST` and `SMS_BLOCKLIST`, Sendinblue `BLACKLISTED`, HubSpot
`Unsubscribed from all email`, others a status. Left unread, such a column would let an import turn a no into a consent.
"""

from collections.abc import Iterable, Mapping, Sequence
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


class No(NamedTuple):
    """A column that may say that somebody said no: its place and title, which channels it is about (None: all)."""

    place: int
    title: str
    channels: frozenset[str] | None
    status: bool


def recognised(headers: Sequence[str], known: Iterable[str]) -> list[No]:
    """Return the columns, of those that are not `known` to be something else, in which people may have said no."""
    others = set(known)
    return [
        found
        for place, header in enumerate(headers)
        if header not in others and (found := _column(place, header, plain(header)))
    ]


def _column(place: int, header: str, name: str) -> No | None:
    if name in _STATUS:
        return No(place, header, None, status=True)
    if name in _MARKS:
        return No(place, header, None, status=False)
    for word, channels in _OF_CHANNEL.items():
        bare = name.removeprefix(f"{word}_") if name.startswith(f"{word}_") else name.removesuffix(f"_{word}")
        if bare != name and bare in _MARKS:
            return No(place, header, channels, status=False)
    return None


def said(columns: Iterable[No], cells: Sequence[object], channel: str) -> Mapping[str, str]:
    """Return where (title → value) a row says that its person said no to `channel`; empty when nowhere."""
    return {
        column.title: str(cells[column.place])
        for column in columns
        if (column.channels is None or channel in column.channels) and _is_no(cells[column.place], column)
    }


def _is_no(value: object, column: No) -> bool:
    if value is None or value is False:
        return False
    word = plain(str(value))
    return word.startswith(_STATUS_NO) if column.status else word not in _NOT_SO
