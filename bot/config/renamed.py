"""Keys of earlier versions: a configuration that has them is accepted, and told what to change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.config.located import Loc, Tree, undotted


@dataclass(frozen=True, slots=True)
class Old:
    """A key as it was called; `new` is its name now, "" where it is gone: then `why` says what does
    its work. Values keep their meaning; where they could not, the key is gone."""

    key: str
    new: str = ""
    why: str = ""


OLD_KEYS: tuple[Old, ...] = (
    Old(
        "answer.min_score", why="how well a quote must answer is answer.min_evidence, a probability"
    ),
)
"""Add what is renamed; what has been here for two versions may go."""


def accept_old_keys(tree: Tree, table: Sequence[Old] = OLD_KEYS) -> list[str]:
    """Moves what stands under an old key to the new one, unless that is written too; a line for
    each, with its place."""
    told: list[str] = []
    for old in table:
        loc, new = _loc(old.key), _loc(old.new) if old.new else ()
        section = _at(tree.data, loc[:-1])
        if not isinstance(section, dict) or loc[-1] not in section:
            continue
        place, value = tree.place(loc), section.pop(loc[-1])
        named = f"{place.label}: {old.key}"
        tree.forget(loc)
        if not new:
            told.append(f"{named} is gone and left out; {old.why}")
        elif _is_written(tree, new):
            told.append(f"{named} is left out; {old.new}, as it is called now, is written too")
        else:
            tree.put(new, value, place)
            told.append(f"{named} is called {old.new} now; write that")
    return told


def _is_written(tree: Tree, loc: Loc) -> bool:
    above = _at(tree.data, loc[:-1])
    return isinstance(above, dict) and loc[-1] in above


def _at(data: Any, loc: Loc) -> Any:
    for part in loc:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _loc(key: str) -> Loc:
    loc = undotted(key)
    if loc is None:
        raise ValueError(f"{key} is no key")
    return loc
