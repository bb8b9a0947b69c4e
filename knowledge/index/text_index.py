"""What the index of documents and that of code share: a tantivy index in a folder, whose texts are
cut into words by `common.language.words` and stemmed alike when they are searched."""

import mmap
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import tantivy

ANALYZER = "words"
"""The tokenizer of fields that hold words, which stand between blanks."""

_WRITER_BYTES = 60_000_000

QUERIES = 8192
"""Queries for a single term that are kept: common words come up again and again."""


class TextIndex:
    """The index in a folder, which is made where there is none. Searching is thread-safe; one
    writer at a time. Raises OSError where it can't be read or made."""

    def __init__(self, folder: Path, schema: tantivy.Schema) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with _told():
            self._index = tantivy.Index(schema, path=str(folder), reuse=True)
        builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
        builder = builder.filter(tantivy.Filter.lowercase())
        self._analyzer = builder.filter(tantivy.Filter.stemmer("english")).build()
        self._index.register_tokenizer(ANALYZER, self._analyzer)
        self._schema = self._index.schema
        self._any_of_one = lru_cache(QUERIES)(self._for_a_term)
        self.searcher = self._index.searcher()

    @contextmanager
    def writing(self) -> Iterator[tantivy.IndexWriter]:
        """Changes it, all or nothing. Raises OSError where the disk does not take it."""
        with _told():
            writer = self._index.writer(_WRITER_BYTES, 1)
            yield writer
            writer.commit()
            writer.wait_merging_threads()
        self._index.reload()
        self.searcher = self._index.searcher()

    def stems(self, text: str) -> list[str]:
        """The terms of words between blanks."""
        return list(self._analyzer.analyze(text))

    def any_of(
        self,
        terms: Iterable[str],
        weights: Mapping[str, float],
        counting: Mapping[str, float] | None = None,
    ) -> tantivy.Query:
        """A query for any of the terms in any of the weighted fields; `counting` is how much a
        term counts beside others."""
        counts = counting or {}
        parts = [
            self._any_of_one(term, field, weight * counts.get(term, 1.0))
            for term in terms
            for field, weight in weights.items()
        ]
        return tantivy.Query.boolean_query(parts)

    def _for_a_term(
        self, term: str, field: str, boost: float
    ) -> tuple[tantivy.Occur, tantivy.Query]:
        query = tantivy.Query.term_query(self._schema, field, term)
        if boost != 1.0:
            query = tantivy.Query.boost_query(query, boost)
        return tantivy.Occur.Should, query


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # tantivy's, whatever is wrong
        raise OSError(f"the index of words: {error}") from error


def checksum_of(folder: Path) -> str:
    """Of an index's files; tantivy itself believes damaged ones, and dies of them."""
    found = 0
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and path.stat().st_size:
            with (
                path.open("rb") as file,
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
            ):
                found = zlib.crc32(data, zlib.crc32(path.name.encode(), found))
    return str(found)


def copy_index(old: Path, new: Path) -> None:
    """Copies an index so that the copy can be changed while the old one serves."""
    shutil.copytree(old, new, ignore=shutil.ignore_patterns("*.lock"))
