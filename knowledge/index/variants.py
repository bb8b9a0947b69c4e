"""Pages of several versions and languages: which of them a question is to be answered from.

Documentation that is kept per version has a folder for each (`versioned_docs/version-2.1`, `v1.0`,
`2.x`), beside one for the newest (`docs`, `latest`, `stable`). What differs only in that folder
are variants of one page.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from common.versions import Version, asked_versions, fits, stated_versions

_MOVING = frozenset({"latest", "stable", "main", "master", "current", "next", "dev", "docs"})
"""Folders of the newest pages; where one stands beside folders of versions it says none."""

_KEPT = {"versioned_docs": ""}
"""Docusaurus keeps old versions in a folder beside the one of the newest."""


@dataclass(frozen=True, slots=True)
class Variants:
    """Of documents that are kept per version: the version that a page states, all pages that are
    variants of others, and those of them that have a newer one."""

    stated: Mapping[int, Version]
    all: frozenset[int]
    outdated: frozenset[int]

    def left_out(self, question: str, names: Iterable[str]) -> tuple[frozenset[int], bool]:
        """The pages that a question is not about, and whether it names a version that no page
        is of. Without a version it is about the newest ones."""
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
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for page, (source, path) in pages.items():
        version, without = _taken_apart(path)
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
    outdated = {page for group in several for page in _older(group, kept)}
    of_one_page = {page for group in several for page in group if of_families & {*group}}
    return Variants(kept, frozenset(of_one_page | kept.keys()), frozenset(outdated))


def _older(group: Sequence[int], stated: Mapping[int, Version]) -> set[int]:
    """All that have a newer variant; one without a version is the newest."""
    with_version = [page for page in group if page in stated]
    if len(with_version) < len(group):
        return set(with_version)
    newest = max(stated[page] for page in with_version)
    return {page for page in with_version if stated[page] != newest}


def _taken_apart(path: str) -> tuple[Version | None, str]:
    """The version that a folder of a path states, and the path without what says which version."""
    *folders, name = PurePosixPath(path).parts
    version: Version | None = None
    left: list[str] = []
    for folder in folders:
        found = stated_versions([folder], "", ()) if version is None else []
        if found:
            version = found[0]
        elif folder.lower() not in _MOVING:
            left.append(_KEPT.get(folder, folder))
    return version, "/".join([*(folder for folder in left if folder), name])


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
