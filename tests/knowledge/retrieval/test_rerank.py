"""Rerankers behind their APIs: each is understood, none can hold up or break an answer."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from knowledge.base import KnowledgeBase
from knowledge.plan import BuildPlan
from knowledge.retrieval.rerank import scores_in
from knowledge.settings import RerankerSettings
from tests.fakes.rerank_api import KINDS, RerankApi, rerank_api
from tests.knowledge.library import built, gate_options

ASK = "which port does the kettle server listen on?"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> BuildPlan:
    folder = tmp_path_factory.mktemp("kettle")
    return built(folder)


@pytest.fixture
async def api() -> AsyncIterator[RerankApi]:
    async with rerank_api() as running:
        yield running


def opened(made: BuildPlan, folder: Path, api: RerankApi, **more: Any) -> KnowledgeBase:
    settings = RerankerSettings(
        kind="api", base_url=api.base_url, model="m", api_key=SecretStr("key-1"), **more
    )
    return KnowledgeBase(made, gate_options(folder), settings)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_passages_come_in_the_order_of_the_reranker(
    kind: str, made: BuildPlan, tmp_path: Path
) -> None:
    async with KnowledgeBase(made, gate_options(tmp_path)) as plain:
        before = await plain.search(ASK, 2)
    assert "7311" in before.passages[0].text
    async with rerank_api(kind) as api, opened(made, tmp_path, api) as knowledge:
        api.liked = "compiles"
        found = [await knowledge.search(ASK, 2) for _ in range(2)]
    for one in found:
        assert "compiles the kernels" in one.passages[0].text
        assert len(one.passages) == 2
        assert one.reranked == f"m@{api.base_url}/rerank"
        assert one.evidence == before.evidence
    assert set(api.keys) == {"Bearer key-1"}
    # The form that a server understands is asked for once.
    assert len(api.requests) == (3 if kind == "tei" else 2)
    assert api.requests[0]["query"] == ASK
    assert any("Ports" in text for text in api.requests[0]["documents"])


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "api_key"), (404, "base_url"), (500, "status 500"), (422, "status 422"), (307, "307")],
)
async def test_a_refusal_keeps_the_fitted_order(
    status: int, says: str, made: BuildPlan, tmp_path: Path, api: RerankApi
) -> None:
    api.status, api.liked = status, "compiles"
    async with opened(made, tmp_path, api) as knowledge:
        found = await knowledge.search(ASK, 2)
        assert "7311" in found.passages[0].text
        assert found.reranked.startswith("failed: ")
        assert says in found.reranked
        assert "key-1" not in found.reranked
        api.status = 200
        assert "compiles" in (await knowledge.search(ASK, 2)).passages[0].text


async def test_what_takes_too_long_is_not_waited_for(
    made: BuildPlan, tmp_path: Path, api: RerankApi
) -> None:
    api.open.clear()
    async with opened(made, tmp_path, api, timeout_s=0.05) as knowledge:
        found = await knowledge.search(ASK, 2)
    assert "7311" in found.passages[0].text
    assert found.reranked == "failed: more than 0.05 s"


async def test_an_address_where_nobody_listens(made: BuildPlan, tmp_path: Path) -> None:
    settings = RerankerSettings(kind="api", base_url="http://127.0.0.1:9/v1", model="m")
    async with KnowledgeBase(made, gate_options(tmp_path), settings) as knowledge:
        found = await knowledge.search(ASK, 2)
    assert "7311" in found.passages[0].text
    assert "did not answer" in found.reranked


WRONG = [
    {}, [], 7, None, {"results": 7}, [7], {"results": [{"index": 0}]},
    [{"index": 0, "score": 1.0}],
    [{"index": 0, "score": 1.0}, {"index": 0, "score": 1.0}],
    [{"index": 0, "score": 1.0}, {"index": 2, "score": 1.0}],
    [{"index": 0, "score": 1.0}, {"index": 1, "score": "high"}],
    [{"index": 0, "score": 1.0}, {"index": 1, "score": float("nan")}],
]  # fmt: skip


@pytest.mark.parametrize("answer", WRONG, ids=range(len(WRONG)))
def test_answers_without_a_score_for_each_are_refused(answer: Any) -> None:
    with pytest.raises(ValueError, match="result"):
        scores_in(answer, 2)


async def test_an_answer_that_makes_no_sense_keeps_the_fitted_order(
    made: BuildPlan, tmp_path: Path, api: RerankApi
) -> None:
    api.answer = {"results": [{"index": 99, "relevance_score": 1.0}]}
    async with opened(made, tmp_path, api) as knowledge:
        found = await knowledge.search(ASK, 2)
        assert "7311" in found.passages[0].text
        assert "sent no scores" in found.reranked
        api.answer = ["x" * 2_000_000]
        assert "more than" in (await knowledge.search(ASK, 2)).reranked


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=32), st.randoms())
def test_scores_belong_to_their_texts(scores: list[float], random: Any) -> None:
    rows = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
    random.shuffle(rows)
    assert scores_in({"results": rows}, len(scores)) == scores


async def test_a_socks_proxy_is_no_matter_on_this_machine_and_else_named(
    api: RerankApi, made: BuildPlan, tmp_path: Path, socks_proxy: str
) -> None:
    async with opened(made, tmp_path, api) as knowledge:
        assert (await knowledge.search(ASK, 2)).reranked == f"m@{api.base_url}/rerank"
    api.base_url = "https://rerank.test/v1"
    async with opened(made, tmp_path, api) as knowledge:
        told = (await knowledge.search(ASK, 2)).reranked
    assert f"can't be asked: HTTPS_PROXY names a proxy of the kind {socks_proxy}" in told
