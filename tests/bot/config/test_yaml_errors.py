"""A file that is no YAML: what is wrong is said in our words, with its line and column."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.located import ConfigError, Problem
from bot.config.masking import mask
from bot.config.yaml_file import read_text
from bot.texts.translated import in_chinese
from tests.bot.texts.english import english_left

SIGN = "a text can't begin with this sign"
OTHER = "this belongs to nothing above"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("bot:\n  name: `x`", "2:9", SIGN),
        ("bot:\n  name: *hunter2", "2:9", SIGN),
        ("bot:\n  name: & x", "2:10", SIGN),
        ("bot:\n  name: !hunter2!x y", "2:9", SIGN),
        ("bot:\n  name: a: b", "2:10", "a `:` where none can be"),
        ("bot:\n  name:x\n  language: zh", "3:11", "a `:` where none can be"),
        ("bot:\n  name: x\n  language", "3:3", "this line has no `: `"),
        ("bot:\n  helpers: - x", "2:12", "a list begins on a line of its own"),
        ("bot:\n  name: 'x\n  language: zh\n", "2:9", "this quote is never closed"),
        ('bot:\n  name: "x\n---\n', "2:9", "this quote is never closed"),
        ('bot:\n  name: "C:\\users"', "2:14", "this can't stand behind a backslash"),
        ("bot:\n    name: x\n  language: zh", "3:3", OTHER),
        ("bot:\n  name: 'it's'", "2:13", OTHER),
        ("  bot: {}\nllm: {}", "2:1", OTHER),
        ("bot: {name: x}}", "1:15", OTHER),
        ("bot:\n  helpers: [a, b\n  name: x", "2:12", "this `[` is never closed"),
        ("bot: {name: x\nllm: {}", "1:6", "this `{` is never closed"),
        ("bot:\n  name: |x\n    y", "2:10", "behind `|` or `>` may stand only"),
        ("bot: {}\n---\nbot: {}", "2:1", "a second document begins here"),
        ("bot:\n  name: ]", "2:9", "this can't be understood"),
        ("bot:\n  name: a\x07b", "2:10", "holds characters that no text can hold"),
    ],
)
def test_where_it_is_no_yaml(text: str, place: str, said: str) -> None:
    (problem,) = problems(text)
    assert problem.place.label == f"config.yaml:{place}"
    assert problem.text.startswith(f"not valid YAML: {said}")
    line, column = place.split(":")
    with pytest.raises(ConfigError, match=f"^line {line}, column {column}: ") as shown:
        mask(text)
    for told in (problem.text, str(shown.value)):
        assert "hunter2" not in told
        assert not english_left(in_chinese(told))


def problems(text: str) -> tuple[Problem, ...]:
    """What is wrong with a file's text."""
    with pytest.raises(ConfigError) as told:
        read_text(text, Path("config.yaml"), "config.yaml", {})
    return told.value.problems


@given(st.text("ab:- {}[],\n'\"#&*!|>%@\t\\\x07", max_size=30))
def test_whatever_is_written_the_place_is_in_the_text_and_nothing_is_left_in_english(
    text: str,
) -> None:
    lines = text.split("\n")
    with suppress(ConfigError):
        read_text(text, Path("x"), "x", {})
        return
    for problem in problems(text):
        line, column = (*map(int, problem.place.label.split(":")[1:]), 1, 1)[:2]
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
        assert not english_left(in_chinese(problem.text))
