"""What a card shows: nobody is rung, no address is hidden, code looks as it was written."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Citation, Reply
from adapters.dialects import LARK
from adapters.lark.card import MAX_BYTES, card, draft_text, plain
from adapters.markdown import rendered
from adapters.markup import json_size

RINGING = re.compile(r"<\s*/?\s*at\b", re.IGNORECASE)
HIDING = re.compile(r"<\s*(?:a|link|person|font|number_tag|local_datetime)\b", re.IGNORECASE)


def shown(text: str) -> str:
    """The first element of an answer's card."""
    made: Any = json.loads(card(Reply("k", "g", None, text), buttons=True))
    content: str = made["body"]["elements"][0]["content"]
    return content


@pytest.mark.parametrize(
    "text",
    [
        "<at id=all></at>",
        "<AT id=all></AT>",
        "`<at id=all></at>`",
        "a `b\nc` <at id=all></at> `d",
        "```\n<at id=all></at>\n```",
        "```\n<at id=all></at>",
        "    <at id=all></at>",
        "- x\n\n      <at id=all></at>",
        "> ```\n> <at id=all></at>\n> ```",
        "| <at id=all></at> | b |\n|---|---|\n| c | d |",
        "<div>\n```\n<at id=all></at>\n```\n</div>",
        "<!--\n```\n--><at id=all></at>",
        "[<at id=all></at>](https://a.example)",
        "\\<at id=all></at>",
        "~~~\n<at id=all></at>\n~~~",
        "````\n```\n<at id=all></at>\n```\n````",
    ],
)
def test_nobody_is_rung(text: str) -> None:
    assert not RINGING.search(shown(text))


@pytest.mark.parametrize(
    "text",
    [
        "<a href='https://evil.example'>docs</a>",
        "<link url='https://evil.example'>docs</link>",
        "`<a href='https://evil.example'>docs</a>`",
        "x <person id='ou_1'></person>",
        "a `b\nc` <link url='https://evil.example'>d</link> `e",
    ],
)
def test_no_address_is_hidden_in_a_tag(text: str) -> None:
    assert not HIDING.search(shown(text))


@pytest.mark.parametrize(
    "text", [r"[docs](https\://evil.example)", "[docs](https&#58;//evil.example)"]
)
def test_no_address_is_put_together_behind_our_back(text: str) -> None:
    from markdown_it import MarkdownIt

    assert 'href="https://evil' not in MarkdownIt("commonmark").render(shown(text))


def test_entities_are_shown_as_they_were_written() -> None:
    from markdown_it import MarkdownIt

    rendered = MarkdownIt("commonmark").render(shown("&lt;at id=all&gt; & <b> a&b"))
    assert rendered == "<p>&amp;lt;at id=all&amp;gt; &amp; &lt;b&gt; a&amp;b</p>\n"


def test_code_looks_as_it_was_written() -> None:
    text = "Run `git clone <url>`:\n\n```c++\n#include <stdio.h>\na && b; // <a href='x'>\n```\nend"
    assert shown(text) == text


def test_code_in_lists_and_quotes_begins_at_the_lines_beginning() -> None:
    text = "1. Run:\n\n   ```bash\n   make <x>\n   ```\n2. Then\n\n> ```\n> y\n> ```"
    assert shown(text) == "1. Run:\n\n```bash\nmake <x>\n```\n2. Then\n\n```\ny\n```"


def test_code_that_holds_fences_stays_together() -> None:
    assert shown("````md\n```\nx\n```\n````") == "````md\n```\nx\n```\n````"


def test_pictures_are_their_words_and_addresses_stay() -> None:
    text = "![a map](img_1) and <https://a.example/x?a=1&b=2> and [x](https://b.example)"
    assert shown(text) == "a map and https://a.example/x?a=1&b=2 and x (https://b.example)"


@pytest.mark.parametrize(
    "text",
    [
        "[docs](javascript:alert(1))",
        "[docs](JavaScript:alert(1)",
        "[docs]( data:text/html,x)",
        "[docs](<javascript:alert(1)>)",
        "[a [docs](javascript:x) b](lark://client)",
        "[docs][1]\n\n[1]: javascript:alert(1)",
    ],
)
def test_no_link_does_something(text: str) -> None:
    assert not re.search(r"\][(:]\s*<?(javascript|data|lark):", shown(text), re.IGNORECASE)


def test_sources_are_links_and_an_answer_says_where_its_own_lead() -> None:
    cited = (Citation("en/a.md", "One & two", 3, "https://docs.example/a"),)
    reply = Reply("k", "g", None, "see [this](https://x.example)", citations=cited)
    made: Any = json.loads(card(reply, buttons=False))
    text, _, below = (element.get("content") for element in made["body"]["elements"])
    assert text == "see this (https://x.example)"
    assert below.endswith("[1] [en/a.md › One & two](https://docs.example/a)")


def test_lines_may_break_inside_a_table() -> None:
    assert "<br>" in shown("| a<br>b | c |\n|---|---|\n| 1 | 2 |")


def test_tables_too_many_become_lines() -> None:
    found = shown("| a | b |\n|---|---|\n| `x\\|y` | <at id=all> |\n\n" * 6)
    assert found.count("|---|") == 4
    assert found.count("| `x\\|y` | &#60;at id=all> |") == 4
    assert found.count("- a: `x|y`; b: &#60;at id=all>") == 2
    assert not RINGING.search(found)


@pytest.mark.parametrize(
    "text", ["词" * 60_000, '"\\\n' * 30_000, "<" * 50_000, "| a |\n" * 20_000]
)
def test_a_card_fits_however_long_the_answer(text: str) -> None:
    sources = tuple(Citation("d" * 300, "h", n, f"https://x.example/{n}") for n in range(60))
    made = card(Reply("k", "g", None, text, citations=sources, chinese=True), buttons=True)
    assert json_size(made) <= MAX_BYTES
    content = json.loads(made)["body"]["elements"][0]["content"]
    assert "见来源" in content
    assert len(content.encode()) > 5_000  # and is not cut more than it must be
    assert json_size(plain(Reply("k", "g", None, text, citations=sources))) <= MAX_BYTES


@given(st.text(alphabet="<>at/ id=l`~\n-|&#;\\[](): k1", max_size=120))
def test_no_text_rings_or_hides(text: str) -> None:
    found = rendered(text, LARK)
    assert not RINGING.search(found)
    outside = re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", found, flags=re.DOTALL | re.MULTILINE)
    assert not HIDING.search(outside)
    draft_text(text)
