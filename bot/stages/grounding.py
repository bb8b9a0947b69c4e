"""Does every hard fact in a text occur in its sources? Decided by looking, not by a model.

Hard facts are what people copy: commands, flags, file names, versions, numbers, addresses and
code identifiers. A model that makes one up is caught here, whatever it was told.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from knowledge.split import is_chinese

_BLOCK = re.compile(r"```[^\n]*\n(.*?)(?:\n```|\Z)", re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_SPANS = re.compile(r"(`[^`\n]+`)")
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "0.0.0.0"})  # noqa: S104 - compared, not bound
_MARK = re.compile(r"\[(\d{1,3})\]")
_REST = r"[^\s<>\"'`）)\]，。；]"
_ADDRESS = (
    rf"(?:(?:https?|ftp)://|\bwww\.){_REST}+"
    # Chat platforms make links of bare host names too.
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|cn|io|top|xyz|info|me|cc|site|online|app|dev|ru|link|shop"
    rf"|live|club|test)\b(?:[:/]{_REST}*)?"
)
_URL = re.compile(_ADDRESS, re.IGNORECASE)
_FACT = re.compile(
    _ADDRESS  # addresses
    + r"|(?<![\w-])--?[A-Za-z][\w-]*"  # flags
    r"|(?<!\w)[A-Za-z_~.][\w.~-]*(?:/[\w.~*-]+)+/?"  # paths
    r"|\b[A-Za-z]\w*(?:\.\w+)+(?:\(\))?"  # dotted names and file names
    r"|\b[A-Za-z]\w*_\w+(?:\(\))?"  # snake_case
    r"|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z0-9]+[A-Z]\w*"  # camelCase
    r"|\b[A-Za-z]+\d[\w.-]*"  # names with digits: RTX3090, cu118, v1.2
    r"|\d+(?:\.\d+)*%?",  # numbers and versions
)
_ENDING = ".,:;!?。，：；！？"
_SENTENCE_END = re.compile(r"(?<=[。！？!?；])|(?<=\.)(?=\s)|\n+")
_ORDINAL = re.compile(r"^\s*(?:\d{1,2}[.)、]|[-*•])\s+")
_NAME = re.compile(r"[A-Za-z][\w.+-]*\w|\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Checked:
    """A text without what its sources don't say. `dropped` are the facts that went with their
    sentences; `core_lost` when a code block or most of the sentences went."""

    text: str
    dropped: tuple[str, ...]
    core_lost: bool


def names_in(text: str) -> frozenset[str]:
    """Names of things, in lower case: among Chinese every word of Latin letters, else words with
    a digit, a sign or a capital letter that doesn't begin the text."""
    return frozenset(
        match.group().lower().strip(".-+")
        for match in _NAME.finditer(text)
        if is_chinese(text) or _looks_like_name(match.group(), first=match.start() == 0)
    )


def _looks_like_name(word: str, *, first: bool) -> bool:
    return bool(re.search(r"[\d_.+-]|(?<=.)[A-Z]", word)) or (word[0].isupper() and not first)


def facts_in(text: str) -> list[str]:
    """The hard facts of a sentence: what stands in `code`, and what looks like it outside."""
    bare = _MARK.sub(" ", _ORDINAL.sub("", text))
    facts = [span.strip() for span in _SPAN.findall(bare)]
    rest = _SPAN.sub(" ", bare)
    facts += [found.group().rstrip(_ENDING) for found in _FACT.finditer(rest)]
    return [fact for fact in facts if fact]


class Sources:
    """What an answer may draw on: the documents found and the question. Addresses count only
    where the documents hold them: anybody can write one into a question."""

    def __init__(self, documents: Iterable[str], question: str) -> None:
        self._documents = _squeezed("\n".join(documents))
        self._text = f"{self._documents} {_squeezed(question)}"
        self._numbers = frozenset(re.findall(r"\d+(?:\.\d+)*", self._text))

    def hold(self, fact: str) -> bool:
        """Does a fact occur, with any spacing and in upper or lower case? A number must occur
        as a whole: 80 is not in 8080. Code may be put together from words that occur."""
        addresses = [found.group().rstrip(_ENDING).lower() for found in _URL.finditer(fact)]
        if not all(address in self._documents for address in addresses):
            return False
        wanted = _squeezed(fact)
        number = wanted.rstrip("%")
        if re.fullmatch(r"\d+(?:\.\d+)*", number):
            return number in self._numbers
        if self._occurs(wanted):
            return True
        parts = wanted.split()
        return len(parts) > 1 and all(self._part_occurs(part) for part in parts)

    def _part_occurs(self, part: str) -> bool:
        bare = part.strip("\"'(){}[],;:\\|&$=<>")
        if re.fullmatch(r"\d+(?:\.\d+)*", bare):
            return bare in self._numbers
        return not bare or self._occurs(bare)

    def _occurs(self, wanted: str) -> bool:
        # At a word's border: `app.py` is not in `myapp.pyc`.
        before = r"(?<![\w])" if re.match(r"\w", wanted) else ""
        after = r"(?![\w])" if re.search(r"\w$", wanted) else ""
        return re.search(before + re.escape(wanted) + after, self._text) is not None


def grounded(text: str, sources: Sources) -> Checked:
    """Removes each sentence and code block with a fact that no source holds."""
    dropped: list[str] = []
    kept: list[str] = []
    total = lost = 0
    block_lost = False
    for part, is_block in _parts(text):
        if is_block:
            missing = [line for line in _code_lines(part) if not sources.hold(line)]
            block_lost = block_lost or bool(missing)
            dropped += missing
            if not missing:
                kept.append(part)
            continue
        for sentence in sentences(part):
            said = bool(_MARK.sub("", sentence).strip(" \n*-•"))
            missing = [fact for fact in facts_in(sentence) if not sources.hold(fact)]
            total += said
            lost += bool(missing)
            dropped += missing
            if not missing:
                kept.append(sentence)
    shown = re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip()
    bare = _MARK.sub("", shown).strip()
    return Checked(shown, tuple(dropped), block_lost or not bare or lost > total / 2)


def sentences(text: str) -> list[str]:
    """The sentences of a text, put together the text again; a citation mark goes with the
    sentence before it."""
    found: list[str] = []
    start = 0
    for end in (match.end() for match in _SENTENCE_END.finditer(text)):
        if end > start:
            found.append(text[start:end])
            start = end
    if start < len(text):
        found.append(text[start:])
    merged: list[str] = []
    for sentence in found:
        mark = re.match(r"(\s*\[\d{1,3}\])+[。.，,；;]?", sentence)
        if not merged or not mark or merged[-1].endswith("\n"):
            merged.append(sentence)
            continue
        merged[-1] += mark.group()
        if rest := sentence[mark.end() :]:
            merged.append(rest)
    return merged


def marks_in(text: str) -> list[int]:
    """The numbers of the citation marks outside code, in their order, each once."""
    outside = "".join(part for part, is_block in _parts(text) if not is_block)
    return list(dict.fromkeys(int(n) for n in _MARK.findall(_SPAN.sub(" ", outside))))


def renumbered(text: str, numbers: dict[int, int]) -> str:
    """The citation marks outside code with new numbers; marks without one go."""

    def new(match: re.Match[str]) -> str:
        number = numbers.get(int(match.group(2)))
        return f"{match.group(1)}[{number}]" if number else ""

    return "".join(
        part if is_block else re.sub(r"( ?)\[(\d{1,3})\]", new, part)
        for part, is_block in _parts(text)
    )


def without_foreign_links(text: str, hosts: frozenset[str], instead: str) -> str:
    """Addresses outside code stay only where they lead to one of our hosts or to the reader's own
    machine. Within code they are shown, not linked, and the documents hold them."""

    def judged(match: re.Match[str]) -> str:
        address = match.group()
        ending = address[len(address.rstrip(_ENDING)) :]
        try:
            host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        except ValueError:
            host = ""
        return address if host in hosts | _OWN_MACHINE else instead + ending

    def plain(part: str) -> str:
        pieces = enumerate(_SPANS.split(part))
        return "".join(piece if index % 2 else _URL.sub(judged, piece) for index, piece in pieces)

    return "".join(part if is_block else plain(part) for part, is_block in _parts(text))


def _parts(text: str) -> list[tuple[str, bool]]:
    """(text, is it a code block) in their order; an open block reaches to the end."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for block in _BLOCK.finditer(text):
        parts += [(text[at : block.start()], False), (block.group(), True)]
        at = block.end()
    parts.append((text[at:], False))
    return [(part, is_block) for part, is_block in parts if part]


def _code_lines(block: str) -> list[str]:
    """The lines of a code block that say something: not its fences, not bare comments."""
    lines = [line.strip() for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("```", "#", "//"))]


def _squeezed(text: str) -> str:
    """Lower case, one space between words, full-width forms and typographic signs made plain."""
    plain = text.translate(_PLAIN).lower()
    return re.sub(r"\s+", " ", plain).strip()


_PLAIN = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "`": " ", "\u00a0": " "}
    | {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}
)
