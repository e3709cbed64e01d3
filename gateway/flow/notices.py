"""The information texts of an advertiser: made from what is known, versioned, never changed (GDPR 13, 14)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from gateway import clock
from gateway.errors import Misuse, NotFound
from gateway.flow.context import Context
from gateway.flow.listcheck import Finding
from gateway.flow.noticetext import Writer
from gateway.law import notices as law
from gateway.law.facts import Policy
from gateway.law.notices import Collection, Form, Refusal
from gateway.store import notices
from gateway.store.records import Notice
from gateway.store.tables import Advertiser, List
from gateway.store.tx import Tx
from gateway.text import say

_NAMED = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)/(?P<version>v?[0-9]+)")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants a notice for; empty means: what the advertiser, the list or the house say."""

    name: str
    collection: Collection
    channel: str
    languages: tuple[str, ...]
    families: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    partners_date: date | None = None
    more: dict[str, str] = field(default_factory=dict)  # link, stop, source, request, retention, recipients


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it: the versions written or standing, whether they are new, and what is missing."""

    rows: tuple[Notice, ...]
    new: bool
    missing: tuple[Finding, ...]


def make(context: Context, tx: Tx, owner: Advertiser, row: List | None, wish: Wish) -> Made:
    """Write the next version of a notice, unless its texts are those of the last one or something is missing.

    Raises Misuse for a combination that does not exist in law, or another one than the name stands for.
    """
    policy = context.settings.law.policy()
    form = formed(wish.collection, wish.channel, policy)
    if isinstance(form, Refusal):
        raise NoSuchNotice(wish.collection, wish.channel, form)
    last = notices.latest(tx, owner.id, wish.name)
    if last and (last[0].regime, last[0].channel) != (wish.collection, wish.channel):
        raise Fixed(last[0])
    now = clock.now()
    given = [_given(owner, row, wish, policy, language) for language in wish.languages]
    missing = _missing(form, given[0], indirect=row is not None and row.origin != "own")
    if any(finding.blocks for finding in missing):
        return Made((), new=False, missing=missing)
    # A language that the last version lacks is added to it; a text that changes is a new version in every language.
    added = last and not {row.language for row in last} & set(wish.languages)
    version = 1 if not last else last[0].version if added else last[0].version + 1
    written = [
        _row(context, owner, wish, form, words, language, version, now)
        for words, language in zip(given, wish.languages, strict=True)
    ]
    if same := _unchanged(last, written):
        return Made(same, new=False, missing=missing)
    if not added:
        written += [_again(context, row, version, now) for row in last if row.language not in wish.languages]
    return Made(tuple(notices.add(tx, one) for one in written), new=True, missing=missing)


class NoSuchNotice(Misuse):
    """The law knows no such notice."""

    def __init__(self, collection: Collection, channel: str, refusal: Refusal) -> None:
        super().__init__(f"{collection} × {channel}: {refusal.code} ({refusal.article})")
        self.collection, self.channel, self.refusal = collection, channel, refusal


class Fixed(Misuse):
    """The name stands for another combination already."""

    def __init__(self, row: Notice) -> None:
        super().__init__(f"{row.name} is {row.regime} × {row.channel}")
        self.row = row


def formed(collection: Collection, channel: str, policy: Policy) -> Form | Refusal:
    """Return what the law says of a combination, under the settings that counsel signed."""
    return law.form(collection, channel, automated_call_customer=policy.automated_call_customer)


def version_of(tx: Tx, owner: Advertiser, text: str, language: str | None = None) -> list[Notice]:
    """Return `name` (its latest version) or `name/version`, in every language or in one; else raise NotFound."""
    name, _, wanted = text.partition("/")
    rows = notices.all(tx, owner.id, name)
    if not rows:
        known = sorted({row.name for row in notices.all(tx, owner.id)})
        raise NotFound(f"there is no notice {name}; there are: {', '.join(known) or '–'}")
    number = wanted.removeprefix("v") or str(rows[-1].version)
    found = [row for row in rows if str(row.version) == number and language in {None, row.language}]
    if not found:
        known = [f"{row.name}/{row.version} ({row.language})" for row in rows]
        raise NotFound(
            f"there is no {name}/{number}{f' ({language})' if language else ''}; there are: {', '.join(known)}"
        )
    return found


def named_wrongly(tx: Tx, advertiser_id: int, text: str) -> list[str]:
    """Return the versions there are when `text` names a version of one of our notices that does not exist.

    Any other text is somebody else's way of naming a version, and nothing is said of it.
    """
    match = _NAMED.fullmatch(text.strip())
    if match is None:
        return []
    rows = notices.all(tx, advertiser_id, match["name"])
    known = {str(row.version) for row in rows}
    return [] if match["version"].removeprefix("v") in known else sorted({f"{row.name}/{row.version}" for row in rows})


def covers(rows: Sequence[Notice], collection: Collection, channel: str, of: List) -> list[str]:
    """Return the notices of a combination that were made for a list or for no list in particular, as `name/version`."""
    fitting = [row for row in rows if row.fields.get("list", of.name) == of.name]
    newest = {row.name: row.version for row in fitting if (row.regime, row.channel) == (collection, channel)}
    return [f"{name}/{version}" for name, version in sorted(newest.items())]


def _given(owner: Advertiser, row: List | None, wish: Wish, policy: Policy, language: str) -> dict[str, str]:
    """Return every field as words, empty where nothing is known."""
    told = {key: _words(value) for key, value in owner.art30.items()}
    about = {key: _words(value) for key, value in row.art30.items()} if row else {}
    guarantee = (row.guarantee or {}) if row else {}
    given = {
        **{key: told.get(key, "") for key in ("representative", "transfers", "profiling", "interest")},
        "joint": told.get("joint_controllers", ""),
        **{key: value for key, value in about.items() if key in {"transfers", "profiling", "interest"}},
        "name": wish.name,
        "list": row.name if row else "",
        "company": owner.legal_name,
        "office": owner.office,
        "registered": owner.registered,
        "contact": owner.email or owner.phone,
        "link": owner.privacy_url,
        "dpo": owner.dpo,
        "families": ", ".join(wish.families or (row.families if row else ())),
        "partners": ", ".join(wish.partners),
        "partners_date": _date(wish.partners_date, language),
        "source": str(guarantee.get("seller") or ""),
        "years": str(policy.prospect_years),
        "child": "yes" if row is not None and row.child_directed else "",
    }
    if given["registered"]:
        given["registered"] = f"{given['registered'].rstrip('.')}."
    return {**_blank(), **given, **{key: value for key, value in wish.more.items() if value}}


def _blank() -> dict[str, str]:
    return dict.fromkeys((*law.FIELDS, "registered"), "")


def _missing(form: Form, given: dict[str, str], *, indirect: bool) -> tuple[Finding, ...]:
    needed = (*form.fields, *(("source",) if indirect else ()))
    found = [Finding(f"notice.missing.{key}", law.FIELDS[key]) for key in needed if not given[key]]
    advice = [key for key in law.ADVICE if not given[key]]
    return (*found, *(Finding(f"notice.missing.{key}", law.FIELDS[key], blocks=False) for key in advice))


def _row(
    context: Context,
    owner: Advertiser,
    wish: Wish,
    form: Form,
    given: dict[str, str],
    language: str,
    version: int,
    now: datetime,
) -> Notice:
    writer = Writer(wish.collection, wish.channel, form, _always(given), language)
    texts = writer.texts()
    return Notice(
        id=context.store.take(1)[0],
        advertiser_id=owner.id,
        name=wish.name,
        version=version,
        language=language,
        regime=wish.collection.value,
        channel=wish.channel,
        text=texts.text,
        html=texts.html,
        full=texts.full,
        fields={
            **{key: value for key, value in given.items() if value},
            "title": writer.title(),
            "control": form.control.value,
            "article": form.article,
        },
        created_at=now,
    )


def _again(context: Context, row: Notice, version: int, now: datetime) -> Notice:
    """Return the same text under a new version, so that a version has every language."""
    return Notice(**{**row.model_dump(), "id": context.store.take(1)[0], "version": version, "created_at": now})


def _always(given: dict[str, str]) -> dict[str, str]:
    """Return the fields with a blank that may stand in a sentence for the register entry, which not everybody has."""
    return {**given, "registered": given["registered"] or " "}


def _unchanged(last: Sequence[Notice], written: Sequence[Notice]) -> tuple[Notice, ...]:
    before = {row.language: row for row in last}
    same = [
        before[row.language] for row in written if row.language in before and _body(before[row.language]) == _body(row)
    ]
    return tuple(same) if len(same) == len(written) else ()


def _body(row: Notice) -> tuple[str, str, str]:
    return row.text, row.html, row.full


def _words(value: Any) -> str:  # noqa: ANN401 - what JSON has
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _date(day: date | None, language: str) -> str:
    if day is None:
        return ""
    key = "date-first" if day.day == 1 else "date"
    return say(f"notice.{key}", language, day=day.day, month=say(f"notice.month.{day.month}", language), year=day.year)


def check_name(name: str) -> None:
    """Raise Misuse for a name that could not stand in `name/version`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise Misuse(f"{name!r}: a notice name has lower-case letters, digits and hyphens, such as newsletter-form")


def of_list(row: List, channel: str) -> Collection:
    """Return the notice that a list needs on a channel."""
    return law.of_regime(row.regime, channel)
