"""`label --teacher N`: a language model labels stored messages, by a guideline that people write.

What it says weighs less than what people say, proves nothing, stands apart in the store and can
be thrown away as a whole. Tokens and money are told before anything is asked.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bot.cli.index import say
from bot.cli.label import Candidate, open_labels, scored, unlabelled
from bot.cli.labelled import spread
from bot.cli.model import NO_MODEL, NOT_ASKED, model_failed, quiet
from bot.config.schema import Config
from bot.llm.budget import price_of
from bot.llm.llm import LABEL_TOKENS, Llm
from bot.llm.prompts import estimate
from bot.llm.types import LlmError
from bot.store.examples import Label, Origin, StoredQuestion
from bot.store.store import Store
from common.clock import Clock
from common.language import is_chinese
from knowledge.base import KnowledgeBase
from knowledge.types import KnowledgeError

WEIGHT = 0.5
"""Two of a teacher's labels count as much as one of a person."""

BATCH = 20
"""Messages asked about at once."""

CHECKED = 0.1
"""So much of what is asked has a person's label already, which shows how far the teacher agrees."""

_LINE = re.compile(r"^\W*(\d{1,3})\W{1,4}(good|bad)\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens of prompts and answers, and what they cost; None where the price is unknown."""

    prompt: int
    completion: int
    cost: float | None

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt + self.completion


async def teach(
    config: Config,
    knowledge: KnowledgeBase,
    llm: Llm | None,
    clock: Clock,
    args: argparse.Namespace,
) -> int:
    """Chooses, says what it will cost, asks, and stores; how far it agrees with people."""
    if llm is None:
        raise KnowledgeError(NO_MODEL)
    guideline = _guideline(args)
    async with open_labels(config) as store:
        batches = await _chosen(store, knowledge, args.teacher, args.group)
        if not batches:
            say("no stored message is left to be labelled")
            return 0
        planned = [_planned(config, llm, guideline, batch) for batch in batches]
        whole = _sum(planned)
        count = sum(len(batch) for batch in batches)
        say(f"{count} messages in {len(batches)} calls, {_words(whole)}")
        if problem := _over(whole, args):
            raise KnowledgeError(problem)
        if not args.yes and not await asyncio.to_thread(_confirmed):
            say("nothing was asked")
            return 0
        failed = await _ask(store, llm, guideline, batches, clock, args, config)
        await show_agreement(store)
    return failed


async def _ask(
    store: Store,
    llm: Llm,
    guideline: str,
    batches: Sequence[Sequence[StoredQuestion]],
    clock: Clock,
    args: argparse.Namespace,
    config: Config,
) -> int:
    given = asked = 0
    for batch in batches:
        usage = llm.hybrid.usage
        spent = _cost(config, usage.prompt_tokens, usage.completion_tokens)
        if problem := _over(_sum([spent, _planned(config, llm, guideline, batch)]), args):
            say(f"stopped: {problem}")
            break
        try:
            with quiet():
                said = await llm.label(guideline, [one.text for one in batch], _chinese(batch))
        except LlmError as error:
            model_failed(llm, NOT_ASKED, "the labels so far are kept", error)
            return 1
        found = read_labels(said, len(batch))
        asked += len(batch)
        given += len(found)
        for number, good in found.items():
            one = batch[number - 1]
            now = clock.now()
            made = one.labelled(good=good, origin=Origin.TEACHER, at=now, weight=WEIGHT)
            await store.add_label(made)
    usage = llm.hybrid.usage
    spent = _cost(config, usage.prompt_tokens, usage.completion_tokens)
    say(f"{given} labels of {asked} messages; the others it could not tell. {_words(spent)}")
    return 0


def read_labels(text: str, count: int) -> dict[int, bool]:
    """Which of the messages 1 to `count` a teacher called good or bad; one that it named twice
    differently is left out."""
    found: dict[int, set[bool]] = {}
    for number, word in _LINE.findall(text):
        if 1 <= int(number) <= count:
            found.setdefault(int(number), set()).add(word.lower() == "good")
    return {number: said.pop() for number, said in found.items() if len(said) == 1}


def chosen(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """So many, spread evenly over the scores: the sure and the unsure ones in the proportion in
    which they come. Measured: where the unsure ones are preferred, the labels of even a perfect
    teacher make the gate expect a worse precision than it has, and it keeps quiet."""
    return list(spread(sorted(candidates, key=lambda one: one.score), count))


async def _chosen(
    store: Store, knowledge: KnowledgeBase, count: int, group: str | None
) -> list[list[StoredQuestion]]:
    candidates = await unlabelled(store, knowledge, tuple(Origin), group)
    picked = [one.question for one in chosen(candidates, count)]
    known = await _labelled_by_people(store, knowledge, group)
    picked += known[: int(count * CHECKED)]
    return [picked[start : start + BATCH] for start in range(0, len(picked), BATCH)]


async def _labelled_by_people(
    store: Store, knowledge: KnowledgeBase, group: str | None
) -> list[StoredQuestion]:
    """Those that people labelled and the teacher did not, the most uncertain first."""
    labels = await store.labels(aside=True)
    taught = {label.text for label in labels if label.origin == Origin.TEACHER}
    by_people = {one.text: one for one in labels if one.text not in taught}
    found = [
        StoredQuestion(
            adapter=one.adapter,
            group=one.group,
            user="",
            message_id=one.message_id,
            text=one.text,
            at=one.at,
            reason="",
            unprompted=True,
            score=None,
            threshold=None,
        )
        for one in by_people.values()
        if group in (None, f"{one.adapter}:{one.group}")
    ]
    return [one.question for one in await scored(knowledge, found)] if found else []


async def show_agreement(store: Store) -> None:
    """Labels by origin, and of those that a teacher and people gave to the same text how many
    say the same."""
    for origin, (good, bad) in (await store.labels_by_origin()).items():
        say(f"{origin:<10} {good} good, {bad} bad")
    pairs = agreement(await store.labels())
    if pairs:
        same = sum(taught == said for _, taught, said in pairs)
        say(f"the teacher agrees with people on {same} of {len(pairs)} ({same / len(pairs):.0%})")
    else:
        say("no message has labels of both the teacher and people yet")
    for text, taught, said in pairs:
        if taught != said:
            words = " ".join(text.split())[:100]
            say(f"  teacher {'good' if taught else 'bad'}, people otherwise: {words}")


def agreement(labels: Sequence[Label]) -> list[tuple[str, bool, bool]]:
    """(text, what the teacher says, what people say) where both exist; of people the weightier
    side counts, and nothing where both weigh the same."""
    taught = {one.text: one.good for one in labels if one.origin == Origin.TEACHER}
    votes: dict[str, float] = {}
    for one in labels:
        if one.origin != Origin.TEACHER and one.text in taught:
            votes[one.text] = votes.get(one.text, 0.0) + (one.weight if one.good else -one.weight)
    return [(text, taught[text], vote > 0) for text, vote in votes.items() if vote]


async def list_agreement(config: Config) -> int:
    """`label --agreement`."""
    async with open_labels(config) as store:
        await show_agreement(store)
    return 0


async def forget(config: Config) -> int:
    """`label --forget-teacher`: all of its labels go."""
    async with open_labels(config) as store:
        gone = await store.forget_labels(Origin.TEACHER)
    say(f"{gone} labels of the teacher are gone; the gate forgets them at its next refit")
    return 0


def _guideline(args: argparse.Namespace) -> str:
    try:
        return str(args.guideline.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise KnowledgeError(f"--guideline: can't read {args.guideline}: {error}") from error


def _planned(config: Config, llm: Llm, guideline: str, batch: Sequence[StoredQuestion]) -> Budget:
    prompt = llm.label_prompt(guideline, [one.text for one in batch], _chinese(batch))
    tokens = estimate(prompt.fixed) + estimate(prompt.variable)
    return _cost(config, tokens, LABEL_TOKENS * len(batch))


def _chinese(batch: Sequence[StoredQuestion]) -> bool:
    return is_chinese("\n".join(one.text for one in batch))


def _cost(config: Config, prompt: int, completion: int) -> Budget:
    price = price_of(config.llm.remote)
    cost = price.of(prompt, 0, completion) if price.known else None
    return Budget(prompt, completion, cost)


def _sum(budgets: Sequence[Budget]) -> Budget:
    costs = [one.cost for one in budgets if one.cost is not None]
    return Budget(
        sum(one.prompt for one in budgets),
        sum(one.completion for one in budgets),
        sum(costs) if costs else None,
    )


def _words(budget: Budget) -> str:
    cost = "" if budget.cost is None else f", cost {budget.cost:.4f}"
    return f"about {budget.prompt} prompt tokens and {budget.completion} to write{cost}"


def _over(budget: Budget, args: argparse.Namespace) -> str:
    """What of the budget is exceeded; "" where nothing is."""
    if args.max_tokens is not None and budget.tokens > args.max_tokens:
        return f"that is {budget.tokens} tokens, more than --max-tokens {args.max_tokens}"
    if args.max_cost is None:
        return ""
    if budget.cost is None:
        return "--max-cost needs llm.remote.prompt_price and completion_price"
    return f"that is over --max-cost {args.max_cost:g}" if budget.cost > args.max_cost else ""


def _confirmed() -> bool:
    say("go on? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
