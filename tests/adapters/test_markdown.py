"""Markdown is changed where a platform must not see it, and nowhere else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from adapters.dialects import DINGTALK, LARK, WECOM
from adapters.markdown import Dialect, rendered

DIALECTS = pytest.mark.parametrize(
    "dialect", [LARK, DINGTALK, WECOM], ids=["lark", "ding", "wecom"]
)


@DIALECTS
@pytest.mark.parametrize(
    "text",
    [
        "# A **title** ##",
        "over\n====\n\n- a\n  - b *c*\n\n    d\n10) e\n\n> q\n> - r\n\n***\n\nend",
        "escaped \\*stars\\* and 2 \\> 1",
        "a line\\\nand another",
        "see [below](#part) and `x[1](2)`",
        "a ` alone, `` two ` of them ``, **bold",
        "",
    ],
)
def test_what_is_harmless_stays_as_it_was_written(dialect: Dialect, text: str) -> None:
    shown = rendered(text, dialect)
    assert _html(shown) == _html(text)
    assert len(shown.split("\n")) == len(text.split("\n"))


def _html(text: str) -> str:
    return str(MarkdownIt("commonmark").render(text))


def test_code_inside_a_list_stays_there_unless_the_platform_wants_it_elsewhere() -> None:
    text = "1. run\n\n   ```sh\n   make\n   ```\n2. done\n\n> ```\n> x"
    assert rendered(text, WECOM) == f"{text}\n> ```"
    assert rendered(text, LARK) == "1. run\n\n```sh\nmake\n```\n2. done\n\n```\nx\n```"
    assert rendered("- ```\n  x\n  ```", WECOM) == "- ```\n  x\n  ```"


@DIALECTS
def test_an_address_that_was_hidden_in_escapes_is_not_put_together(dialect: Dialect) -> None:
    for text in (r"[docs](https\://evil.test)", "![docs](https&#58;//evil.test)"):
        assert rendered(text, dialect) == "docs"


@pytest.mark.parametrize("dialect", [DINGTALK, WECOM], ids=["ding", "wecom"])
def test_what_is_no_link_only_because_of_one_inside_it_does_not_become_one(
    dialect: Dialect,
) -> None:
    shown = rendered(r"[see [a](https://a.test) b](https\://evil.test)", dialect)
    assert "href" not in _html(shown)


def test_a_link_that_does_something_is_never_one() -> None:
    assert rendered("[press](javascript:x)", LARK) == "press (javascript:x)"


def test_a_table_keeps_its_place_in_a_quote() -> None:
    text = "> | a | b |\n> |---|---|\n> | 1 | |\n> | 2 | x\\|y |"
    assert rendered(text, WECOM) == "> | a | b |\n> |---|---|\n> | 1 |\n> | 2 | x\\|y |"
    assert rendered(text, DINGTALK) == "> - a: 1\n> - a: 2; b: x|y"


@DIALECTS
def test_a_table_much_wider_than_its_rows_is_left_as_it_is(dialect: Dialect) -> None:
    text = f"|{'a|' * 600}\n|{'-|' * 600}\n" + "||\n" * 6000
    assert rendered(text, dialect) == text


@DIALECTS
@given(text=st.text(alphabet="[]()!<>@`~\\\n -*#|:&;/ahtps.1", max_size=100))
def test_whatever_is_written_hides_no_address_and_rings_nobody(dialect: Dialect, text: str) -> None:
    shown = rendered(f"{text} [a](https://evil.test) <@all>", dialect)
    assert dialect.links or not re.search(r"\]\(\s*<?https?:", shown)
    assert "<@all" not in shown
