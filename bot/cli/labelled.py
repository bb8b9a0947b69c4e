"""Labelled texts for the model's scores, and an even choice of some of many."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import bot.llm.scoring
from bot.llm.scoring import Rubric
from common.language import is_chinese
from knowledge.gate.examples import load_examples
from knowledge.types import KnowledgeError

Item = TypeVar("Item")

PAIRS: Mapping[Rubric, tuple[str, str]] = {
    Rubric.RELEVANCE: ("question", "passage"),
    Rubric.DODGE: ("question", "answer"),
}
"""Rubrics that score one text by another; the others score a message."""

ABOUT = """What a line of FILE.jsonl holds depends on the rubric; label 1 is what it looks for:
  question   {"text": a message, "label": 1 when it is a real question}
  relevance  {"question": ..., "passage": heading and text, "label": 1 when it helps to answer}
  dodge      {"question": ..., "answer": ..., "label": 1 when it evades the question}
  unsafe     {"text": a message or an answer, "label": 1 when it is harmful}"""


@dataclass(frozen=True, slots=True)
class Scored:
    """Texts to score, by their names in the prompt."""

    texts: Mapping[str, str]
    label: int

    @property
    def chinese(self) -> bool:
        """The language of the prompt, as the bot chooses it."""
        return is_chinese(next(iter(self.texts.values())))


def as_messages(texts: Sequence[str], label: int) -> list[Scored]:
    """Messages with one label."""
    return [Scored({"message": text}, label) for text in texts]


def load_scored(path: Path, rubric: Rubric) -> list[Scored]:
    """Reads a file, see `ABOUT`. Raises KnowledgeError naming file and line."""
    if rubric not in PAIRS:
        examples = load_examples([path])
        return [*as_messages(examples.good, 1), *as_messages(examples.bad, 0)]
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise KnowledgeError(f"can't read {path}: {error}") from error
    return [
        _pair(f"{path}:{number}", line, PAIRS[rubric])
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


PROBES = Path(bot.llm.scoring.__file__).parent / "probes"


@dataclass(frozen=True, slots=True)
class Subject:
    """Of a made documentation: a passage, a question that it answers, the answer, and a sentence
    that it denies."""

    heading: str
    passage: str
    question: str
    answer: str
    wrong: str

    @property
    def shown(self) -> str:
        """The passage as the model sees it."""
        return f"{self.heading}\n{self.passage}"


def load_subjects() -> list[Subject]:
    """Those of the probes, in both languages."""
    return [Subject(**one) for made in _probes() for one in made["subjects"]]


def load_probes(rubric: Rubric) -> list[Scored]:
    """Texts to try a rubric on where nobody has labelled any: those of bot/llm/probes."""
    found: list[Scored] = []
    for made in _probes():
        subjects = [Subject(**one) for one in made["subjects"]]
        others = [*subjects[1:], subjects[0]]
        questions = [one.question for one in subjects]
        answers = [one.answer for one in subjects]
        match rubric:
            case Rubric.QUESTION:
                found += [*as_messages(questions, 1), *as_messages(made["chat"], 0)]
            case Rubric.UNSAFE:
                found += [*as_messages(made["harmful"], 1)]
                found += [*as_messages([*questions, *answers], 0)]
            case Rubric.RELEVANCE:
                for label, passages in ((1, subjects), (0, others)):
                    shown = [one.shown for one in passages]
                    found += _pairs(rubric, questions, shown, label)
            case Rubric.DODGE:
                for label, said in ((1, made["evasive"]), (0, answers)):
                    found += _pairs(rubric, questions, said, label)
    return found


def _probes() -> list[dict[str, Any]]:
    return [
        tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(PROBES.glob("*.toml"))
    ]


def _pairs(rubric: Rubric, ones: Sequence[str], others: Sequence[str], label: int) -> list[Scored]:
    names = PAIRS[rubric]
    both = zip(ones, others, strict=True)
    return [Scored(dict(zip(names, pair, strict=True)), label) for pair in both]


def _pair(place: str, line: str, names: tuple[str, str]) -> Scored:
    try:
        row = json.loads(line)
        if row["label"] in (0, 1) and all(isinstance(row[name], str) for name in names):
            return Scored({name: row[name] for name in names}, int(row["label"]))
    except (ValueError, KeyError, TypeError):
        pass
    fields = ", ".join(f'"{name}": "..."' for name in names)
    raise KnowledgeError(f'{place}: expected {{{fields}, "label": 1 or 0}}')


def spread(items: Sequence[Item], most: int | None) -> Sequence[Item]:
    """So many of the items, evenly spaced, so that each kind keeps its share; None is all."""
    if most is None or most >= len(items):
        return items
    return [items[index * len(items) // most] for index in range(most)]
