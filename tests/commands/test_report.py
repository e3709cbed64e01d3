"""What was sent, refused and why: as a table, as data, and as a page looked at in a browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gateway import clock
from gateway.settings import load
from gateway.store import advertisers, ledger, lists, receipts
from gateway.store.engine import Store
from tests.support.shell import Gate

DAY = timedelta(days=1)


@contextmanager
def opened(gate: Gate) -> Iterator[Store]:
    store = Store(load(gate.config).store.url)
    try:
        yield store
    finally:
        store.close()


def rows(store: Store, at: datetime, count: int, **fields: Any) -> list[dict[str, Any]]:
    given = {"ref": 1, "submission_id": 1, "account_id": 1, "contact_id": None, "klass": "prospecting", "at": at}
    given |= {"fate": "send", "code": "A-CONSENT", "recipient_digest": b"d" * 32, "outcome": ""}
    return [{"id": number} | given | fields for number in store.take(count)]


@pytest.fixture
def busy(tea: Gate) -> Gate:
    """A gate whose list has sent for two days, with one complaint and one opt-out."""
    now = clock.now()
    with opened(tea) as store, store.begin() as tx:
        owner, news = advertisers.all(tx)[0], lists.by_name(tx, "news")
        assert news is not None
        scope = {"advertiser_id": owner.id, "list_id": news.id}
        receipts.write(tx, rows(store, now - DAY, 40, stage="delivery", outcome="delivered", **scope))
        receipts.write(tx, rows(store, now, 60, stage="delivery", outcome="delivered", **scope))
        receipts.write(tx, rows(store, now, 3, stage="recipient", fate="refuse", code="R-OBJECTED", **scope))
        receipts.write(
            tx, rows(store, now, 1, stage="delivery", fate="refuse", code="R-OBJECTED", outcome="dropped", **scope)
        )
        said = {"channel": "email", "at": now, "recorded_at": now, **scope}
        for kind in ("complained", "objected"):
            ledger.append(tx, [{"id": store.take(1)[0], "contact_id": 9, "kind": kind, **said}])
    return tea


def test_what_was_sent_and_refused_is_counted(busy: Gate) -> None:
    said = busy.json("report", "--list", "news")
    total = {name: count for name, count in said["total"].items() if count}
    assert total == {"delivered": 100, "refused": 3, "dropped": 1, "opt_outs": 2, "complaints": 1}
    assert said["reasons"] == {"R-OBJECTED": 4}
    assert said["complaint_rate"] == pytest.approx(0.01)
    assert sum(day["delivered"] for day in said["days"].values()) == 100
    assert len(said["days"]) == 30
    assert said["lists"]["news"]["delivered"] == 100


def test_a_span_is_taken_as_days_of_the_calendar(busy: Gate) -> None:
    today = datetime.now(UTC).date()
    assert busy.json("report", "--since", "1d")["total"]["delivered"] < 100
    assert busy.json("report", "--since", today + DAY, "--until", today + 2 * DAY)["total"]["delivered"] == 0
    assert "2026-11-01" in busy.run("report", "--since", "yesterday", code=2).stderr
    assert "nothing is in between" in busy.run("report", "--since", today, "--until", today - 5 * DAY, code=2).stderr


def test_the_terminal_shows_a_bar_a_day(busy: Gate) -> None:
    said = busy.run("report").stdout
    assert re.search(r"delivered +100", said)
    assert "has objected" in said or "R-OBJECTED" in said
    assert "█" in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_quiet_gateway_reports_quiet_days(tea: Gate, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert tea.json("report", "--html", page)["complaint_rate"] is None
    assert "<svg" in page.read_text("utf-8")


class Page(HTMLParser):
    """What a page holds: its texts, its links and sources, its bars."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.asks: list[str] = []
        self.bars: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.asks += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag == "rect":
            self.bars.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.mark.parametrize(("lang", "word"), [("en", "opt-outs"), ("fr", "désinscriptions")])
def test_the_page_needs_nothing_else_and_draws_what_it_says(busy: Gate, tmp_path: Path, lang: str, word: str) -> None:
    path = tmp_path / "report.html"
    busy.run("report", "--html", path, CONSENTGATE_LANG=lang)
    html = path.read_text("utf-8")
    page = Page(html)
    assert page.asks == []
    assert "<script" not in html
    assert {"100", word, "Lettre du thé"} & set(page.texts) >= {"100", word}
    delivered = sorted(float(bar["height"] or 0) for bar in page.bars if bar["class"] == "delivered")
    assert delivered[1] / delivered[0] == pytest.approx(60 / 40, rel=0.01)
    assert any("1" in text and "%" in text for text in page.texts)  # the complaints stand above the limit
