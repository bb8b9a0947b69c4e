"""One document as facts are looked for in it: lines within which code stands together."""

import re
from collections.abc import Iterator, Sequence
from functools import cache, cached_property

from bot.grounding import numbers as spoken
from bot.grounding.facts import NUMBER
from bot.grounding.normalize import letters, plain, readable, unmarked
from common.language import CHINESE
from common.links import may_be_address
from common.markdown import FENCE

_NUMBER = re.compile(NUMBER, re.ASCII)
_CONTINUED = re.compile(r"\\\n\s*")
_OWN_LINE = re.compile(r"\s{4}|\t|\s*(?:[-*+>|#]|\d{1,2}[.)])\s?|\s*$")
_MOST_WORDS = 60
"""Of a command that is put together; a longer one has to stand there."""

_NEAR = 20
"""Characters between an option's name and its value in a sentence that states it."""

_ASKED_VALUE = re.compile(r"[\w.-]+", re.ASCII)


class Page:
    """One document in its one spelling, as lines within which code stands together."""

    def __init__(self, text: str) -> None:
        self._lines = [plain(line) for line in _lines(text)]
        self.marked = "\n".join(self._lines)
        self.text = unmarked(self.marked)
        self.raw = readable(text)
        self._text = text

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers that it holds, those in words among them."""
        said = {str(value) for _, value in spoken.numbers(self.raw)}
        written = {*_NUMBER.findall(self.raw), *_NUMBER.findall(self._text)}  # 1,000 or (1,000)
        return frozenset(said | written)

    @cached_property
    def letters(self) -> str:
        """All of it without signs and spaces."""
        return letters(self._text)

    def holds(self, wanted: str, *, loose: bool = False) -> bool:
        """Does it occur, in one line and not as a part of something longer?"""
        return _occurs(_pattern(wanted, loose=loose), self.text)

    def states(self, name: str, value: str) -> bool:
        """Does it say that `name` has this value? It stands next to it, or soon after it with no
        other number between."""
        between = rf"[^\d\n]{{0,{_NEAR}}}?"
        return _occurs(f"{_pattern(name)}{between}{_pattern(value)}", self.text)

    def mentions(self, name: str, value: str) -> bool:
        """Do both stand in one line?"""
        with_name = (one for one in self.text.split("\n") if _occurs(_pattern(name), one))
        return any(_occurs(_pattern(value), one) for one in with_name)

    def calls(self, word: str) -> bool:
        """Does it use an ordinary word as the name of a function?"""
        return _occurs(rf"(?<![\w.]){word}\(|`{word}`", self.marked)

    def stands_free(self, option: str) -> bool:
        """Is an option spoken of by itself, rather than given to some command?"""
        before = rf"(?:^|[^\w\s]|[{CHINESE}])[ ]?"
        return _occurs(before + _pattern(option), self.marked)

    def command(self, words: Sequence[str], asked: "Page") -> bool:
        """Is there a command line that says this, but for options left out, options that the
        page describes elsewhere, and values that were asked about?"""
        return len(words) <= _MOST_WORDS and any(
            _follows(words[1:], line.split()[at + 1 :], self, asked)
            for line in self.text.split("\n")
            if words[0] in line
            for at, word in enumerate(line.split())
            if word == words[0]
        )


def _follows(wanted: Sequence[str], line: Sequence[str], page: Page, asked: Page) -> bool:
    """Do these words follow one another in the line, or are options that may be put there?"""

    def is_option(words: Sequence[str], at: int) -> bool:
        return 0 <= at < len(words) and words[at].startswith("-")

    @cache
    def fits(at: int, there: int) -> bool:
        if at == len(wanted):
            return True
        word, here = wanted[at], line[there] if there < len(line) else ""
        if here == word and fits(at + 1, there + 1):
            return True
        if is_option(wanted, at - 1) and is_asked(word, asked):  # another value than the line's
            beyond = there + (bool(here) and not is_option(line, there))
            if fits(at + 1, beyond):
                return True
        if is_option(line, there) and (fits(at, there + 1) or fits(at, there + 2)):
            return True  # without an option of the line
        return is_option(wanted, at) and page.stands_free(word) and put_in(at, there)

    def put_in(at: int, there: int) -> bool:
        if fits(at + 1, there):
            return True
        word, value = wanted[at], wanted[at + 1] if at + 1 < len(wanted) else ""
        given = value and not is_option(wanted, at + 1)
        known = given and (page.states(word, value) or is_asked(value, asked))
        return bool(known) and fits(at + 2, there)

    return fits(0, 0)


def is_asked(value: str, asked: Page) -> bool:
    """Does a question give this value, such as a number or the name of a file?"""
    fits = _ASKED_VALUE.fullmatch(value) and re.search(r"[\d._-]", value)
    return bool(fits) and not may_be_address(value) and asked.holds(value)


def _occurs(pattern: str, text: str) -> bool:
    # Chinese characters beside a name are no part of it.
    return re.search(pattern, text, re.ASCII | re.MULTILINE) is not None


def _pattern(wanted: str, *, loose: bool = False) -> str:
    """Matches it at its borders: `app.py` is not in `myapp.py`, 1.4 not in 1.4.2, --port not in
    --port-range. Space between letters and digits makes no difference; `loose` also finds a name
    within a word with hyphens (int8-quantized)."""
    pieces = re.split(r"(?<=[a-z]) ?(?=\d)|(?<=\d) ?(?=[a-z])", wanted)
    inner = " ?".join(re.escape(piece) for piece in pieces)
    first, last = wanted[:1], wanted[-1:]
    before = after = ""
    if first == "-":
        before = r"(?<![\w-])"
    elif first in "/~":
        before = r"(?<![\w.~*/}-])"
    elif first.isascii() and (first.isalnum() or first == "_"):
        before = r"(?<![a-z0-9_])" + ("" if loose else r"(?<![a-z0-9_]-)")
        before += r"(?<!\d\.)" if first.isdigit() else ""
    if last.isascii() and (last.isalnum() or last == "_"):
        after = r"(?![a-z0-9_])" + ("" if loose else r"(?!-[a-z0-9_])") + r"(?!\.\d)"
        after += r"(?!\.[a-z])" if re.search(r"\.[a-z]{1,4}$", wanted) and not loose else ""
        after += r"(?![/?&%=][a-z0-9_])" if may_be_address(wanted) else ""
    return before + inner + after


def _lines(text: str) -> Iterator[str]:
    """Lines of code as they are, with what continues them; wrapped sentences as one line."""
    inside = False
    held: list[str] = []
    for line in _CONTINUED.sub(" ", text).splitlines():
        fence = line.lstrip().startswith(FENCE)
        inside ^= fence
        if held and (fence or inside or _OWN_LINE.match(line)):
            yield " ".join(held)
            held = []
        if not fence:
            held.append(line)
    if held:
        yield " ".join(held)
