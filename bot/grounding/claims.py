"""Does every hard fact in a text occur in its sources, and does every claim cite one? Decided by
looking, not by a model.

Hard facts are what people copy: commands, options, file names, versions, numbers, addresses and
code identifiers. A model that makes one up is caught here, whatever it was told.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.grounding.facts import Fact, facts_in, facts_of_code
from bot.grounding.markdown import HALF, Kind, Unit, joined, leads_on, tidy, units
from bot.grounding.normalize import letters
from bot.grounding.sources import Sources
from common.markdown import FENCE

LEAST_VERBATIM = 8
"""Letters; of what is shorter it means nothing that it stands somewhere."""

_CODE_LINE = re.compile(r"(?:[^\n]*\\\n)*[^\n]*\n?")
"""A line with those that continue it."""

_COMMENT = re.compile(r"(?:(?<=\n)|^|[ \t]+)(?:#|//|<!--)[^\n]*")

_LEADING_MARKS = re.compile(r"\s*(?:\[\d{1,3}\]\s*)+")


@dataclass(frozen=True, slots=True)
class Claim:
    """A unit, the hard facts that it states, and those of them that no source holds."""

    unit: Unit
    facts: tuple[Fact, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def says(self) -> bool:
        """Would something be lost without it? Greetings and the like say nothing."""
        return bool(self.facts or self.unit.marks)


@dataclass(frozen=True, slots=True)
class Checked:
    """A text without what its sources don't say. `dropped` are the facts and sentences that went;
    `lost` of `total` claims went, or with `code_lost` a code block did."""

    claims: tuple[Claim, ...]
    dropped: tuple[str, ...] = ()
    lost: int = 0
    total: int = 0
    code_lost: bool = False

    @property
    def text(self) -> str:
        """What is left."""
        return joined(claim.unit for claim in self.claims).strip()

    @property
    def core_lost(self) -> bool:
        """Did a code block or most of the sentences go?"""
        return self.code_lost or not self.claims or self.lost > self.total / 2

    def without(self, gone: Sequence[Claim]) -> "Checked":
        """Without some claims, which turned out to be about something else."""
        kept = tuple(claim for claim in self.claims if claim not in gone)
        dropped = (*self.dropped, *(claim.unit.bare for claim in gone))
        return replace(self, claims=kept, dropped=dropped, lost=self.lost + len(gone))


def grounded(text: str, sources: Sources) -> Checked:
    """Removes each sentence, table and code block with a fact that no source holds, and what cites
    nothing or is said a second time. A sentence without a mark has that of the sentence behind it:
    whether it follows from its source is looked at for each by itself afterwards."""
    found = _of_paragraphs(text)
    claims = [_examined(unit, sources) for unit in _once(found)]
    claims = [_with_its_source(claim, claims, sources) for claim in claims]
    sound = [not claim.missing and _is_cited(claim, claims) for claim in claims]
    for number, follows in enumerate(claims[1:]):  # "Run this:" goes with what follows it
        block = follows.unit.kind is not Kind.SENTENCE or follows.unit.listed
        if block and sound[number + 1] and leads_on(claims[number].unit):
            sound[number] = not claims[number].missing
    gone = [claim for claim, kept in zip(claims, sound, strict=True) if not kept]
    return Checked(
        claims=tuple(claim for claim, kept in zip(claims, sound, strict=True) if kept),
        dropped=tuple(what for one in gone for what in one.missing or (one.unit.bare,)),
        lost=sum(claim.says for claim in gone),
        total=sum(claim.says for claim in claims),
        code_lost=any(claim.unit.kind is Kind.CODE and claim.missing for claim in gone),
    )


def _of_paragraphs(text: str) -> list[Unit]:
    """The units of a text, each with its marks. Half a sentence has those of the other half; the
    steps of a list those of the words that lead to it, or of a later step, numbered ones of any."""
    marked: list[Unit] = []
    for unit in reversed(_answers_joined(_marks_behind(units(tidy(text))))):
        behind = marked[-1] if marked else unit
        same = unit.kind is Kind.SENTENCE and unit.item == behind.item
        covered = not unit.marks and (same or _ends_later(unit, behind))
        marked.append(_citing(unit, behind.marks) if covered else unit)
    marked.reverse()
    for at in range(1, len(marked)):
        ahead, unit = marked[at - 1], marked[at]
        step = leads_on(ahead) or (ahead.listed and _NUMBERED.match(unit.lead.strip()))
        if not unit.marks and unit.listed and step:
            marked[at] = _citing(unit, ahead.marks)
    return marked


_NUMBERED = re.compile(r"\d+[.)]")


def _ends_later(unit: Unit, behind: Unit) -> bool:
    """Does the mark of what stands behind a unit stand for the unit, too?"""
    if not unit.kind is Kind.SENTENCE is behind.kind:
        return False
    if unit.item == behind.item:
        return unit.bare.endswith(HALF)
    return behind.listed and (unit.listed or leads_on(unit))


_YES_OR_NO = re.compile(
    r"(?:yes|no|不能|不会|不用|不是|不行|不需要|没有|能|会|是|可以|对)[.!,。！，]*\s*",
    re.IGNORECASE,
)


def _answers_joined(found: Sequence[Unit]) -> list[Unit]:
    """A bare "No." as a part of the sentence behind it: it says nothing without it."""
    whole: list[Unit] = []
    for unit in found:
        last = whole[-1] if whole else None
        if last and last.item == unit.item and _YES_OR_NO.fullmatch(last.bare) and not last.marks:
            whole[-1] = replace(unit, text=f"{last.text.rstrip()} {unit.text}", lead=last.lead)
        else:
            whole.append(unit)
    return whole


def _marks_behind(found: Sequence[Unit]) -> list[Unit]:
    """Marks that stand before what they belong to, or alone, put behind it."""
    moved: list[Unit] = []
    ahead: tuple[int, ...] = ()
    for unit in found:
        if not unit.bare:
            if moved:
                moved[-1] = _citing(moved[-1], unit.marks)
            else:
                ahead = unit.marks
            continue
        leading = _LEADING_MARKS.match(unit.text) if unit.kind is Kind.SENTENCE else None
        bare = replace(unit, text=unit.text[leading.end() :]) if leading else unit
        ahead = unit.marks if leading else ahead
        moved.append(bare if bare.marks else _citing(bare, ahead))
        ahead = ()
    return moved


def _citing(unit: Unit, marks: Iterable[int]) -> Unit:
    return replace(unit, cites=tuple(dict.fromkeys((*unit.cites, *marks))))


def _once(found: Iterable[Unit]) -> list[Unit]:
    """Each unit the first time that it is said; "Run this:" may come again."""
    said: set[str] = set()
    first: list[Unit] = []
    for unit in found:
        bare = re.sub(r"\W+", "", unit.bare).lower() or unit.bare
        if bare not in said or leads_on(unit):
            first.append(unit)
        said.add(bare)
    return first


def _examined(unit: Unit, sources: Sources) -> Claim:
    """A unit with its facts; of code without the comments that no document holds."""
    if unit.kind is Kind.CODE:
        unit, facts = _code(unit, sources)
    else:
        facts = facts_in(unit.text)
    missing = [fact.text for fact in facts if not sources.hold(fact, unit.text)]
    if unit.kind is Kind.SENTENCE and not missing:
        missing += sources.mentions.strange_in(unit.text)
    return Claim(unit, tuple(facts), tuple(missing))


def _code(block: Unit, sources: Sources) -> tuple[Unit, list[Fact]]:
    kept: list[str] = []
    facts: list[Fact] = []
    for line in _CODE_LINE.findall(block.text):
        code = line
        if not line.lstrip().startswith(FENCE):
            found = facts_of_code(line)
            if not all(sources.hold(fact) for fact in found):
                code = _COMMENT.sub("", line)
                found = facts_of_code(code)
            facts += found
        if code.strip() or not line.strip():
            kept.append(code)
    return replace(block, text="".join(kept)), facts


def _with_its_source(claim: Claim, claims: Sequence[Claim], sources: Sources) -> Claim:
    """A claim that bears no mark, with that of a document where it stands word for word; else with
    one of the answer's marks, those of its paragraph first, or for code of any document, where that
    document alone holds all its facts."""
    unit = claim.unit
    if claim.missing or _is_cited(claim, claims):
        return claim
    said = letters(unit.bare) if unit.kind is Kind.SENTENCE else ""
    if len(said) >= LEAST_VERBATIM:
        for number, page in enumerate(sources.pages, 1):
            if said in page.letters:
                return replace(claim, unit=replace(unit, cites=(number,)))
    if not any(fact.strong for fact in claim.facts):
        return claim
    numbers: Iterable[int] = range(1, len(sources.pages) + 1)
    if unit.kind is Kind.SENTENCE:
        ordered = sorted(claims, key=lambda one: one.unit.paragraph != unit.paragraph)
        numbers = dict.fromkeys(n for one in ordered for n in one.unit.marks if n in numbers)
    for number in numbers:
        page = sources.pages[number - 1]
        if all(sources.page_holds(page, fact) for fact in claim.facts):
            return replace(claim, unit=replace(unit, cites=(number,)))
    return claim


def _is_cited(claim: Claim, claims: Sequence[Claim]) -> bool:
    """Does it bear a mark, or its list item, or the sentence before a block? Code without a line of
    code says nothing."""
    unit = claim.unit
    if unit.kind is Kind.CODE and not claim.facts:
        return False
    if unit.marks:
        return True
    if unit.kind is Kind.SENTENCE:
        return unit.listed and any(
            one.unit.marks and not one.missing for one in claims if one.unit.item == unit.item
        )
    before = claims[max(0, claims.index(claim) - 1)]
    announced = before.unit.kind is Kind.SENTENCE and not before.missing
    return announced and bool(before.unit.marks)
