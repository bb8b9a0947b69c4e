"""What differs between servers of the same API, see presets.toml: addresses, what each
understands, and the models that it serves."""

import datetime as dt
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from bot.llm.scoring import Verdict
from bot.llm.types import Request

Form: TypeAlias = Literal["", "regex_schema", "structured_outputs", "json_schema", "grammar"]

CHEAP, BEST = "auto", "auto:best"
"""Instead of a model's name: the cheapest of the provider's models that has the context, or the
dearest."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model: tokens of its context, the class of its price, does it take pictures?"""

    name: str
    context: int
    price: Literal["low", "middle", "high"]
    sees: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """How to talk to one kind of server; the fields are described in presets.toml."""

    checked: dt.date
    base_url: str = ""
    guide: Form = ""
    logprobs: bool = True
    sampled: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    calm: Mapping[str, Any] = field(default_factory=dict)
    omit: tuple[str, ...] = ()
    max_tokens_key: str = "max_tokens"
    counts: bool = False
    models: tuple[Model, ...] = ()
    retired: Mapping[str, str] = field(default_factory=dict)

    def guided(self, request: Request) -> Mapping[str, Any]:
        """The fields that bind the answer to the form that is asked for: a digit, or lines with a
        verdict each."""
        pattern = "[0-9]" if request.digit else _lines(request.verdicts)
        match self.guide:
            case "regex_schema":
                return {"response_format": {"type": "regex_schema", "regex_schema": pattern}}
            case "structured_outputs" if request.digit:  # vLLM 0.11 and newer
                return {"structured_outputs": {"choice": list("0123456789")}}
            case "structured_outputs":
                return {"structured_outputs": {"regex": pattern}}
            case "json_schema":
                return {"response_format": {"type": "json_schema", "json_schema": _schema(request)}}
            case "grammar":
                return {"grammar": _grammar(request)}
            case _:
                return {}

    def chosen(self, wish: str, listed: Collection[str], context: int) -> str:
        """The model for `auto` or `auto:best` among those that a server lists (none: it lists
        nothing) with a context of so many tokens; "" where it can't be told."""
        known = [model for model in self.models if not listed or model.name in listed]
        fitting = [model for model in known if model.context >= context] or known
        if fitting:
            return fitting[-1 if wish == BEST else 0].name
        return "" if self.models else next(iter(listed), "")

    def instead_of(self, model: str, listed: Collection[str], context: int) -> str:
        """What stands in for a model that a server doesn't know; "" where nothing does."""
        successor = self.retired.get(model, "")
        return successor if successor in listed else self.chosen(CHEAP, listed, context)


def _lines(count: int) -> str:
    words = "|".join(Verdict)
    return r"\n".join(f"{number}: ({words})" for number in range(1, count + 1))


def _grammar(request: Request) -> str:
    if request.digit:
        return "root ::= [0-9]"
    lines = r' "\n'.join(f'{number}: " word' for number in range(1, request.verdicts + 1))
    words = " | ".join(f'"{word}"' for word in Verdict)
    return f'root ::= "{lines}\nword ::= {words}'


def _schema(request: Request) -> Mapping[str, Any]:
    if request.digit:
        return {"name": "digit", "schema": {"enum": list(range(10))}}
    count, words = request.verdicts, {"enum": [str(word) for word in Verdict]}
    size = {"minItems": count, "maxItems": count}
    return {"name": "verdicts", "schema": {"type": "array", "items": words, **size}}


@cache
def load_presets() -> Mapping[str, Preset]:
    """All of presets.toml, by the kinds of `llm.remote.provider`, and "lmdeploy". Where a server
    refuses a field all the same, it is left out for a while (see `bot.llm.request`)."""
    tables = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, Preset]).validate_python(tables)
