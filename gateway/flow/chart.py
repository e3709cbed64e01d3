"""Bars as SVG, drawn by hand: a chart is a few rectangles, in the colours of the page it stands in.

Every bar carries its figures as a title, and the page shows the same figures as a table, so nothing is told by colour
or by a pointer alone (WCAG 1.4.1).
"""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, GAP = 960, 220, 0.18  # units of the view box; the share of a place that stays empty
LEFT, BOTTOM, TOP = 56, 24, 8
LABELS = 8  # dates below the axis at most


def bars(days: Sequence[str], series: Mapping[str, Sequence[int]], names: Mapping[str, str], title: str) -> str:
    """Return a chart of stacked bars: one bar a day, one layer a series, drawn with the class of the series' key."""
    top = _round(max((sum(values) for values in zip(*series.values(), strict=True)), default=0))
    place = (WIDTH - LEFT) / max(len(days), 1)
    parts = [_axis(top)]
    for index, day in enumerate(days):
        parts.append(_bar(index, place, top, {key: values[index] for key, values in series.items()}, names, day))
    step = -(-len(days) // LABELS) or 1
    parts += [
        f'<text x="{LEFT + place * (index + 0.5):.1f}" y="{HEIGHT - 6}" class="day">{escape(days[index])}</text>'
        for index in range(0, len(days), step)
    ]
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">{body}</svg>'


def _axis(top: int) -> str:
    lines = []
    for share in (0.0, 0.5, 1.0):
        height = _y(share)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{height:.1f}" y2="{height:.1f}" class="grid"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{height + 4:.1f}" class="scale">{_short(round(top * share))}</text>')
    return "".join(lines)


def _bar(index: int, place: float, top: int, layers: Mapping[str, int], names: Mapping[str, str], day: str) -> str:
    said = ", ".join(f"{names[key]}: {count}" for key, count in layers.items() if count)
    parts, below = [f"<title>{escape(f'{day} – {said}' if said else day)}</title>"], 0
    for key, count in layers.items():
        if not count:
            continue
        high, low = _y((below + count) / top), _y(below / top)
        left, width = LEFT + place * (index + GAP / 2), place * (1 - GAP)
        parts.append(
            f'<rect class="{key}" x="{left:.1f}" y="{high:.1f}" width="{width:.1f}" height="{low - high:.1f}"/>'
        )
        below += count
    return f"<g>{''.join(parts)}</g>"


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def _round(value: int) -> int:
    """Return the next even figure of one or two digits and zeros, so that the scale reads well."""
    step: int = 10 ** max(len(str(value)) - 2, 0)
    step = max(step * 2, 2)
    return max(-(-value // step) * step, 2)


def _short(value: int) -> str:
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if value >= size * 10:
            return f"{value / size:g} {letter}"
    return str(value)
