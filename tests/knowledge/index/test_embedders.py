"""The embedders: the built-in one for real, the API one against a server on loopback."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knowledge.index import embedders
from knowledge.index.embedders import (
    EmbedderDown,
    OpenAIEmbedder,
    Text2vecEmbedder,
    UseEmbedder,
    create_embedder,
    embed_many,
)
from knowledge.index.embedding_cache import EmbeddingCache
from knowledge.index.encoder import Encoder
from knowledge.plan import EmbedderSpec
from knowledge.types import EmbedderError, Vectors
from tests.fakes.embeddings_api import EmbeddingsApi, embeddings_api


@pytest.fixture(scope="module")
def use() -> UseEmbedder:
    return UseEmbedder()


@pytest.fixture
def api() -> Iterator[EmbeddingsApi]:
    with embeddings_api() as served:
        yield served


def of_api(url: str, dim: int) -> EmbedderSpec:
    return EmbedderSpec(kind="openai", model="letters", base_url=url, dim=dim, api_key="secret-key")


def embedder(api: EmbeddingsApi, dim: int = 0) -> OpenAIEmbedder:
    made = create_embedder(of_api(api.url, dim))
    assert isinstance(made, OpenAIEmbedder)
    return made


def test_a_proxy_that_can_not_be_used_is_an_error_of_the_embedder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    with pytest.raises(EmbedderError, match="can't be asked: ALL_PROXY names a proxy"):
        create_embedder(of_api("https://api.test/v1", 3)).encode(["a"])


def test_meaning_is_near_across_languages(use: UseEmbedder) -> None:
    zh, en, other = use.encode(
        ["怎么安装这个软件？", "how do I install this software?", "I like cats"]
    )
    assert zh @ en > 0.6 > zh @ other


def test_vectors_have_length_one_whatever_the_text(use: UseEmbedder) -> None:
    texts = ["", " ", "a" * 20_000, "half an emoji \ud83d", "\0", "正常的一句话"]
    lengths = np.linalg.norm(use.encode(texts), axis=1)
    assert np.allclose(lengths, 1.0, atol=1e-3)
    assert use.encode([]).shape == (0, 512)


def test_many_texts_come_back_in_their_order(use: UseEmbedder) -> None:
    texts = [f"sentence number {n} " + "word " * (n % 7) for n in range(300)]
    vectors = np.zeros((300, 512), np.float32)
    for positions, part in embed_many(use, texts):
        vectors[positions] = part
    assert np.allclose(
        vectors[[0, 150, 299]], use.encode([texts[0], texts[150], texts[299]]), atol=1e-4
    )


def test_the_api_embeds_in_order_and_sends_its_key(api: EmbeddingsApi) -> None:
    vectors = embedder(api).encode(["aab", "ccc"])
    wanted = np.array([[2 / 5**0.5, 1 / 5**0.5, 0], [0, 0, 1]])
    assert np.allclose(vectors, wanted, atol=1e-6)
    assert api.keys == ["Bearer secret-key"]
    assert embedder(api).dim == 3
    assert embedder(api, dim=7).dim == 7


def test_the_api_is_asked_again_after_a_failure(api: EmbeddingsApi) -> None:
    api.fail_next = 2
    assert embedder(api).encode(["a"]).shape == (1, 3)
    assert len(api.requests) == 3


def test_an_api_that_refuses_is_a_clear_error(api: EmbeddingsApi) -> None:
    api.fail_next, api.fail_status = 99, 401
    with pytest.raises(EmbedderError, match=r"127\.0\.0\.1.*failed") as error:
        embedder(api).encode(["a"])
    assert "secret-key" not in str(error.value)
    assert len(api.requests) == 1, "a refusal is not tried again"


def test_too_few_vectors_are_noticed(api: EmbeddingsApi) -> None:
    api.short = True
    with pytest.raises(EmbedderError, match="1 vectors for 2 texts"):
        embedder(api).encode(["a", "b"])


@pytest.mark.parametrize(
    "odd",
    [[], ["a", "b"], [1.0, None, 2.0], "AAAA", {"a": 1}, [float("nan")] * 3, [1e999] * 3, [1] * 4],
)
def test_what_is_no_vector_is_a_clear_error(api: EmbeddingsApi, odd: object) -> None:
    api.odd = odd
    with pytest.raises(EmbedderError, match=r"sent (no )?vectors") as error:
        embedder(api, dim=3).encode(["a"])
    assert len(str(error.value).splitlines()) == 1


def test_an_api_that_hangs_is_given_up(api: EmbeddingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedders, "FEW_TIMEOUT_S", 0.05)
    api.open.clear()
    with pytest.raises(EmbedderError, match="failed: Request timed out"):
        embedder(api).encode(["a"])
    assert len(api.requests) == 3
    api.open.set()
    assert embedder(api).encode(["a"]).shape == (1, 3)


async def test_those_who_wait_together_for_an_api_that_hangs_wait_once(
    api: EmbeddingsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedders, "FEW_TIMEOUT_S", 0.05)
    monkeypatch.setattr(embedders, "FEW_RETRIES", 0)
    api.open.clear()
    encoder = Encoder(embedder(api))
    waiting = [encoder.vector(text) for text in "abcde"]
    failed = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in failed] == [EmbedderDown] * 5
    assert sum(len(request["input"]) for request in api.requests) == 5
    api.open.set()
    await encoder.close()


async def test_who_closes_does_not_wait_for_an_api_that_says_nothing(api: EmbeddingsApi) -> None:
    api.open.clear()
    encoder = Encoder(embedder(api))
    asked = asyncio.create_task(encoder.vector("a", first=True))
    while not api.requests:
        await asyncio.sleep(0.01)
    await encoder.close(grace_s=0.05)
    assert not asked.done()
    api.open.set()
    assert (await asked).shape == (3,)


async def test_one_embedding_serves_all_who_ask_at_the_same_time(api: EmbeddingsApi) -> None:
    api.open.clear()
    encoder = Encoder(embedder(api))
    waiting = [asyncio.create_task(encoder.vector(text)) for text in "abaab"]
    await asyncio.sleep(0)  # each has asked
    api.open.set()
    found = await asyncio.gather(*waiting)
    assert sorted(text for request in api.requests for text in request["input"]) == ["a", "b"]
    assert np.allclose(found[0], found[2])
    assert not np.allclose(found[0], found[1])
    await encoder.close()


async def test_what_is_embedded_while_it_is_to_be_forgotten_is_not_remembered(
    api: EmbeddingsApi,
) -> None:
    api.open.clear()
    encoder = Encoder(embedder(api))
    waiting = asyncio.create_task(encoder.vector("a"))
    await asyncio.sleep(0)
    encoder.forget()
    api.open.set()
    await waiting
    for _ in range(2):  # the second time it is known
        await encoder.vector("a")
    assert len(api.requests) == 2
    await encoder.close()


def test_known_texts_are_not_embedded_again(api: EmbeddingsApi, tmp_path: Path) -> None:
    cache, made = EmbeddingCache(tmp_path / "v.sqlite"), embedder(api, dim=3)
    first = cache.encode(made, ["a", "b", "a"])
    again = EmbeddingCache(tmp_path / "v.sqlite").encode(made, ["b", "c", "a"])
    assert [request["input"] for request in api.requests] == [["a", "b"], ["c"]]
    assert np.allclose(first[0], first[2]) and np.allclose(first[1], again[0])
    assert np.allclose(again[2], [1, 0, 0])
    cache.prune(1)
    cache.encode(made, ["a", "c"])
    assert api.requests[-1]["input"] == ["a"]


def test_the_cache_tells_embedders_apart(
    api: EmbeddingsApi, tmp_path: Path, use: UseEmbedder
) -> None:
    cache = EmbeddingCache(tmp_path / "v.sqlite")
    assert cache.encode(embedder(api), ["a"]).shape == (1, 3)
    assert cache.encode(use, ["a"]).shape == (1, 512)
    empty: Vectors = cache.encode(use, [])
    assert empty.shape == (0, 512)


def test_text2vec_says_how_to_install_it() -> None:
    made = create_embedder(EmbedderSpec("text2vec", model="", base_url="", dim=0, api_key=""))
    assert isinstance(made, Text2vecEmbedder)
    assert made.id == "text2vec:shibing624/text2vec-base-chinese"
    with pytest.raises(EmbedderError, match="pip install text2vec six torch"):
        made.encode(["a"])


def test_the_key_is_in_no_name() -> None:
    spec = of_api("http://x/v1", 3)
    assert "secret-key" not in repr(spec) + create_embedder(spec).id
