"""What the golden tests and their writer share: the insert of a case."""

from typing import Any

from gateway.mail.form import StandIns
from gateway.mail.mention import MentionFields, render
from gateway.mail.rewrite import Insert, Plan, Unfit, plan

STOP = "https://stop.exemple.fr/p/" + "a" * 52
CHOOSE = "https://stop.exemple.fr/c/" + "c" * 52
NAME = "Jardins d’Exemple SAS"
FIELDS = {
    "legal_name": NAME,
    "optout_url": STOP,
    "optout_mailto": "stop+" + "b" * 52 + "@in.exemple.fr",
    "registered_office": "1 rue de la Paix, 75002 Paris",
    "siren_rcs": "RCS Paris 123 456 789",
    "privacy_url": "https://exemple.fr/vie-privee?a=1&b=2",
}
BASIS = {"fr": "vous l’avez accepté le 10 janvier 2026", "en": "you agreed to it on 10 January 2026"}
ENGLISH = {"legal_name": "Example Gardens Ltd"}
HEADERS = (
    (
        "List-Unsubscribe",
        f"<https://stop.exemple.fr/1/{'a' * 52}>, <mailto:stop+{'b' * 52}@in.exemple.fr?subject=stop>",
    ),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("List-Id", "Nouvelles <news.exemple.fr>"),
)


def fields_of(case: dict[str, Any]) -> MentionFields:
    lang = case.get("lang", "fr")
    own = ENGLISH if lang == "en" else {}
    return MentionFields(**{**FIELDS, "basis_sentence": BASIS[lang], **own, **case.get("fields", {})})


def insert_of(case: dict[str, Any]) -> Insert:
    """Return what the copy of a golden case gets."""
    mention = render(fields_of(case), case.get("lang", "fr"))
    links = {"unsubscribe_url": STOP, "preferences_url": CHOOSE}
    return Insert(HEADERS, mention, links, tracking=case.get("tracking", False))


def plan_of(eml: bytes, case: dict[str, Any]) -> Plan | Unfit:
    """Return how the message of a golden case is copied."""
    return plan(eml, remove=frozenset(case.get("remove", ())), opening=case.get("opening", False))


GIVEN = StandIns("a" * 52, "b" * 52, "c" * 52)  # the words of one person in the insert of every golden case
STAND_INS = StandIns(*[("q7xk2jz4vw5ph6yg3mn" + letter) * 2 + "unguessable2" for letter in "rst"])
WORDS = ("mfrggzdfmztwq2lk" * 4)[:52], ("7n4tknrzg2zdg5b3" * 4)[:52], "from" * 13


def hold_form(ready: Plan, insert: Insert) -> None:
    """Assert that a copy is the same whether the words of one person are there when it is written, or filled in."""
    form = ready.form(insert.filled(GIVEN, STAND_INS.words), STAND_INS)
    if form is None:
        assert b"base64" in ready.copy(insert).lower()
        return
    for words in (GIVEN.words, WORDS):
        filled = form.filled([word.encode() for word in words], b"X-Top: 1\r\n")
        assert filled == b"X-Top: 1\r\n" + ready.copy(insert.filled(GIVEN, words))
