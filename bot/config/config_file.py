"""The configuration's file, as it is changed on the console or by a command: shown with masks,
judged as `check` judges it, exchanged as a whole, and kept before each change as a numbered backup.

The text itself is edited, so comments and layout stay. Blocking: for a thread.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import TypeAlias

import yaml
from pydantic import BaseModel

from bot.config.located import ConfigError, Loc, dotted
from bot.config.masking import mask, masked_beside, unmask
from bot.config.schema import DEFAULT_FILE, Config, load_config
from bot.config.yaml_file import text_of
from common.snapshots import write_whole

Value: TypeAlias = float | bool | None

KEPT = 20
"""Backups; older ones go."""

AROUND = 3
"""Lines of a difference around what changed."""


class ConfigChanged(Exception):
    """The file is another by now; says what to do."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The file with masks; `version` changes with every byte of it. `backups` are their numbers,
    the newest first."""

    text: str
    version: str
    backups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A text that was found to be in order, and what it makes of the configuration. `difference`
    is a unified one, with masks."""

    text: str
    version: str
    config: Config
    difference: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The file that `--config` names, or `config.yaml`, with the `--set` values over it."""

    path: Path | None
    overrides: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The file's name, as messages have it."""
        return str(self.path or DEFAULT_FILE)

    def load(self) -> Config:
        """What the file says now. Raises ConfigError."""
        return load_config(self.path, self.overrides)

    def shown(self) -> Shown:
        """The file as it is. Raises ConfigError where it can't be read, or is no YAML."""
        text = self._text()
        return Shown(
            mask(_plain(text)).text, _version(text), tuple(sorted(self._backups(), reverse=True))
        )

    def judge(self, text: str, version: str) -> Change:
        """What a text with masks of this version would change. Raises ConfigChanged, and
        ConfigError with a line for each problem."""
        secrets = mask(_plain(self._current(version))).secrets
        return self._judged(unmask(_plain(text), secrets), version)

    def judge_backup(self, number: int, version: str) -> Change:
        """The same of a backup. Raises ConfigError, ConfigChanged."""
        backup = self._backups().get(number)
        if backup is None:
            raise ConfigError(f"there is no backup {number}")
        return self._judged(_plain(text_of(backup, backup.name)), version)

    def judge_values(self, values: Mapping[str, Value]) -> Change:
        """The same of values by their dotted keys, each written where it stands. Raises
        ConfigError."""
        text = self._text()
        version, text = _version(text), _plain(text)
        for key, value in values.items():
            text = with_value(text, key.split("."), value)
        return self._judged(text, version)

    def write(self, change: Change) -> int | None:
        """Exchanges the file; the number of the backup, None where there was no file. Raises
        ConfigChanged, and ConfigError where it can't be written."""
        before = self._current(change.version)
        target = (self.path or DEFAULT_FILE).resolve()
        try:
            number = self._keep(target) if target.exists() else None
            ending = "\r\n" if "\r\n" in before else "\n"
            _exchange(target, change.text.replace("\n", ending).encode())
        except OSError as error:
            raise ConfigError(
                f"{self.name} can't be written ({error.strerror}); change it with an editor on its "
                "machine, or give the bot's user the folder"
            ) from error
        return number

    def _text(self) -> str:
        path = self.path or DEFAULT_FILE
        if self.path is None and not path.exists():
            return ""
        return text_of(path, self.name)

    def _current(self, version: str) -> str:
        text = self._text()
        if _version(text) != version:
            raise ConfigChanged(f"{self.name} was changed meanwhile; look at it again")
        return text

    def _judged(self, text: str, version: str) -> Change:
        before = _plain(self._current(version))
        config = load_config(self.path, self.overrides, text=text)
        known = mask(before)
        lines = (known.text.splitlines(), masked_beside(text, known.secrets).splitlines())
        difference = [*unified_diff(*lines, n=AROUND, lineterm="")][2:]
        return Change(text, version, config, tuple(difference))

    def _backups(self) -> dict[int, Path]:
        target = (self.path or DEFAULT_FILE).resolve()
        named = re.compile(re.escape(target.name) + r"\.([0-9]{1,6})")
        with suppress(OSError):
            found = [(named.fullmatch(one.name), one) for one in target.parent.iterdir()]
            return {int(match[1]): one for match, one in found if match}
        return {}

    def _keep(self, target: Path) -> int:
        known = self._backups()
        number = max(known, default=0) + 1
        _exchange(target.with_name(f"{target.name}.{number}"), target.read_bytes(), like=target)
        for old in sorted(known)[: -(KEPT - 1)]:
            known[old].unlink(missing_ok=True)
        return number


def changed_keys(before: Config, after: Config) -> list[str]:
    """The keys whose values differ, dotted; a list is one key."""
    return sorted(map(dotted, _changed(before, after, ())))


def _changed(before: BaseModel, after: BaseModel, loc: Loc) -> Iterable[Loc]:
    for name in type(after).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if isinstance(new, BaseModel) and type(new) is type(old):
            yield from _changed(old, new, (*loc, name))
        else:
            yield (*loc, name)


def with_value(text: str, place: Sequence[str], value: Value) -> str:
    """The text with a value in its place, of which what is missing is made; all else stays as it
    is. Raises ConfigError."""
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        raise ConfigError("the file is not valid YAML") from None
    depth = column = 0
    for key in place:
        if not isinstance(node, yaml.MappingNode) or (found := _child(node, key)) is None:
            break
        node, column, depth = found, node.start_mark.column, depth + 1
    written, missing = _written(value), place[depth:]
    if node is None or (not depth and _is_block(node)):
        return _with_section(text, missing, written)
    start, end = node.start_mark.index, node.end_mark.index
    if not missing:
        space = "" if text[start - 1 : start].isspace() else " "
        return text[:start] + space + written + text[end:]
    line = _line(missing, written)
    if _is_block(node):
        return f"{text[:start]}{line}\n{' ' * node.start_mark.column}{text[start:]}"
    if isinstance(node, yaml.MappingNode):
        return f"{text[: start + 1]}{line}{', ' if node.value else ''}{text[start + 1 :]}"
    if start == end:
        return f"{text[:start]}\n{' ' * (column + 2)}{line}{text[start:]}"
    raise ConfigError(f"there is no room for {'.'.join(place)}; write {written} there")


def _with_section(text: str, place: Sequence[str], written: str) -> str:
    section, *keys = place
    before = "" if not text or text.endswith("\n") else "\n"
    inside = f"\n  {_line(keys, written)}" if keys else f" {written}"
    return f"{text}{before}\n{section}:{inside}\n"


def _written(value: Value) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return f"{value:g}"


def _line(keys: Sequence[str], written: str) -> str:
    """A value under keys that are made for it, on one line."""
    *outer, last = keys
    return "".join(f"{key}: {{" for key in outer) + f"{last}: {written}" + "}" * len(outer)


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _child(node: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in node.value if name.value == key), None)


def _version(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _exchange(target: Path, data: bytes, like: Path | None = None) -> None:
    """With the rights that it had, or that another has; a new one only its owner may read."""
    model = like or target
    write_whole(target, data, model.stat().st_mode & 0o777 if model.exists() else 0o600)
