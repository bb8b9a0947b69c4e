"""How an answer is put together: code blocks, tables, list items, sentences, citation marks.

A model's Markdown is made tidy first, so that every reader of it (ours, and each platform's) sees
the same blocks: what one takes for code and another for text could hide a link or a mention.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

FENCE = "```"

SPAN = re.compile(r"(`[^`\n]+`)")
"""A stretch of code within a line; splitting by it leaves the code at the odd places."""

MARK = re.compile(r"\[(\d{1,3})\]")
"""A citation mark."""

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_TICKS = re.compile(r"`{3,}|^\s*~{3,}")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#-]{1,20}")
_LEAD = re.compile(r"[ \t]*(?:(?:[-*+>]|#{1,6}|\d{1,2}[.)])[ \t]+|•[ \t]*|\d{1,2}、[ \t]*)+")
_END = re.compile(
    r"[。！？；]+[”’」』）)]*"
    r"|(?<!e\.g)(?<!i\.e)(?<!\bvs)(?<!\bcf)(?<!\betc)\.+[\"')]*(?=\s|$|\[\d)"
    r"|[!?;]+[\"')]*(?=\s|$|\[\d|[\u4e00-\u9fff])"
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
        text = "" if self.kind is Kind.CODE else SPAN.sub(" ", self.text)
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
    """The text with each fence on a line of its own, which names a language and nothing else."""
    lines: list[str] = []
    inside = False
    for line in _INVISIBLE.sub("", re.sub(r"\r\n?", "\n", text)).split("\n"):
        ticks = list(_TICKS.finditer(line))
        if not inside and len(ticks) % 2 == 0:  # no fence, or code within the line
            lines.append(_TICKS.sub("`", line))
            continue
        if not ticks:
            lines.append(line)
            continue
        fence = ticks[0] if inside else ticks[-1]
        before, after = line[: fence.start()], line[fence.end() :].strip()
        if before.strip():
            lines.append(before.rstrip() if inside else _TICKS.sub("`", before).rstrip())
        language = None if inside else _LANGUAGE.match(after)
        indent = "" if before.strip() else before
        lines.append(f"{indent}{FENCE}{language.group() if language else ''}")
        if inside and after:
            lines.append(_TICKS.sub("`", after))
        inside = not inside
    return "\n".join(lines)


def parts(text: str) -> list[tuple[str, bool]]:
    """(text, is it a code block) in their order; an open block reaches to the end."""
    found: list[tuple[str, bool]] = []
    held: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        bare = line.lstrip()
        fence = bare.startswith(FENCE) and (inside or "`" not in bare.lstrip("`"))
        if fence and not inside:
            found.append(("".join(held), False))
            held = []
        held.append(line)
        if fence and inside:
            found.append(("".join(held), True))
            held = []
        inside ^= fence
    found.append(("".join(held), inside))
    return [(part, is_code) for part, is_code in found if part]


def is_closed(block: str) -> bool:
    """Does a code block end with its fence?"""
    lines = block.rstrip().splitlines()
    return len(lines) > 1 and lines[-1].lstrip().startswith(FENCE)


def units(text: str) -> list[Unit]:
    """The units of a text; `joined` makes the text of them again."""
    found: list[Unit] = []
    item = paragraph = 0
    for part, is_code in parts(text):
        if is_code:
            item, paragraph = item + 1, paragraph + 1
            found.append(Unit(part, Kind.CODE, item, paragraph))
            paragraph += 1
            continue
        for lead, chunk, kind in _chunks(part):
            item += 1
            whole = [] if kind is Kind.TABLE else sentences(chunk)
            found += [Unit(one, kind, item, paragraph, lead) for one in whole or [chunk]]
            paragraph += chunk.endswith("\n\n")
    return found


def _chunks(prose: str) -> list[tuple[str, str, Kind]]:
    """(lead, text, kind) of each list item, heading, table and paragraph."""
    chunks: list[tuple[str, str, Kind]] = []
    for line in re.findall(r"[^\n]*\n+|[^\n]+", prose):
        row = line.lstrip().startswith("|")
        lead = _LEAD.match(line) if not row else None
        kind = Kind.TABLE if row else Kind.SENTENCE
        goes_on = chunks and chunks[-1][2] is kind and not chunks[-1][1].endswith("\n\n")
        if goes_on and not lead:
            chunks[-1] = (chunks[-1][0], chunks[-1][1] + line, kind)
        else:
            begun = lead.group() if lead else ""
            chunks.append((begun, line.removeprefix(begun), kind))
    return chunks


def joined(kept: Iterable[Unit]) -> str:
    """The text of some units, each list item with its mark, each paragraph by itself."""
    text = ""
    before: Unit | None = None
    for unit in kept:
        if before is None or unit.item != before.item:
            if before:
                block = Kind.CODE in (unit.kind, before.kind)
                wanted = 1 if block or unit.paragraph == before.paragraph else 2
                text += "\n" * (wanted - (len(text) - len(text.rstrip("\n"))))
            text += unit.lead + re.sub(r"^ (?=\S)", "", unit.whole)
        else:
            text += unit.whole
        before = unit
    return text


def sentences(text: str) -> list[str]:
    """The sentences of a text, put together the text again; a citation mark goes with the
    sentence before it."""
    masked = SPAN.sub(lambda match: "`" + "x" * (len(match.group()) - 2) + "`", text)
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
    outside = "".join(part for part, is_code in parts(text) if not is_code)
    return list(dict.fromkeys(int(n) for n in MARK.findall(SPAN.sub(" ", outside))))


def renumbered(text: str, numbers: dict[int, int]) -> str:
    """The citation marks outside code with new numbers; marks without one go."""

    def new(match: re.Match[str]) -> str:
        number = numbers.get(int(match.group(2)))
        return f"{match.group(1)}[{number}]" if number else ""

    def prose(part: str) -> str:
        pieces = enumerate(SPAN.split(part))
        renamed = (p if i % 2 else re.sub(r"( ?)\[(\d{1,3})\]", new, p) for i, p in pieces)
        return "".join(renamed)

    return "".join(part if is_code else prose(part) for part, is_code in parts(text))
