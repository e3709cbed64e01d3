"""Periods of the law, counted in calendar days of the policy's time zone.

A period of months or years ends with the last hour of the day that bears the same number, or of the month's last day
when there is none (Regulation 1182/71, article 3(2)(c)): three years from 29 February 2024 end with 28 February 2027.
"""

import calendar
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_zone = lru_cache(maxsize=64)(ZoneInfo)


def day(moment: datetime, timezone: str) -> date:
    """Return the calendar day on which the aware `moment` falls in `timezone` (an IANA name)."""
    return moment.astimezone(_zone(timezone)).date()


def add_months(start: date, months: int) -> date:
    """Return the last day of a period of `months` that runs from `start`."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    try:
        return start.replace(year=year, month=month + 1)
    except ValueError:
        return date(year, month + 1, calendar.monthrange(year, month + 1)[1])


def add_years(start: date, years: int) -> date:
    """Return the last day of a period of `years` that runs from `start`."""
    return add_months(start, 12 * years)


def midnight(at: date, timezone: str) -> datetime:
    """Return the first moment of a day, aware."""
    return datetime(at.year, at.month, at.day, tzinfo=_zone(timezone))
