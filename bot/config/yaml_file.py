"""Reads the configuration's YAML and keeps, beside the data, where each part was written.

Plain scalars follow YAML 1.2: only true and false are booleans, and `no`, `12:30` or
`2024-01-01` stay text. Anchors, aliases and tags are refused, which rules out alias bombs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from bot.config.located import ConfigError, Loc, Place, Tree, dotted, undotted
from bot.config.yaml_errors import yaml_problem

MAX_CHARS = 1_000_000
MAX_DEPTH = 20

_VARIABLE = re.compile(
    r"(?P<escaped>\$\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}|\$\{"
)
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def typed(text: str) -> Any:
    """What a plain scalar means in YAML 1.2: None, bool, int, float or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def text_of(path: Path, shown: str) -> str:
    """What a file holds; `shown` is its name in messages. Raises ConfigError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{shown}: no such file; check the name after --config") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{shown}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{shown}: can't be read ({error.strerror})") from None


def read_text(text: str, path: Path, shown: str, env: Mapping[str, str]) -> Tree:
    """Reads the text of a file; `shown` is its name in messages. Wrong values are noted in the
    tree. Raises ConfigError when it isn't YAML."""
    tree = Tree(Place(shown, path.absolute().parent))
    node = _compose(text, tree, tree.root)
    tree.stop_if_wrong()
    value = _Converter(tree, env).convert(node, ()) if node is not None else None
    if isinstance(value, dict):
        tree.data = value
    elif value is not None:
        tree.complain((), "must consist of sections, such as `bot:` with its keys below")
        tree.stop_if_wrong()
    return tree


def apply(tree: Tree, assignment: str, number: int, env: Mapping[str, str]) -> None:
    """Writes the `number`th `--set key=value` over the tree; what is wrong is noted there."""
    key, equals, text = assignment.partition("=")
    order = MAX_CHARS + number
    loc = undotted(key)
    if not equals or loc is None:
        place = Place(f"--set {key}", Path.cwd(), order)
        return tree.complain((), "write key=value, such as --set bot.language=en", place)
    place = Place(f"--set {dotted(loc)}", Path.cwd(), order)
    tree.forget(loc)
    tree.places[loc] = place
    node = _compose(text, tree, place)
    if node is not None:
        return tree.put(loc, _Converter(tree, env, place).convert(node, loc), place)
    if place not in (problem.place for problem in tree.problems):
        tree.put(loc, None, place)
    return None


def _compose(text: str, tree: Tree, place: Place) -> yaml.Node | None:
    """Parses YAML; None, without a problem in the tree, where there is nothing but comments."""
    if len(text) > MAX_CHARS:
        tree.complain((), f"more than {MAX_CHARS} characters; is it the right file?", place)
        return None
    try:
        # BaseLoader resolves nothing and builds no objects: every scalar stays text.
        return yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        found = yaml_problem(text, error)
        if place is tree.root:
            place = replace(place, label=f"{place.label}:{found.line}:{found.column}")
        tree.complain((), f"not valid YAML: {found.text}", place)
    except RecursionError:
        tree.complain((), "nested too deeply", place)
    return None


@dataclass(slots=True)
class _Converter:
    """Turns nodes into plain data and notes their places in the tree."""

    tree: Tree
    env: Mapping[str, str]
    override: Place | None = None
    seen: set[int] = field(default_factory=set)

    def convert(self, node: yaml.Node, loc: Loc) -> Any:
        """Returns None for what is refused; the tree then holds the problem."""
        self.tree.places.setdefault(loc, self._place(node))
        if id(node) in self.seen:
            return self.tree.complain(loc, "YAML aliases are not supported; write the value out")
        if node.tag not in _TAGS:
            return self.tree.complain(loc, "YAML tags are not supported; write a plain value")
        if len(loc) > MAX_DEPTH:
            return self.tree.complain(loc, "nested too deeply")
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(child, (*loc, i)) for i, child in enumerate(node.value)]
        return self._scalar(node, loc) if isinstance(node, yaml.ScalarNode) else None

    def _place(self, node: yaml.Node) -> Place:
        if self.override:
            return self.override
        line, root = node.start_mark.line + 1, self.tree.root
        return Place(f"{root.label}:{line}", root.folder, line)

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.tree.complain((*loc, "?"), "a key must be a word", self._place(key))
                continue
            at = (*loc, str(key.value))
            if key.value in data:
                twice = f"duplicate key; it was first written at {self.tree.places[at].label}"
                self.tree.complain(at, twice, self._place(key))
                continue
            self.tree.places[at] = self._place(key)
            data[key.value] = self.convert(value, at)
        return data

    def _scalar(self, node: yaml.ScalarNode, loc: Loc) -> Any:
        plain = node.style is None
        text = self._expand(str(node.value), loc)
        if text is None or _NO_TEXT.search(text):
            return self.tree.complain(loc, "holds characters that no text can hold")
        if text == node.value:
            return typed(text) if plain else text
        if plain and not isinstance(typed(text), str | None):
            self.tree.unquoted[loc] = typed(text)
        return text

    def _expand(self, text: str, loc: Loc) -> str | None:
        """Puts in the environment's variables; None, and a problem, where that can't be done."""

        def value(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
            name, default = match["name"], match["default"]
            if name is None:
                missing.append("write ${NAME} or ${NAME:-text}, or $${ for a plain ${")
            elif default is not None:
                return self.env.get(name) or str(default[2:])
            elif name not in self.env:
                missing.append(
                    f"the environment variable {name} is not set; set it, or write "
                    f"${{{name}:-text}} with a text to use instead"
                )
            return self.env.get(name or "", "")

        missing: list[str] = []
        expanded = _VARIABLE.sub(value, text)
        for problem in missing[:1]:
            self.tree.complain(loc, problem)
        return None if missing else expanded
