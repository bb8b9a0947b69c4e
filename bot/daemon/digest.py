"""The daily digest for the admins: what was asked and answered, and what the documents lack."""

import uuid
from collections import Counter
from collections.abc import Sequence

from adapters.base import Reply
from bot.console.topics import Similarity, grouped
from bot.grounding.sanitize import harmless
from bot.group.delivery import Delivery
from bot.store.history import Asked
from bot.store.store import Store
from bot.texts.notices import notice, reason_text
from bot.types import Knowledge, Reason
from common.clock import DAY_S, Clock
from common.language import is_chinese

TOPICS, EXAMPLES, EXCERPT_CHARS = 8, 3, 80
LOOKED_AT = 300
"""Unanswered questions that are compared with each other; of more the newest."""


async def post_digest(
    to: str, store: Store, knowledge: Knowledge, delivery: Delivery, clock: Clock
) -> None:
    """Posts what happened since the last digest, or within a day, to "adapter:group"."""
    now = clock.now()
    since = await store.last_digest() or now - DAY_S
    asked = await store.asked_since(since)
    adapter, _, group = to.partition(":")
    text = await digest_text(asked, (now - since) / 3600, knowledge.similarity)
    reply = Reply(uuid.uuid4().hex, group, None, text, "notice", chinese=is_chinese(text))
    await store.digest_made(now)
    await delivery.say(adapter, reply)


async def digest_text(asked: Sequence[Asked], hours: float, similarity: Similarity) -> str:
    """The digest as Markdown, in the language of most questions."""
    chinese = is_chinese(" ".join(one.text for one in asked)) if asked else True
    answered = [one for one in asked if one.answered or one.recalled]
    open_ones = [one for one in asked if not one.answered and one.reason != Reason.REPEATED]
    lines = [
        notice(
            "digest",
            chinese,
            hours=round(hours),
            asked=len(asked),
            answered=len(answered),
            helpful=sum(one.votes[0] for one in asked),
            unhelpful=sum(one.votes[1] for one in asked),
            recalled=sum(one.recalled for one in asked),
        )
    ]
    reasons = Counter(one.reason for one in asked if not one.answered)
    lines += [f"- {n} × {reason_text(Reason(why), chinese)}" for why, n in reasons.most_common()]
    lines += _listed("digest_unhelpful", [one for one in asked if one.votes[1]], chinese=chinese)
    lines += _listed("digest_recalled", [one for one in asked if one.recalled], chinese=chinese)
    texts = [one.text for one in open_ones][-LOOKED_AT:]
    topics = await grouped(texts, similarity)
    if topics:
        lines.append("\n" + notice("digest_open", chinese))
    for topic in topics[:TOPICS]:
        examples = "; ".join(_excerpt(texts[number]) for number in topic[:EXAMPLES])
        lines.append(f"- {len(topic)} × {examples}")
    return "\n".join(lines)


def _listed(title: str, asked: Sequence[Asked], *, chinese: bool) -> list[str]:
    if not asked:
        return []
    return ["\n" + notice(title, chinese), *(f"- {_excerpt(one.text)}" for one in asked[:TOPICS])]


def _excerpt(text: str) -> str:
    """A question in one line, cleaned: it was written by anybody."""
    line = harmless(" ".join(text.split()))
    return line if len(line) <= EXCERPT_CHARS else line[: EXCERPT_CHARS - 1] + "…"
