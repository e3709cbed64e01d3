"""Versions of notices, on both databases."""

import pytest

from gateway.errors import Misuse
from gateway.store import notices
from gateway.store.engine import Store
from gateway.store.records import Notice
from tests.store.make import NOW


def version(number: int, name: str, version: int, language: str, advertiser: int = 1) -> Notice:
    return Notice(
        id=number, advertiser_id=advertiser, name=name, version=version, language=language, regime="opt-in",
        channel="email", text=f"☐ {language} {version}", html="<p>", full="all", fields={"list": "news"},
        created_at=NOW,
    )  # fmt: skip


def test_the_latest_version_comes_in_all_its_languages(store: Store) -> None:
    rows = [("form", 1, "fr"), ("form", 1, "en"), ("form", 10, "fr"), ("form", 9, "fr"), ("box", 11, "fr")]
    with store.begin() as tx:
        for number, (name, count, language) in enumerate(rows, 1):
            notices.add(tx, version(number, name, count, language))
        notices.add(tx, version(9, "form", 77, "fr", advertiser=2))

    with store.read() as tx:
        assert [(row.version, row.language) for row in notices.latest(tx, 1, "form")] == [(10, "fr")]
        assert [(row.name, row.version) for row in notices.all(tx, 1)] == [
            ("box", 11), ("form", 1), ("form", 1), ("form", 9), ("form", 10),
        ]  # fmt: skip
        assert notices.latest(tx, 1, "none") == []
        assert notices.latest(tx, 1, "form")[0].fields == {"list": "news"}


def test_a_version_is_written_once(store: Store) -> None:
    with store.begin() as tx:
        notices.add(tx, version(1, "form", 1, "fr"))
    with pytest.raises(Misuse, match="form/1"), store.begin() as tx:
        notices.add(tx, version(2, "form", 1, "fr"))
