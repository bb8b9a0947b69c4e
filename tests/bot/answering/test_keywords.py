"""What is searched for elsewhere, and what stays here."""

from functools import partial

import pytest

from bot.answering.keywords import MAX_WORDS, Keywords, keywords, parsed, public
from knowledge.base import KnowledgeBase
from tests.bot.llm.models import model, remote
from tests.fakes.llm_api import Call, Say, llm_api


def test_the_lines_of_a_model_are_read() -> None:
    said = (
        "Sure!\nweb: kettle port default\n- Web：kettle 端口\nweb: third\ncode: `serve_port`\ncode:"
    )
    assert parsed(said) == Keywords(("kettle port default", "kettle 端口"), ("serve_port",))
    assert parsed("I don't know") == Keywords((), ())


@pytest.mark.parametrize(
    "secret",
    [
        "ann@corp.test",
        "10.1.2.3:8080",
        "https://wiki.corp.test/x?token=1",
        "/home/ann/project",
        "sk-1234567890abcdef1234567890",
    ],
)
def test_what_is_private_does_not_leave(secret: str) -> None:
    assert secret not in public(f"kettle fails at {secret} with exit status 98")
    assert public(f"kettle 在{secret} 上报错").startswith("kettle")
    assert secret not in " ".join(parsed(f"web: kettle {secret}").queries)


async def test_without_a_model_the_telling_words_are_taken(kettle: KnowledgeBase) -> None:
    found = await keywords("could you please tell me how kettle uses cache_fraction", kettle, None)
    assert found.queries == ("kettle cache_fraction",)
    assert "cache_fraction" in found.names


async def test_words_keep_the_order_of_the_question(kettle: KnowledgeBase) -> None:
    question = "请问 kettle 导入时报 DLL load failed 怎么办"
    words = await kettle.keywords(question, MAX_WORDS)
    assert [question.index(word) for word in words] == sorted(question.index(w) for w in words)
    assert {"kettle", "DLL"} <= set(words)
    assert len(await kettle.keywords(question, 2)) == 2


def always(say: Say, _: Call) -> Say:
    return say


async def test_a_model_that_fails_or_rambles_is_done_without(kettle: KnowledgeBase) -> None:
    for say in (Say(status=500), Say("As an assistant I think you should restart.")):
        async with (
            llm_api(partial(always, say)) as api,
            model({"remote": remote(api), "retries": 1}) as llm,
        ):
            found = await keywords("which port does kettle serve on", kettle, llm)
        assert found.queries == ("port kettle serve",)
