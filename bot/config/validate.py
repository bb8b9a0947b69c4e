"""Judges what was written against pydantic models, and makes its paths absolute."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.config.located import Loc, Tree
from bot.config.messages import sentence

Model = TypeVar("Model", bound=BaseModel)

PROJECT = Path(__file__).resolve().parents[2]
SHIPPED = (Path("docs"), Path("examples/questions.json"))
"""Files of ours that the configuration we ship names, wherever it was copied to."""

_RETYPED = ("int_type", "float_type", "bool_type")


def validated(tree: Tree, model: type[Model], loc: Loc, data: dict[str, Any]) -> Model | None:
    """The model made of `data`, the part of the tree at `loc`; None, and problems, if it is wrong.

    Text that came from the environment unquoted counts as a number where one is wanted, and
    stays text elsewhere: a password may consist of digits.
    """
    try:
        # JSON's strictness is the one wanted: lists make tuples and text makes paths, but "5"
        # makes no number.
        return model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        errors = [e for e in error.errors(include_url=False) if not _is_echo(e)]
    wrong_type = [loc + e["loc"] for e in errors if e["type"] in _RETYPED]
    retyped = [place for place in wrong_type if tree.retype(place)]
    if retyped:
        return validated(tree, model, loc, data)
    for e in errors:
        tree.complain(loc + e["loc"], sentence(model, loc + e["loc"], e))
    return None


def _is_echo(error: ErrorDetails) -> bool:
    """pydantic calls a list too short when its entries are wrong; they have errors of their own."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def drop_empty_sections(model: type[BaseModel], data: dict[str, Any]) -> None:
    """Removes sections with nothing in them (`gate:`), so that their defaults hold."""
    for key, value in list(data.items()):
        field = model.model_fields.get(key)
        section = field.annotation if field else None
        if not isinstance(section, type) or not issubclass(section, BaseModel):
            continue
        if value is None:
            del data[key]
        elif isinstance(value, dict):
            drop_empty_sections(section, value)


def absolute(tree: Tree, loc: Loc, value: Any) -> Any:
    """A copy with all paths absolute, each relative to the folder of where it was written; what
    we ship is found in the project where there is none."""
    if isinstance(value, Path):
        written = tree.place(loc).folder / value.expanduser()
        return PROJECT / value if value in SHIPPED and not written.exists() else written
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return value.model_copy(
            update={name: absolute(tree, (*loc, name), inner) for name, inner in fields.items()}
        )
    if isinstance(value, tuple):
        return tuple(absolute(tree, (*loc, i), inner) for i, inner in enumerate(value))
    return value
