"""The pages that come from the declarations: `config.example.toml` and `docs/reference/settings.md`."""

import json
from collections.abc import Container, Iterator, Mapping
from datetime import timedelta
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.settings.kinds import Listen, spell_duration
from gateway.settings.live import LIVE
from gateway.settings.sections import Settings

_WIDTH = 118


def example() -> str:
    """Return an annotated configuration in which every setting stands as a comment with its default."""
    lines = [
        "# Every setting of consentgate with its default. Remove the # in front of what you change.",
        "# Relative paths start from the folder of this file. Secrets never stand here: write env:NAME or file:path.",
    ]
    for name, model, doc in sections():
        lines += ["", *_wrapped(doc), f"[{name}]"]
        tables: list[str] = []
        for key, field in model.model_fields.items():
            target = tables if field.default and isinstance(field.default, dict) else lines
            target += ["", *_wrapped(field.description or "")]
            if target is tables:
                target.append(f"# [{name}.{key}]")
                target += [f"# {number} = {_plain(value)}" for number, value in field.default.items()]
            else:
                target.append(f"# {key} = {_plain(field.default)}")
            target += [f"#   {line}".rstrip() for line in _entry(f"{name}.{key}", field)]
        lines += tables
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the reference page, in Markdown."""
    lines = [
        "# Settings",
        "",
        "Made from the declarations in `gateway/settings/sections.py`; a test holds it equal. The file is TOML;",
        "unknown keys are errors. Secrets are `env:NAME` or `file:path`; durations are written `30s`, `10m`, `1h30m`,",
        "`5d`. Relative paths start from the folder of the file. `consentgate config show` says what is in force.",
        "Those marked ↻ may be changed while the gateway runs: SIGHUP makes it take them over. Others need a restart.",
    ]
    for name, model, doc in sections():
        lines += ["", f"## [{name}]", "", doc, "", *_table(model, LIVE.get(name, ()))]
        for key, field in model.model_fields.items():
            if inner := _inner(field):
                lines += ["", f"### [{name}.{key}.LOGIN]", "", *_table(inner)]
    return "\n".join(lines) + "\n"


def _table(model: type[BaseModel], live: Container[str] = ()) -> Iterator[str]:
    yield from ("| setting | takes | default | |", "|---|---|---|---|")
    for key, field in model.model_fields.items():
        schema = model.model_json_schema()["properties"][key]
        cells = [
            f"`{key}` ↻" if key in live else f"`{key}`",
            _takes(schema),
            f"`{_plain(field.default)}`",
            field.description or "",
        ]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _entry(place: str, field: FieldInfo) -> Iterator[str]:
    """Yield how one table of a setting that holds tables by login is written."""
    model = _inner(field)
    if model is not None:
        yield f"[{place}.LOGIN]"
        for key, inner in model.model_fields.items():
            yield f"{key} = {_plain(inner.default)}"


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    inner = get_args(field.annotation)[-1:]
    return inner[0] if inner and isinstance(inner[0], type) and issubclass(inner[0], BaseModel) else None


def sections() -> Iterator[tuple[str, type[BaseModel], str]]:
    """Yield name, model and description of each section, in the order of the file."""
    for name, field in Settings.model_fields.items():
        model = type(field.default)
        yield name, model, " ".join((model.__doc__ or "").split())


def _wrapped(text: str) -> list[str]:
    lines, line = [], "#"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]


def _plain(value: object) -> str:
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_plain(item)}" for key, item in value.items()) or "{}"
    if isinstance(value, timedelta):
        return json.dumps(spell_duration(value))
    if isinstance(value, (tuple, frozenset)) and not isinstance(value, Listen):
        return "[" + ", ".join(_plain(item) for item in sorted(value)) + "]"
    return json.dumps(str(value or ""), ensure_ascii=False)


def _takes(schema: Mapping[str, Any]) -> str:
    """Return in words what a setting takes, from its JSON schema."""
    if "anyOf" in schema:
        return ", ".join(_takes(part) for part in schema["anyOf"] if part != {"type": "null"}) + ' or ""'
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "additionalProperties" in schema:
        inner = schema["additionalProperties"]
        return _TABLES.get(inner.get("format", inner.get("type")), "a table for each login")
    if "items" in schema:
        return f"list of: {_takes(schema['items'])}"
    words = _WORDS.get(schema.get("format", schema["type"]), str(schema["type"]))
    if "minimum" in schema and "maximum" in schema:
        words += f", {schema['minimum']} to {schema['maximum']}"
    return words


_TABLES = {"secret": "table: number = secret", "string": "table: name = text"}  # by what the values are
_WORDS = {
    "boolean": "true or false",
    "duration": "duration",
    "host": "host name",
    "integer": "whole number",
    "listen": "address:port",
    "path": "path",
    "secret": "env:NAME or file:path",
    "size": "size",
    "string": "text",
    "url": "URL",
}
