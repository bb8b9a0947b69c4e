"""Questions by what they are about."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

SAME_TOPIC = 0.55
"""Cosine from which two questions are about the same thing."""

Similarity: TypeAlias = Callable[[str, Sequence[str]], Awaitable[list[float]]]


async def grouped(texts: Sequence[str], similarity: Similarity) -> list[list[int]]:
    """The positions of texts by topic, the largest topic first: each joins the topic whose first
    text it is nearest to, or begins one."""
    topics: list[list[int]] = []
    for number, text in enumerate(texts):
        near = await similarity(text, [texts[topic[0]] for topic in topics]) if topics else []
        best = max(range(len(near)), key=near.__getitem__, default=None)
        if best is not None and near[best] >= SAME_TOPIC:
            topics[best].append(number)
        else:
            topics.append([number])
    return sorted(topics, key=len, reverse=True)
