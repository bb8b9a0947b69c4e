"""Code is cut along its structure, in whole lines, in every language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.code.chunks import chunks_of
from knowledge.code.types import MAX_LINES

PYTHON = '''import os

LIMIT = 3


def outer(x):
    """Says
def not_a_function():
    """

    def inner():
        return x

    return inner


@decorated
async def late(
    one,
    two=2,
) -> None:
    pass


class Small:
    # about the number
    number = 1

    def method(self): ...


if __name__ == "__main__":
    outer(1)
'''

CASES = {
    "python": (PYTHON, ["", "outer", "late", "Small", ""]),
    "javascript": (
        "import x from 'y'\n\nexport default class Kettle {\n  boil(water) {\n    return 1\n"
        "  }\n}\n\n// pours\nexport const pour = async (cup) => {\n  cup.fill()\n}\n",
        ["", "Kettle", "pour"],
    ),
    "cpp": (
        "#include <x>\n\nvoid Kettle::boil(int degrees) {\n  run();\n}\n\n"
        "int main(int argc,\n         char** argv)\n{\n  return 0;\n}\n",
        ["", "Kettle::boil", "main"],
    ),
    "go": (
        "package kettle\n\ntype Kettle struct {\n\tn int\n}\n\n"
        "func (k *Kettle) Boil(n int) error {\n\treturn nil\n}\n",
        ["", "Kettle", "Boil"],
    ),
    "rust": (
        "use x;\n\nimpl Kettle {\n    pub fn boil(&self) -> u8 {\n        1\n    }\n}\n"
        "\npub(crate) fn pour() {\n    go();\n}\n",
        ["", "Kettle", "pour"],
    ),
    "java": (
        "package a;\n\npublic class Kettle {\n    public void boil(int n) {\n        go();\n"
        "    }\n}\n",
        ["", "Kettle"],
    ),
    "bash": (
        "set -e\n\nboil() {\n  echo hot\n}\n\nfunction pour {\n  echo glug\n}\n",
        ["", "boil", "pour"],
    ),
    "yaml": ("a: 1\nserver:\n  port: 1\n  host: x\nlog:\n  level: info\n", ["", "server", "log"]),
    "toml": ('[tool.x]\na = 1\nb = 2\n\n[[other]]\nc = "d"\n', ["tool.x", "other"]),
    "": ("something\n  else\n", [""]),
}


@pytest.mark.parametrize("language", CASES)
def test_blocks_are_known_by_name(language: str) -> None:
    text, expected = CASES[language]
    assert [chunk.heading for chunk in chunks_of(text.split("\n"), language)] == expected


def test_decorators_and_comments_stay_with_their_function() -> None:
    chunks = {chunk.heading: chunk for chunk in chunks_of(PYTHON.split("\n"), "python")}
    assert chunks["late"].text.startswith("@decorated\nasync def late(")
    assert chunks["late"].text.endswith("pass")
    assert chunks["late"].line == PYTHON.split("\n").index("@decorated") + 1
    assert "def not_a_function" in chunks["outer"].text


def test_a_long_class_is_cut_at_its_methods() -> None:
    methods = [f"    def m{n}(self):\n" + "        go()\n" * 10 for n in range(12)]
    chunks = chunks_of(("class Long:\n" + "\n".join(methods)).split("\n"), "python")
    assert [c.heading for c in chunks if c.heading != "Long"] == [f"Long > m{n}" for n in range(12)]


def test_a_long_function_is_cut_at_its_blank_lines() -> None:
    body = ("    step()\n" * 39 + "\n") * 4
    chunks = chunks_of(f"def long():\n{body}".split("\n"), "python")
    assert [chunk.heading for chunk in chunks] == ["long"] * 4
    assert [chunk.text.count("\n") for chunk in chunks[1:]] == [38, 38, 38]


LINES = st.lists(
    st.sampled_from(
        [
            "", "def f(x):", "    def g():", "        pass", "class A:", "}", "{", "  foo() {",
            "# c", '"""', "\tx = 1", "a:", "  b:", "func X() {", ")", "@d", "é中\u2028文", "[s]",
        ]
    ),
    max_size=200,
)  # fmt: skip


@given(LINES, st.sampled_from([*CASES]))
def test_nothing_is_lost_torn_or_told_twice(lines: list[str], language: str) -> None:
    chunks = chunks_of(lines, language)
    seen: list[int] = []
    for chunk in chunks:
        own = chunk.text.split("\n")
        assert len(own) <= MAX_LINES
        assert own == lines[chunk.line - 1 : chunk.line - 1 + len(own)]
        seen += range(chunk.line - 1, chunk.line - 1 + len(own))
    assert seen == sorted(set(seen))
    assert [n for n, line in enumerate(lines) if line.strip()] == [
        n for n in seen if lines[n].strip()
    ]
