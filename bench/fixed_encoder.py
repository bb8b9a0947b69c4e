"""`python -m bench.fixed_encoder …`: the bot, with an encoder that takes a fixed time for each text
and hardly any of the processor, as one on a machine of its own would. Its vectors are real: those
of the text without its digits, each computed once."""

import re
import sys
import time
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

import run_bot
from knowledge import base
from knowledge.index.embedders import UseEmbedder
from knowledge.plan import EmbedderSpec
from knowledge.types import Embedder, Vectors

TEXT_S = 0.04

_encode = UseEmbedder.encode


@lru_cache(maxsize=10_000)
def _vector(embedder: UseEmbedder, text: str) -> Vectors:
    vector: Vectors = _encode(embedder, [text])[0]
    return vector


def encode(self: UseEmbedder, texts: Sequence[str]) -> Vectors:
    """As `UseEmbedder.encode`."""
    time.sleep(TEXT_S * len(texts))
    vectors = [_vector(self, re.sub(r"\d+", "", text)) for text in texts]
    return np.stack(vectors) if vectors else _encode(self, [])


def create_embedder(spec: EmbedderSpec, *, apart: bool = False) -> Embedder:
    """In this process in any case: one elsewhere would be the real one."""
    del spec, apart
    return UseEmbedder()


if __name__ == "__main__":
    UseEmbedder.encode = encode  # type: ignore[method-assign]  # what the module is for
    base.create_embedder = create_embedder  # type: ignore[attr-defined]  # the same
    sys.exit(run_bot.main())
