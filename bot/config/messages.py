"""Puts pydantic's objections into sentences that say what to write instead."""

import difflib
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.config.located import Loc

_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_WANTED = {
    "bool_type": "true or false",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "model_type": "a section of keys",
    "string_type": "text",
    "tuple_type": "a list, such as [a, b]",
}
_EXAMPLES = {
    "adapters[].name": "letters, digits, - or _",
    "admin.prefix": "a word without spaces, such as /dou",
    "http.host": "an address such as 127.0.0.1",
    "llm.local.serve.model_name": "a name without spaces, such as chat",
}

_FEW = 4
"""Of more words than these the one that was meant is pointed out."""


def sentence(model: type[BaseModel], loc: Loc, error: ErrorDetails) -> str:
    """What is wrong at `error["loc"]` of the model and what to write there.

    `loc` is the same place in the whole configuration. Values of secret fields are not shown.
    """
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    if kind == "extra_forbidden":
        return unknown_key(model, error["loc"])
    if kind == "missing":
        pair = isinstance(loc[-1], int)
        return "is missing; write both values" if pair else "is missing; every entry needs one"
    if kind == "value_error":
        return str(context["error"])
    shown = "" if is_secret(model, error["loc"]) else f", not {_short(given)}"
    if given is None:
        return 'has no value; delete the key for its default, or write "" for an empty text'
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}{shown}{_hint(kind, given)}"
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"must be {words} {context[key]:g}{shown}"
    if kind == "literal_error":
        return _choice(_alternatives(model, error["loc"]), given, shown)
    return _length_or_form(kind, context, loc) or f"{error['msg']}{shown}"


def unknown_key(model: type[BaseModel], at: Sequence[str | int]) -> str:
    """The sentence for a key that does not exist; names the closest one that does."""
    section = _walk(model, at[:-1])[0]
    fields = section.model_fields if section else {}
    known = [field.alias or name for name, field in fields.items()]
    return f"unknown key; {suggestion(str(at[-1]), known)}"


def suggestion(word: str, known: Sequence[str]) -> str:
    """`did you mean …?`, or all known words where none is close."""
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}"


def is_secret(model: type[BaseModel], at: Sequence[str | int]) -> bool:
    """True where the value must not be repeated in a message."""
    info = _walk(model, at)[1]
    return info is not None and (
        not info.repr or _find(info.annotation, _is(SecretStr)) is not None
    )


def _walk(
    model: type[BaseModel], at: Sequence[str | int]
) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The section that `at` leads to, if it is one, and the last field on the way."""
    section: type[BaseModel] | None = model
    info: FieldInfo | None = None
    for part in at:
        if isinstance(part, str):
            info = _field(section, part) if section else None
            section = _find(info.annotation, _is(BaseModel)) if info else None
    return section, info


def _field(section: type[BaseModel], key: str) -> FieldInfo | None:
    by_alias = {f.alias: f for f in section.model_fields.values() if f.alias}
    return by_alias.get(key) or section.model_fields.get(key)


def _is(base: type) -> Callable[[Any], bool]:
    return lambda annotation: isinstance(annotation, type) and issubclass(annotation, base)


def _find(annotation: Any, wanted: Callable[[Any], bool]) -> Any:
    """The first type inside an annotation, such as X in `tuple[X, ...] | None`, that fits."""
    if wanted(annotation):
        return annotation
    found = (_find(inner, wanted) for inner in get_args(annotation))
    return next((inner for inner in found if inner is not None), None)


def _alternatives(model: type[BaseModel], at: Sequence[str | int]) -> list[str]:
    """The words of a Literal, wherever it stands in the annotation; an empty one comes last."""
    info = _walk(model, at)[1]
    choice = _find(info.annotation, lambda inner: get_origin(inner) is Literal) if info else None
    return sorted((str(word) or '""' for word in get_args(choice)), key=lambda word: word == '""')


def _choice(words: Sequence[str], given: Any, shown: str) -> str:
    listed = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)
    close = difflib.get_close_matches(str(given), words, 1) if len(words) > _FEW else []
    return f"must be {listed}{shown}" + (f"; did you mean `{close[0]}`?" if close else "")


def _hint(kind: str, given: Any) -> str:
    written_bare = isinstance(given, bool | int | float)
    return "; put it in quotes" if kind == "string_type" and written_bare else ""


def _length_or_form(kind: str, context: dict[str, Any], loc: Loc) -> str | None:
    if kind in ("too_short", "string_too_short"):
        few = context["min_length"]
        return "must not be empty" if few == 1 else f"must have at least {few} of them"
    if kind in ("too_long", "string_too_long"):
        what = "entries" if kind == "too_long" else "characters"
        return f"must have at most {context['max_length']} {what}"
    if kind == "string_pattern_mismatch":
        key = "".join("[]" if isinstance(part, int) else f".{part}" for part in loc)[1:]
        return f"must be {_EXAMPLES.get(key, 'text of the form ' + context['pattern'])}"
    return None


def _short(given: Any) -> str:
    if isinstance(given, dict):
        return "a section"
    if isinstance(given, list):
        return "a list"
    text = json.dumps(given, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
