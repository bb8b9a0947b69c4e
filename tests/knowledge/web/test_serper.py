"""serper.dev against a server that answers and fails in every way it can."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.web.serper import Serper, without_operators
from knowledge.web.types import EngineError, Faulty, Hit, Refused, Rejected, Throttled, Unusable
from tests.fakes.loop_time import leap
from tests.fakes.serper_api import (
    NO_CREDITS,
    NO_OPERATORS,
    UNAUTHORIZED,
    Listed,
    Say,
    SerperApi,
    finding,
    organic,
    serper_api,
)
from tests.knowledge.web.running import HurriedClock

MILLS = Listed("https://mill.test/a", "Mills", "how mills turn")


@pytest.fixture
async def api() -> AsyncIterator[SerperApi]:
    async with serper_api(finding([MILLS])) as running:
        yield running


async def find(
    api: SerperApi, query: str = "mills", *, chinese: bool = False, timeout_s: float = 5
) -> list[Hit]:
    async with Serper(api.url, api.key, HurriedClock(), timeout_s) as engine:
        return await engine.find(query, chinese=chinese)


async def test_what_is_asked_and_answered(api: SerperApi) -> None:
    assert await find(api) == [Hit("https://mill.test/a", "Mills")]
    assert await find(api, "水轮", chinese=True) == []
    assert api.calls == [
        {"q": "mills", "num": 10, "gl": "us", "hl": "en"},
        {"q": "水轮", "num": 10, "gl": "cn", "hl": "zh-cn"},
    ]


@pytest.mark.parametrize(
    "data",
    [
        {}, {"organic": []}, {"organic": None}, {"organic": {"a": 1}}, {"organic": ["x", 5, None]},
        {"organic": [{"title": "no link"}, {"link": 7}, {"link": None}]},
        {"answerBox": {"answer": "42", "link": "https://x.test"}, "knowledgeGraph": {"title": "a"},
         "peopleAlsoAsk": [], "relatedSearches": [], "credits": 1},
    ],
)  # fmt: skip
async def test_no_results_are_no_error(api: SerperApi, data: Any) -> None:
    api.script = lambda _: Say(data)
    assert await find(api) == []
    assert len(api.calls) == 1


async def test_results_without_a_title_and_too_many_of_them(api: SerperApi) -> None:
    many = [{"link": f"https://x.test/{n}"} for n in range(30)]
    api.script = lambda _: Say({"organic": many})
    hits = await find(api)
    assert len(hits) == 10
    assert hits[0] == Hit("https://x.test/0", "")


FAILURES = [
    # what is answered, what it means, how often it is asked
    (Say(NO_CREDITS, 400), Refused, 1),
    (Say({"message": "not enough CREDITS for this"}, 402), Refused, 1),
    (Say(UNAUTHORIZED, 403), Unusable, 1),
    (Say({"message": "Unauthorized"}, 401), Unusable, 1),
    (Say({"message": "Missing query parameter", "statusCode": 400}, 400), Rejected, 1),
    (Say(raw=b"<html>", status=404), Rejected, 1),
    (Say(status=302, headers={"Location": "http://127.0.0.1:1/"}), Rejected, 1),
    (Say({"message": "Too many requests"}, 429), Throttled, 3),
    (Say({"message": "out of order"}, 500), Faulty, 2),
    (Say(raw=b"<html>bad gateway</html>", status=502), Faulty, 2),
    (Say(raw=b"no json"), Faulty, 2),
    (Say(raw=b"[1, 2]"), Faulty, 2),
    (Say(raw=b""), Faulty, 2),
    (Say(raw=b"\xff\xfe\0"), Faulty, 2),
    (Say(drop=True), Faulty, 2),
    (Say(raw=b" " * (3 << 20)), Faulty, 2),
]


@pytest.mark.parametrize(("say", "kind", "asked"), FAILURES)
async def test_failures(api: SerperApi, say: Say, kind: type[EngineError], asked: int) -> None:
    api.script = lambda _: say
    with pytest.raises(kind) as caught:
        await find(api)
    assert len(api.calls) == asked
    assert type(caught.value) is kind
    assert api.key not in str(caught.value)


async def test_a_server_that_never_answers_is_asked_twice(api: SerperApi) -> None:
    api.script = lambda _: Say(hang=True)
    finding = asyncio.create_task(find(api, timeout_s=60))
    for tries in (1, 2):
        while len(api.calls) < tries:
            await asyncio.sleep(0.005)
        leap(61)
    with pytest.raises(Faulty, match="can't be reached"):
        await finding
    assert len(api.calls) == 2


async def test_nobody_listens() -> None:
    async with Serper("http://127.0.0.1:1/search", "key", HurriedClock()) as engine:
        with pytest.raises(Faulty, match="can't be reached"):
            await engine.find("mills", chinese=False)


async def test_a_wrong_key_is_named(api: SerperApi) -> None:
    async with Serper(api.url, "another", HurriedClock()) as engine:
        with pytest.raises(Unusable, match=r"search\.web\.api_key"):
            await engine.find("mills", chinese=False)


async def test_a_crowd_is_waited_for(api: SerperApi) -> None:
    clock = HurriedClock()
    answers = iter([Say({}, 429), Say({}, 429), organic([MILLS])])
    api.script = lambda _: next(answers)
    async with Serper(api.url, api.key, clock) as engine:
        assert await engine.find("mills", chinese=False)
    assert len(clock.waits) == 2
    assert all(1 <= pause <= 1.5 for pause in clock.waits)


async def test_a_failure_that_passes(api: SerperApi) -> None:
    answers = iter([Say({}, 503), organic([MILLS])])
    api.script = lambda _: next(answers)
    assert await find(api)


async def test_operators_are_left_out_where_they_are_refused(api: SerperApi) -> None:
    def script(body: Mapping[str, Any]) -> Say:
        return Say(NO_OPERATORS, 400) if '"' in body["q"] else organic([MILLS])

    api.script = script
    assert await find(api, 'site:mill.test "how mills turn" -wind OR water')
    assert api.queries()[1] == "mill.test how mills turn wind water"
    api.script = lambda _: Say(NO_OPERATORS, 400)
    with pytest.raises(Rejected):
        await find(api, "plain words")
    assert len(api.calls) == 4


@pytest.mark.parametrize(
    ("query", "plain"),
    [
        ("mmdet CUDA out of memory", "mmdet CUDA out of memory"),
        ('"exact words" more', "exact words more"),
        ("site:github.com x", "github.com x"),
        ("a -b --flag c-d", "a b flag c-d"),
        ("a OR b | c ORDER", "a b c ORDER"),
        ("std::vector http://x intitle:y", "std::vector http://x y"),
    ],
)
def test_bare_words(query: str, plain: str) -> None:
    assert without_operators(query) == plain


@given(st.text(max_size=60))
def test_bare_words_of_anything(query: str) -> None:
    plain = without_operators(query)
    assert '"' not in plain
    assert len(plain) <= len(query)


async def test_a_socks_proxy_is_no_matter_on_this_machine_and_else_named(
    api: SerperApi, socks_proxy: str
) -> None:
    assert await find(api) == [Hit("https://mill.test/a", "Mills")]
    api.url = "https://serper.test/search"
    with pytest.raises(Unusable, match=f"HTTPS_PROXY names a .* {socks_proxy}"):
        await find(api)
