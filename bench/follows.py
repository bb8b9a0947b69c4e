"""Is what is posted said by its source? Answers to questions about our own documentation, written
for this: each with what is true, and one sentence more that is not. Held against the whole page,
with two other pages beside it.

Every other answer was left aside while the checks were written; both halves are reported. The
answers `unseen`, to pages of `bench/pages` and with other kinds of errors, were written when the
checks stood.
"""

import asyncio
import csv
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product

from bench.figures import Figure, at_most
from bench.setup import ROOT, Bench
from bot.answering.check import Inspector
from bot.config.schema import Config, load_config
from bot.daemon.compose import open_knowledge
from bot.grounding.markdown import leads_on, units
from bot.llm.create import open_llm
from bot.llm.llm import Llm
from bot.llm.settings import LlmSettings
from bot.metrics import create_metrics
from common.clock import SystemClock
from knowledge.base import KnowledgeBase
from knowledge.types import Passage
from tests.fakes.llm_api import Call, llm_api, verdicts

DOCS, PAGES = ROOT / "docs", ROOT / "bench/pages"
WRONG, DRAWS = 0.03, 10
"""Of a judge that errs, the share of its verdicts that are wrong; which ones is drawn so often."""


@dataclass(frozen=True, slots=True)
class Made:
    """A question, an answer whose sentences `quote` of `page` bears out, and a false sentence."""

    page: str
    quote: str
    question: str
    true: str
    false: str
    kind: str


def made(language: str, name: str = "answers") -> list[Made]:
    """The answers in a language. One whose page no longer says what it rests on is left out and
    named: it is to be written anew."""
    with (ROOT / f"bench/{name}_{language}.tsv").open(encoding="utf-8") as file:
        rows = [Made(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    stale = [row for row in rows if row.quote not in _page(row)]
    for row in stale:
        print(f"    left out: {row.page} no longer says “{row.quote}”")
    return [row for row in rows if row not in stale]


def _page(row: Made) -> str:
    page = DOCS / row.page
    return (page if page.exists() else PAGES / row.page).read_text(encoding="utf-8")


def measure(bench: Bench) -> Iterator[Figure]:
    """False sentences posted, and true ones dropped, without a judge and with one."""
    data = f"bot.data_dir={bench.work / 'follows'}"
    sources = f"knowledge.sources=[{{name: docs, path: {DOCS}}}]"
    config = load_config(ROOT / "config.yaml", [data, sources, "http.port=0"])
    yield from asyncio.run(_measured(config))


async def _measured(config: Config) -> list[Figure]:
    figures: list[Figure] = []
    judges = (("no judge", None, 0.25), ("a judge", 0.0, 0.03), ("one that errs", WRONG, 0.03))
    async with open_knowledge(config) as knowledge:
        for name, wrong, limit in judges:
            for language, texts in product(("en", "zh"), ("answers", "unseen")):
                rows = made(language, texts)
                posted: list[tuple[int, str]] = []
                lost: list[tuple[int, str]] = []
                draws = DRAWS if wrong else 1
                for draw in range(draws):
                    async with _judge(rows, wrong, draw) as llm:
                        found = await _tried(rows, knowledge, llm)
                    posted += found.posted
                    lost += found.lost
                n, total = len(rows), found.total
                what = f"{name}, {language}" + ", unseen" * (texts == "unseen")
                false, true = len(posted) / n / draws, len(lost) / total / draws
                figures += [
                    at_most(f"false sentences posted, {what} ({n})", false, limit),
                    at_most(f"true sentences dropped, {what} ({total})", true, 0.02),
                ]
                _tell(what, rows, posted, lost)
    return figures


@dataclass(frozen=True, slots=True)
class _Tried:
    """False sentences that are posted, true ones that are not, each with the number of its answer,
    and how many true ones there were."""

    posted: Sequence[tuple[int, str]]
    lost: Sequence[tuple[int, str]]
    total: int


def _tell(
    what: str,
    rows: Sequence[Made],
    posted: Sequence[tuple[int, str]],
    lost: Sequence[tuple[int, str]],
) -> None:
    exact = {number for number, row in enumerate(rows) if row.kind == "exact"}
    came = exact & {number for number, _ in posted}
    print(f"    of {len(exact)} exact facts (a command, a key, a version) {len(came)} came through")
    halves = [[sum(n % 2 == half for n, _ in each) for half in (0, 1)] for each in (posted, lost)]
    kinds = dict(Counter(rows[number].kind for number, _ in posted))
    print(f"    {what}: by halves posted {halves[0]} {kinds}, lost {halves[1]}")
    for (number, text), times in Counter((*posted, *lost)).items():
        print(f"      {number} {rows[number].page}: {text}" + f" ({times} times)" * (times > 1))


async def _tried(rows: Sequence[Made], knowledge: KnowledgeBase, llm: Llm | None) -> _Tried:
    """A true sentence is lost where neither it is posted nor, in its place, what bears it out."""
    posted: list[tuple[int, str]] = []
    lost: list[tuple[int, str]] = []
    total = reworded = 0
    for number, row in enumerate(rows):
        passages = _passages(row)
        true = _said(row.true)
        total += len(true)
        for text in (_unescaped(row.true), f"{_unescaped(row.true)}\n\n{row.false}"):
            inspector = Inspector(row.question, passages, (), 4000, knowledge, llm)
            found = await inspector.inspect(text)
            kept = found.text if not found.core_lost else ""
            if text.endswith(row.false):
                posted += [(number, one) for one in _said(row.false) if one in _plain(kept)]
            else:
                shown = _plain(kept)
                gone = [one for one in true if one not in shown]
                reworded += len(gone)
                lost += [(number, one) for one in gone if _plain(row.quote) not in shown]
    print(f"    of {total} true sentences {total - reworded} stand as they were written")
    return _Tried(posted, lost, total)


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n")


def _said(text: str) -> list[str]:
    found = [unit for unit in units(_unescaped(text)) if not leads_on(unit)]
    return [said for said in (_plain(unit.bare) for unit in found) if said]


def _plain(text: str) -> str:
    return re.sub(r"\s+|\[\d+\]|[.。`\u200b]", "", text)


def _passages(row: Made) -> list[Passage]:
    """The whole page, as short pages are shown to a model, and the beginnings of two others."""
    text = _page(row)
    language = row.page.split("/")[0]
    others = [f"{language}/{name}.md" for name in ("faq", "lark") if name not in row.page]
    beside = [(DOCS / page).read_text(encoding="utf-8")[:2000] for page in others]
    pairs = [(row.page, text), *zip(others, beside, strict=True)]
    return [Passage("docs", page, "", 1, text, 0.9) for page, text in pairs]


@asynccontextmanager
async def _judge(rows: Sequence[Made], wrong: float | None, seed: int) -> AsyncIterator[Llm | None]:
    """A model that knows which sentences are false and says of the others that they follow where
    what bears them out is shown to it; `wrong` is the share of its verdicts that are not its own,
    drawn anew each time that it is asked. None for no model."""
    if wrong is None:
        yield None
        return
    share, false = wrong, {said for row in rows for said in _said(row.false)}
    asked = Counter[str]()

    def judge(call: Call, sentence: str) -> str:
        shown = _plain(call.text)
        said = set(_said(sentence))
        borne_out = any(said <= {*_said(row.true)} and _plain(row.quote) in shown for row in rows)
        right = (
            "contradicts" if _plain(sentence) in false else "follows" if borne_out else "missing"
        )
        other = "missing" if right == "follows" else "follows"
        asked[sentence] += 1
        # Each has its own chance, so that what is asked about one tells nothing of the next.
        chance = random.Random(f"{seed} {asked[sentence]} {sentence}")  # noqa: S311 - no secret
        return other if chance.random() < share else right

    async with llm_api(lambda call: verdicts(call, partial(judge, call))) as api:
        section = {"provider": "custom", "base_url": api.url, "model": "chat"}
        settings = LlmSettings.model_validate_json(json.dumps({"remote": section}))
        async with open_llm(settings, create_metrics(), SystemClock(), watch=False) as llm:
            yield llm
