"""What an answer may draw on: the documents found, and of the question what it asks about."""

import re
from collections.abc import Iterable

from bot.grounding.document import Page, is_asked
from bot.grounding.facts import Fact, Sort
from bot.grounding.mentions import Mentions
from bot.grounding.normalize import plain, unmarked
from bot.grounding.numbers import Measures
from common.links import ENDING, OWN_MACHINE, host_of, links, may_be_address

_ASSIGNS = re.compile(r"\w[\"']?\s*(?:=|:\s)\s*\S")
_COMMAND_SIGN = re.compile(r"(?:^|\s)-|[|;&$<>`/@\\]")


class Sources:
    """The documents and the question. Addresses, mentions and commands count only where the
    documents hold them: anybody can write one into a question."""

    def __init__(self, documents: Iterable[str], question: str) -> None:
        texts = list(documents)
        self.pages = [Page(text) for text in texts]
        self.mentions = Mentions(texts, question)
        self._asked = Page(question)
        self._measures = Measures([page.raw for page in self.pages], self._asked.raw)

    def hold(self, fact: Fact, around: str = "") -> bool:
        """Does a source hold this fact? `around` is the sentence that states it, which may say
        what a number measures."""
        if fact.sort is Sort.NUMBER:
            number = fact.value or fact.text.rstrip("%")
            known = any(number in page.numbers for page in (*self.pages, self._asked))
            if known:
                return not self._measures.contradict(number, around)
            named = re.search(rf"[A-Za-z]+[ -]{re.escape(number)}(?![\w.])", around)
            return named is not None and self.hold(Fact(named.group(), Sort.WORD))  # RTX 3090
        return any(self.page_holds(page, fact) for page in self.pages) or self._is_asked_about(fact)

    def page_holds(self, page: Page, fact: Fact) -> bool:
        """Does this document hold the fact by itself?"""
        wanted = _bare(plain(fact.text))
        match fact.sort:
            case Sort.NUMBER:
                return (fact.value or fact.text.rstrip("%")) in page.numbers
            case Sort.ADDRESS:
                return self._address_stands(page, wanted)
            case Sort.MENTION:
                # Chinese sets no border behind a name: @机器人的消息 is @机器人 in its sentence.
                return page.holds(wanted) or (not wanted.isascii() and wanted[:3] in page.text)
            case Sort.SETTING:
                name, value = wanted.rsplit(" ", 1)
                return page.mentions(name, value) or self._gives(page, name, value)
            case Sort.CODE | Sort.COMMAND:
                assigns = fact.text.startswith("-") or bool(_ASSIGNS.search(fact.text))
                each = (_bare(one) for one in re.split(r"\s(?:&&|;)\s|;$", wanted))
                return all(self._line_stands(page, one, assigns=assigns) for one in each)
            case Sort.NAME if fact.text.endswith("()") and wanted.isalpha():
                return page.calls(wanted)
            case _:
                return not wanted or page.holds(wanted, loose=fact.sort is Sort.WORD)

    def _gives(self, page: Page, name: str, value: str) -> bool:
        """Does somebody ask for this value of something that the page names?"""
        return page.holds(name) and is_asked(value, self._asked)

    def _line_stands(self, page: Page, wanted: str, *, assigns: bool) -> bool:
        words = wanted.split()
        if not words or page.holds(wanted):
            return True
        if not all(page.holds(link.address) for link in links(wanted)):
            return False
        if len(words) == 2 and assigns:
            return page.states(*words) or self._gives(page, *words)
        return len(words) > 1 and page.command(words, self._asked)

    def _address_stands(self, page: Page, wanted: str) -> bool:
        if host_of(wanted) in OWN_MACHINE:
            known = page.numbers | self._asked.numbers
            return all(number in known for number in re.findall(r":(\d+)", wanted))
        return page.holds(wanted.rstrip("/"))

    def _is_asked_about(self, fact: Fact) -> bool:
        """Does the question name it? Words of an error message may be repeated, no commands."""
        never = fact.sort in (Sort.ADDRESS, Sort.MENTION, Sort.COMMAND)
        if never or may_be_address(fact.text):
            return False
        if fact.sort is Sort.CODE and not _is_message(fact.text):
            return False
        wanted = _bare(plain(fact.text))
        return self._asked.holds(wanted, loose=fact.sort is Sort.WORD)


def _is_message(code: str) -> bool:
    """Is it what a program says ("KeyError: 3", "CUDA out of memory"), and not what it is told?"""
    return (code[0].isupper() or ": " in code) and not _COMMAND_SIGN.search(code)


def _bare(wanted: str) -> str:
    """Without a prompt before it, and without signs around it that only fit it into its line."""
    wanted = re.sub(r"^(?:[$>] |>>> |- )", "", unmarked(wanted))
    return re.sub(r"(?<=\w)\(\)$", "", wanted.strip(" ,;")).rstrip(ENDING)
