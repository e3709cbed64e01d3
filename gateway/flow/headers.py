"""Headers of files of people, compared as people mean them: without case, accents, signs and small words. Pure."""

import re
import unicodedata

_SMALL = frozenset({"d", "de", "du", "des", "l", "la", "le"})  # Date de l’achat, Date d'achat: date achat


def plain(header: str) -> str:
    """Return a header in lower-case ASCII words joined by "_", for comparing, without small French words."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", header) if not unicodedata.combining(sign))
    first, *others = re.sub(r"[^a-z0-9]+", " ", bare.casefold()).split() or [""]
    return "_".join([first, *(word for word in others if word not in _SMALL)])
