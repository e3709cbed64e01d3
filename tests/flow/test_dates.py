"""Dates as spreadsheets and tools write them, read day first."""

from zoneinfo import ZoneInfo

import pytest

from gateway.flow import dates

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-04-03", "2026-04-03T00:00:00+02:00"),
        ("2026-04-03T10:11:12Z", "2026-04-03T10:11:12+00:00"),
        ("03/04/2026", "2026-04-03T00:00:00+02:00"),
        ("3.4.2026 9:05", "2026-04-03T09:05:00+02:00"),
        ("03/04/26", "2026-04-03T00:00:00+02:00"),
        ("03-04-2026 10:11:12", "2026-04-03T10:11:12+02:00"),
        ("1er mars 2026", "2026-03-01T00:00:00+01:00"),
        ("3  AVRIL 2026 à 10h11", "2026-04-03T10:11:00+02:00"),
        ("14-juil.-25", "2025-07-14T00:00:00+02:00"),
        ("28 février 2026", "2026-02-28T00:00:00+01:00"),
        ("5 Dec 2025", "2025-12-05T00:00:00+01:00"),
        ("2 août 2025", "2025-08-02T00:00:00+02:00"),
    ],
)
def test_a_date_is_read_day_first_in_the_zone_of_the_house(written: str, read: str) -> None:
    assert dates.read(written, PARIS).isoformat() == read


@pytest.mark.parametrize(
    "written",
    ["", "31/02/2026", "04/13/2026", "03-04-26", "3 brumaire 2026", "3 av 2026", "hier", "1/1/1", "٣/4/2026x"],
)
def test_what_is_no_date_is_an_error(written: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        dates.read(written, PARIS)
