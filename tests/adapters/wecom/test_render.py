"""What leaves: within the limit, and harmless whoever wrote it."""

import pytest

from adapters.base import Citation, Reply
from adapters.dialects import WECOM
from adapters.markdown import rendered
from adapters.wecom.streaming import MAX_BYTES, draft_text, follows, render

CITATIONS = tuple(Citation(f"docs/{n}.md", "头" * 30, n, f"https://d.test/{n}") for n in range(900))


def reply(text: str, citations: tuple[Citation, ...] = (), *, chinese: bool = True) -> Reply:
    return Reply("k", "g", "m", text, citations=citations, chinese=chinese)


def test_sources_stand_below() -> None:
    assert render(reply("答案 [1]。", CITATIONS[:1])) == (
        f"答案 [1]。\n\n来源\n[1] [docs/0.md › {'头' * 30}](https://d.test/0)"
    )


@pytest.mark.parametrize("citations", [0, 5, 900])
@pytest.mark.parametrize(
    "text", ["好" * 20000, "a paragraph\n\n" * 3000, "```\n" + "x = 1\n" * 9000]
)
def test_a_long_answer_is_cut_and_keeps_its_sources(text: str, citations: int) -> None:
    shown = render(reply(text, CITATIONS[:citations]))
    assert len(shown.encode()) <= MAX_BYTES
    assert "（其余部分见来源）" in shown
    assert shown.count("```") % 2 == 0
    assert ("来源" in shown.splitlines()) == bool(citations)


def test_the_line_is_in_the_asker_s_language() -> None:
    assert "for the rest see the sources" in render(reply("x" * 30000, chinese=False))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@zhangsan> hi", "< @\u200bzhangsan> hi"),
        ("`<@all>` and ```", "`< @all>` and ```"),
        ("```\nList<@NonNull String>\n```", "```\nList< @NonNull String>\n```"),
        ('<font color="warning">x</font>', '‹font color="warning">x‹/font>'),
        ("<think>x</think>", "‹think>x‹/think>"),
        ("[good](https://evil.test)", "good (https://evil.test)"),
        ("![](https://evil.test/x.png)", "https://evil.test/x.png"),
        ("[a](<https://evil.test> 'x')", "a (https://evil.test)"),
        ("as said [1]\n\n[1]: https://evil.test", "as said [1]\n\n[1] : https://evil.test"),
        ("[x [y]](https://evil.test)", "x [y] (https://evil.test)"),
        ("``` a ```\n[x](https://evil.test)", "`a`\nx (https://evil.test)"),
        ("``a`` [x](//evil.test) `b`", "`a` x (//evil.test) `b`"),
        ("> [1]:\n> https://evil.test", "> [1] :\n> https://evil.test"),
        ("> [1]: <https://evil.test>", "> [1] : https://evil.test"),
        ("d[0]: int = x[1](2)", "d[0]: int = x[1](2)"),
        ("```\n[a](b)\n<font>\n```\n[a](b)", "```\n[a](b)\n<font>\n```\n[a](b)"),
        ("if a < b: mail me@x.test", "if a < b: mail me@x.test"),
        ("a `[x](y)` b", "a `[x](y)` b"),
    ],
)
def test_nobody_is_rung_and_no_address_hides(text: str, shown: str) -> None:
    assert rendered(text, WECOM) == shown


def test_an_open_code_block_does_not_swallow_the_sources() -> None:
    shown = render(reply("```\nx = 1", CITATIONS[:1]))
    assert shown.startswith("```\nx = 1\n```\n\n来源")


def test_an_empty_answer_still_ends_a_stream() -> None:
    assert render(reply("  ")) == "…"


def test_drafts_keep_the_limit_too() -> None:
    assert len(draft_text("好" * 20000).encode()) <= MAX_BYTES
    assert len(follows("好" * 20000).encode()) <= MAX_BYTES
