"""Finding "@bot" in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.markup import called_at_first, take_mention


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("@豆哥 怎么安装", "怎么安装"),
        ("@豆哥怎么安装", "怎么安装"),
        ("＠豆哥，怎么安装", "，怎么安装"),
        ("怎么安装 @豆哥", "怎么安装"),
        ("你好@豆哥 怎么安装", "你好 怎么安装"),
        ("@bot how?", "how?"),
        ("@Bot: how?", ": how?"),
        ("hey @BOT\nhow?", "hey \nhow?"),
        ("@bot怎么安装", "怎么安装"),
        ("@bot @豆哥 how?", "how?"),
        ("thanks @bot.", "thanks ."),
        ("@豆哥", ""),
    ],
)
def test_mentions_are_taken_out(text: str, rest: str) -> None:
    assert take_mention(text, "豆哥") == (rest, True)


@pytest.mark.parametrize(
    "text",
    [
        "豆哥 怎么安装",
        "@bottle",
        "@bot-2",
        "@bot_2",
        "me@bot.example",
        "@bot.example",
        "@ 豆哥",
        "",
    ],
)
def test_what_only_looks_like_a_mention_stays(text: str) -> None:
    assert take_mention(text, "豆哥") == (text, False)


def test_a_latin_name_must_end() -> None:
    assert take_mention("@dou how?", "dou") == ("how?", True)
    assert take_mention("@double how?", "dou") == ("@double how?", False)


def test_a_name_is_no_pattern() -> None:
    assert take_mention("@a.c hi", "a.c") == ("hi", True)
    assert take_mention("@abc hi", "a.c") == ("@abc hi", False)


@given(st.text().filter(lambda text: "@" not in text and "＠" not in text), st.text(min_size=1))
def test_without_an_at_sign_nothing_changes(text: str, name: str) -> None:
    assert take_mention(text, name) == (text.strip(), False)


@given(st.text(st.sampled_from("@＠bot豆哥 a.-\n")))
def test_nothing_but_mentions_and_blanks_goes(text: str) -> None:
    rest, found = take_mention(text, "豆哥")
    assert found or rest == text.strip()
    assert not found or len(rest) < len(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("@carol how did you do it?", "carol"),
        ("＠小李，看一下", "小李"),
        ("ask @carol", ""),
        ("@property is a decorator", "property"),
        ("how does @cache work?", ""),
        ("", ""),
    ],
)
def test_whom_a_text_speaks_to(text: str, name: str) -> None:
    assert called_at_first(text) == name
