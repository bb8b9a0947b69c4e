"""The language model as the pipeline's stages use it: score, rewrite, answer, shorten."""

import asyncio
import copy
import re
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

from adapters.base import Picture
from bot.llm.asked_in import Language
from bot.llm.hybrid import Hybrid
from bot.llm.prompts import Prompts, estimate, shortened
from bot.llm.scoring import (
    Grade,
    Rubric,
    Score,
    Verdict,
    failed_score,
    read_grade,
    read_score,
    read_verdicts,
)
from bot.llm.settings import LlmSettings
from bot.llm.types import (
    Completion,
    LlmError,
    OnText,
    Priority,
    Prompt,
    Request,
    Route,
    Step,
)
from bot.metrics import Metrics
from common.language import is_chinese

SCORE_TOKENS = 2
REWRITE_TOKENS = 160
KEYWORD_TOKENS = 160
CHOICE_TOKENS = 16
GRADE_TOKENS = 8
VERDICT_TOKENS = 8
"""Of a line with a verdict on a sentence."""
LABEL_TOKENS, LABELLED_TOKENS = 8, 300
"""Of a line that labels a message, and of the message."""
SCORED_TOKENS = 1500
"""A text to score is cut at this length: its beginning tells."""

NO_ANSWER = "NO_ANSWER"
"""What the model writes when the passages don't answer."""


class Llm:
    """Prompts, and the backends that they go to. All methods raise LlmError."""

    def __init__(
        self, hybrid: Hybrid, prompts: Prompts, options: LlmSettings, metrics: Metrics
    ) -> None:
        self.hybrid, self.options = hybrid, options
        self._prompts, self._metrics = prompts, metrics
        self._mention, self._begun, self._group = False, False, ""

    def ranked(self, *, mention: bool, begun: bool = False, group: str = "") -> Self:
        """The same model for the calls of one question: where they have to wait, mentions go
        first, and of those what is nearly done. `begun`: it is being answered already. `group` is
        the one whose budget they are of."""
        ranked = copy.copy(self)
        ranked._mention, ranked._begun, ranked._group = mention, begun, group
        return ranked

    @property
    def sees(self) -> bool:
        """Is there a model that pictures can be shown to?"""
        return any(backend.options.vision for backend in self.hybrid.backends)

    async def score(self, rubric: Rubric, *, chinese: bool, **texts: str) -> Score:
        """One score, 0 to 10; the cautious one where the model's answer can't be read."""
        short = {tag: shortened(text, SCORED_TOKENS) for tag, text in texts.items()}
        prompt = self._prompts.render(rubric, chinese=chinese, **short)
        request = replace(self._request(prompt, SCORE_TOKENS, self._step(rubric)), digit=True)
        completion = await self.hybrid.complete(Route.SCORE, lambda _: request)
        score = read_score(rubric, completion)
        if score.how == "unreadable":
            self._metrics.llm_unreadable.labels(rubric).inc()
        return score

    async def score_each(
        self, rubric: Rubric, tag: str, each: Sequence[str], *, chinese: bool, **texts: str
    ) -> list[Score]:
        """A score for each of several texts, concurrently. One that fails counts as the cautious
        one; LlmError only where all fail."""
        failed: list[LlmError] = []

        async def one(text: str) -> Score:
            try:
                return await self.score(rubric, chinese=chinese, **{tag: text}, **texts)
            except LlmError as error:
                failed.append(error)
                self._metrics.llm_unreadable.labels(rubric).inc()
                return failed_score(rubric)

        scores = await all_of([one(text) for text in each])
        if failed and len(failed) == len(scores):
            raise failed[-1]
        return scores

    async def rewrite(self, message: str, history: str, chinese: bool) -> str:
        """The message as a question that stands by itself; one line."""
        texts = {"message": shortened(message, 400), "history": shortened(history, 1200)}
        prompt = self._prompts.render("rewrite", chinese=chinese, **texts)
        done = await self._ask(Route.KEYWORDS, prompt, REWRITE_TOKENS, Step.QUESTION)
        lines = done.text.splitlines()
        return lines[0].strip().strip('"“”') if lines and not done.cut else ""

    async def keywords(self, question: str, chinese: bool) -> str:
        """Lines "web: …" and "code: …" that say what to look for."""
        asked = shortened(question, 600)
        prompt = self._prompts.render("keywords", chinese=chinese, question=asked)
        return (await self._ask(Route.KEYWORDS, prompt, KEYWORD_TOKENS, Step.RELEVANCE)).text

    async def choose(self, question: str, repositories: Sequence[str]) -> Sequence[int] | None:
        """The numbers, from 1, of the repositories that fit; None where it can't be told."""
        texts = {"question": shortened(question, 600)}
        introductions = [shortened(one, 200) for one in repositories]
        prompt = self._prompts.render(
            "choose", chinese=is_chinese(question), repository=introductions, **texts
        )
        done = await self._ask(Route.SCORE, prompt, CHOICE_TOKENS, Step.RELEVANCE)
        numbers = [int(number) for number in re.findall(r"\d{1,3}", done.text)]
        return [number for number in numbers if number] if numbers else None

    def label_prompt(self, guideline: str, messages: Sequence[str], chinese: bool) -> Prompt:
        """The prompt of `label`, to count its tokens."""
        short = [shortened(message, LABELLED_TOKENS) for message in messages]
        return self._prompts.render("label", chinese=chinese, guideline=guideline, message=short)

    async def label(self, guideline: str, messages: Sequence[str], chinese: bool) -> str:
        """Lines "number: good", "bad" or "unsure" for messages, numbered from 1, by a guideline."""
        prompt = self.label_prompt(guideline, messages, chinese)
        tokens = LABEL_TOKENS * len(messages)
        return (await self._ask(Route.ANSWER, prompt, tokens, Step.QUESTION)).text

    def evidence_tokens(self) -> int:
        """Room for the passages of an answer, in the model that would be asked now."""
        return min(self.options.evidence_tokens, self._room(self.hybrid.context(Route.ANSWER)))

    async def answer(
        self,
        question: str,
        passages: Sequence[str],
        history: str,
        language: Language = Language.ENGLISH,
        on_text: OnText | None = None,
        pictures: Sequence[Picture] = (),
    ) -> Completion:
        """An answer from the passages, best first; the last ones go where the context is short.
        The `pictures` of the question are shown to a model that sees."""

        def make(context: int) -> Request:
            kept = _fitting(passages, min(self.options.evidence_tokens, self._room(context)))
            texts = {"question": shortened(question, 1000), "history": history}
            prompt = self._prompts.render(
                "answer",
                chinese=language is Language.CHINESE,
                language=language.name_in_prompt,
                passage=kept,
                **texts,
            )
            asked = self._request(prompt, self.options.answer_tokens, Step.ANSWER)
            return replace(asked, pictures=tuple(pictures))

        return await self.hybrid.complete(Route.ANSWER, make, on_text)

    async def translate(self, answer: str, language: Language) -> Completion:
        """The answer in another language."""
        chinese, name = language is Language.CHINESE, language.name_in_prompt
        prompt = self._prompts.render("translate", chinese=chinese, language=name, answer=answer)
        return await self._ask(Route.ANSWER, prompt, self.options.answer_tokens, Step.ANSWER)

    async def shorten(self, question: str, answer: str, chinese: bool) -> Completion:
        """A shorter form of an answer."""
        prompt = self._prompts.render("shorten", chinese=chinese, question=question, answer=answer)
        return await self._ask(Route.ANSWER, prompt, self.options.answer_tokens, Step.CHECK)

    async def follows(
        self, question: str, sentences: Sequence[str], passages: Sequence[str], chinese: bool
    ) -> Sequence[Verdict]:
        """What the passages say to each sentence of an answer to the question."""
        prompt = self._prompts.render(
            "follows",
            chinese=chinese,
            question=shortened(question, 400),
            sentence=sentences,
            passage=passages,
        )
        count = len(sentences)
        asked = self._request(prompt, VERDICT_TOKENS * count, Step.CHECK)
        request = replace(asked, verdicts=count)
        done = await self.hybrid.complete(Route.CHECK, lambda _: request)
        return read_verdicts(done.text, count)

    async def grade(
        self, question: str, answer: str, passage: str, *, chinese: bool
    ) -> Grade | None:
        """What an answer is worth beside the passage that answers; None where it can't be told."""
        texts = {"question": question, "answer": answer, "passage": passage}
        short = {tag: shortened(text, SCORED_TOKENS) for tag, text in texts.items()}
        prompt = self._prompts.render("grade", chinese=chinese, **short)
        return read_grade((await self._ask(Route.CHECK, prompt, GRADE_TOKENS, Step.CHECK)).text)

    def fixed_text(self, name: str, chinese: bool) -> str:
        """The part of a prompt that must never be told to anybody."""
        empty = dict.fromkeys(("message", "question", "answer", "history", "sentence"), "")
        return self._prompts.render(name, chinese=chinese, passage=[""], **empty).fixed

    def score_prompt(self, rubric: Rubric, *, chinese: bool, **texts: str) -> Prompt:
        """The prompt of a score, to count its tokens."""
        return self._prompts.render(rubric, chinese=chinese, **texts)

    async def _ask(self, route: Route, prompt: Prompt, tokens: int, step: Step) -> Completion:
        request = self._request(prompt, tokens, step)
        return await self.hybrid.complete(route, lambda _: request)

    def _request(self, prompt: Prompt, tokens: int, step: Step) -> Request:
        priority = Priority(not self._mention, step)
        return Request(prompt, tokens, priority=priority, group=self._group)

    def _step(self, rubric: Rubric) -> Step:
        """Safety is asked of questions and of answers."""
        asked = Step.CHECK if self._begun else Step.QUESTION
        steps = {Rubric.RELEVANCE: Step.RELEVANCE, Rubric.DODGE: Step.CHECK, Rubric.UNSAFE: asked}
        return steps.get(rubric, Step.QUESTION)

    def _room(self, context: int) -> int:
        """Tokens for passages: half a kilotoken of fixed text, a question and history beside."""
        return max(200, context - self.options.answer_tokens - 2500)


def _fitting(passages: Sequence[str], tokens: int) -> list[str]:
    """The first passages that fit; the first one shortened rather than none."""
    kept: list[str] = []
    for passage in passages:
        size = estimate(passage)
        if size > tokens:
            if not kept:
                kept.append(shortened(passage, tokens))
            break
        kept.append(passage)
        tokens -= size
    return kept


async def all_of(work: Iterable[Coroutine[Any, Any, Score]]) -> list[Score]:
    """Runs scorings together; the first failure cancels the others and is raised itself."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except* LlmError as failures:
        failed = failures.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise failed
