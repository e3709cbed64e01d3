"""Every sentence a person reads, by key and language; a language is a folder of TOML files beside this one.

`say("web.stop", "fr", advertiser="Exemple")` reads the key `stop` of `fr/web.toml`. Tables nest with dots.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

FIRST = "fr"  # the language of the house, shown when nothing says otherwise
FALLBACK = "en"
_ELIDED = re.compile(r"\b([Dd]|[Qq]u)e \{(\w+)\}")
_VOWELS = frozenset("aàâäeéèêëiîïoôöuùûüæœ")  # not y, and not h: some words that begin with it are spoken as they stand


def languages() -> tuple[str, ...]:
    """Return the codes of the languages there are (ISO 639-1), French first."""
    return tuple(_all())


def say(key: str, lang: str, **fields: object) -> str:
    """Return the sentence `key` ("file.key") in `lang` ("fr", "en-GB" …), in English where that language lacks it.

    `fields` fill the places `{name}`. KeyError, saying what is missing, for an unknown key or a missing field.
    """
    every = _all()
    for code in (lang.partition("-")[0].lower(), FALLBACK):
        sentence = every.get(code, {}).get(key)
        if sentence is not None:
            break
    else:
        raise KeyError(f"no text {key!r} in {lang!r} nor in {FALLBACK!r}")
    if code == "fr":
        sentence = _elided(sentence, fields)
    try:
        return sentence.format_map(fields)
    except KeyError as missing:
        raise KeyError(f"text {key!r} in {lang!r} needs the field {missing}") from None


def _elided(sentence: str, fields: Mapping[str, object]) -> str:
    """Return a French sentence with d’ and qu’ for de and que in front of a field that begins with a vowel."""

    def elide(found: re.Match[str]) -> str:
        begins = str(fields.get(found[2], ""))[:1].lower()
        return f"{found[1]}’{{{found[2]}}}" if begins in _VOWELS else found[0]

    return _ELIDED.sub(elide, sentence) if "e {" in sentence else sentence


def cited(article: str, lang: str) -> str:
    """Return the name of an article of law, such as "GDPR 7(3)", as `lang` calls it."""
    return article.replace("GDPR", say("common.gdpr", lang))


def labelled(label: str, value: object, lang: str) -> str:
    """Return a label and its value with the colon that `lang` puts between them."""
    return say("common.pair", lang, label=label, value=value)


def has(key: str, lang: str) -> bool:
    """Return whether the language itself has that sentence."""
    return key in _all().get(lang.partition("-")[0].lower(), {})


def sentences(lang: str) -> dict[str, str]:
    """Return every key of one language with its sentence, places unfilled; KeyError for an unknown language."""
    return dict(_all()[lang])


def learn(folder: Path) -> None:
    """Take in the languages of a folder outside: one folder each, of TOML files as those here.

    What is ours is not changed by it: a language of ours keeps its sentences. What a new one lacks is said in English.
    Raises ValueError, naming the file, for one that cannot be read.
    """
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and entry.name not in _all():
            _all()[entry.name] = _read(entry)


@cache
def _all() -> dict[str, dict[str, str]]:
    folders = [entry for entry in files(__name__).iterdir() if entry.is_dir() and not entry.name.startswith("_")]
    folders.sort(key=lambda entry: (entry.name != FIRST, entry.name))
    every: dict[str, dict[str, str]] = {}
    for folder in folders:
        every[folder.name] = _read(folder)
    return every


def _read(folder: Traversable) -> dict[str, str]:
    texts: dict[str, str] = {}
    for file in folder.iterdir():
        if file.name.endswith(".toml"):
            try:
                texts |= _flat(file.name.removesuffix(".toml"), tomllib.loads(file.read_text(encoding="utf-8")))
            except (ValueError, TypeError, OSError) as error:
                raise ValueError(f"the texts {folder.name}/{file.name} cannot be read: {error}") from error
    return texts


def _flat(prefix: str, table: dict[str, Any]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, dict):
            texts |= _flat(key, value)
        elif isinstance(value, str):
            texts[key] = value
        else:
            raise TypeError(f"text {key!r} is not a sentence: {value!r}")
    return texts
