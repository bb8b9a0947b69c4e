"""Markdown by markdown-it-py, for every part that has to know what of a text is code."""

import re
from collections.abc import Callable, Iterator
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.token import Token

FENCE = "```"
FENCE_LINE = re.compile(r"[ \t]*(`{3,}|~{3,})")
"""How a line begins that opens or closes a block of code."""

_TICKS = re.compile("`+")
_BLANK_LINE = re.compile(r"(?<=\n)[ \t]*\n")


def blocks(text: str) -> list[Token]:
    """The block tokens of a text, what is within lines left as it is. Indented text is no code
    here, nor is HTML or a definition of a link anything but text: not every reader takes it so."""
    return _reader().parse(text)


def parts(text: str) -> list[tuple[str, bool]]:
    """(text, is it a fenced code block) in their order; an open block reaches to the end of what
    it stands in."""
    lines = re.split(r"(?<=\n)", re.sub(r"\r\n?", "\n", text))
    found: list[tuple[str, bool]] = []
    end = 0
    for token in blocks(text) if FENCE in text or "~~~" in text else ():
        if token.type == "fence" and token.map:
            first, last = token.map
            found += [("".join(lines[end:first]), False), ("".join(lines[first:last]), True)]
            end = last
    found.append(("".join(lines[end:]), False))
    return [(part, is_code) for part, is_code in found if part]


def fence_for(code: str) -> str:
    """A fence that ends where the code does, whatever stands in it."""
    longest = max((len(run) for run in _TICKS.findall(code)), default=0)
    return "`" * max(len(FENCE), longest + 1)


def is_closed(block: str) -> bool:
    """Does a code block end with its fence?"""
    lines = block.rstrip().splitlines()
    return len(lines) > 1 and lines[-1].lstrip().startswith(FENCE)


def split_code(text: str) -> list[str]:
    """The pieces of a text without code blocks, with each stretch of `code` at an odd place, marks
    included. One that goes on in the next line is code for some readers only, and counts as text.
    """
    pieces: list[str] = []
    end = 0
    for start, behind in _spans(text):
        pieces += [text[end:start], text[start:behind]]
        end = behind
    return [*pieces, text[end:]]


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with all that is no code changed."""
    return "".join(
        part
        if is_code
        else "".join(one if n % 2 else change(one) for n, one in enumerate(split_code(part)))
        for part, is_code in parts(text)
    )


def _spans(text: str) -> Iterator[tuple[int, int]]:
    begun = 0
    for paragraph in _BLANK_LINE.split(text) if "`" in text else ():
        begun = text.index(paragraph, begun)
        state = StateInline(paragraph, _reader(), {}, [])
        while (start := paragraph.find("`", state.pos)) >= 0:
            before = paragraph[state.pos : start]
            if (len(before) - len(before.rstrip("\\"))) % 2:  # \` is a sign like any other
                state.pos = start + 1
                continue
            state.pos = start
            backtick(state, silent=False)
            is_code = bool(state.tokens) and state.tokens.pop().type == "code_inline"
            if is_code and "\n" not in paragraph[start : state.pos]:
                yield begun + start, begun + state.pos
            state.tokens.clear()


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.block.ruler.disable(["code", "reference", "lheading"])
    reader.core.ruler.disable(["inline"])
    return reader
