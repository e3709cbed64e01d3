"""What the doctor says, as data: the sentence of a finding is `doctor.<code>`, its cure `doctor.cure.<code>`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How grave it is."""

    OK = "ok"
    WARN = "warn"  # works, but somebody should know
    BAD = "bad"  # mail will not go out, or not lawfully


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fields` fill the places of its sentence and cure."""

    area: str
    level: Level
    code: str
    fields: Mapping[str, object] = field(default_factory=dict)


def ok(area: str, code: str, **fields: object) -> Finding:
    """Return what is as it should be."""
    return Finding(area, Level.OK, code, fields)


def warn(area: str, code: str, **fields: object) -> Finding:
    """Return what an administrator should know."""
    return Finding(area, Level.WARN, code, fields)


def bad(area: str, code: str, **fields: object) -> Finding:
    """Return what must be mended."""
    return Finding(area, Level.BAD, code, fields)
