"""What comes from outside ends in values that can be stored, or in nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Citation, Reply
from adapters.markup import sources
from adapters.payload import MAX_NUMBER, clean, parsed

HALF = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=()))
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HALF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HALF, inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'"half \ud83d of an emoji"', "half ? of an emoji"),
        (r'"a whole \ud83d\ude00"', "a whole 😀"),
        (r'"a\u0000b"', "ab"),
        ("1" + "0" * 400, None),
        ("-1" + "0" * 400, None),
        ("1e999", None),
        ("NaN", None),
        ("1690367502152", 1690367502152),
        ("true", True),
        ("[" * 200 + "]" * 200, ...),
    ],
)
def test_what_cannot_be_kept_is_replaced(written: str, read: object) -> None:
    found = parsed(f'{{"value": {written}}}')["value"]
    assert read is ... or (found == read and type(found) is type(read))


@pytest.mark.parametrize("content", ["{", "[]", "null", b"\xff", None, 5, "[" * 9000, "1" * 9000])
def test_what_is_no_object_is_an_empty_one(content: Any) -> None:
    assert parsed(content) == {}


@given(ANY)
def test_a_clean_value_can_be_written_anywhere(value: Any) -> None:
    text = json.dumps(clean(value), ensure_ascii=False, allow_nan=False)
    assert "\0" not in text.encode().decode()
    for number in _numbers(json.loads(text)):
        assert abs(number) <= MAX_NUMBER


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for inner in value for number in _numbers(inner)]
    return [value] if isinstance(value, int | float) else []


def test_a_file_name_that_is_no_unicode_is_no_reason_not_to_answer() -> None:
    cited = (Citation("docs/caf\udce9.md", "half \ud83d", 3, "https://docs.example/caf"),)
    (_, line) = sources(Reply("k", "g", None, "x", citations=cited), 1000)
    assert line == "[1] [docs/caf?.md › half ?](https://docs.example/caf)"
