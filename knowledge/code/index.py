"""The index of one repository's code: a tantivy index of chunks, and what was read from where.

<folder>/current          name of the index that serves
<folder>/snapshot-<n>/    words/ (tantivy), files.json (what was read), about.json (commit, counts)
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import tantivy
from pydantic import TypeAdapter

from common.language import words
from knowledge.code.chunks import Chunk
from knowledge.index.text_index import ANALYZER, TextIndex
from knowledge.types import IndexMismatch

FORMAT = "1"
"""Changes whenever indexes of older versions can't be used any more."""

_NAME = re.compile(r"[A-Za-z0-9_]+")
_MOST_NAME_CHARS = 100

NAMES, TITLE, WORDS, ABOUT = "names", "title", "words", "about"
"""Searched fields: names as they stand, in the text and in heading and path; words and parts of
names, in the text and in heading and path."""


class FileRecord(NamedTuple):
    """A file that was read for an index; `git_hash` is "" where it is no code after all."""

    size: int
    mtime_ns: int
    git_hash: str


@dataclass(frozen=True, slots=True)
class About:
    """What an index was made of. `layout` is FORMAT and the choice of files; `uncommitted` are
    the paths of files that are not as they are in the commit."""

    layout: str
    commit: str
    link_base: str
    files: int
    chunks: int
    uncommitted: frozenset[str] = frozenset()


Records: TypeAlias = dict[str, FileRecord]
"""By path."""

_ABOUT, _RECORDS = TypeAdapter(About), TypeAdapter(Records)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a search brought, with its BM25 score."""

    path: str
    chunk: Chunk
    bm25: float


class CodeIndex(TextIndex):
    """The index of chunks in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _schema())

    @property
    def chunks(self) -> int:
        """How many there are."""
        return int(self.searcher.num_docs)

    def change(self, drop: Iterable[str], add: Iterable[tuple[str, Sequence[Chunk]]]) -> None:
        """Drops the chunks of some paths and adds those of others, all or nothing."""
        with self.writing() as writer:
            for path in drop:
                writer.delete_documents_by_term("file", path)
            for path, chunks in add:
                for chunk in chunks:
                    writer.add_document(_document(path, chunk))

    def rarity(self, term: str) -> float:
        """0 to 1: how few chunks hold all the names of a verbatim term; 1 for hardly any."""
        counts = [self.searcher.doc_freq(NAMES, name) for name in names_of(term)]
        share = min(counts, default=0) / max(1, self.chunks)
        return max(0.1, 1.0 - share * 10) if share < 0.1 else max(0.02, 0.1 * (1.0 - share))

    def with_names(self, term: str, most: int) -> list[Candidate]:
        """Chunks that hold all the names of a verbatim term, those it is the title of first."""
        names = names_of(term)
        if not names:
            return self.with_words(term, most)
        fields = {NAMES: 1.0, TITLE: 3.0}
        must = [(tantivy.Occur.Must, self.any_of([name], fields)) for name in names]
        return self._search(tantivy.Query.boolean_query(must), most)

    def with_words(self, text: str, most: int) -> list[Candidate]:
        """The chunks with the most telling words of a text."""
        terms = list(dict.fromkeys(self.stems(" ".join(words(text)))))[:60]
        return self._search(self.any_of(terms, {WORDS: 1.0, ABOUT: 0.6}), most) if terms else []

    def _search(self, query: tantivy.Query, most: int) -> list[Candidate]:
        hits = self.searcher.search(query, most, count=False).hits
        return [_candidate(self.searcher.doc(at), float(score)) for score, at in hits]


def describe_index(folder: Path, about: About, records: Records) -> None:
    """Writes beside an index what it was made of."""
    (folder / "about.json").write_bytes(_ABOUT.dump_json(about))
    (folder / "files.json").write_bytes(_RECORDS.dump_json(records))


def open_index(folder: Path) -> tuple[CodeIndex, About]:
    """The index of a complete snapshot. Raises IndexMismatch for a damaged one."""
    try:
        about = _ABOUT.validate_json((folder / "about.json").read_bytes())
        index = CodeIndex(folder / "words")
    except (OSError, ValueError) as error:
        raise IndexMismatch(f"{folder} is damaged: {error}") from error
    if index.chunks != about.chunks:
        raise IndexMismatch(f"{folder} is incomplete")
    return index, about


def files_read(folder: Path) -> Records:
    """The files that were read for an index. Raises IndexMismatch."""
    try:
        return _RECORDS.validate_json((folder / "files.json").read_bytes())
    except (OSError, ValueError) as error:
        raise IndexMismatch(f"{folder} is damaged: {error}") from error


def names_of(term: str) -> list[str]:
    """The distinct names in a text, in small letters."""
    found = (name.lower() for name in _NAME.findall(term) if len(name) <= _MOST_NAME_CHARS)
    return list(dict.fromkeys(found))


def _document(path: str, chunk: Chunk) -> tantivy.Document:
    title = f"{path} {chunk.heading}"
    document = tantivy.Document()
    document.add_text("file", path)
    document.add_integer("line", chunk.line)
    document.add_bytes("heading", chunk.heading.encode("utf-8", "replace"))
    document.add_bytes("text", chunk.text.encode("utf-8", "replace"))
    document.add_text(NAMES, " ".join(names_of(chunk.text)))
    document.add_text(TITLE, " ".join(names_of(title)))
    document.add_text(WORDS, " ".join(words(chunk.text)))
    document.add_text(ABOUT, " ".join(words(title)))
    return document


def _candidate(document: tantivy.Document, score: float) -> Candidate:
    heading, text = (bytes(document[name][0]).decode() for name in ("heading", "text"))
    return Candidate(document["file"][0], Chunk(document["line"][0], heading, text), score)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("file", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("line", stored=True)
    builder.add_bytes_field("heading", stored=True)
    builder.add_bytes_field("text", stored=True)
    for name in (NAMES, TITLE):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    for name in (WORDS, ABOUT):
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="freq")
    return builder.build()
