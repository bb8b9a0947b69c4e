"""Puts pydantic's objections into sentences that say what to write instead."""

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

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
    "llm.local.serve.model": "a folder or a hub id that begins with no dash",
    "llm.local.serve.model_name": "a name without spaces, such as chat",
}

_FEW = 4
"""Of more words than these the one that was meant is pointed out."""


def sentence(model: type[BaseModel], loc: Loc, error: ErrorDetails) -> str:
    """What is wrong at `error["loc"]` of the model and what to write there.

    `loc` is the same place in the whole configuration. Values of secret fields are not shown.
    """
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    known, info = _walk(model, error["loc"])
    if kind == "extra_forbidden":
        return (
            f"unknown key; {_belongs_under(str(loc[-1]), known) or suggestion(str(loc[-1]), known)}"
        )
    if kind == "missing":
        pair = isinstance(loc[-1], int)
        return "is missing; write both values" if pair else "is missing; every entry needs one"
    if kind == "value_error":
        return str(context["error"])
    secret = info and (not info.repr or find_type(info.annotation, SecretStr))
    shown = "" if secret else f", not {_short(given)}"
    if given is None:
        return 'has no value; delete the key for its default, or write "" for an empty text'
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}{shown}{_hint(kind, given)}"
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"must be {words} {context[key]:g}{shown}"
    if kind == "literal_error":
        return _choice(context["expected"], given, shown)
    return _length_or_form(kind, context, loc) or f"{error['msg']}{shown}"


def _belongs_under(key: str, known: Mapping[str, FieldInfo]) -> str | None:
    """Where a key stands too far left, the section that has it."""
    for name, info in known.items():
        section = find_type(info.annotation, BaseModel)
        if section and key in keys_of(section):
            return f"it belongs below `{name}`, further to the right"
    return None


def suggestion(word: str, known: Collection[str]) -> str:
    """`did you mean …?`, or all known words where none is close."""
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}"


def _walk(
    model: type[BaseModel], at: Sequence[str | int]
) -> tuple[Mapping[str, FieldInfo], FieldInfo | None]:
    """The keys of the section in which `at` ends, and the field there if there is one."""
    fields, info = keys_of(model), None
    for key in (part for part in at if isinstance(part, str)):
        section = find_type(info.annotation, BaseModel) if info else None
        fields = keys_of(section) if section else fields
        info = fields.get(key)
    return fields, info


def keys_of(section: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The keys of a section as they are written, with what belongs there."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def find_type(annotation: Any, base: type) -> Any:
    """The first such type inside an annotation: the X of `tuple[X, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, base):
        return annotation
    found = (find_type(inner, base) for inner in get_args(annotation))
    return next((inner for inner in found if inner is not None), None)


def _choice(expected: str, given: Any, shown: str) -> str:
    """`expected` is pydantic's list of words, such as "'auto', 'zh' or 'en'"; an empty word comes
    last."""
    found = [text or number for text, number in re.findall(r"'([^']*)'|([0-9]+)", expected)]
    words = sorted((word or '""' for word in found), key=lambda word: word == '""')
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
