"""What the configuration's author wrote, before it is checked: data, and where each part stands."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Loc: TypeAlias = tuple[str | int, ...]
"""Path of a key: ("knowledge", "sources", 0, "path")."""


class ConfigError(Exception):
    """The configuration can't be used; the text has one line per problem, fit for stderr. The same
    as `problems` where places are known."""

    problems: "tuple[Problem, ...]" = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: `label` is "config.yaml:12" or "--set bot.name".

    Relative paths written there are relative to `folder`; `order` sorts places.
    """

    label: str
    folder: Path
    order: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `loc` is empty for what concerns no key."""

    place: Place
    loc: Loc
    text: str

    def __str__(self) -> str:
        return self.line(self.text)

    def line(self, text: str) -> str:
        """Where it is, and the text, which may be this one in another language."""
        key = dotted(self.loc)
        named = not key or self.place.label == f"--set {key}"
        return ": ".join([self.place.label, *([] if named else [key]), text])


@dataclass(slots=True)
class Tree:
    """Owned by one `load_config`, which fills it and then judges it.

    `data` is made of dict, list, str, int, float, bool and None. `unquoted` holds how text that
    came from the environment reads as a number or a boolean, where it stands without quotes.
    """

    root: Place
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Loc, Place] = field(default_factory=dict)
    unquoted: dict[Loc, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, loc: Loc) -> Place:
        """Where `loc` was written, or else the nearest part above it."""
        above = (self.places[loc[:n]] for n in range(len(loc), 0, -1) if loc[:n] in self.places)
        return next(above, self.root)

    def complain(self, loc: Loc, text: str, place: Place | None = None) -> None:
        """Adds a problem, unless the same key is in trouble already."""
        if not loc or all(old.loc != loc for old in self.problems):
            self.problems.append(Problem(place or self.place(loc), loc, text))

    def stop_if_wrong(self) -> None:
        """Raises ConfigError with all problems, in the order of the file."""
        if self.problems:
            ordered = sorted(self.problems, key=lambda problem: problem.place.order)
            error = ConfigError("\n".join(map(str, ordered)))
            error.problems = tuple(ordered)
            raise error

    def forget(self, loc: Loc) -> None:
        """Forgets what is known about `loc` and below, since it is written anew."""

        def below(other: Loc) -> bool:
            return other[: len(loc)] == loc

        self.places = {k: v for k, v in self.places.items() if not below(k)}
        self.unquoted = {k: v for k, v in self.unquoted.items() if not below(k)}
        self.problems = [p for p in self.problems if not below(p.loc)]

    def put(self, loc: Loc, value: Any, place: Place) -> None:
        """Stores a value, making sections and lists on the way; complains of what is in the way."""
        here: Any = self.data
        for depth, part in enumerate(loc):
            if objection := _objection(here, part, dotted(loc[:depth])):
                return self.complain(loc, objection, place)
            if isinstance(here, list) and part == len(here):
                here.append(None)
            elif isinstance(here, dict):
                here.setdefault(part, None)
            if depth == len(loc) - 1:
                here[part] = value
            elif here[part] is None:
                here[part] = [] if isinstance(loc[depth + 1], int) else {}
                self.places[loc[: depth + 1]] = place
            here = here[part]
        self.places[loc] = place
        return None

    def retype(self, loc: Loc) -> bool:
        """Turns text from the environment into the number or boolean it reads as, if it does."""
        if loc not in self.unquoted:
            return False
        here: Any = self.data
        for part in loc[:-1]:
            here = here[part]
        here[loc[-1]] = self.unquoted.pop(loc)
        return True


def _objection(here: Any, part: str | int, name: str) -> str | None:
    if isinstance(here, list):
        if isinstance(part, str):
            return f"`{name}` is a list; name an entry of it, such as `{name}[0]`"
        if part > len(here):
            return f"`{name}` has {len(here)} entries; the next one is `{name}[{len(here)}]`"
    elif not isinstance(here, dict):
        return f"`{name}` has no keys below it"
    elif isinstance(part, int):
        return f"`{name}` is not a list"
    return None


def dotted(loc: Loc) -> str:
    """("knowledge", "sources", 0, "path") -> "knowledge.sources[0].path"."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).removeprefix(".")


def undotted(key: str) -> Loc | None:
    """The reverse of `dotted`, where `sources.0` may stand for `sources[0]`; None if malformed."""
    parts = re.sub(r"\[([0-9]{1,6})\]", r".\1", key).split(".")
    if not all(parts) or re.search(r"[\[\]]", "".join(parts)):
        return None
    return tuple(int(p) if re.fullmatch(r"[0-9]{1,6}", p) else p for p in parts)
