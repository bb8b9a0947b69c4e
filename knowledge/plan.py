"""What a build is told and what it reports: plain values that can go to another process."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """All that is needed to build an embedder; the key is kept out of its repr."""

    kind: str
    model: str
    base_url: str
    dim: int
    api_key: str = field(repr=False)


FORMAT = "9"
"""Changes whenever snapshots of older versions can't be used any more."""


REBUILD = "build it again with: run_bot.py index"
"""What to do when an index can't be used."""

Cut: TypeAlias = tuple[tuple[int, int], int, bool]
"""How pieces of a view are cut, see `knowledge.ingest.split.split`: characters, the most of a code
block, and whether they end at headings."""


@dataclass(frozen=True, slots=True)
class Source:
    """A folder (`path`) or git address (`git`) with documents; the other of the two is empty."""

    name: str
    path: str
    git: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    link_base: str

    @property
    def origin(self) -> str:
        """Identifies where its files come from, and which of them count."""
        place = self.git or str(Path(self.path).resolve())
        parts = (self.name, place, self.include, self.exclude)
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """Everything a build needs to know, made by `KnowledgeSettings.plan`. Plain values, so that it
    can go to another process, which need not load pydantic (0.2 s)."""

    folder: str
    sources: tuple[Source, ...]
    embedder: EmbedderSpec
    piece_chars: tuple[int, int]
    reject_chars: tuple[int, int]
    passage_chars: int
    max_file_mb: float
    convert_timeout_s: float
    m: int
    ef_construction: int
    ef_search: int

    @property
    def views(self) -> dict[str, Cut]:
        """How the pieces for answering and those for the gate are cut."""
        return {
            "answer": (self.piece_chars, self.passage_chars, False),
            "reject": (self.reject_chars, 2 * self.reject_chars[1], True),
        }

    @property
    def layout(self) -> str:
        """What decides how pieces look; another layout means building from nothing."""
        parts = (FORMAT, self.piece_chars, self.reject_chars, self.passage_chars)
        return " ".join(map(str, parts))

    @property
    def origin(self) -> str:
        """Identifies the sources: where they are, and which of their files count."""
        return hashlib.sha256(repr(self.sources).encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not taken into the knowledge base, and why. All files that are no `document`,
    such as programs, stand together in one."""

    path: str
    reason: str
    document: bool = True


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build changed: paths of documents, behind their source's name where there are
    several. `snapshot` is its folder's name."""

    snapshot: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    documents: int
    pieces: int
    seconds: float

    @property
    def unread(self) -> int:
        """How many documents were skipped."""
        return sum(item.document for item in self.skipped)


def plan_from(found: dict[str, Any]) -> BuildPlan:
    """A plan from its JSON form."""
    sources = tuple(
        Source(**item | {name: tuple(item[name]) for name in ("include", "exclude")})
        for item in found.pop("sources")
    )
    chars = {name: tuple(found.pop(name)) for name in ("piece_chars", "reject_chars")}
    return BuildPlan(
        **found | chars | {"sources": sources, "embedder": EmbedderSpec(**found["embedder"])}
    )
