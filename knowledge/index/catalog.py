"""The catalogue of a snapshot: documents, their pieces and where each piece stands (SQLite).

A document that can't be read keeps a row with its `error`, so that it is not tried again until
the file changes. Equal pieces are one row in `pieces` with many rows in `places`.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from common.language import is_chinese
from knowledge.index.line_map import LineMap
from knowledge.index.rows import DocumentRow, NewPiece, PieceTerms, Place
from knowledge.index.terms import Terms, as_terms
from knowledge.plan import REBUILD
from knowledge.types import IndexMismatch, Piece

ANSWER, REJECT = "answer", "reject"

MAX_CHARS = (1 << 31) - 1
"""SQLite's longest text."""

_SCHEMA = """
create table meta (key text primary key, value text not null);
create table documents (
    id integer primary key, source text not null, path text not null, url text not null,
    size integer not null, mtime_ns integer not null, hash text not null,
    has_lines integer not null, text text not null, error text, lines text not null,
    version text not null, language text not null, terms blob not null default x'',
    unique (source, path));
create table pieces (
    id integer primary key autoincrement, view text not null, key text not null,
    chinese integer not null, terms blob not null default x'',
    heading_terms blob not null default x'', unique (view, key));
create table places (
    piece integer not null references pieces (id), document integer not null, view text not null,
    start integer not null, end integer not null, line integer not null, heading text not null);
create index places_document on places (document, view, start);
create index places_piece on places (piece);
"""

_PLACE = "piece, document, start, end, line, heading"


def _marks(values: Sequence[int]) -> str:
    """Only question marks are put into a statement, never data."""
    return ",".join("?" * len(values))


class Catalog:
    """One SQLite file. A snapshot's catalogue is only read; a build changes its own copy."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @property
    def is_as_it_was(self) -> bool:
        """Has nothing been changed since it was opened?"""
        return self._db.total_changes == 0

    @classmethod
    def create(cls, path: Path) -> "Catalog":
        """Opens a catalogue for writing and makes its tables if it is new."""
        connection = sqlite3.connect(path, check_same_thread=False)
        # The file is renamed into place when complete: a crash can't leave half of it behind.
        connection.execute("pragma journal_mode = off")
        connection.execute("pragma synchronous = off")
        if not connection.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
            connection.executescript(_SCHEMA)
        return cls(connection)

    @classmethod
    def open(cls, path: Path) -> "Catalog":
        """Opens a catalogue for reading. Raises IndexMismatch for what is none."""
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        catalog = cls(sqlite3.connect(uri, uri=True, check_same_thread=False))
        try:
            catalog.meta()
        except sqlite3.DatabaseError as error:
            catalog.close()
            raise IndexMismatch(f"{path} is damaged ({error}); {REBUILD}") from error
        return catalog

    def verify(self) -> None:
        """Reads all of it. Raises sqlite3.DatabaseError where it is damaged."""
        (found,) = self._db.execute("pragma quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)

    def close(self) -> None:
        """Writes what is pending and closes the file."""
        self._db.commit()
        self._db.close()

    def meta(self) -> dict[str, str]:
        """Key and value pairs about the snapshot."""
        return dict(self._db.execute("select key, value from meta"))

    def set_meta(self, values: dict[str, str]) -> None:
        """Replaces key and value pairs."""
        self._db.executemany("insert or replace into meta values (?, ?)", values.items())

    def documents(self) -> list[DocumentRow]:
        """All documents, those with an error too, without their texts."""
        rows = self._db.execute(
            "select id, source, path, url, size, mtime_ns, hash, has_lines, error, '', version,"
            " language from documents order by source, path"
        )
        return [DocumentRow(*row) for row in rows]

    def put_document(self, row: DocumentRow, text: str) -> int:
        """Adds or replaces a document; returns its id. Its places are the caller's to replace."""
        self._db.execute(
            "insert into documents (source, path, url, size, mtime_ns, hash, has_lines, text,"
            " error, lines, version, language) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict (source, path) do update set url = excluded.url, size = excluded.size,"
            " mtime_ns = excluded.mtime_ns, hash = excluded.hash,"
            " has_lines = excluded.has_lines, text = excluded.text, error = excluded.error, lines ="
            " excluded.lines, version = excluded.version, language = excluded.language",
            (
                *(row.source, row.path, row.url, row.size, row.mtime_ns, row.hash, row.has_lines),
                *(text, row.error, row.lines, row.version, row.language),
            ),
        )
        found = self._db.execute(
            "select id from documents where source = ? and path = ?", (row.source, row.path)
        ).fetchone()
        return int(found[0])

    def touch(self, document: int, mtime_ns: int, url: str) -> None:
        """Notes a new time stamp and address of an unchanged document."""
        self._db.execute(
            "update documents set mtime_ns = ?, url = ? where id = ?", (mtime_ns, url, document)
        )

    def drop_document(self, document: int) -> None:
        """Removes a document and its places."""
        self._db.execute("delete from places where document = ?", (document,))
        self._db.execute("delete from documents where id = ?", (document,))

    def put_places(
        self, document: int, path: str, view: str, pieces: Sequence[Piece], keys: Sequence[str]
    ) -> list[NewPiece]:
        """Replaces a document's places in one view; returns the pieces not known before."""
        self._db.execute("delete from places where document = ? and view = ?", (document, view))
        new: list[NewPiece] = []
        for number, (piece, key) in enumerate(zip(pieces, keys, strict=True)):
            id_, is_new = self._piece_id(view, key, piece.text)
            if is_new:
                near = pieces[max(0, number - 1) : number + 2]
                around = tuple(neighbour.text for neighbour in near)
                new.append(NewPiece(id_, view, piece.heading, piece.text, around, path))
            self._db.execute(
                "insert into places values (?, ?, ?, ?, ?, ?, ?)",
                (id_, document, view, piece.start, piece.end, piece.line, piece.heading),
            )
        return new

    def put_terms(self, terms: Iterable[PieceTerms]) -> None:
        """Notes the terms of pieces for answering."""
        self._db.executemany(
            "update pieces set terms = ?, heading_terms = ? where id = ?",
            ((one.text.tobytes(), one.heading.tobytes(), one.id) for one in terms),
        )

    def put_page_terms(self, terms: Mapping[int, Terms]) -> None:
        """Notes the terms of whole documents."""
        self._db.executemany(
            "update documents set terms = ? where id = ?",
            ((found.tobytes(), id_) for id_, found in terms.items()),
        )

    def terms_of(self, pieces: Sequence[int]) -> dict[int, PieceTerms]:
        """The terms of pieces for answering."""
        rows = self._db.execute(
            f"select id, terms, heading_terms from pieces where id in ({_marks(pieces)})",  # noqa: S608 - question marks
            pieces,
        )
        return {id_: PieceTerms(id_, as_terms(text), as_terms(head)) for id_, text, head in rows}

    def page_terms(self, documents: Sequence[int] | None = None) -> dict[int, Terms]:
        """The terms of whole documents, by default of every readable one."""
        among = "" if documents is None else f" and id in ({_marks(documents)})"
        rows = self._db.execute(
            f"select id, terms from documents where error is null{among}",  # noqa: S608 - question marks
            documents or (),
        )
        return {id_: as_terms(found) for id_, found in rows}

    def first_places(
        self,
        pieces: Sequence[int],
        among: frozenset[int] | None = None,
        but: frozenset[int] = frozenset(),
    ) -> dict[int, Place]:
        """Where each piece stands, among these documents but for those; of several places the
        one in the oldest."""
        rows = self._db.execute(
            f"select {_PLACE} from places where piece in ({_marks(pieces)})"  # noqa: S608 - question marks
            " order by document desc, start desc",
            pieces,
        )
        return {
            row[0]: Place(*row)
            for row in rows
            if (among is None or row[1] in among) and row[1] not in but
        }

    def drop_orphans(self) -> list[tuple[int, str]]:
        """Removes pieces that stand nowhere any more; returns their ids and views."""
        orphans = self._db.execute(
            "select id, view from pieces where id not in (select piece from places)"
        ).fetchall()
        self._db.executemany("delete from pieces where id = ?", [(id_,) for id_, _ in orphans])
        return orphans

    def piece_documents(self) -> list[tuple[int, int]]:
        """(piece, document) of every place of the answering view, as they follow each other."""
        return self._db.execute(
            "select piece, document from places where view = ? order by document, start", (ANSWER,)
        ).fetchall()

    def chinese(self) -> list[int]:
        """Pieces for answering that are written in Chinese."""
        rows = self._db.execute("select id from pieces where view = ? and chinese", (ANSWER,))
        return [id_ for (id_,) in rows]

    def parents(self) -> list[tuple[int, int]]:
        """(piece for the gate, piece for answering) where the two overlap."""
        rows = self._db.execute(
            "select document, start, end, piece, view from places order by document, start, end"
        )
        open_: dict[str, list[tuple[int, int]]] = {ANSWER: [], REJECT: []}
        pairs: list[tuple[int, int]] = []
        current = -1
        for document, start, end, piece, view in rows:
            if document != current:
                current, open_ = document, {ANSWER: [], REJECT: []}
            other = REJECT if view == ANSWER else ANSWER
            open_[other] = [item for item in open_[other] if item[0] > start]
            for _, met in open_[other]:
                pairs.append((piece, met) if view == REJECT else (met, piece))
            open_[view].append((end, piece))
        return pairs

    def places_of(self, piece: int) -> list[Place]:
        """Every place where a piece stands, the oldest document first."""
        rows = self._db.execute(
            f"select {_PLACE} from places where piece = ? order by document, start",  # noqa: S608 - columns
            (piece,),
        )
        return [Place(*row) for row in rows]

    def places_in(
        self, document: int, start: int = 0, end: int = MAX_CHARS, view: str = ANSWER
    ) -> list[Place]:
        """The places of a document in a view, in order, that reach into some of its characters."""
        rows = self._db.execute(
            f"select {_PLACE} from places"  # noqa: S608 - columns
            " where document = ? and view = ? and end > ? and start < ? order by start",
            (document, view, start, end),
        )
        return [Place(*row) for row in rows]

    def excerpt(self, document: int, start: int, end: int) -> str:
        """Characters `start` to `end` of a document."""
        row = self._db.execute(
            "select substr(text, ?, ?) from documents where id = ?",
            (start + 1, end - start, document),
        ).fetchone()
        return str(row[0]) if row else ""

    def places_of_lines(self, document: int, start: int, text: str) -> tuple[tuple[int, str], ...]:
        """(line in the file, anchor of its section) of each line of an excerpt from `start`."""
        row = self._db.execute("select lines from documents where id = ?", (document,)).fetchone()
        first = self.excerpt(document, 0, start).count("\n")
        return LineMap.load(row[0] if row else "").places(first, text.count("\n") + 1)

    def counts(self) -> dict[str, int]:
        """Numbers of readable documents, pieces by view, and skipped documents."""
        views: Iterable[tuple[str, int]] = self._db.execute(
            "select view, count(*) from pieces group by view"
        )
        counts = {ANSWER: 0, REJECT: 0, **dict(views)}
        readable, skipped = self._db.execute(
            "select count(*) filter (where error is null), count(error) from documents"
        ).fetchone()
        return counts | {"documents": readable, "skipped": skipped}

    def _piece_id(self, view: str, key: str, text: str) -> tuple[int, bool]:
        row = self._db.execute(
            "select id from pieces where view = ? and key = ?", (view, key)
        ).fetchone()
        if row:
            return int(row[0]), False
        done = self._db.execute(
            "insert into pieces (view, key, chinese) values (?, ?, ?)",
            (view, key, is_chinese(text)),
        )
        return int(done.lastrowid or 0), True
