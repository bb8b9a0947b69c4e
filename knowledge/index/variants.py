"""Pages of several versions, editions and languages: which of them a question is to be answered
from.

Documentation that is kept per version has a folder for each (`versioned_docs/version-2.1`, `v1.0`,
`2.x`), beside one for the newest (`docs`, `latest`, `stable`). What differs only in that folder
are variants of one page, and so is what differs only in the edition that a folder or the file's
name says (`cloud/install.md`, `install-self-hosted.md`). A `versions.json` says which folders these
are and which is the newest; a page's own head says its version and language where folders don't.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath

from common.versions import Version, asked_versions, fits, version_of
from knowledge.index.rows import DocumentRow
from knowledge.index.terms import Terms, which_are_in
from knowledge.index.version_folders import VersionLists, taken_apart

_EDITIONS = {
    "self-hosted": (
        r"self[-_]?host(?:ed|ing)?|on[-_]?prem(?:ises?)?",
        r"\bself[- ]?host(?:ed|ing)?\b|\bon[- ]?prem(?:ises?)?\b|自建|自托管|私有化?部署|本地部署",
    ),
    "cloud": (r"cloud|saas", r"\bcloud\b|\bsaas\b|云端|云上|云版|云服务|托管版"),
    "enterprise": (r"enterprise|ee", r"\benterprise\b|企业版"),
    "community": (
        r"community|ce|oss|open[-_]?source",
        r"\bcommunity\b|\boss\b|\bopen[- ]?source\b|社区版|开源版",
    ),
}
"""Editions by how a path and how a question says them."""

_IN_PATH = {
    name: re.compile(rf"(?:^|(?<=[/._-]))(?:{path})(?:(?=\.[^/]*$)|[/._-])", re.IGNORECASE)
    for name, (path, _) in _EDITIONS.items()
}
_ASKED = {name: re.compile(asked, re.IGNORECASE) for name, (_, asked) in _EDITIONS.items()}


@dataclass(frozen=True, slots=True)
class Variants:
    """Of documents that are kept per version: the version that a page states, all pages that are
    variants of others, those of them that have a newer one, and the pages of versions that are
    called by a name. Of those that are kept per edition: the edition of a page that there is in
    others, too. `foreign` are pages that state another language than Chinese and English, of which
    there is one in these."""

    stated: Mapping[int, Version]
    all: frozenset[int]
    outdated: frozenset[int]
    called: Mapping[str, frozenset[int]]
    editions: Mapping[int, str]
    foreign: frozenset[int]

    def left_out(self, question: str, names: Iterable[str]) -> tuple[frozenset[int], bool]:
        """The pages that a question is not about, and whether it names a version that no page
        is of. Without a version it is about the newest ones, without an edition about all."""
        of_versions, strange = self._other_versions(question, names)
        foreign = frozenset[int]() if _OTHER_LETTERS.search(question) else self.foreign
        return of_versions | self._other_editions(question) | foreign, strange

    def _other_editions(self, question: str) -> frozenset[int]:
        asked = {name for name, said in _ASKED.items() if self.editions and said.search(question)}
        if asked.isdisjoint(self.editions.values()):
            return frozenset()
        return frozenset(page for page, edition in self.editions.items() if edition not in asked)

    def _other_versions(self, question: str, names: Iterable[str]) -> tuple[frozenset[int], bool]:
        asked = asked_versions(question, names) if self.stated else []
        fitting = {page for page, own in self.stated.items() if asked and fits(asked, [own])}
        lowered = question.lower()
        for name, pages in self.called.items():
            # Alone, a name such as "legacy" may be a word like others.
            if name in lowered and _calling(name).search(lowered):
                fitting |= pages
        if not fitting:
            return self.outdated, bool(asked and self.all)
        return (self.all | self.stated.keys()) - fitting, False


@lru_cache(1000)
def _calling(name: str) -> re.Pattern[str]:
    """How a text in lower case says a name as that of a version."""
    behind = rf"(?<![\w.-]){re.escape(name)} ?(?:version|release|版)"
    return re.compile(rf"{behind}|(?:version|release|版本) ?{re.escape(name)}(?![\w.-])", re.ASCII)


def variants_of(
    pages: Sequence[DocumentRow], terms: Mapping[int, Terms], lists: VersionLists
) -> Variants:
    """The variants among readable documents, by the terms of each and what `versions.json` say."""
    said = _said(pages, lists)
    stated = said.by_folder | said.by_head
    of_paths = [group for group in said.groups.values() if len(group) > 1]
    beside = [page for page in pages if page.id not in said.by_folder.keys() | said.ranks.keys()]
    alike = _alike_pages(beside, said.by_head.keys(), terms)
    listed_or_stated = stated.keys() | said.ranks.keys()
    families = [group for group in of_paths if not listed_or_stated.isdisjoint(group)] + alike
    of_families = {page for group in families for page in group}
    folder_of = {page.id: PurePosixPath(page.path).parent for page in pages}
    folders = {folder_of[page] for page in of_families & listed_or_stated}
    # What only its own head states may be the version of the text: it is one without a family.
    kept = {
        page: version
        for page, version in stated.items()
        if page in of_families | said.by_head.keys() | said.ranks.keys()
        or folder_of[page] in folders
    }
    in_folders = kept.keys() & said.by_folder.keys()
    outdated = {page for group in of_paths for page in _older(group, said, in_folders)}
    outdated.update(page for group in alike for page in _older(group, said, kept.keys()))
    return Variants(
        stated=kept,
        all=frozenset(of_families | in_folders | said.ranks.keys()),
        outdated=frozenset(outdated),
        called={name: frozenset(found) for name, found in said.called.items()},
        editions=_editions({page.id: (page.source, page.path) for page in pages}),
        foreign=_foreign(pages),
    )


@dataclass(slots=True)
class _Said:
    """What pages say of their versions: the numbers, by a folder and by a page's head where no
    folder does; the ranks in a list, and the names there; how far down among `MOVING` a folder
    stands; and pages by their path without what says which version."""

    by_folder: dict[int, Version] = field(default_factory=dict)
    by_head: dict[int, Version] = field(default_factory=dict)
    ranks: dict[int, int] = field(default_factory=dict)
    called: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    moving: dict[int, int] = field(default_factory=dict)
    groups: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))


def _said(pages: Iterable[DocumentRow], lists: VersionLists) -> _Said:
    said = _Said()
    for page in pages:
        apart = taken_apart(page.path, lists.get(page.source, {}))
        said.moving[page.id] = apart.moving
        said.groups[page.source, apart.without].append(page.id)
        if apart.version:
            said.by_folder[page.id] = apart.version
        elif not apart.listed and (version := version_of(page.version)):
            said.by_head[page.id] = version
        if apart.listed:
            said.ranks[page.id] = apart.listed.rank
            for name in apart.listed.names:
                said.called[name].add(page.id)
    return said


def _older(group: Sequence[int], said: _Said, stated: AbstractSet[int]) -> set[int]:
    """All that have a newer variant: the newest is said by a list; else, where some are without a
    version, it is one of those, by the name of its folder."""
    if listed := [said.ranks[page] for page in group if page in said.ranks]:
        return {page for page in group if said.ranks.get(page) != min(listed)}
    without_version = [page for page in group if page not in stated]
    if without_version:
        first = min(said.moving[page] for page in without_version)
        return {page for page in group if page in stated or said.moving[page] > first}
    numbers = said.by_folder | said.by_head
    newest = max(numbers[page] for page in group)
    return {page for page in group if numbers[page] != newest}


ALIKE = 0.5
"""Two pages are alike where they share as many of all their terms."""

_COMPARED = 32
"""Pages of one name that a page is compared with: a thousand may be called `index.md`."""

_NUMBERS = re.compile(r"[-_. ]?[vV]?\d[\d.]*[xX]?(?=[-_. ]|$)")


def _alike_pages(
    pages: Iterable[DocumentRow], stated: AbstractSet[int], terms: Mapping[int, Terms]
) -> list[list[int]]:
    """Groups of pages of one file name, but for numbers in it, that say nearly the same; in each
    is one at least of those that are `stated`."""
    named: dict[tuple[str, str], list[int]] = defaultdict(list)
    for page in pages if stated else ():
        stem = PurePosixPath(page.path).stem
        named[page.source, _NUMBERS.sub("", stem).lower()].append(page.id)
    groups = (group for same in named.values() for group in _grouped(same, stated, terms))
    return [group for group in groups if len(group) > 1]


def _grouped(
    pages: Iterable[int], stated: AbstractSet[int], terms: Mapping[int, Terms]
) -> list[list[int]]:
    groups: list[list[int]] = []
    for page in sorted(pages, key=lambda page: page not in stated):
        near = (group for group in groups[-_COMPARED:] if _are_alike(page, group[0], terms))
        if group := next(near, None):
            group.append(page)
        elif page in stated:
            groups.append([page])
    return groups


def _are_alike(page: int, other: int, terms: Mapping[int, Terms]) -> bool:
    one, two = terms[page], terms[other]
    if min(len(one), len(two)) < ALIKE * max(len(one), len(two)):
        return False
    shared = int(which_are_in(one, two).sum())
    return shared >= ALIKE * (len(one) + len(two) - shared)


def _editions(pages: Mapping[int, tuple[str, str]]) -> dict[int, str]:
    """The editions of pages of which there are others, their paths the same but for that."""
    families: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for page, (source, path) in pages.items():
        name = next((name for name, said in _IN_PATH.items() if said.search(path)), "")
        without = _IN_PATH[name].sub("", path, count=1) if name else path
        families[source, without.replace("-.", ".").replace("_.", ".")][page] = name
    several = (family for family in families.values() if len(set(family.values())) > 1)
    return {page: name for family in several for page, name in family.items() if name}


_PARTS = re.compile(r"[/._\\-]+")
_LANGUAGES = frozenset(
    """
    zh cn hans hant tw hk chs cht chinese 中文 简体 繁体
    en us gb eng english 英文
    """.split()  # noqa: SIM905 - twenty quoted words are harder to read
)


@lru_cache(10_000)
def without_language(path: str) -> tuple[str, ...]:
    """What of a path does not name a language."""
    parts = _PARTS.split(path.lower())
    return tuple(part for part in parts if part and part not in _LANGUAGES)


_OTHER_LETTERS = re.compile(r"[\u0370-\u1fff\u3040-\u30ff\uac00-\ud7af]")
"""Of languages that are written neither in Latin letters nor in Chinese characters alone."""


def _foreign(pages: Iterable[DocumentRow]) -> frozenset[int]:
    """Pages in other languages than those of the bot's groups, where there is one in these."""
    families: dict[tuple[str, tuple[str, ...]], dict[int, bool]] = defaultdict(dict)
    for page in pages:
        tag = [part for part in _PARTS.split(page.language.lower()) if part]
        without = tuple(part for part in without_language(page.path) if part not in tag)
        families[page.source, without][page.id] = bool(tag) and tag[0] not in _LANGUAGES
    return frozenset(
        page
        for family in families.values()
        if not all(family.values())
        for page, is_foreign in family.items()
        if is_foreign
    )


def are_translations(one: str, other: str) -> bool:
    """Are these two paths of one page in two languages?"""
    return one != other and without_language(one) == without_language(other)
