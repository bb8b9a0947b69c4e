"""Working hours: when the bot listens. Pure: the clock is passed in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SPAN = re.compile(
    r"(?:([a-z]{3})(?:\s*-\s*([a-z]{3}))?\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})"
)


@dataclass(frozen=True, slots=True)
class Span:
    """From `opens` to `closes` on some weekdays (0 is Monday), past midnight where it closes
    earlier than it opens."""

    days: frozenset[int]
    opens: time
    closes: time


def parse_span(text: str) -> Span:
    """Reads "mon-fri 09:00-18:00", "sat 10:00-12:00" or "09:00-24:00". Raises ValueError."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError('must look like "mon-fri 09:00-18:00" or "09:00-18:00"')
    first, last, *clock = match.groups()
    if {first, last} - {None, *DAYS}:
        raise ValueError(f"names weekdays as {', '.join(DAYS)}")
    days = range(7) if first is None else _days(DAYS.index(first), DAYS.index(last or first))
    opens, closes = _time(*clock[:2]), _time(*clock[2:])
    if opens == closes and opens != time():
        raise ValueError("opens and closes at the same minute; leave the list empty for always")
    return Span(frozenset(days), opens, closes)


class Hours:
    """Some spans in one time zone; without any it is always open."""

    def __init__(self, spans: Sequence[Span] = (), zone: tzinfo | None = None) -> None:
        self._spans, self._zone = spans, zone

    def is_open(self, now: float) -> bool:
        """Is this moment (seconds since the epoch) within working hours?"""
        local = datetime.fromtimestamp(now, self._zone)
        return not self._spans or any(_holds(span, local) for span in self._spans)

    def shown(self, at: float) -> str:
        """A moment as people of the time zone read it."""
        return datetime.fromtimestamp(at, self._zone).strftime("%m-%d %H:%M")

    def opens_at(self, now: float) -> float:
        """The next moment within working hours, in seconds since the epoch; now where it is
        open."""
        if self.is_open(now):
            return now
        local = datetime.fromtimestamp(now, self._zone)
        starts = [
            datetime.combine(local.date() + timedelta(days=ahead), span.opens, self._zone)
            for span in self._spans
            for ahead in range(8)
            if (local.weekday() + ahead) % 7 in span.days
        ]
        return min(at for start in starts if (at := start.timestamp()) > now)


def _holds(span: Span, local: datetime) -> bool:
    at, day = local.time(), local.weekday()
    if span.opens < span.closes:
        return day in span.days and span.opens <= at < span.closes
    # Past midnight: the rest of the day, or the beginning of the day after.
    started = day in span.days and at >= span.opens
    return started or ((day - 1) % 7 in span.days and at < span.closes)


def _days(first: int, last: int) -> Sequence[int]:
    return [(first + ahead) % 7 for ahead in range((last - first) % 7 + 1)]


def _time(hour: str, minute: str) -> time:
    if (int(hour), int(minute)) == (24, 0):
        return time()
    if int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"{hour}:{minute} is no time of the day")
    return time(int(hour), int(minute))
