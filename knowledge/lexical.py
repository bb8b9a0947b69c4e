"""The lexical index: BM25 by tantivy over words cut by rjieba.

Texts and questions are cut into words the same way, so that Chinese words, English words whatever
their ending and the parts of identifiers can be matched.
"""

import math
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import rjieba
import stopwordsiso
import tantivy

FIELDS = ("path", "heading", "text", "around", "page")
"""What is searched: a piece's path, headings, own words, words with its neighbours', and, for
whole documents, all words."""

_ANALYZER = "words"
_WRITER_BYTES = 60_000_000
_SUBWORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def words(text: str) -> list[str]:
    """Words of a text as they stand: Chinese words, whole identifiers, and the parts of these
    ("PytorchEngineConfig" also gives "Pytorch", "Engine", "Config")."""
    found: list[str] = []
    for word in rjieba.cut_for_search(text):
        if not word or not (word[0].isalnum() or word[0] == "_"):
            continue
        found.append(word)
        if word.isascii() and not (word.isalpha() and word[1:].islower()):
            parts = _SUBWORD.findall(word)
            found += [part for part in parts if len(part) > 1 and len(parts) > 1]
    return found


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to find: a piece or a whole document, with the texts of each field."""

    id: int
    fields: Mapping[str, Sequence[str]]


class LexicalIndex:
    """A tantivy index in a folder. Searching is thread-safe; one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self._index = tantivy.Index(_schema(), path=str(folder), reuse=True)
        self._analyzer = _analyzer()
        self._index.register_tokenizer(_ANALYZER, self._analyzer)
        self._stop_words = frozenset(stopwordsiso.stopwords(["en", "zh"]))
        self._searcher = self._index.searcher()

    @classmethod
    def open(cls, folder: Path) -> "LexicalIndex":
        """Opens or creates the index in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def change(self, delete: Iterable[int], add: Iterable[Entry]) -> None:
        """Deletes and adds entries, all or nothing."""
        cut = lru_cache(16)(words)  # a piece's text comes up again as its neighbours' neighbour
        writer = self._index.writer(_WRITER_BYTES, 1)
        for id_ in delete:
            writer.delete_documents_by_term("id", id_)
        for entry in add:
            document = tantivy.Document()
            document.add_integer("id", entry.id)
            for name, texts in entry.fields.items():
                document.add_text(name, " ".join(word for text in texts for word in cut(text)))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def terms(self, question: str) -> list[str]:
        """The distinct terms that a question is searched for."""
        return list(dict.fromkeys(self._analyzer.analyze(" ".join(words(question)))))

    def telling_terms(self, question: str) -> list[str]:
        """Its terms without function words ("how", "的"): what the question is about."""
        return list(dict.fromkeys(self._analyzer.analyze(" ".join(self._telling(question)))))

    def unknown_names(self, question: str) -> list[str]:
        """Latin words of a question, as written, that occur on no page: products, flags,
        functions that the documents do not cover."""
        unknown = [
            word
            for word in dict.fromkeys(self._telling(question))
            if len(word) > 2 and word.isascii() and not self._occurs(word)
        ]
        # `words` takes names such as NumPy apart as well; the parts are not named again.
        return [word for word in unknown if not any(word in other != word for other in unknown)]

    def _telling(self, question: str) -> list[str]:
        return [word for word in words(question) if word.lower() not in self._stop_words]

    def _occurs(self, word: str) -> bool:
        terms = self._analyzer.analyze(word)
        return any(self._searcher.doc_freq("page", term) for term in terms) or not terms

    def rarity(self, terms: Sequence[str]) -> dict[str, float]:
        """Inverse document frequency of each term over the pieces, as BM25 takes it."""
        total = self._searcher.num_docs
        counts = {term: self._searcher.doc_freq("text", term) for term in terms}
        return {t: math.log(1 + (total - n + 0.5) / (n + 0.5)) for t, n in counts.items()}

    def search(
        self,
        terms: Sequence[str],
        weights: Mapping[str, float],
        k: int,
        among: frozenset[int] | None = None,
    ) -> list[tuple[int, float]]:
        """The k best (id, BM25 score) for any of the terms in the weighted fields; with `among`
        only these ids count."""
        schema = self._index.schema
        any_of = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(tantivy.Query.term_query(schema, field, term), weight),
            )
            for term in terms
            for field, weight in weights.items()
        ]
        if not any_of:
            return []
        query, deep = tantivy.Query.boolean_query(any_of), k
        while True:
            found = self._searcher.search(query, deep, count=False).hits
            scored = [(int(self._searcher.doc(at)["id"][0]), float(score)) for score, at in found]
            kept = [hit for hit in scored if among is None or hit[0] in among]
            if len(kept) >= k or len(found) < deep:
                return kept[:k]
            deep *= 8  # what is wanted stands further down


def copy_index(old: Path, new: Path) -> None:
    """Copies an index so that the copy can be changed while the old one serves."""
    shutil.copytree(old, new, ignore=shutil.ignore_patterns("*.lock"))


def _analyzer() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    return (
        builder.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.stemmer("english")).build()
    )


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", stored=True, indexed=True, fast=True)
    for name in FIELDS:
        builder.add_text_field(name, tokenizer_name=_ANALYZER, index_option="freq")
    return builder.build()
