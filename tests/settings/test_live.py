"""What a running gateway takes over when its file is read again."""

from gateway.settings import Settings, renewed
from gateway.settings.live import LIVE


def test_every_name_is_that_of_a_setting() -> None:
    for section, names in LIVE.items():
        assert set(names) <= set(type(getattr(Settings(), section)).model_fields)


def test_what_may_change_is_taken_over_and_the_rest_named() -> None:
    old = Settings()
    fresh = Settings.model_validate(
        {"limits": {"complaint_rate": 0.1, "memory": 2**27}, "store": {"url": "sqlite:///other.db"}}
    )
    settings, changed, waiting = renewed(old, fresh)
    assert changed == ["limits.complaint_rate"]
    assert waiting == ["store.url", "limits.memory"]
    assert settings.limits.complaint_rate == 0.1
    assert (settings.limits.memory, settings.store) == (old.limits.memory, old.store)


def test_the_same_file_changes_nothing() -> None:
    assert renewed(Settings(), Settings()) == (Settings(), [], [])
