"""What the bot says to who greets it, thanks it, or wants a person."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.group.types import GroupOptions
from knowledge.base import KnowledgeBase
from tests.bot.dialog import OPTIONS, Setup, talking
from tests.daemon import run

SAID = [
    ("谢谢，问题解决了！", "notice", "不客气"),
    ("hello", "notice", "Here I am"),
    ("在吗？", "notice", "在的"),
    ("你是谁", "notice", "我是豆哥"),
    ("who are you?", "notice", "I am 豆哥"),
    ("转人工", "notice", "可以找 张三、Li Lei (@lilei)。"),
    ("human please", "notice", "You can turn to 张三, Li Lei (@lilei)."),
    ("再见", "notice", "再见"),
    ("好的", "reaction", "👌"),
    ("nice!", "reaction", "🙏"),
]
HELPED = replace(OPTIONS, helpers=("张三", "Li Lei (@lilei)"))


async def answered(
    folder: Path, kettle: KnowledgeBase, text: str, options: GroupOptions
) -> tuple[str, list[tuple[str, str]]]:
    async with talking(folder, kettle, Setup(options)) as talk:
        said = await talk.say("alice", text)
        await talk.idle()
        return await talk.reason(said), [(reply.kind, reply.text) for reply in talk.heard()]


@pytest.mark.parametrize(("text", "kind", "words"), SAID)
async def test_a_mention_gets_a_fitting_line_in_its_language(
    text: str, kind: str, words: str, tmp_path: Path, kettle: KnowledgeBase
) -> None:
    reason, replies = await answered(tmp_path, kettle, f"@bot {text}", HELPED)
    assert reason == "small_talk"
    ((own, line),) = replies
    assert own == kind and words in line
    assert "文档里没有" not in line or text == "你是谁"


async def test_nobody_is_named_where_nobody_is_configured(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    _, ((_, line),) = await answered(tmp_path, kettle, "@bot 转人工", OPTIONS)
    assert "没法转给人工" in line


@pytest.mark.parametrize("text", [text for text, _, _ in SAID])
async def test_unprompted_it_gets_nothing(text: str, tmp_path: Path, kettle: KnowledgeBase) -> None:
    assert (await answered(tmp_path, kettle, text, HELPED))[1] == []


async def test_a_silent_bot_names_only_who_helps(tmp_path: Path, kettle: KnowledgeBase) -> None:
    silent = replace(HELPED, when_unknown="silent")
    assert (await answered(tmp_path / "a", kettle, "@bot hello", silent))[1] == []
    _, ((_, line),) = await answered(tmp_path / "b", kettle, "@bot human please", silent)
    assert "Li Lei" in line


async def test_a_question_behind_a_greeting_is_answered(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    ask = "@bot 谢谢！hello, which port does the kettle server listen on? thanks in advance"
    reason, ((kind, line),) = await answered(tmp_path, kettle, ask, OPTIONS)
    assert (reason, kind) == ("answered", "answer")
    assert "7311" in line


OPENERS = ("在吗？", "hi all, ", "请问各位大佬，", "Good morning everyone! Quick question: ")


@pytest.mark.parametrize("ask", ["which port does the kettle server listen on?", "怎么安装 kettle"])
@pytest.mark.parametrize("opener", OPENERS)
async def test_an_opener_changes_nothing(opener: str, ask: str, kettle: KnowledgeBase) -> None:
    plain, opened = [await kettle.search(text, 3) for text in (ask, opener + ask)]
    assert opened == plain
    verdicts = [await kettle.judge(text, mention=False) for text in (ask, opener + ask)]
    assert verdicts[0] == verdicts[1]
    assert await kettle.alike(ask, [opener + ask]) == pytest.approx([1.0])


async def test_ask_says_the_same(indexed: Path) -> None:
    _, out, _ = await run(indexed, "ask", "human please", more=["--set", "bot.helpers=['Ann']"])
    assert "You can turn to Ann." in out
