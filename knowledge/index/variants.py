"""Pages of several versions, editions and languages: which of them a question is to be answered
from.

Documentation that is kept per version has a folder for each (`versioned_docs/version-2.1`, `v1.0`,
`2.x`), beside one for the newest (`docs`, `latest`, `stable`). What differs only in that folder
are variants of one page, and so is what differs only in the edition that a folder or the file's
name says (`cloud/install.md`, `install-self-hosted.md`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from common.versions import Version, asked_versions, fits, stated_versions

_MOVING = ("stable", "latest", "current", "docs", "main", "master", "next", "dev")
"""Folders of the newest pages; where one stands beside folders of versions it says none. What is
released comes before what is not: on Read the Docs `stable` is, and `latest` need not be."""

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

_KEPT = {"versioned_docs": ""}
"""Docusaurus keeps old versions in a folder beside the one of the newest."""


@dataclass(frozen=True, slots=True)
class Variants:
    """Of documents that are kept per version: the version that a page states, all pages that are
    variants of others, and those of them that have a newer one. Of those that are kept per
    edition: the edition of a page that there is in others, too."""

    stated: Mapping[int, Version]
    all: frozenset[int]
    outdated: frozenset[int]
    editions: Mapping[int, str]

    def left_out(self, question: str, names: Iterable[str]) -> tuple[frozenset[int], bool]:
        """The pages that a question is not about, and whether it names a version that no page
        is of. Without a version it is about the newest ones, without an edition about all."""
        of_versions, strange = self._other_versions(question, names)
        return of_versions | self._other_editions(question), strange

    def _other_editions(self, question: str) -> frozenset[int]:
        asked = {name for name, said in _ASKED.items() if self.editions and said.search(question)}
        if asked.isdisjoint(self.editions.values()):
            return frozenset()
        return frozenset(page for page, edition in self.editions.items() if edition not in asked)

    def _other_versions(self, question: str, names: Iterable[str]) -> tuple[frozenset[int], bool]:
        asked = asked_versions(question, names) if self.stated else []
        if not asked:
            return self.outdated, False
        fitting = {page for page, own in self.stated.items() if fits(asked, [own])}
        if not fitting:
            return self.outdated, True
        return self.all - fitting, False


def variants_of(pages: Mapping[int, tuple[str, str]]) -> Variants:
    """The variants among pages, given as (source, path)."""
    stated: dict[int, Version] = {}
    moving: dict[int, int] = {}
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for page, (source, path) in pages.items():
        version, moving[page], without = _taken_apart(path)
        groups[source, without].append(page)
        if version:
            stated[page] = version
    several = [group for group in groups.values() if len(group) > 1]
    of_families = {page for group in several for page in group} & stated.keys()
    folders = {PurePosixPath(pages[page][1]).parents[0] for page in of_families}
    kept = {
        page: version
        for page, version in stated.items()
        if page in of_families or PurePosixPath(pages[page][1]).parents[0] in folders
    }
    outdated = {page for group in several for page in _older(group, kept, moving)}
    of_one_page = {page for group in several for page in group if of_families & {*group}}
    return Variants(
        stated=kept,
        all=frozenset(of_one_page | kept.keys()),
        outdated=frozenset(outdated),
        editions=_editions(pages),
    )


def _older(
    group: Sequence[int], stated: Mapping[int, Version], moving: Mapping[int, int]
) -> set[int]:
    """All that have a newer variant: where some are without a version, one of those is the
    newest, by the name of its folder."""
    without_version = [page for page in group if page not in stated]
    if without_version:
        first = min(moving[page] for page in without_version)
        return {page for page in group if page in stated or moving[page] > first}
    newest = max(stated[page] for page in group)
    return {page for page in group if stated[page] != newest}


def _taken_apart(path: str) -> tuple[Version | None, int, str]:
    """The version that a folder of a path states, how far down among `_MOVING` a folder of the
    newest pages stands, and the path without what says which version."""
    *folders, name = PurePosixPath(path).parts
    version: Version | None = None
    moving = len(_MOVING)
    left: list[str] = []
    for folder in folders:
        found = stated_versions([folder], "", ()) if version is None else []
        if found:
            version = found[0]
        elif folder.lower() in _MOVING:
            moving = min(moving, _MOVING.index(folder.lower()))
        else:
            left.append(_KEPT.get(folder, folder))
    return version, moving, "/".join([*(folder for folder in left if folder), name])


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
    """.split()  # noqa: SIM905
)


@lru_cache(10_000)
def without_language(path: str) -> tuple[str, ...]:
    """What of a path does not name a language."""
    parts = _PARTS.split(path.lower())
    return tuple(part for part in parts if part and part not in _LANGUAGES)


def are_translations(one: str, other: str) -> bool:
    """Are these two paths of one page in two languages?"""
    return one != other and without_language(one) == without_language(other)
