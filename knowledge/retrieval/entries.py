"""Reference pages tell of many things, each under its name: in a row of a table whose first cell is
the name, or below a heading that is. Who asks by that name is answered there."""

import re
from collections.abc import Collection, Iterable, Sequence

from knowledge.index.lexical import LexicalIndex
from knowledge.retrieval.question import IDENTIFIER, Asked
from knowledge.retrieval.units import Unit, units
from knowledge.types import Passage

MISSING = 0.15
"""An entry answers that lacks no more of the question's words, by rarity, besides those that ask
what any entry tells. Of the keys of our own configuration, asked for by 12 wordings, 0.93 stay
below it where the row says what is asked, and none where something else is."""

_ASKS_FOR_ENTRY = re.compile(
    r"(?:是|有)?(?:干|做)?(?:什么|啥|嘛)(?:意思|作用|用处?|的)?|含义|意思|作用|默认值?|缺省值?|取值"
    r"|(?:怎么|如何|怎样|能|可以|要|该)*(?:设置?|配置?|填|写|取|改|用)(?:成|为)?(?:多[少大长久]|几)?"
    r"|哪些|值|多[少大长久]|配置项|选项|参数|变量|命令|字段"
    r"|\b(?:mean(?:s|ing)?|defaults?|values?|takes?|set|used?|change|for|stands?|do(?:es)?|options?"
    r"|settings?|parameters?|keys?|flags?|arguments?|variables?|commands?|fields?)\b",
    re.IGNORECASE,
)
"""What a row or a section tells of its subject: what it is for, what may be set, how."""

_WORD = re.compile(r"[^\s`*,、/]+")
_LATIN = re.compile(r"\w[\w.-]*\w", re.ASCII)
_FIRST_CELL = re.compile(r"^[ \t]*\|((?:[^|\\\n]|\\.)*)", re.MULTILINE)


def names_asked(words: LexicalIndex, asked: Asked) -> frozenset[str]:
    """The identifiers of a question that the documents know, as terms; not their parts."""
    terms = {term for word in _written(asked) for term in words.stems_of(word)}
    if not terms:
        return frozenset()
    pages = dict(zip(asked.terms, asked.pages.tolist(), strict=True))
    return frozenset(term for term in terms if pages.get(term))


def _written(asked: Asked) -> list[str]:
    found = [word for word in _LATIN.findall(asked.text) if len(word) > 2]
    return [word for word in found if IDENTIFIER.search(word)]


def is_named(words: LexicalIndex, text: str, unit: Unit, names: frozenset[str]) -> bool:
    """Does a unit of a text tell of one of these names, in a row whose first cell it is, or below
    such a heading?"""
    if not names:
        return False
    titles = (unit.title, *_FIRST_CELL.findall(text, unit.start, unit.end))
    return any(_is_one(words, title, names) for title in titles)


def _is_one(words: LexicalIndex, title: str, names: frozenset[str]) -> bool:
    """A cell or heading that holds more than names is about something else. What stands before the
    last dot may be left out."""
    written = _WORD.findall(title)
    if not all(map(IDENTIFIER.search, written)):
        return False
    ways = (way for word in written for way in (word, word.rpartition(".")[2]))
    return any(not names.isdisjoint(words.stems_of(way)) for way in ways)


def tells(words: LexicalIndex, asked: Asked, passages: Sequence[Passage]) -> bool:
    """Does an entry in a passage tell of what a question names, and hold nearly all else that is
    asked?"""
    written = [word.lower() for word in _written(asked)]
    near = [one for one in passages if any(word in one.text.lower() for word in written)]
    names = names_asked(words, asked) if near else frozenset[str]()
    if not names:
        return False
    asking = words.term_set(" ".join(_ASKS_FOR_ENTRY.findall(asked.text))) - names
    telling = {
        term: float(weight)
        for term, weight in zip(asked.terms, asked.weights, strict=True)
        if term not in asking
    }
    most = MISSING * sum(telling.values())

    def is_enough(held: Collection[str]) -> bool:
        return sum(weight for term, weight in telling.items() if term not in held) <= most

    return any(
        is_enough(held)
        for passage in near
        if is_enough(words.term_set(f"{passage.starts_under} {passage.text}"))
        for held in _entries(words, passage, names)
    )


def _entries(
    words: LexicalIndex, passage: Passage, names: frozenset[str]
) -> Iterable[Collection[str]]:
    """What each entry of a passage for one of these names holds, with the headings above."""
    text, held = passage.text, dict[tuple[int, int], set[str]]()
    above = words.title_terms(passage.starts_under)
    for unit in units(text):
        if is_named(words, text, unit, names):
            entry = (unit.section, unit.start if unit.kind == "row" else 0)
            said = words.term_set(text[unit.start : unit.end]) | words.title_terms(unit.head)
            held.setdefault(entry, {*above, *words.title_terms(unit.title)}).update(said)
    return held.values()
