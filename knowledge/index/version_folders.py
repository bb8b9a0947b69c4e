"""Folders of versions: by how they are called, and by what a `versions.json` says of them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

from common.versions import Version, stated_versions, version_of

Written: TypeAlias = dict[str, dict[str, list[list[str]]]]
"""By source and by the folder of the file (relative, "." is the source's own): of each version its
name, its title and its aliases, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A version of a list: `rank` counts from 0, the newest that is released; `version` is None
    where no number is said; `names` are its name and aliases in lower case that are no numbers."""

    rank: int
    version: Version | None
    names: frozenset[str]


VersionLists: TypeAlias = Mapping[str, Mapping[str, Mapping[str, Listed]]]
"""By source, folder of the file, and folder of the version in lower case."""

MOVING = ("stable", "latest", "current", "docs", "main", "master", "next", "dev")
"""Folders of the newest pages; where one stands beside folders of versions it says none. What is
released comes before what is not: on Read the Docs `stable` is, and `latest` need not be."""

_KEPT = "versioned_docs"
"""Docusaurus keeps versions in this folder. The newest pages are in `docs`: beside it, or beside
the folder of the site that it is in."""

_SITE = "website"

_UNRELEASED = re.compile(
    r"\b(?:dev|next|main|master|nightly|edge|unreleased|preview)\b"
    r"|(?:alpha|beta|rc|snapshot|dev|\d[ab])[.]?\d*$",
    re.IGNORECASE,
)


def dump_lists(written: Written) -> str:
    """As JSON; equal lists are equal texts."""
    return json.dumps(written, ensure_ascii=False, sort_keys=True)


def load_lists(text: str) -> VersionLists:
    """From what `dump_lists` wrote; nothing is in an empty text."""
    written: Written = json.loads(text or "{}")
    return {
        source: {folder: _by_folder(versions) for folder, versions in lists.items()}
        for source, lists in written.items()
    }


def _by_folder(versions: Iterable[Sequence[str]]) -> Mapping[str, Listed]:
    found: dict[str, Listed] = {}
    for rank, (name, title, *aliases) in enumerate(sorted(versions, key=_lateness)):
        called = [said.lower() for said in (name, *aliases)]
        version = next(filter(None, map(version_of, (name, title, *aliases))), None)
        names = frozenset(said for said in called if version_of(said) is None)
        for said in called:
            for folder in (said, f"version-{said}"):
                found.setdefault(folder, Listed(rank, version, names))
    return found


def _lateness(version: Sequence[str]) -> int:
    """The newest stands first in the file, but what isn't released can stand before it."""
    name, _, *aliases = version
    said = {name.lower(), *(alias.lower() for alias in aliases)}
    if "stable" in said:
        return 0
    if "latest" in said:
        return 1
    return 3 if _UNRELEASED.search(name) else 2


@dataclass(frozen=True, slots=True)
class Apart:
    """What a path says of versions: the one that a folder states, what a list says of it, how far
    down among `MOVING` a folder of the newest pages stands, and the path without these."""

    version: Version | None
    listed: Listed | None
    moving: int
    without: str


def taken_apart(path: str, lists: Mapping[str, Mapping[str, Listed]]) -> Apart:
    """A path by the lists of its source. A version's folder stands beside the list (mike), or is
    called `version-` with the version behind it (Docusaurus)."""
    *folders, name = PurePosixPath(path).parts
    version: Version | None = None
    listed: Listed | None = None
    moving = len(MOVING)
    known, inside = lists.get(".", {}), 1
    left: list[str] = []
    for depth, folder in enumerate(folders, 1):
        found = stated_versions([folder], "", ()) if version is None else []
        is_place = depth == inside or folder.startswith("version-")
        if listed is None and is_place and folder.lower() in known:
            listed = known[folder.lower()]
            version = listed.version or version
        elif found and listed is None:
            version = found[0]
        elif folder == _KEPT or folder.lower() in MOVING:
            if folder != _KEPT:
                moving = min(moving, MOVING.index(folder.lower()))
            if left[-1:] == [_SITE]:
                left.pop()
        else:
            left.append(folder)
        if below := lists.get("/".join(folders[:depth])):
            known, inside = below, depth + 1
    return Apart(version, listed, moving, "/".join([*left, name]))
