"""The tables of lines: complete in both languages, and nothing in them that nobody says."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from adapters.texts import phrase
from bot.texts.notices import notice
from bot.types import Reason
from common.texts import Texts
from knowledge.types import GateReason

ROOT = Path(__file__).parents[3]
TABLES = {"bot": ("notice", notice), "adapters": ("phrase", phrase)}
"""By package: the name under which its modules say lines, and the lines."""

every_table = pytest.mark.parametrize("package", TABLES)


def fields_of(line: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(line) if name}


def trees(package: str) -> Iterator[ast.AST]:
    for path in (ROOT / package).rglob("*.py"):
        yield ast.parse(path.read_text(encoding="utf-8"))


def constants(package: str) -> set[str]:
    """Every text that stands in the package's code; of an f-string, what it begins with."""
    return {
        node.value
        for tree in trees(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def said(package: str, name: str) -> Iterator[tuple[str, set[str] | None]]:
    """The lines that are named where they are said, with their fields as far as they are known."""
    for tree in trees(package):
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=function, args=[ast.Constant(value=str(line)), *_]):
                    if ast.unparse(function) in (name, f"{name}.both"):
                        given = {keyword.arg for keyword in node.keywords}
                        yield line, None if None in given else {field for field in given if field}


@every_table
def test_every_line_has_both_languages_with_the_same_fields(package: str) -> None:
    lines: Texts = TABLES[package][1]
    wrong = [
        name
        for name, texts in lines.lines.items()
        if set(texts) != {"zh", "en"}
        or not all(texts.values())
        or fields_of(texts["zh"]) != fields_of(texts["en"])
    ]
    assert not wrong


@every_table
def test_every_line_that_is_said_exists_and_gets_its_fields(package: str) -> None:
    function, lines = TABLES[package]
    found = list(said(package, function))
    assert len(found) > 5
    for name, fields in found:
        assert name in lines.lines, f"there is no line {name}"
        if fields is not None:
            assert fields_of(lines.lines[name]["en"]) == fields, name


@every_table
def test_every_line_is_said_somewhere(package: str) -> None:
    texts = constants(package)
    spelled = ("reason_", "button_", "mode_", "gate_is_", "origin_")
    families = tuple(text for text in texts if text in spelled)
    unsaid = {name for name in TABLES[package][1].lines if name not in texts}
    assert {name for name in unsaid if not name.startswith(families)} == set()


def test_every_kind_of_gate_has_its_sentence() -> None:
    sentences = {name for name in notice.lines if name.startswith("gate_is_")}
    assert sentences == {f"gate_is_{why}" for why in get_args(GateReason)}


def test_every_reason_has_its_sentence() -> None:
    sentences = {name for name in notice.lines if name.startswith("reason_")}
    assert sentences == {f"reason_{reason}" for reason in Reason}


def test_one_is_not_said_as_many(tmp_path: Path) -> None:
    file = tmp_path / "lines.toml"
    file.write_text(
        '[found]\nzh = "{n} 条"\nen = "{n} new (reply|replies), {m} (label is|labels are) left"\n',
        encoding="utf-8",
    )
    lines = Texts(file)
    one, many = lines.said("found", n=1, m=0), lines.said("found", n=11, m="1")
    assert (one.en, one.zh) == ("1 new reply, 0 labels are left", "1 条")
    assert many.en == "11 new replies, 1 label is left"
