"""The advertiser's colour, made safe to print into a style sheet and readable on our two backgrounds."""

import re
from dataclasses import dataclass

HOUSE = "#2f5d50"  # when the advertiser has no colour, or not one we understand
PAPER, NIGHT = "#ffffff", "#1d1f1e"  # the backgrounds of page.css
LEGIBLE = 4.5  # WCAG 2.2, 1.4.3 (AA)

_HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Palette:
    """Three colours "#rrggbb": as given, and shifted until legible as text or as a button, by day and by night."""

    plain: str
    day: str
    night: str


def palette(color: str) -> Palette:
    """Return the palette for "#rgb" or "#rrggbb" (the # may be missing); for anything else that of the house."""
    plain = _normal(color) or HOUSE
    return Palette(plain, day=_shifted(plain, "#000000", PAPER), night=_shifted(plain, "#ffffff", NIGHT))


def is_color(text: str) -> bool:
    """Return whether it is a colour that `palette` understands."""
    return _normal(text) is not None


def contrast(one: str, other: str) -> float:
    """Return the contrast of two "#rrggbb", 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _normal(color: str) -> str | None:
    match = _HEX.fullmatch(color.strip())
    if not match:
        return None
    digits = match[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def _shifted(color: str, towards: str, background: str) -> str:
    steps = (_mixed(color, towards, percent) for percent in range(0, 101, 4))
    return next(step for step in steps if contrast(step, background) >= LEGIBLE)


def _mixed(one: str, other: str, percent: int) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{(a * (100 - percent) + b * percent) // 100:02x}" for a, b in pairs)


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(color))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
