"""The lexical index: BM25 by tantivy over words cut by rjieba.

Texts and questions are cut into words the same way, so that Chinese words, English words whatever
their ending and the parts of identifiers can be matched.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path

import tantivy

from common.language import REMEMBERED, segment_for_search, with_parts, words
from knowledge.index.spelling import nearest
from knowledge.index.terms import Terms, terms_from
from knowledge.index.text_index import ANALYZER, TextIndex

FIELDS = ("path", "heading", "text", "around", "page")
"""What is searched: a piece's path, headings, own words, words with its neighbours', and, for
whole documents, all words."""


_TELLING = """
added back backed backing backs backward backwards bottom caption changes clear click computer
copy date detail empty end ended ending ends face faces fill fire fix free front full group
grouped grouping groups high higher highest home homepage html http id ignored index
information inner inside invention join keep keeps kept keys large last latest least length
line low lower lowest member members minus move name net new newer newest next null number
numbers obtain obtained old older oldest omitted open opened opening opens opposite order
ordered ordering orders outside page pages part parted parting parts recent ref refs related
reserved ring room rooms round run second seconds section self sent show showed showing shown
shows side sides site small smaller smallest specified specify specifying state states stop
sub system test text thin tip top turn turned turning turns value vol vols web webpage website
width words year years zero 本地 开始 结果 秒 年 月 日 替代 零
"""
"""Of the words that the list of stop words holds, those that documents are about: "how do I delete
a group" would ask for no more than "delete"."""


@cache
def function_words() -> frozenset[str]:
    """Words that say nothing by themselves ("how", "的")."""
    import stopwordsiso  # the lists of all languages, 6 MB

    return frozenset(stopwordsiso.stopwords(["en", "zh"])) - frozenset(_TELLING.split())


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to find: a piece or a whole document, with the texts of each field."""

    id: int
    fields: Mapping[str, Sequence[str]]


class LexicalIndex(TextIndex):
    """The index of words of a snapshot, in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _schema())
        # Headings come up again and again, and so do their words.
        self.title_terms = lru_cache(REMEMBERED)(self._title_terms)
        self.title_telling = lru_cache(REMEMBERED)(self._title_telling)
        self.stems_of = lru_cache(REMEMBERED)(self._stems_as_tuple)
        self._terms_in = lru_cache(REMEMBERED)(self._terms_of_parts)
        self.pages_with = lru_cache(REMEMBERED)(self._pages_with)
        self.nearest = lru_cache(REMEMBERED)(self._nearest)
        self._starting = lru_cache(64)(self._starting_with)
        self._rarity_of = lru_cache(REMEMBERED)(self._rarity)
        # A piece comes up again as its neighbours' neighbour, a question for its terms and names.
        self._cut = lru_cache(16)(words)

    def change(self, delete: Iterable[int], add: Iterable[Entry]) -> None:
        """Deletes and adds entries, all or nothing."""
        with self.writing() as writer:
            for id_ in delete:
                writer.delete_documents_by_term("id", id_)
            for entry in add:
                document = tantivy.Document()
                document.add_integer("id", entry.id)
                for name, texts in entry.fields.items():
                    cut = (word for text in texts for word in self._cut(text))
                    document.add_text(name, " ".join(cut))
                writer.add_document(document)
        for cached in (self._rarity_of, self.pages_with, self.nearest, self._starting):
            cached.cache_clear()

    def terms(self, question: str) -> list[str]:
        """The distinct terms that a question is searched for."""
        cut = self._cut(question)
        return list(dict.fromkeys(term for word in cut for term in self.stems_of(word)))

    def term_set(self, text: str) -> set[str]:
        """The terms of a longer text."""
        cut = set(segment_for_search(text))  # most words come up again
        return set(chain.from_iterable(map(self._terms_in, cut)))

    def digest(self, *texts: str) -> Terms:
        """The terms of texts, as they are stored."""
        cut = {word for text in texts for word in self._cut(text)}
        return terms_from(term for word in cut for term in self.stems_of(word))

    def is_function_word(self, word: str) -> bool:
        """Is it one that says nothing by itself ("how", "的")?"""
        return word.lower() in function_words()

    def _pages_with(self, term: str) -> int:
        """How many pages hold a term."""
        return int(self.searcher.doc_freq("page", term))

    def rarity_among(self, term: str, pieces: int) -> float:
        """Inverse document frequency of a term among so many pieces, as BM25 takes it."""
        count = self.searcher.doc_freq("text", term)
        return math.log(1 + (pieces - count + 0.5) / (count + 0.5))

    def _nearest(self, word: str) -> str | None:
        """The term of these documents that a misspelt word was meant to be."""
        for stem in self.stems_of(word):
            return nearest(stem, self._starting(stem[0]))
        return None

    def _starting_with(self, letter: str) -> list[tuple[str, int]]:
        found = self.searcher.terms_with_prefix("page", letter)
        return [(term, count) for term, count in found if term.isalpha()]

    def telling_terms(self, question: str) -> list[str]:
        """Its terms without function words ("how", "的"): what the question is about."""
        telling = self._telling(question)
        return list(dict.fromkeys(term for word in telling for term in self.stems_of(word)))

    def keywords(self, question: str, most: int) -> list[str]:
        """The words that tell most, as they were written and in their order; a word that others
        are part of stands for them."""
        telling = [word for word in dict.fromkeys(self._telling(question)) if len(word) > 1]
        whole = [w for w in telling if not any(w in other != w for other in telling)]
        rarity = self.rarity([term for word in whole for term in self.terms(word)])
        weights = {w: max((rarity[term] for term in self.terms(w)), default=0.0) for w in whole}
        kept = sorted(whole, key=lambda word: -weights[word])[:most]
        return [word for word in whole if word in kept]

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
        return [word for word in self._cut(question) if word.lower() not in function_words()]

    def _occurs(self, word: str) -> bool:
        terms = self.stems_of(word)
        return any(map(self.pages_with, terms)) or not terms

    def rarity(self, terms: Sequence[str]) -> dict[str, float]:
        """Inverse document frequency of each term over the pieces, as BM25 takes it."""
        return {term: self._rarity_of(term) for term in terms}

    @property
    def rarity_of_unknown(self) -> float:
        """What a term counts that stands in no piece."""
        return math.log(2 * self.searcher.num_docs + 2)

    def _stems_as_tuple(self, word: str) -> tuple[str, ...]:
        return tuple(self.stems(word))

    def _terms_of_parts(self, word: str) -> tuple[str, ...]:
        return tuple(term for part in with_parts(word) for term in self.stems_of(part))

    def _rarity(self, term: str) -> float:
        total, count = self.searcher.num_docs, self.searcher.doc_freq("text", term)
        return math.log(1 + (total - count + 0.5) / (count + 0.5))

    def _title_terms(self, title: str) -> frozenset[str]:
        """The terms of a heading or a path."""
        return frozenset(self.terms(title))

    def _title_telling(self, title: str) -> frozenset[str]:
        """Those of them that are no function words."""
        return frozenset(self.telling_terms(title))

    def search(
        self,
        terms: Mapping[str, float],
        weights: Mapping[str, float],
        k: int,
        among: frozenset[int] | None = None,
    ) -> list[tuple[int, float]]:
        """The k best (id, BM25 score) for any of the weighted terms in the weighted fields; with
        `among` only these ids count."""
        if not terms:
            return []
        query, deep = self.any_of(terms, weights, terms), k
        while True:
            found = self.searcher.search(query, deep, count=False).hits
            ids = self.searcher.fast_field_values("id", [at for _, at in found])
            kept = [
                (int(id_ or 0), float(score))
                for id_, (score, _) in zip(ids, found, strict=True)
                if among is None or id_ in among
            ]
            if len(kept) >= k or len(found) < deep:
                return kept[:k]
            deep *= 8  # what is wanted stands further down


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", stored=True, indexed=True, fast=True)
    for name in FIELDS:
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="freq")
    return builder.build()
