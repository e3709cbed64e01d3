"""The operator's own mentions, read from a folder once: `<advertiser>.<language>.txt` and `.html`, or `default.…`."""

from collections.abc import Mapping
from pathlib import Path

from gateway.errors import Misuse
from gateway.mail import template
from gateway.mail.template import Template
from gateway.text import languages

DEFAULT = "default"
_FORMS = (".txt", ".html")


class Mentions:
    """The templates by advertiser and language. Raises `Misuse`, naming file and cure, for one that is not right."""

    def __init__(self, folder: Path | None) -> None:
        self._all = _read(folder) if folder else {}

    def of(self, advertiser: str, lang: str) -> Template | None:
        """Return the template of an advertiser (its short name) in `lang`, else the default one, else None."""
        code = lang.partition("-")[0].lower()
        return self._all.get((advertiser, code)) or self._all.get((DEFAULT, code))


def _read(folder: Path) -> Mapping[tuple[str, str], Template]:
    found: dict[tuple[str, str], Template] = {}
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in _FORMS)
    except OSError as error:
        raise Misuse(f"[gateway] mentions: {folder}: cannot be read ({error.strerror})") from error
    for stem in dict.fromkeys(path.with_suffix("") for path in files):
        advertiser, _, lang = stem.name.rpartition(".")
        if not advertiser or lang not in languages():
            known = ", ".join(languages())
            raise Misuse(f"{stem}: the name is <advertiser>.<language>, or {DEFAULT}.<language>; languages: {known}")
        missing = next((suffix for suffix in _FORMS if not Path(f"{stem}{suffix}").exists()), None)
        if missing:
            raise Misuse(f"{stem}{missing} does not exist: a mention needs both forms, text and HTML")
        text, page = (_text(Path(f"{stem}{suffix}")) for suffix in _FORMS)
        found[advertiser, lang] = template.read(text, page, str(stem))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise Misuse(f"{path}: cannot be read as UTF-8 ({error})") from error
