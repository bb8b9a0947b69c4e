"""Reading JSON that comes from outside: whatever is missing or of another type reads as empty."""

import json
import re
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def inside(data: Any, *path: str) -> Json:
    """The object at a path of keys; {} where there is none."""
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def text(data: Any, *path: str) -> str:
    """The text at a path of keys; "" where there is none."""
    found = inside(data, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def objects(data: Any, *path: str) -> list[Json]:
    """The objects of the list at a path of keys; what is no object is left out."""
    return [entry for entry in listed(data, *path) if isinstance(entry, Mapping)]


def listed(data: Any, *path: str) -> list[Any]:
    """The list at a path of keys; [] where there is none."""
    found = inside(data, *path[:-1]).get(path[-1])
    return found if isinstance(found, list) else []


def parsed(content: str | bytes) -> Json:
    """A JSON object in a text; {} where it is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def seconds(stamp: Any) -> float:
    """A time in seconds since the epoch. Lark writes milliseconds, in card callbacks
    microseconds, both as text; 0 where it is neither."""
    written = str(stamp)
    if not re.fullmatch(r"[0-9]{1,19}", written):
        return 0.0
    number = int(written)
    for unit in (1e6, 1e3):
        if number / unit > 1e8:
            return number / unit
    return float(number)
