"""What is small talk and what is an opener; above all what is neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.small_talk import small_talk, without_openers

TALK = {
    "human": "转人工|我要人工|我要转人工|有人工客服吗|human please|Human, please!"
    "|I want to talk to a human"
    "|can I speak to a real person please?|人工客服",
    "who": "你是谁|你是机器人吗|你能做什么？|who are you?|What can you do?|hello bot, who are you?"
    "|你好，你是谁？|what’s your name|help|帮助",
    "wrong": "you are wrong|That's not right!|no, that’s wrong|你说的不对|不对|答非所问|stupid bot"
    "|not what I asked",
    "thanks": "谢谢，问题解决了！|谢谢豆哥|thanks!|thx|Thank you so much, it works now|好的，谢谢"
    "|搞定了，谢谢大佬|解决了|problem solved|i see, thanks|ok thanks|thank you very much!!!",
    "bye": "bye|再见|good night",
    "hello": "hello|在吗？|你好|豆哥你好|hi there|hello everyone|good morning|晚上好|大家好|测试",
    "praise": "厉害！|nice|good bot|你真棒|牛啊|👍🙏",
    "ok": "ok|好的|收到|好|明白了|got it|lol|哈哈哈",
}
SPOKEN = [(line, kind) for kind, lines in TALK.items() for line in lines.split("|")]

MORE = [
    "没解决",
    "问题还没解决",
    "thanks, but it doesn't work",
    "你好，怎么安装",
    "hello world 怎么跑",
    "谢谢，那端口怎么改？",
    "thanks. how do I change the port?",
    "human pose estimation",
    "人工智能",
    "人工标注怎么做",
    "怎么转人工",
    "ok so what next",
    "windows",
    "install",
    "test failed",
    "DLL load failed",
    "that is wrong in the docs, too",
    "is it wrong to use port 80?",
    "不对劲，装完启动不了",
    "help desk",
    "...",
    "",
]

OPENED = {
    "在吗？皮带张力要调到多少？": "皮带张力要调到多少？",
    "hi all, how do I install it?": "how do I install it?",
    "please summarise how to install it": "how to install it",
    "answer briefly: how do I install it?": "how do I install it?",
    "give me a short answer: which port?": "which port?",
    "in two sentences, how do I back up?": "how do I back up?",
    "how do I install it, step by step please": "how do I install it",
    "ELI5 how do I install it": "how do I install it",
    "请用一句话回答，怎么安装": "怎么安装",
    "请详细说明如何备份": "如何备份",
    "用英文回答：怎么安装": "怎么安装",
    "怎么导出，简短一点": "怎么导出",
    "请问各位大佬怎么安装": "怎么安装",
    "请问各位大佬，怎么安装？": "怎么安装？",
    "hello how do I install": "how do I install",
    "请问怎么安装？谢谢": "怎么安装？",
    "how to install? thanks in advance!": "how to install?",
    "hi guys\nhow to install": "how to install",
    "大家好，我想请问一下端口怎么改": "端口怎么改",
    "你好，请问在吗？怎么安装": "怎么安装",
    "Good morning everyone! Quick question: which port": "which port",
    "各位大佬好，请教一下，缓存怎么清": "缓存怎么清",
    "help me, pip fails": "pip fails",
    "急！！！跑不起来了": "跑不起来了",
    "我想问一下怎么安装": "怎么安装",
}
UNOPENED = [
    "hello world example fails",
    "回答慢怎么办",
    "说明文档在哪",
    "模型怎么回答问题",
    "list the models",
    "Is it written in English",
    "你好世界怎么运行",
    "求助按钮在哪",
    "help command prints nothing",
    "问题描述怎么写",
    "help --verbose prints nothing",
    "question.md 在哪",
    "各位有没有遇到过 E237",
    "any idea why",
    "hello",
    "在吗",
    "hi.py fails",
    "thanks page is blank",
    "怎么安装",
]


@pytest.mark.parametrize(("text", "kind"), SPOKEN)
def test_small_talk_is_known(text: str, kind: str) -> None:
    assert small_talk(text) == kind


@pytest.mark.parametrize("text", MORE)
def test_what_says_anything_else_is_none(text: str) -> None:
    assert small_talk(text) is None


@pytest.mark.parametrize("text", OPENED)
def test_openers_say_nothing(text: str) -> None:
    assert without_openers(text) == OPENED[text]


@pytest.mark.parametrize("text", UNOPENED)
def test_what_may_be_part_of_a_question_stays(text: str) -> None:
    assert without_openers(text) == text


WORDS = [
    "hi",
    "请问",
    "在吗",
    "？",
    "，",
    " ",
    "\n",
    "port",
    "怎么",
    "thanks",
    "谢谢",
    ".",
    "help",
    "急",
    "briefly",
    "please",
    "总结一下",
    "，简短一点",
]
messages = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS)).map("".join))


@given(messages)
def test_what_is_left_is_part_of_the_message_and_stays(text: str) -> None:
    rest = without_openers(text)
    assert rest in text
    assert bool(rest) == bool(text)
    assert without_openers(rest) == rest
    assert small_talk(text) is None or len(text) <= 80


@pytest.mark.parametrize("part", ["请问", "hi, ", "\n", "谢谢，", "急", "it works now "])
def test_long_messages_take_no_time(part: str) -> None:
    text = part * (20_000 // len(part))
    assert without_openers(text) in text
    assert small_talk(text) is None
