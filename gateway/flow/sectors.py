"""Trades whose advertising must say something, or may not be done by e-mail: warnings by words, never a guarantee.

The rules are data: `sectors.toml` of each language in the text room, and a file of the operator's in the same form.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gateway.errors import Misuse
from gateway.mail import looks
from gateway.text import languages, sentences

_TOLD = 3
_KEYS = ("words", "due", "says")


@dataclass(frozen=True, slots=True)
class Sector:
    """A trade: `words` point to it, `due` is what the law asks for, any of the words `says` satisfies it.

    Name and duty are given for each language.
    """

    name: Mapping[str, str]
    words: tuple[str, ...]
    due: Mapping[str, str]
    says: tuple[str, ...]

    def told(self, said: str) -> tuple[str, ...]:
        """Return the words found in `said`, " folded words of a text ", when what is due is not found there too."""
        if any(f" {term} " in said for term in self.says):
            return ()
        return tuple(term for term in self.words if f" {term} " in said)[:_TOLD]


class Sectors:
    """The rules of one installation. Raises `Misuse`, naming place and cure, for a file that is not understood."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = _read(own) if own else []

    @cached_property
    def _all(self) -> list[Sector]:
        return [*_built_in(), *self._own]

    def found_in(self, text: str) -> Iterator[Mapping[str, str | Mapping[str, str]]]:
        """Yield for each trade that `text` points to, and whose duty it does not meet: sector, words, due."""
        said = f" {' '.join(looks.words(text))} "
        for sector in self._all:
            if words := sector.told(said):
                yield {"sector": sector.name, "words": ", ".join(words), "due": sector.due}


def _built_in() -> list[Sector]:
    """Return the rules of the text room, with the words of every language."""
    every = {lang: sentences(lang) for lang in languages()}
    names = [key.split(".")[1] for key in every[languages()[0]] if key.startswith("sectors.") and key.endswith(".name")]

    def said(name: str, key: str) -> dict[str, str]:
        return {lang: texts[f"sectors.{name}.{key}"] for lang, texts in every.items()}

    def terms(name: str, key: str) -> tuple[str, ...]:
        return _folded(",".join(said(name, key).values()))

    return [Sector(said(name, "name"), terms(name, "words"), said(name, "due"), terms(name, "says")) for name in names]


def _read(path: Path) -> list[Sector]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misuse(f"[gateway] sectors: {path}: cannot be read as TOML ({error})") from error
    found = []
    for name, table in tables.items():
        if not isinstance(table, dict) or set(table) - set(_KEYS) or not {"words", "due"} <= set(table):
            raise Misuse(f"[gateway] sectors: {path}: [{name}] has words and due, and may have says; nothing else")
        words, due, says = (str(table.get(key, "")) for key in _KEYS)
        known = languages()
        found.append(Sector(dict.fromkeys(known, name), _folded(words), dict.fromkeys(known, due), _folded(says)))
    return found


def _folded(terms: str) -> tuple[str, ...]:
    folded = (" ".join(looks.words(term)) for term in terms.split(","))
    return tuple(dict.fromkeys(term for term in folded if term))
