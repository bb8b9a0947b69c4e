"""Finding and reading each `versions.json` of the sources, in which Docusaurus (a list of names)
and mike (a list of objects) keep which versions there are."""

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from knowledge.index.version_folders import Written
from knowledge.ingest.changes import shown
from knowledge.ingest.sources import SourceFile, glob_pattern
from knowledge.plan import BuildPlan, Skipped

NAME = "versions.json"
MAX_BYTES = 200_000
MAX_VERSIONS = 1000
MAX_CHARS = 100


class _Unusable(Exception):
    """Why a file can't be used."""


def version_files(plan: BuildPlan, files: Iterable[SourceFile]) -> tuple[Written, list[Skipped]]:
    """The lists in the folders of the documents and above them, and those that can't be used."""
    excluded = {source.name: source.exclude for source in plan.sources}
    written: Written = {}
    skipped: list[Skipped] = []
    for (source, folder), (place, root) in sorted(_folders(files).items()):
        path = str(PurePosixPath(folder, NAME))
        if any(glob_pattern(glob).fullmatch(path) for glob in excluded[source]):
            continue
        try:
            versions, strange = _read(place / NAME, root)
        except FileNotFoundError:
            continue
        except (_Unusable, OSError) as error:
            skipped.append(Skipped(shown(plan, source, path), str(error)))
            continue
        if strange:
            reason = f"{strange} of its entries are no versions, left out"
            skipped.append(Skipped(shown(plan, source, path), reason))
        if versions:
            written.setdefault(source, {})[folder] = versions
    return written, skipped


def _folders(files: Iterable[SourceFile]) -> dict[tuple[str, str], tuple[Path, Path]]:
    """By source and relative folder: where it is, and where the source's own is."""
    found: dict[tuple[str, str], tuple[Path, Path]] = {}
    for file in files:
        folders = PurePosixPath(file.path).parents
        places = file.absolute.parents
        for folder, place in zip(folders, places, strict=False):
            if (file.source, str(folder)) in found:
                break
            found[file.source, str(folder)] = place, places[len(folders) - 1]
    return found


def _read(path: Path, root: Path) -> tuple[list[list[str]], int]:
    """The versions, and how many entries are none. Raises FileNotFoundError, OSError, _Unusable."""
    real = path.resolve(strict=True)
    if not real.is_relative_to(root.resolve()):
        raise _Unusable("a link that leads out of the source")
    if not real.is_file():
        raise _Unusable("not a regular file")
    if real.stat().st_size > MAX_BYTES:
        raise _Unusable(f"more than {MAX_BYTES // 1000} kB are no list of versions")
    try:
        found = json.loads(real.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _Unusable(f"no JSON: {error}") from error
    if not isinstance(found, list) or len(found) > MAX_VERSIONS:
        raise _Unusable(f"no list of at most {MAX_VERSIONS} versions")
    versions = [version for entry in found if (version := _version(entry))]
    return versions, len(found) - len(versions)


def _version(entry: Any) -> list[str] | None:
    """[name, title, alias, ...] of an entry, or None for what is no version."""
    said: list[Any]
    if isinstance(entry, str):
        said = [entry, ""]
    elif isinstance(entry, dict):
        aliases = entry.get("aliases", [])
        said = [entry.get("version"), entry.get("title", ""), *_listed(aliases)]
    else:
        return None
    are_texts = all(isinstance(text, str) and len(text) <= MAX_CHARS for text in said)
    return said if are_texts and said[0] else None


def _listed(aliases: Any) -> list[Any]:
    return aliases if isinstance(aliases, list) else [None]
