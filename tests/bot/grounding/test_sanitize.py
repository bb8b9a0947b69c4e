"""What others wrote, made harmless: it mentions nobody and hides no address, whatever is glued to
it, and code can still be copied."""

import re

import pytest

from bot.grounding.sanitize import harmless

ALIVE = re.compile(r"[@＠](?=\w)")
"""A sign that mentions: nothing stands between it and a name."""


@pytest.mark.parametrize(
    "text",
    [
        "@all look", "请@all注意", "请@所有人查看", "另请@张三处理", "（@李四）", "end.@all",
        "!@all",
        "默认端口。＠all", "＠所有人", "see @alice, @bob_2", "`@all`", "看`@所有人`", "`@张三`",
        "```\n# @all 看这里\n```", "```@all\nx\n```", "``` @所有人", "```\n@all",
        "a ``` b\n\n@all\n\nc ``` d",
        "- @here", "> @channel", "**@everyone**",
    ],
)  # fmt: skip
def test_nobody_is_mentioned(text: str) -> None:
    assert ALIVE.search(text)
    assert not ALIVE.search(harmless(text))


@pytest.mark.parametrize(
    "text",
    [
        "`pip install git+https://github.com/x/y@main`", "```sh\nssh user@host\n```",
        "```python\n@property\ndef x(self): ...\n```", "mail me@example.org", "`npm i @scope/pkg`",
        "```sh\nnpm i @scope/pkg\n```\n", "`https://docs.test/@v1`", "`x = a[1](b)`",
    ],
)  # fmt: skip
def test_code_can_be_copied(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[docs](https://evil.test/a)", "docs"),
        ("![logo](https://evil.test/p.png)", "logo"),
        ("看[文档](https://evil.test)吧", "看文档吧"),
        ("[two\nlines](https://evil.test)", "two\nlines"),
        ("[[1]](https://evil.test)", "[[1]] (https://evil.test)"),
        ('<at user_id="all">x</at>', '‹at user_id="all">x‹/at>'),
        ("`<at user_id=1>`", "`‹at user_id=1>`"),
        ("<@U1> hi", "‹@\u200bU1> hi"),
        ("`a<b`", "`a<b`"),
    ],
)
def test_targets_and_tags_are_shown(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.parametrize(
    "text", ["[a](" * 4000, "![" * 4000, "@" * 9000, "```" * 3000, "<at" * 3000]
)
def test_nothing_takes_long(text: str) -> None:
    harmless(text)
