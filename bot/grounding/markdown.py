"""How an answer is put together: code blocks, tables, list items, sentences, citation marks.

A model's Markdown is made tidy first, so that every reader of it (ours, and each platform's) sees
the same blocks: what one takes for code and another for text could hide a link or a mention.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from common.language import HAN
from common.markdown import FENCE, blocks, is_closed, outside_code, parts, split_code

MARK = re.compile(r"\[(\d{1,3})\]")
"""A citation mark."""
HALF = ";", "；"

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_TICKS = re.compile(r"`{3,}")
_TILDES = re.compile(r"^((?:[\s>*+-]|\d{1,9}[.)]\s)*)~{3,}")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#-]{0,20}")
_BULLET = re.compile(r"^([ \t]*)•[ \t]*")
_ORDINAL = re.compile(r"^([ \t]*\d{1,2})、[ \t]*")
_END = re.compile(
    r"[。！？；]+[”’」』）)]*"
    r"|(?<!e\.g)(?<!i\.e)(?<!\bvs)(?<!\bcf)(?<!\betc)\.+[\"')]*(?=\s|$|\[\d)"
    rf"|[!?;]+[\"')]*(?=\s|$|\[\d|[{HAN}])"
    r"|\n+(?![a-z])"  # a sentence that goes on in lower case was only wrapped
)
_TRAILING = re.compile(r"(?:\s*\[\d{1,3}\])+[。.，,；;]?")
_SENTENCE_SIGNS = ".。!！?？;；:：… "
_FINISHED = re.compile(r"[.!?。！？；;\]][\"'”’」』）)*]*\s*$")


class Kind(StrEnum):
    """What a unit is."""

    SENTENCE = "sentence"
    CODE = "code"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Unit:
    """The least that is kept or removed: a sentence, a code block, a table. `lead` begins the list
    item or heading that it belongs to; `item` and `paragraph` number the pieces of the text;
    `cites` are marks besides those within it."""

    text: str
    kind: Kind
    item: int
    paragraph: int
    lead: str = ""
    cites: tuple[int, ...] = ()

    @property
    def marks(self) -> tuple[int, ...]:
        """The numbers of its citation marks."""
        text = "" if self.kind is Kind.CODE else " ".join(split_code(self.text)[::2])
        return (*(int(n) for n in MARK.findall(text)), *self.cites)

    @property
    def bare(self) -> str:
        """What it says, without marks; nothing where there are only marks and signs."""
        if self.kind is Kind.CODE:
            return self.text.strip()
        said = MARK.sub("", self.text).strip()
        return said if re.search(r"\w", said) else ""

    @property
    def listed(self) -> bool:
        """Does it stand in a list?"""
        return bool(self.lead.strip("#> \t"))

    @property
    def whole(self) -> str:
        """Its text with all its marks: before the sign that ends a sentence, below a block."""
        text = self.text.rstrip()
        behind = self.text[len(text) :]
        if self.kind is Kind.CODE and not is_closed(text):
            text += f"\n{FENCE}"
        if not self.cites:
            return text + behind
        marks = "".join(f"[{number}]" for number in self.cites)
        if self.kind is not Kind.SENTENCE:
            return f"{text}\n{marks}{behind or chr(10)}"
        said = text.rstrip(_SENTENCE_SIGNS)
        return f"{said} {marks}{text[len(said) :]}{behind}"


def tidy(text: str) -> str:
    """The text with each fence on a line of its own, which names a language and nothing else, and
    with the marks of lists that Markdown knows."""
    lines: list[str] = []
    opened: int | None = None  # the line where a block begins
    for written in _INVISIBLE.sub("", re.sub(r"\r\n?", "\n", text)).split("\n"):
        line = _TILDES.sub(rf"\1{FENCE}", written)
        ticks = list(_TICKS.finditer(line))
        if opened is None and len(ticks) % 2 == 0:  # no fence, or code within the line
            lines.append(_prose(line))
            continue
        if not ticks:
            lines.append(line)
            continue
        fence = ticks[-1] if opened is None else ticks[0]
        before, after = line[: fence.start()], line[fence.end() :].strip()
        if before.strip():
            lines.append(_prose(before.rstrip()) if opened is None else before.rstrip())
        if opened is None:
            opened = len(lines)
            language = _LANGUAGE.match(after)
            indent = "" if before.strip() else before
            lines.append(f"{indent}{FENCE}{language.group() if language else ''}")
            continue
        lines.append(FENCE)
        _align(lines, opened)
        opened = None
        if after:
            lines.append(_prose(after))
    if opened is not None:
        _align(lines, opened)
    return "\n".join(lines)


def _prose(line: str) -> str:
    line = _TICKS.sub("`", _TILDES.sub(r"\1", line))
    return _ORDINAL.sub(r"\1. ", _BULLET.sub(r"\1- ", line))


def _align(lines: list[str], opened: int) -> None:
    """Code belongs to a list item only as a whole: else the item would end within it."""
    fence = lines[opened]
    indent = fence[: -len(fence.lstrip())]
    code = lines[opened + 1 :]
    closed = code[-1:] == [FENCE]
    if all(line.startswith(indent) for line in code[: len(code) - closed] if line.strip()):
        lines[-1] = indent + FENCE if closed else lines[-1]
    else:
        lines[opened] = fence.lstrip()


def units(text: str) -> list[Unit]:
    """The units of a text; `joined` makes the text of them again."""
    found: list[Unit] = []
    paragraph = 0
    lines = text.split("\n")
    every = list(_blocks(text, lines))
    starts = [*(block.first for block in every[1:]), len(lines) - 1]
    for item, (block, following) in enumerate(zip(every, starts, strict=False)):
        said = block.text + "\n" * min(2, following - block.last + 1)
        is_code = block.kind is Kind.CODE
        paragraph += is_code
        pieces = (sentences(said) or [said]) if block.kind is Kind.SENTENCE else [said]
        found += [Unit(piece, block.kind, item, paragraph, block.lead) for piece in pieces]
        paragraph += is_code or said.endswith("\n\n")
    return found


class _Block(NamedTuple):
    """A list item, heading, table, paragraph or code block: lines `first` to `last`, that one not
    included. Its first line begins with `lead`, `text` is without it."""

    first: int
    last: int
    kind: Kind
    lead: str
    text: str


_KINDS = {"fence": Kind.CODE, "table_open": Kind.TABLE, "inline": Kind.SENTENCE}


def _blocks(text: str, lines: Sequence[str]) -> Iterator[_Block]:
    end = 0
    for token in blocks(text):
        kind = _KINDS.get(token.type)
        if kind is None or token.map is None or token.map[0] < end:
            continue
        yield from _others(lines, end, token.map[0])
        first, end = token.map
        begin = token.content.split("\n")[0] if kind is Kind.SENTENCE else lines[first]
        lead = lines[first][: max(0, lines[first].rfind(begin))]
        yield _Block(first, end, kind, lead, "\n".join(lines[first:end])[len(lead) :])
    yield from _others(lines, end, len(lines))


def _others(lines: Sequence[str], first: int, last: int) -> Iterator[_Block]:
    """Lines that say something and are no block's, such as an empty list item."""
    for number in range(first, last):
        if lines[number].strip():
            yield _Block(number, number + 1, Kind.SENTENCE, lines[number], "")


def joined(kept: Iterable[Unit]) -> str:
    """The text of some units, each list item with its mark, each paragraph by itself."""
    text = ""
    before: Unit | None = None
    for _, units_of_item in groupby(kept, key=lambda unit: unit.item):
        first, *more = units_of_item
        if before:
            block = Kind.CODE in (first.kind, before.kind)
            wanted = 1 if block or first.paragraph == before.paragraph else 2
            text += "\n" * (wanted - (len(text) - len(text.rstrip("\n"))))
        said = "".join(map(_shown, (first, *more), (*more, None)))
        if first.kind is Kind.SENTENCE:  # the first one left may have begun a line of its own
            said = said.lstrip(" >" if re.fullmatch(r"\s*>[^#]*", first.lead) else " ")
        text += first.lead + said
        before = first
    return text


def _shown(unit: Unit, behind: Unit | None) -> str:
    """A unit with its marks; half a sentence leaves them to the other half if that has the same."""
    is_half = behind and unit.bare.endswith(HALF) and unit.marks == behind.marks
    return unit.text if is_half else unit.whole


def sentences(text: str) -> list[str]:
    """The sentences of a text, put together the text again; a citation mark goes with the
    sentence before it."""
    pieces = enumerate(split_code(text))
    masked = "".join("x" * len(piece) if n % 2 else piece for n, piece in pieces)
    found: list[str] = []
    start = 0
    for end in (match.end() for match in _END.finditer(masked)):
        found.append(text[start:end])
        start = end
    if start < len(text):
        found.append(text[start:])
    merged: list[str] = []
    for sentence in found:
        mark = _TRAILING.match(sentence)
        if not merged or not mark or merged[-1].endswith("\n"):
            merged.append(sentence)
            continue
        merged[-1] += mark.group()
        rest = sentence[mark.end() :]
        if rest.strip():
            merged.append(rest)
        else:
            merged[-1] += rest
    return merged


def complete(text: str) -> str:
    """What is finished of a text that is still being written: without its last unit, and without
    the words that lead to an open code block."""
    return joined(_before_the_open(units(tidy(text))[:-1]))


def rounded_off(text: str) -> str:
    """A text that was cut off, without a last sentence or code block that is not whole."""
    found = units(tidy(text))
    while found and not _is_whole(found[-1]):
        found = _before_the_open(found[:-1])
    return joined(found).rstrip()


def _is_whole(unit: Unit) -> bool:
    return is_closed(unit.text) if unit.kind is Kind.CODE else bool(_FINISHED.search(unit.text))


def _before_the_open(found: list[Unit]) -> list[Unit]:
    while found and leads_on(found[-1]):
        found = found[:-1]
    return found


def leads_on(unit: Unit) -> bool:
    """Does it only announce what follows ("Run this:")?"""
    return unit.kind is Kind.SENTENCE and unit.bare.rstrip("*").endswith((":", "："))


def cut_short(text: str, max_chars: int) -> str:
    """The first units that fit."""
    kept: list[Unit] = []
    for unit in units(tidy(text)):
        if len(joined([*kept, unit]).rstrip()) > max_chars:
            break
        kept.append(unit)
    return joined(_before_the_open(kept)).rstrip()


def marks_in(text: str) -> list[int]:
    """The numbers of the citation marks outside code, in their order, each once."""
    prose = (piece for part, code in parts(text) if not code for piece in split_code(part)[::2])
    return list(dict.fromkeys(int(n) for piece in prose for n in MARK.findall(piece)))


def renumbered(text: str, numbers: dict[int, int]) -> str:
    """The citation marks outside code with new numbers; marks without one go."""

    def new(match: re.Match[str]) -> str:
        number = numbers.get(int(match[2]))
        return f"{match[1]}[{number}]" if number else ""

    return outside_code(text, lambda prose: re.sub(rf"( ?){MARK.pattern}", new, prose))
