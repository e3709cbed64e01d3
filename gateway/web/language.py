"""The language of a page: asked for, else the browser's, else the list's, else French."""

from gateway import text

LONGEST = 400  # characters of Accept-Language that are looked at


def known(lang: str) -> str | None:
    """Return the code of ours that `lang` ("fr", "fr-CA", "EN_gb") means, or None."""
    code = lang.strip().replace("_", "-").partition("-")[0].lower()
    return code if code in text.languages() else None


def choose(asked: str | None, accepted: str | None, otherwise: str) -> str:
    """Return the language code for `?lang=`, the Accept-Language field (RFC 9110, 12.5.4) and the list's language."""
    return known(asked or "") or _accepted(accepted or "") or known(otherwise) or text.FIRST


def _accepted(field: str) -> str | None:
    wishes: list[tuple[float, str]] = []
    for wish in field[:LONGEST].split(","):
        lang, _, weight = wish.partition(";")
        code = known(lang)
        if code:
            wishes.append((_weight(weight), code))
    wishes.sort(key=lambda wish: -wish[0])  # stable: of equals the first
    return wishes[0][1] if wishes and wishes[0][0] > 0 else None


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
