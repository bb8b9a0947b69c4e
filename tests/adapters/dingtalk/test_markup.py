"""What answers look like in DingTalk, and what in them must not work there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Citation
from adapters.dingtalk.markup import MAX_BYTES, dingtalk, message, title_of
from tests.adapters.dingtalk.running import reply

CITED = (Citation("docs/a.md", "Install", 3, "https://docs.example/a"), Citation("b.md", "", 7))


def test_lines_stay_lines_also_in_code() -> None:
    text = "First:\n\n- one\n- two\n\n```sh\nmake run \\\n  --fast\nls\n```\nlast"
    assert dingtalk(text) == (
        "First:  \n\n- one  \n- two  \n\n```sh  \nmake run \\\n  --fast  \nls  \n```  \nlast"
    )


def test_a_table_becomes_lines() -> None:
    table = "| key | default |\n|---|:--:|\n| port | 8765 |\n| host | 127.0.0.1 |\n\nend"
    assert (
        dingtalk(table) == "- key: port; default: 8765  \n- key: host; default: 127.0.0.1  \n\nend"
    )


def test_a_table_of_a_head_alone_becomes_a_line_too() -> None:
    assert dingtalk("| a | b |\n|---|---|") == "- a; b"


def test_pipes_in_code_are_no_table() -> None:
    assert "| a | b |" in dingtalk("```\n| a | b |\n|---|---|\n```")


def test_an_open_code_block_is_closed() -> None:
    assert dingtalk("```\nx") == "```  \nx  \n```"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see [the guide](https://a.example/x)", "see the guide (https://a.example/x)"),
        (
            "[https://good.example](https://evil.example)",
            "https://good.example (https://evil.example)",
        ),
        ("[https://a.example](https://a.example)", "https://a.example"),
        ("![](https://a.example/i.png)", "https://a.example/i.png"),
        ('![x](<https://a.example> "t")', "x (https://a.example)"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("as in [1]: yes [2]", "as in [1]: yes [2]"),
        ("mail me@a.example", "mail me@a.example"),
        ("a < b, x <= y", "a < b, x <= y"),
        ("use `@dataclass` and `vector<int>`", "use `@dataclass` and `vector<int>`"),
    ],
)
def test_links_show_where_they_lead(text: str, shown: str) -> None:
    assert dingtalk(text) == shown


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("[press](dtmd://dingtalkclient/sendMessage?content=x)", "dtmd:"),
        ("```\n[press](DTMD://dingtalkclient/sendMessage?content=x)\n```", "DTMD:"),
        ("dingtalk://dingtalkclient/page/link?url=x", "dingtalk:"),
        ("[a [b]](https://evil.example)", "]("),
        ("`[a](https://evil.example)`", "]("),
        ("[a](https://evil.example 'title')", "]("),
        ("[a\n](https://evil.example)", "]("),
        ("[a][b]\n\n[b]: https://evil.example", "[b]:"),
        ("<font color=red>x</font>", "<font"),
        ("<a href='https://evil.example'>x</a>", "<a"),
        ("@042 and @all and @所有人", "@0"),
        ("ask @所有人", "@所"),
        ("unpaired ` @042", "@0"),
    ],
)
def test_what_must_not_work(text: str, forbidden: str) -> None:
    assert forbidden not in dingtalk(text)


def test_sources_stand_below_as_links() -> None:
    text = message(reply("Yes [1].", citations=CITED))["text"]
    assert text.endswith(
        "\n\nSources  \n[1] [docs/a.md › Install](https://docs.example/a)  \n[2] b.md (7)"
    )
    assert "来源" in message(reply("是 [1]。", citations=CITED, chinese=True))["text"]


@pytest.mark.parametrize("line", ['say "x" \\ "y"', "很长的一行回答", "ok"])
def test_a_long_answer_is_cut_and_keeps_its_sources(line: str) -> None:
    body = message(reply(f"{line}\n" * 5000, citations=CITED), "ann")
    assert MAX_BYTES / 2 < len(json.dumps(body, ensure_ascii=False).encode()) <= MAX_BYTES - 200
    assert "for the rest see the sources" in body["text"]
    assert "https://docs.example/a" in body["text"]


def test_many_sources_do_not_crowd_out_the_answer() -> None:
    many = tuple(Citation(f"{n}.md", "x" * 200, n) for n in range(500))
    body = message(reply("The answer.", citations=many))
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= MAX_BYTES
    assert body["text"].startswith("The answer.")


def test_a_code_block_that_is_cut_is_closed() -> None:
    text = message(reply("```\n" + "x = 1\n" * 5000 + "```"))["text"]
    assert text.count("```") == 2


def test_the_title_is_a_plain_line() -> None:
    assert title_of("\n## **Install** it\nx") == "Install it"
    assert title_of("x" * 80) == "x" * 50 + "…"
    assert title_of("") == "…"


def test_the_asker_is_named_on_a_line_of_its_own() -> None:
    assert message(reply("- a"), "ann")["text"] == "@ann\n\n- a"


@given(st.text())
def test_any_text_can_be_sent(text: str) -> None:
    body = message(reply(text + "\ud800"))
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= MAX_BYTES
