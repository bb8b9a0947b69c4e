"""Every key has a comment in config.yaml and its place in the documentation, both languages."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from adapters import KINDS, settings_type
from bot.config.schema import Config, load_config
from bot.config.yaml_file import read_text, text_of

ROOT = Path(__file__).parents[3]
SHIPPED = (ROOT / "config.yaml").read_text(encoding="utf-8")


def section_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation: X for X and for tuple[X, ...]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(section_in, get_args(annotation))), None)


def keys_of(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Full names of all keys that hold a value, such as `knowledge.sources[].path`."""
    for name, field in model.model_fields.items():
        section = section_in(field.annotation)
        if section is None:
            yield above + name
        else:
            listed = "" if section is field.annotation else "[]"
            yield from keys_of(section, f"{above}{name}{listed}.")


def adapter_keys(kind: str) -> set[str]:
    """The keys of one kind of adapter."""
    fields = settings_type(kind).model_fields
    return {field.alias or name for name, field in fields.items()}


def all_keys() -> set[str]:
    adapters = {f"adapters[].{key}" for kind in KINDS for key in adapter_keys(kind)}
    return {*keys_of(Config), *adapters} - {"adapters"}


def adapter_example(kind: str) -> list[str]:
    """The lines of the entry for one kind of adapter, without the mark that takes them out."""
    lines = [line.removeprefix("  ").removeprefix("# ") for line in SHIPPED.splitlines()]
    first = next(i for i, line in enumerate(lines) if re.match(rf"- kind: {kind}\b", line))
    rest = iter(lines[first + 1 :])
    return [lines[first], *itertools.takewhile(lambda line: line.startswith("  "), rest)]


def comment_of(lines: list[str], number: int) -> str:
    """The comment on a line (from 1), or else the block of comments directly above it."""
    _, mark, beside = lines[number - 1].partition(" #")
    block = []
    for line in reversed(lines[: number - 1]):
        if not line.lstrip().startswith("#"):
            break
        block.append(line.strip("# "))
    return beside.strip() if mark else " ".join(block)


def uncommented(text: str, path: Path) -> set[str]:
    """Keys without a comment, or that are not in the file at all."""
    path.write_text(text, encoding="utf-8")
    places = read_text(text_of(path, path.name), path, path.name, {}).places
    lines = text.splitlines()
    missing = set()
    for key in keys_of(Config):
        above, listed, name = key.partition("[].")
        place = places.get(tuple(above.split(".")))
        comment = comment_of(lines, place.order) if place else ""
        if not comment or (listed and not re.search(rf"\b{name}\b", comment)):
            missing.add(key)
    return missing


def test_the_walk_finds_keys_of_every_depth() -> None:
    some = {"bot.name", "knowledge.sources[].path", "knowledge.index.m", "adapters[].kind"}
    assert some <= all_keys()
    assert len(all_keys()) > 50


def test_every_key_has_a_comment(tmp_path: Path) -> None:
    assert uncommented(SHIPPED, tmp_path / "config.yaml") == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_adapter_has_an_example_with_all_its_keys(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = adapter_example(kind)
    assert all(re.search(r" # \w", line) for line in lines), "each with a comment"
    keys = {re.match(r"[- ]+(\w+):", line)[1] for line in lines}  # type: ignore[index]  # matches
    assert adapter_keys(kind) - {"name"} == keys
    for name in re.findall(r"\$\{(\w+)\}", "\n".join(lines)):
        monkeypatch.setenv(name, "https://open.feishu.cn/open-apis/bot/v2/hook/1")
    monkeypatch.setenv("DINGTALK_CLIENT_ID", "ding1")
    file = tmp_path / "config.yaml"
    file.write_text("adapters:\n" + "\n".join(f"  {line}" for line in lines))
    (adapter,) = load_config(file).adapters
    assert getattr(adapter, "kind", "") == kind


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        (r"(queue_size: \d+).*", "bot.queue_size"),
        (r"\n  port:.*()", "http.port"),
        (r"(\n  # .*?), exclude", "knowledge.sources[].exclude"),
    ],
)
def test_a_missing_comment_is_noticed(tmp_path: Path, pattern: str, key: str) -> None:
    doctored, found = re.subn(pattern, r"\1", SHIPPED)
    assert found == 1
    assert uncommented(doctored, tmp_path / "config.yaml") == {key}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_key_is_documented_and_every_documented_key_exists(language: str) -> None:
    text = (ROOT / "docs" / language / "configuration.md").read_text(encoding="utf-8")
    sections = "|".join(Config.model_fields)
    named = set(re.findall(rf"`((?:{sections})(?:\[\])?\.[a-z0-9_.\[\]]+)`", text))
    inner = {key.rpartition(".")[0].removesuffix("[]") for key in all_keys()}
    assert all_keys() - named == set()
    assert named - all_keys() - inner == set()
