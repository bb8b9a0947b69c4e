"""JSON that comes from outside: cleaned where it enters, and read so that whatever is missing or of
another type reads as empty."""

import json
import re
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

MAX_NUMBER = 2**63 - 1
MAX_DEPTH = 100
LAST_S = 1e11
"""A time that lies further ahead, in the year 5138, is none."""


def clean(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A decoded value that can be stored and reckoned with: in texts "?" for half a surrogate pair
    and no NUL; None for numbers beyond 64 bits, NaN, and what is nested more than `depth` deep."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "")
    if isinstance(value, int | float):
        return value if -MAX_NUMBER <= value <= MAX_NUMBER else None
    if isinstance(value, Mapping | list) and not depth:
        return None
    if isinstance(value, Mapping):
        return {clean(key): clean(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [clean(inner, depth - 1) for inner in value]
    return value


def parsed(content: Any) -> Json:
    """The clean object in a JSON text; {} where there is none."""
    try:
        found = json.loads(content)
    except (ValueError, TypeError, RecursionError):
        return {}
    return clean(found) if isinstance(found, dict) else {}


def inside(data: Any, *path: str) -> Json:
    """The object at a path of keys; {} where there is none."""
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def text(data: Any, *path: str) -> str:
    """The text at a path of keys; "" where there is none."""
    found = inside(data, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def listed(data: Any, *path: str) -> list[Any]:
    """The list at a path of keys; [] where there is none."""
    found = inside(data, *path[:-1]).get(path[-1])
    return found if isinstance(found, list) else []


def objects(data: Any, *path: str) -> list[Json]:
    """The objects of the list at a path of keys; what is no object is left out."""
    return [entry for entry in listed(data, *path) if isinstance(entry, Mapping)]


def number(data: Any, *path: str) -> float:
    """The number at a path of keys; 0 where there is none."""
    found = inside(data, *path[:-1]).get(path[-1])
    return 0.0 if isinstance(found, bool) or not isinstance(found, int | float) else float(found)


def seconds(stamp: Any) -> float:
    """A time in seconds since the epoch, from seconds, milliseconds or microseconds, as a number or
    as text; 0 where it is none of them."""
    if isinstance(stamp, str) and re.fullmatch(r"[0-9]{1,19}", stamp):
        stamp = int(stamp)
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return 0.0
    for unit in (1e6, 1e3, 1):
        if 1e8 < stamp / unit < LAST_S:
            return stamp / unit
    return 0.0
