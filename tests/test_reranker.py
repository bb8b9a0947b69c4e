"""A reranker as a user sets it up: seen in the trace of a decision and in `check`."""

import json
from pathlib import Path

import pytest

from tests.daemon import run
from tests.fakes.rerank_api import RerankApi, rerank_api

ASK = "which port does the kettle server listen on?"


def options(api: RerankApi) -> list[str]:
    reranker = {"kind": "api", "base_url": api.base_url, "model": "m", "api_key": "key-1"}
    return ["--set", f"knowledge.reranker={json.dumps(reranker)}"]


async def test_quotes_come_in_its_order(indexed: Path) -> None:
    async with rerank_api("tei") as api:
        paths = []
        for liked in ("exit status 98", "compiles the kernels"):
            api.liked = liked
            _, out, _ = await run(indexed, "ask", ASK, "--json", more=options(api))
            paths.append(json.loads(out)["citations"][0]["path"])
    assert paths == ["en/serving.md", "en/faq.md"]


async def test_the_trace_says_whose_order_it_was(indexed: Path) -> None:
    async with rerank_api() as api:
        api.liked = "7311"
        for status, reranked in ((200, f"m@{api.base_url}/rerank"), (500, "failed: ")):
            api.status = status
            code, out, _ = await run(indexed, "ask", ASK, "--json", more=options(api))
            found = json.loads(out)
            assert (code, found["outcome"]) == (0, "answer")
            assert "7311" in found["text"]
            (entry,) = [entry for entry in found["trace"] if entry["stage"] == "retrieve"]
            assert entry["reranked"].startswith(reranked)


@pytest.mark.parametrize(
    ("liked", "status", "mark", "says"),
    [
        ("server", 200, "ok", "s for 2 passages"),
        ("cake", 200, "note", "in the wrong order; is the model a reranker?"),
        ("", 403, "bad", "knowledge.reranker.api_key"),
    ],
)
async def test_check_tries_it(
    liked: str, status: int, mark: str, says: str, tmp_path: Path
) -> None:
    async with rerank_api("siliconflow") as api:
        api.liked, api.status = liked, status
        _, out, _ = await run(tmp_path, "check", more=options(api))
    (line,) = [line for line in out.splitlines() if "reranker" in line]
    assert line.startswith(mark) and says in line
    # As long as passages may be: a model that can't read so much is found out here.
    assert [len(text) for text in api.requests[0]["documents"]] == [1500, 1500]
