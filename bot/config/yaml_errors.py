"""What the YAML parser objects to, in our words: its own tell its state, and quote what may be a
secret."""

import re
from dataclasses import dataclass

import yaml
from yaml.reader import ReaderError

_SAID = (
    (r"'\\t'", "a tab; indent with spaces"),
    (
        r"cannot start any token|an alias|an anchor|undefined alias|a tag|tag handle",
        "a text can't begin with this sign; put it in quotes",
    ),
    (
        r"mapping values",
        "a `:` where none can be; put a text that holds one in quotes, and write each key on a "
        "line of its own, with a space behind its `:`",
    ),
    (r"simple key", "this line has no `: `; write `key: value`"),
    (r"sequence entries", "a list begins on a line of its own, below its key"),
    (r"a quoted scalar", "this quote is never closed"),
    (
        r"double-quoted scalar",
        "this can't stand behind a backslash between double quotes; use single quotes, or write "
        "the backslash twice",
    ),
    (
        r"<block end>|<document start>",
        "this belongs to nothing above; is it indented wrongly, or behind a closed quote?",
    ),
    (r"flow sequence", "this `[` is never closed with `]`, or a comma is missing"),
    (r"flow mapping", "this `{` is never closed with `}`, or a comma is missing"),
    (r"block scalar", "behind `|` or `>` may stand only a digit, + or -"),
    (r"single document", "a second document begins here; write only one"),
)
_ELSE = "this can't be understood; a value may be missing, or need quotes"

_OPENED = re.compile("simple key|a quoted scalar|flow sequence|flow mapping")
"""Of these it is told where they begin, and not where the parser gave up."""


@dataclass(frozen=True, slots=True)
class YamlProblem:
    """A sentence, and where in the text it holds, counted from 1."""

    text: str
    line: int
    column: int


def yaml_problem(text: str, error: yaml.YAMLError) -> YamlProblem:
    """What is wrong with a text that `yaml` could not read."""
    if isinstance(error, ReaderError):
        before = text[: error.position].split("\n")
        problem = "holds characters that no text can hold"
        return YamlProblem(problem, len(before), len(before[-1]) + 1)
    if not isinstance(error, yaml.MarkedYAMLError):
        return YamlProblem(_ELSE, 1, 1)
    told = f"{error.context}: {error.problem}"
    said = next((said for pattern, said in _SAID if re.search(pattern, told)), _ELSE)
    mark = (error.context_mark if _OPENED.search(told) else None) or error.problem_mark
    return YamlProblem(said, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1)
