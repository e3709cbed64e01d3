"""Cases of law as a file that a lawyer can read, write and run; the format is described in docs/rules.md.

A file names building blocks (people, lists, messages, events) and cases made of them: what is known of one person, and
what the law must answer.
"""

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from gateway.errors import Misuse
from gateway.law.decide import decide
from gateway.law.events import Event, Kind
from gateway.law.facts import (
    UNREAD,
    AccountFacts,
    AdvertiserFacts,
    Facts,
    ListFacts,
    ListState,
    MessageClass,
    MessageFacts,
    Opposition,
    Origin,
    PersonFacts,
    Policy,
    Regime,
)
from gateway.law.reasons import BASE, REASONS, Token, Verdict

T = TypeVar("T")
Toml: TypeAlias = Any  # a value of a TOML file
Table: TypeAlias = Mapping[str, Toml]

_BLOCKS = ("lists", "people", "messages", "events")
_SINGLE = ("advertiser", "account", "policy")
_CASE = frozenset(
    {"id", "says", "now", "channel", "list", "person", "message", "events", "oppositions", "unread", *_SINGLE}
    | {"expect", "inject", "also", "smtp", "because", "issue"}
)
_GIVEN = frozenset({"now", "channel", "list", "person", "message", *_SINGLE})
_EVENT = frozenset({"kind", "at", "recorded", "list", "channel", "direct"})


@dataclass(frozen=True, slots=True)
class Case:
    """One case: the facts, the code that must come out, and what else is expected where it is not None.

    `issue` is the number of the issue that will make the case true, None for a case that must be true now.
    """

    id: str
    says: str
    facts: Facts
    expect: str
    inject: frozenset[str] | None = None
    also: tuple[str, ...] | None = None
    smtp: str | None = None
    because: tuple[int, ...] | None = None
    issue: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What was expected of a verdict, and what came; `what` is code, inject, also, smtp or because."""

    what: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went."""

    case: Case
    verdict: Verdict
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Return whether the law answered as expected."""
        return not self.differences


def load(source: Path | str) -> list[Case]:
    """Return the cases of a file (a Path) or of a text in TOML; raise `errors.Misuse` naming the place and the cure."""
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misuse(f"this is no TOML: {error}") from error
    _only(document, {"given", "case", *_BLOCKS}, "the file")
    _only(document.get("given", {}), _GIVEN, "[given]")
    kit = {name: document.get(name, {}) for name in _BLOCKS}
    cases = [_Reader(kit, document.get("given", {}), table).case() for table in document.get("case", [])]
    for double in _doubles(case.id for case in cases):
        raise Misuse(f"case {double}: there is more than one with this id")
    return cases


def run(case: Case) -> Result:
    """Ask the law, and compare."""
    verdict = decide(case.facts)
    return Result(case, verdict, tuple(_differences(case, verdict)))


def short(tokens: Iterable[Token]) -> frozenset[str]:
    """Return tokens as a case names them: BASE for the usual ones, the rest by name."""
    found = frozenset(tokens)
    if found >= BASE:
        return frozenset({"BASE"}) | {token.name for token in found - BASE}
    return frozenset(token.name for token in found)


def _differences(case: Case, verdict: Verdict) -> Iterator[Difference]:
    reason = verdict.reason
    smtp = "250" if reason.smtp == 250 else f"{reason.smtp} {reason.status}"
    pairs = (
        ("code", case.expect, verdict.code),
        ("smtp", case.smtp, smtp),
        ("inject", case.inject, short(verdict.inject)),
        ("also", case.also, verdict.also),
        ("because", case.because, verdict.because),
    )
    for what, expected, got in pairs:
        if expected is not None and expected != got:
            yield Difference(what, _shown(expected), _shown(got))


def _shown(value: str | Iterable[object]) -> str:
    return value if isinstance(value, str) else "+".join(sorted(str(one) for one in value)) or "none"


class _Reader:
    """Reads one [[case]]."""

    def __init__(self, kit: Mapping[str, Table], given: Table, table: Table) -> None:
        self.kit = kit
        self.where = f"case {table.get('id', '(without id)')}"
        _only(table, _CASE, self.where)
        for key in ("id", "says", "expect"):
            if key not in table:
                raise Misuse(f"{self.where}: `{key}` is missing")
        self.table = {**given, **table, **{name: {**given.get(name, {}), **table.get(name, {})} for name in _SINGLE}}
        self.policy = self._make(Policy, self.table["policy"])
        self.list_ids = {name: number for number, name in enumerate(kit["lists"], start=1)}

    def case(self) -> Case:
        table = self.table
        also, because = table.get("also"), table.get("because")
        if table["expect"] not in REASONS:
            raise Misuse(f"{self.where}: there is no code {table['expect']}{_near(table['expect'], REASONS)}")
        return Case(
            id=table["id"],
            says=table["says"],
            facts=self._facts(),
            expect=table["expect"],
            inject=_tokens(table.get("inject")),
            also=None if also is None else tuple(also),
            smtp=table.get("smtp"),
            because=None if because is None else tuple(because),
            issue=table.get("issue"),
        )

    def _facts(self) -> Facts:
        table, unread = self.table, self.table.get("unread", [])
        if "now" not in table:
            raise Misuse(f"{self.where}: `now` is missing, here or in [given]")
        _only(dict.fromkeys(unread), {"list", "person", "oppositions"}, f"{self.where}, unread")
        return Facts(
            now=self._moment(table["now"]),
            advertiser=self._make(AdvertiserFacts, {"name": "A", **table["advertiser"]}),
            list=UNREAD if "list" in unread else self._list(table.get("list")),
            person=UNREAD if "person" in unread else self._person(table.get("person")),
            oppositions=UNREAD if "oppositions" in unread else self._oppositions(table.get("oppositions", [])),
            message=self._make(MessageFacts, self._block("messages", table.get("message", {}))),
            account=self._make(AccountFacts, table["account"]),
            channel=table.get("channel", "email"),
            policy=self.policy,
        )

    def _list(self, value: Toml) -> ListFacts | None:
        if value in (None, False):
            return None
        name = value if isinstance(value, str) else value.get("like")
        return self._make(ListFacts, {"id": self.list_ids.get(name, 0), **self._block("lists", value)})

    def _person(self, value: Toml) -> PersonFacts | None:
        if value in (None, False):
            return None
        blocks = [
            (number, self._block("events", one)) for number, one in enumerate(self.table.get("events", []), start=1)
        ]
        events = tuple(self._event(number, block) for number, block in blocks if self._recorded(block))
        return self._make(PersonFacts, {"id": 1, **self._block("people", value), "events": events})

    def _recorded(self, block: Table) -> bool:
        """Return whether it was written down by `now`: when it happened, unless `recorded` says otherwise."""
        written = block.get("recorded", block.get("at"))
        return written is None or self._moment(written) <= self._moment(self.table["now"])

    def _event(self, number: int, block: Table) -> Event:
        if "kind" not in block or "at" not in block:
            raise Misuse(f"{self.where}, event {number}: `kind` and `at` must be given, here or by `like`")
        return Event(
            kind=self._enum(Kind, block["kind"]),
            at=self._moment(block["at"]),
            list=self._list_id(block.get("list")),
            channel=block.get("channel"),
            direct=block.get("direct", True),
            evidence={key: _plain(value) for key, value in block.items() if key not in _EVENT},
            id=number,
        )

    def _oppositions(self, values: Iterable[Table]) -> tuple[Opposition, ...]:
        found = []
        for number, value in enumerate(values, start=1):
            _only(value, {"at", "recorded", "list", "channel"}, f"{self.where}, opposition {number}")
            if not self._recorded(value):
                continue
            where = self._list_id(value.get("list"))
            found.append(Opposition(self._moment(value["at"]), where, value.get("channel"), number))
        return tuple(found)

    def _list_id(self, name: str | None) -> int | None:
        if name is not None and name not in self.list_ids:
            raise Misuse(f"{self.where}: there is no list {name}{_near(name, self.list_ids)}")
        return None if name is None else self.list_ids[name]

    def _block(self, kind: str, value: Toml) -> Table:
        """Return a block: a name, or a table that may start from a named one (`like`) less some keys (`without`)."""
        table = {"like": value} if isinstance(value, str) else dict(value)
        name, without = table.pop("like", None), table.pop("without", [])
        if name is not None and name not in self.kit[kind]:
            raise Misuse(f"{self.where}: there is no [{kind}.{name}]{_near(name, self.kit[kind])}")
        merged = {**(self.kit[kind][name] if name is not None else {}), **table}
        return {key: one for key, one in merged.items() if key not in without}

    def _make(self, cls: type[T], table: Table) -> T:
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        renamed = {("klass" if key == "class" else key): value for key, value in table.items()}
        _only(renamed, known, f"{self.where}, {cls.__name__.removesuffix('Facts').lower()}")
        return cls(**{key: self._value(key, value) for key, value in renamed.items()})

    def _value(self, key: str, value: Toml) -> Toml:
        if key in _ENUMS:
            return self._enum(_ENUMS[key], value)
        if key == "classes":
            return frozenset(self._enum(MessageClass, one) for one in value)
        if key in {"channels", "families", "names", "b2b_countries"}:
            return frozenset(value)
        if key == "analogous":
            return {family: frozenset(covers) for family, covers in value.items()}
        return self._moment(value) if isinstance(value, date) else value

    def _enum(self, cls: type[T], value: str) -> T:
        names = [str(one) for one in cls]  # type: ignore[attr-defined]
        if value not in names:
            raise Misuse(f"{self.where}: {value!r} is none of {', '.join(names)}")
        return cls(value)  # type: ignore[call-arg]

    def _moment(self, value: Toml) -> datetime:
        """Return an aware moment; without an offset it is local time, and a bare day is its first moment."""
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(self.policy.timezone))
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(self.policy.timezone))
        raise Misuse(f"{self.where}: {value!r} is no date; write 2026-11-23 or 2026-11-23T10:00:00Z")


_ENUMS: Mapping[str, type[Any]] = {"klass": MessageClass, "regime": Regime, "state": ListState, "origin": Origin}


def _tokens(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    return frozenset() if text == "none" else frozenset(text.split("+"))


def _plain(value: Toml) -> Toml:
    return value.isoformat() if isinstance(value, date) else value


def _only(table: Table, known: Iterable[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise Misuse(f"{where}: `{key}` means nothing here{_near(key, known)}")


def _near(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _doubles(names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)
