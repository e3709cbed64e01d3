"""The figures of `report` as one HTML page that needs nothing else: tiles, two charts, and the tables behind them."""

from collections.abc import Mapping, Sequence
from html import escape
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from gateway.flow.chart import bars
from gateway.flow.figures import COMPLAINTS_MOST, MEASURES, Figures
from gateway.law.reasons import REASONS
from gateway.text import cited, local, say

SENT = ("delivered", "refused", "dropped", "failed")
ANSWERED = ("opt_outs", "bounces", "consents")  # complaints are opt-outs too
TILES = ("delivered", "refused", "opt_outs", "complaints")
_STYLE = """:root{--ink:#1b1b1f;--soft:#5c5c66;--paper:#fff;--line:#d9d9e0;--card:#f5f5f8;--delivered:#23755a;
--refused:#b4552d;--dropped:#c9a227;--failed:#7a2236;--opt_outs:#7a4fa3;--complaints:#7a2236;
--bounces:#8a8a94;--consents:#23755a}@media(prefers-color-scheme:dark){:root{--ink:#ececf0;--soft:#a9a9b4;
--paper:#15151a;--line:#3a3a44;--card:#1f1f26;--delivered:#5cc49c;--refused:#e8895e;--dropped:#e3c25a;
--failed:#e0708a;--opt_outs:#b98be0;--complaints:#e0708a;--consents:#5cc49c}}*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:var(--ink);
background:var(--paper)}h1{margin:0;line-height:1.2}h2{margin:2.2rem 0 .6rem;font-size:1.15rem}
.when{color:var(--soft);margin:.2rem 0 1.4rem}.tiles{display:grid;
grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem}.tile{background:var(--card);
border-radius:.6rem;padding:.8rem 1rem}.tile b{display:block;font-size:1.7rem;
font-variant-numeric:tabular-nums}.tile span{color:var(--soft)}
.warn{border-inline-start:.3rem solid var(--failed);padding:.2rem 1rem}svg{width:100%;height:auto;
display:block}.grid{stroke:var(--line)}svg text{fill:var(--soft);font-size:12px}.scale{text-anchor:end}
.day{text-anchor:middle}.key{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:0;margin:.4rem 0;
list-style:none}.key i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-inline-end:.45em}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:end}
th:first-child,td:first-child,.words{text-align:start}td:first-child{white-space:nowrap}
thead th{color:var(--soft);font-weight:600}@media(max-width:40rem){svg{overflow:visible;margin:.8rem 0 1.2rem}
svg text{font-size:24px}.day{transform:translateY(18px)}.day:nth-of-type(odd){display:none}
th,td{padding:.35rem .3rem;font-size:.875rem}td:first-child{white-space:normal}}"""
_COLORS = "".join(f".{name}{{fill:var(--{name})}}i.{name}{{background:var(--{name})}}" for name in {*SENT, *ANSWERED})


def html(found: Figures, title: str, lang: str, timezone: str) -> str:
    """Return the page; `title` names whose figures they are, moments are shown in `timezone`."""
    zone = ZoneInfo(timezone)
    last = max(found.days, default=found.since.astimezone(zone).date())
    first = min(found.days, default=last)
    when = _say("when", lang, since=local.day(first, lang), until=local.day(last, lang))
    heading = escape(f"{_say('title', lang)} – {title}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{heading}</title>'
    parts = [f"<h1>{heading}</h1>", f'<p class="when">{escape(when)}</p>', _tiles(found, lang), _warning(found, lang)]
    parts += [_chart(found, SENT, "sent", lang), _chart(found, ANSWERED, "answered", lang)]
    parts += [_reasons(found, lang), _lists(found, lang), _days(found, lang)]
    return (
        f'<!doctype html>\n<html lang="{escape(lang)}"><head>{head}<style>{_STYLE}{_COLORS}</style></head>\n'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _tiles(found: Figures, lang: str) -> str:
    tiles = (
        f'<div class="tile"><b>{_number(found.total[name], lang)}</b><span>{_name(name, lang)}</span></div>'
        for name in TILES
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _warning(found: Figures, lang: str) -> str:
    rate = found.complaint_rate
    if rate is None or rate < COMPLAINTS_MOST:
        return ""
    shown = format_percent(rate, "0.00 %" if lang == "fr" else "0.00%", locale=lang)
    return f'<p class="warn">{escape(_say("complaints-high", lang, rate=shown))}</p>'


def _chart(found: Figures, names: Sequence[str], key: str, lang: str) -> str:
    days = [format_date(day, "d MMM", locale=lang) for day in found.days]
    series = {name: [counted[name] for counted in found.days.values()] for name in names}
    words = {name: _name(name, lang) for name in names}
    title = _say(key, lang)
    legend = "".join(f'<li><i class="{name}"></i>{word}</li>' for name, word in words.items())
    return f'<h2>{escape(title)}</h2>{bars(days, series, words, title)}<ul class="key">{legend}</ul>'


def _reasons(found: Figures, lang: str) -> str:
    rows = [
        (code, say(f"law.{code}", lang), cited(REASONS[code].article, lang), _number(count, lang))
        for code, count in found.reasons.most_common()
        if code in REASONS
    ]
    head = [_say(name, lang) for name in ("code", "why", "article", "count")]
    return f"<h2>{escape(_say('reasons', lang))}</h2>{_table(head, rows, words=3, lang=lang)}"


def _lists(found: Figures, lang: str) -> str:
    rows = [(name, *_counts(counted, lang)) for name, counted in sorted(found.lists.items())]
    return f"<h2>{escape(_say('by-list', lang))}</h2>{_table([_say('list', lang), *_names(lang)], rows, lang=lang)}"


def _days(found: Figures, lang: str) -> str:
    rows = [
        (format_date(day, "d MMM y", locale=lang), *_counts(counted, lang))
        for day, counted in list(found.days.items())[::-1]
        if any(counted.values())
    ]
    return f"<h2>{escape(_say('by-day', lang))}</h2>{_table([_say('day', lang), *_names(lang)], rows, lang=lang)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, lang: str, words: int = 1) -> str:
    if not rows:
        return f"<p>{escape(_say('nothing', lang))}</p>"

    def line(cells: Sequence[str], tag: str) -> str:
        marks = (' class="words"' if place < words else "" for place in range(len(cells)))
        return "<tr>" + "".join(f"<{tag}{mark}>{escape(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True))

    body = "".join(line(row, "td") for row in rows)
    return f'<div class="wide"><table><thead>{line(head, "th")}</thead><tbody>{body}</tbody></table></div>'


def _counts(counted: Mapping[str, int], lang: str) -> list[str]:
    return [_number(counted[name], lang) for name in MEASURES]


def _names(lang: str) -> list[str]:
    return [_name(name, lang) for name in MEASURES]


def _number(count: int, lang: str) -> str:
    return str(format_decimal(count, locale=lang))


def _name(measure: str, lang: str) -> str:
    return _say(f"measure.{measure}", lang)


def _say(key: str, lang: str, **fields: object) -> str:
    return say(f"report.{key}", lang, **fields)
