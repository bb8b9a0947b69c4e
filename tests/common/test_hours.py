"""Working hours, by weekday and time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.hours import DAYS, Hours, parse_span

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
OFFICE = Hours([parse_span("mon-fri 09:00-18:00"), parse_span("sat 10:00-12:00")], SHANGHAI)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> float:
    """2026-11-23 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("moment", "is_open", "opens"),
    [
        ("2026-11-23T08:59:59", False, "2026-11-23T09:00"),
        ("2026-11-23T09:00", True, "2026-11-23T09:00"),
        ("2026-11-23T17:59:59", True, "2026-11-23T17:59:59"),
        ("2026-11-23T18:00", False, "2026-11-24T09:00"),
        ("2026-11-27T20:00", False, "2026-11-28T10:00"),
        ("2026-11-28T12:00", False, "2026-11-30T09:00"),
    ],
)
def test_an_office(moment: str, is_open: bool, opens: str) -> None:
    assert OFFICE.is_open(at(moment)) == is_open
    assert OFFICE.opens_at(at(moment)) == at(opens)


def test_without_hours_it_is_always_open() -> None:
    assert Hours().is_open(0.0)
    assert Hours().opens_at(5.0) == 5.0


def test_a_night_shift_goes_past_midnight_into_the_next_day() -> None:
    night = Hours([parse_span("fri 22:00-06:00")], SHANGHAI)
    for moment, is_open in (
        ("2026-11-27T21:59", False), ("2026-11-27T22:00", True), ("2026-11-28T05:59", True),
        ("2026-11-28T06:00", False), ("2026-11-27T05:00", False),
    ):  # fmt: skip
        assert night.is_open(at(moment)) == is_open, moment


def test_the_zone_decides_and_summer_time_is_its_business() -> None:
    hours = Hours([parse_span("09:00-10:00")], BERLIN)
    for day in ("2026-03-28", "2026-03-29", "2026-10-25"):
        assert hours.is_open(at(f"{day}T09:30", BERLIN))
        assert not hours.is_open(at(f"{day}T10:30", BERLIN))
    assert hours.opens_at(at("2026-03-28T12:00", BERLIN)) == at("2026-03-29T09:00", BERLIN)


def test_days_wrap_around_the_week() -> None:
    assert parse_span("sat-mon 00:00-24:00").days == {5, 6, 0}
    assert parse_span("09:00-10:00").days == set(range(7))


@pytest.mark.parametrize(
    "wrong", ["", "mon", "9-18", "mon-fri 25:00-26:00", "foo 09:00-10:00", "09:00-09:00",
              "mon-fri 09:60-10:00", "24:30-25:00"],
)  # fmt: skip
def test_what_is_no_span_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_span(wrong)


minutes = st.integers(0, 24 * 60 - 1)


@given(
    days=st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)),
    opens=minutes,
    closes=minutes,
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - it takes no others
)
def test_it_is_open_at_the_moment_it_opens_and_not_before(
    days: tuple[str, str], opens: int, closes: int, now: datetime
) -> None:
    if opens == closes:
        closes = (closes + 1) % (24 * 60)
    clock = f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"
    hours = Hours([parse_span(f"{days[0]}-{days[1]} {clock}")], SHANGHAI)
    moment = now.timestamp()
    opening = hours.opens_at(moment)
    assert hours.is_open(opening)
    assert moment <= opening <= moment + 8 * 86400
    assert hours.is_open(moment) == (opening == moment)
    if opening > moment:
        assert not hours.is_open((moment + opening) / 2) or hours.is_open(moment)
        assert not hours.is_open(opening - 1)
