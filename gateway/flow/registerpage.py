"""The record of processing as a document: Markdown, or one HTML page that needs nothing else."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any

from gateway.text import cited, labelled, local, say

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;
background:#fff}h1{line-height:1.2}h2{margin:2rem 0 .5rem;border-bottom:1px solid #bbb}table{border-collapse:collapse;
width:100%;display:block;overflow-x:auto}th,td{border:1px solid #bbb;padding:.35rem .5rem;text-align:left;
vertical-align:top;min-width:5rem;overflow-wrap:break-word}th{background:#f0f0f0}.gaps{border-left:.3rem solid #b00020;
padding-left:1rem}@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th{background:#2a2a2a}}"""


def markdown(record: Mapping[str, Any], lang: str, timezone: str) -> str:
    """Return the record as Markdown; moments are shown in `timezone`."""
    record = _spoken(record, lang, timezone)
    lines = [f"# {_plain(record['name'])}", ""]
    for key, value in _parts(record):
        if _simple(value):
            lines += [labelled(f"**{_label(key, lang)}**", _plain(_words(value, lang)), lang), ""]
            continue
        lines += [f"## {_label(key, lang)}", "", *_markdown(value, lang), ""]
    return "\n".join(lines).rstrip() + "\n"


def html(record: Mapping[str, Any], lang: str, timezone: str) -> str:
    """Return the record as one HTML page; moments are shown in `timezone`."""
    record = _spoken(record, lang, timezone)
    title = escape(record["name"])
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    lines = ["<!doctype html>", f'<html lang="{lang}">', f"<head>{head}<style>{_STYLE}</style></head>", "<body><main>"]
    lines.append(f"<h1>{title}</h1>")
    for key, value in _parts(record):
        if _simple(value):
            label = f"<strong>{_label(key, lang)}</strong>"
            lines.append(f"<p>{labelled(label, escape(_words(value, lang)), lang)}</p>")
            continue
        mark = ' class="gaps"' if key == "gaps" and value else ""
        lines += [f"<section{mark}>", f"<h2>{_label(key, lang)}</h2>", *_html(value, lang), "</section>"]
    return "\n".join([*lines, "</main></body>", "</html>"]) + "\n"


def _spoken(value: Any, lang: str, timezone: str, key: str = "") -> Any:  # noqa: ANN401 - a record or a part of it
    """Return a record with its moments and the names of its articles as people of `lang` write them."""
    if isinstance(value, datetime):
        return local.minute_of(value, lang, timezone)
    if isinstance(value, Mapping):
        return {name: _spoken(item, lang, timezone, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_spoken(item, lang, timezone) for item in value]
    return cited(value, lang) if key == "article" else value


def _parts(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what comes under the title; the gaps first, as they are what is to be done."""
    order = sorted((key for key in record if key != "name"), key=lambda key: key != "gaps")
    late = {"gaps": 1, "version": 0, "created_at": 0}
    for key in sorted(order, key=lambda key: late.get(key, 2)):
        yield key, record[key]


def _markdown(value: Any, lang: str) -> Iterator[str]:  # noqa: ANN401 - a part of a record
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield "- " + labelled(f"**{_label(key, lang)}**", _plain(_words(item, lang)), lang)
    elif not value:
        yield say("register.empty", lang)
    elif isinstance(value[0], Mapping):
        yield "| " + " | ".join(_label(key, lang) for key in value[0]) + " |"
        yield "|" + " --- |" * len(value[0])
        for row in value:
            yield "| " + " | ".join(_plain(_words(item, lang)) for item in row.values()) + " |"
    else:
        yield from (f"- {_plain(item)}" for item in value)


def _html(value: Any, lang: str) -> Iterator[str]:  # noqa: ANN401 - a part of a record
    if isinstance(value, Mapping):
        rows = ((_label(key, lang), _words(item, lang)) for key, item in value.items())
        body = "".join(f'<tr><th scope="row">{head}</th><td>{escape(words)}</td></tr>' for head, words in rows)
        yield f"<table>{body}</table>"
    elif not value:
        yield f"<p>{say('register.empty', lang)}</p>"
    elif isinstance(value[0], Mapping):
        yield "<table><tr>" + "".join(f'<th scope="col">{_label(key, lang)}</th>' for key in value[0]) + "</tr>"
        for row in value:
            yield "<tr>" + "".join(f"<td>{escape(_words(item, lang))}</td>" for item in row.values()) + "</tr>"
        yield "</table>"
    else:
        yield "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in value) + "</ul>"


def _simple(value: object) -> bool:
    return isinstance(value, str)


def _words(value: object, lang: str) -> str:
    if isinstance(value, Mapping):
        return "; ".join(labelled(_label(key, lang), _words(item, lang), lang) for key, item in value.items()) or "–"
    if isinstance(value, list):
        return "; ".join(_words(item, lang) for item in value) or "–"
    return str(value) or "–"


def _plain(text: str) -> str:
    """Return words that Markdown takes as words."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _label(key: str, lang: str) -> str:
    return say(f"register.label.{key}", lang)
