"""The rows of the catalogue as values."""

from dataclasses import dataclass

from knowledge.index.terms import Terms


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as stored. `text` is read on demand by `Catalog.excerpt`, `lines`, the dump of its
    line map, by `Catalog.places_of_lines`. `version` and `language` are what its head states."""

    id: int
    source: str
    path: str
    url: str
    size: int
    mtime_ns: int
    hash: str
    has_lines: int
    error: str | None
    lines: str = ""
    version: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece stands: characters `start` to `end` of a document."""

    piece: int
    document: int
    start: int
    end: int
    line: int
    heading: str


@dataclass(frozen=True, slots=True)
class NewPiece:
    """A piece that a change brought, with what is to be embedded and indexed for it."""

    id: int
    view: str
    heading: str
    text: str
    around: tuple[str, ...]
    path: str

    @property
    def embedded_text(self) -> str:
        """Headings give a short piece its subject."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class PieceTerms:
    """The terms of a piece: of its text, and of its headings and path."""

    id: int
    text: Terms
    heading: Terms
