"""Reading files of every format; bad ones cost their own text and nothing else."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.decoding import ReadError, decode
from common.process import Child, ChildFailed, Message
from knowledge.index.line_map import LineMap
from knowledge.ingest import reader_process
from knowledge.ingest.documents import MAX_TEXT_CHARS, digest
from knowledge.ingest.readers import DocumentReader, Job, Reading
from knowledge.settings import KnowledgeSettings
from tests.knowledge import files
from tests.knowledge.files import CHINESE, SENTENCE

VIEWS = KnowledgeSettings().plan(Path()).views


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    with DocumentReader(VIEWS, timeout_s=60) as opened:
        yield opened


def read(reader: DocumentReader, path: Path) -> Reading:
    (reading,) = reader.read([Job(path, path.parent)])
    assert reading.error == reading.gone == ""
    return reading


def refusal(reader: DocumentReader, path: Path) -> str:
    (reading,) = reader.read([Job(path, path.parent)])
    assert reading.error
    assert (reading.text, reading.pieces) == ("", {})
    return reading.error


def converters(reader: DocumentReader) -> list[psutil.Process]:
    """The processes of one reader; a list of all processes may lack one for a moment."""
    return [psutil.Process(child._process.pid) for child in reader._children.values()]


TEXTS = {
    "page.md": f"# Ports\n\n{SENTENCE}\n\n{CHINESE}\n",
    "page.markdown": f"{SENTENCE}\n{CHINESE}\n",
    "page.rst": f"Ports\n=====\n\n{SENTENCE}\n\n{CHINESE}\n",
    "page.txt": f"{SENTENCE}\n{CHINESE}\n",
    "page.html": f"<html><body><h1>Ports</h1><p>{SENTENCE}</p><p>{CHINESE}</p>"
    "<script>alert(1)</script></body></html>",
}
MADE: dict[str, Callable[[Path], None]] = {
    "page.docx": files.write_word,
    "page.pptx": files.write_slides,
    "page.xlsx": files.write_sheet,
    "page.ipynb": files.write_notebook,
    "page.pdf": files.write_pdf,
}


@pytest.mark.parametrize("name", [*TEXTS, *MADE])
def test_every_format_is_read(reader: DocumentReader, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name in TEXTS:
        path.write_text(TEXTS[name], encoding="utf-8")
    else:
        MADE[name](path)
    document = read(reader, path)
    text = " ".join(document.text.split())
    assert SENTENCE in text
    if name != "page.pdf":
        assert CHINESE in text
    assert "alert(1)" not in text
    assert ("what it said" in text) == (name == "page.ipynb")
    assert document.has_lines == (path.suffix not in (".html", ".docx", ".pptx"))
    assert document.hash == digest(path)
    assert set(document.pieces) == {"answer", "reject"}
    for piece in (*document.pieces["answer"], *document.pieces["reject"]):
        assert document.text[piece.start : piece.end] == piece.text


def test_a_chinese_pdf_is_read(reader: DocumentReader, tmp_path: Path) -> None:
    files.write_pdf(tmp_path / "水壶.pdf", CHINESE)
    assert CHINESE in read(reader, tmp_path / "水壶.pdf").text


def test_structure_is_kept(reader: DocumentReader, tmp_path: Path) -> None:
    files.write_word(tmp_path / "a.docx")
    files.write_notebook(tmp_path / "a.ipynb")
    assert "# Ports" in read(reader, tmp_path / "a.docx").text
    assert "| option | cache_fraction |" in read(reader, tmp_path / "a.docx").text
    assert "```python\nkettle.serve(port=7311)\n```" in read(reader, tmp_path / "a.ipynb").text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_of_any_encoding_is_read(
    reader: DocumentReader, tmp_path: Path, encoding: str, line_end: str
) -> None:
    text = f"# 端口\n\n{CHINESE * 5}\n{SENTENCE}\n"
    (tmp_path / "a.md").write_bytes(text.replace("\n", line_end).encode(encoding))
    assert read(reader, tmp_path / "a.md").text == text


def test_latin_text_is_not_taken_for_chinese(reader: DocumentReader, tmp_path: Path) -> None:
    text = "Der Kessel hört für gewöhnlich auf Port 7311, größere Kessel überall.\n" * 5
    (tmp_path / "a.txt").write_bytes(text.encode("latin-1"))
    assert "gewöhnlich" in read(reader, tmp_path / "a.txt").text


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        text = decode(data)
    except ReadError:
        return
    assert "\r" not in text


def test_the_head_of_a_page_is_no_text_and_lines_stay(
    reader: DocumentReader, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: x\nsecret: y\n---\n{SENTENCE}\n")
    reading = read(reader, tmp_path / "a.md")
    assert reading.text == f"# x\n\n{SENTENCE}\n"
    assert [line for line, _ in LineMap.load(reading.lines).places(0, 3)] == [1, 1, 5]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.md", b"", "empty"),
        ("spaces.txt", b" \n\n ", "empty"),
        ("binary.md", bytes(range(256)) * 10, "binary"),
        ("bell.txt", b"\x01\x02\x07" * 50, "binary"),
        ("broken.pdf", b"%PDF-1.7 nonsense", "broken"),
        ("text.docx", b"this is no archive", "broken"),
        ("torn.xlsx", b"PK\x03\x04 torn off", "broken"),
        ("broken.ipynb", b'{"cells": [', "broken"),
        ("wrong.ipynb", b'{"cell": 1}', "broken"),
        ("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted"),
    ],
)
def test_what_is_no_document_is_refused(
    reader: DocumentReader, tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    assert reason in refusal(reader, tmp_path / name)


def test_an_encrypted_pdf_is_refused(reader: DocumentReader, tmp_path: Path) -> None:
    files.write_pdf(tmp_path / "a.pdf", password="open sesame")
    assert refusal(reader, tmp_path / "a.pdf") == "encrypted"


def test_a_scanned_pdf_is_refused(reader: DocumentReader, tmp_path: Path) -> None:
    files.write_pdf(tmp_path / "a.pdf", " ")
    assert "scanned" in refusal(reader, tmp_path / "a.pdf")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(
    reader: DocumentReader, tmp_path: Path
) -> None:
    files.write_bomb(tmp_path / "a.docx", megabytes=500)
    assert (tmp_path / "a.docx").stat().st_size < 1_000_000
    assert "bomb" in refusal(reader, tmp_path / "a.docx")


def test_a_bomb_that_lies_about_its_size_harms_nobody(
    reader: DocumentReader, tmp_path: Path
) -> None:
    files.write_lying_bomb(tmp_path / "a.docx")
    assert refusal(reader, tmp_path / "a.docx")
    files.write_word(tmp_path / "b.docx")
    assert SENTENCE in read(reader, tmp_path / "b.docx").text


def test_too_much_text_is_refused(reader: DocumentReader, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * (MAX_TEXT_CHARS // 5 + 1))
    assert "too much text" in refusal(reader, tmp_path / "a.txt")


def test_a_reader_that_hangs_is_ended_and_the_next_file_is_read(tmp_path: Path) -> None:
    files.write_word(tmp_path / "b.docx")
    with DocumentReader(VIEWS, timeout_s=60) as reader:
        read(reader, tmp_path / "b.docx")
        (hung,) = converters(reader)
        hung.send_signal(signal.SIGSTOP)
        reader._timeout_s = 0.2
        assert "took more than 0.2 s" in refusal(reader, tmp_path / "b.docx")
        reader._timeout_s = 60
        assert not hung.is_running()
        assert SENTENCE in read(reader, tmp_path / "b.docx").text


def test_a_reader_that_is_killed_is_started_again(tmp_path: Path) -> None:
    for name in ("a.docx", "b.docx", "c.docx"):
        files.write_word(tmp_path / name)
    with DocumentReader(VIEWS, timeout_s=60) as reader:
        texts = []
        for reading in reader.read(
            Job(tmp_path / name, tmp_path) for name in ("a.docx", "b.docx", "c.docx")
        ):
            texts.append(SENTENCE in reading.text)
            if len(texts) == 1:
                for child in converters(reader):
                    child.kill()
    assert texts == [True, True, True]


class Deadly(Child):
    """Dies over every file that is named so."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.files: list[str] = []
        super().__init__(process)

    def send(self, message: Mapping[str, Any]) -> None:
        if "path" in message:
            self.files.append(bytes.fromhex(message["path"]).decode())
        super().send(message)

    def receive(self, timeout_s: float) -> Message:
        if self.files.pop(0).endswith("deadly.md"):
            self.end()
            raise ChildFailed(-9)
        return super().receive(timeout_s)


def test_a_file_that_kills_its_reader_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("a.md", "deadly.md", "b.md")
    for name in names:
        (tmp_path / name).write_text(SENTENCE * 3)
    monkeypatch.setattr("knowledge.ingest.readers.Child", Deadly)
    with DocumentReader(VIEWS, timeout_s=60) as reader:
        readings = list(reader.read(Job(tmp_path / name, tmp_path) for name in names))
    assert [SENTENCE in reading.text for reading in readings] == [True, False, True]
    assert readings[1].error == "the reader broke down on it (signal 9)"


def test_the_reader_ends_its_process(tmp_path: Path) -> None:
    files.write_word(tmp_path / "b.docx")
    with DocumentReader(VIEWS, timeout_s=60) as reader:
        read(reader, tmp_path / "b.docx")
        (child,) = converters(reader)
    assert not child.is_running()


def test_nothing_to_read_starts_no_process() -> None:
    with DocumentReader(VIEWS, timeout_s=60) as reader:
        assert list(reader.read([])) == []
        assert converters(reader) == []


def test_the_reader_knows_nothing_of_the_bots_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_TOKEN", "secret")
    files.write_word(tmp_path / "b.docx")
    with DocumentReader(VIEWS, timeout_s=60) as reader:
        read(reader, tmp_path / "b.docx")
        (child,) = converters(reader)
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    assert b"secret" not in environment


def test_why_a_document_is_broken_can_be_stored_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise ValueError("no digit: \0\ud800")

    monkeypatch.setattr(reader_process, "read", read)
    (tmp_path / "a.md").write_text(SENTENCE)
    path, root = bytes(tmp_path / "a.md").hex(), bytes(tmp_path).hex()
    answer = reader_process._answer(VIEWS, {"path": path, "root": root, "known": ""})
    assert answer["error"] == r"broken: no digit: \u0000\ud800"


def test_a_file_that_is_gone_is_told_from_one_that_is_bad(
    reader: DocumentReader, tmp_path: Path
) -> None:
    (reading,) = reader.read([Job(tmp_path / "gone.md", tmp_path)])
    assert (reading.gone, reading.error) == (os.strerror(2), "")


def test_a_file_with_the_known_content_is_not_read(reader: DocumentReader, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(SENTENCE * 3)
    assert [
        r.same for r in reader.read([Job(path, tmp_path), Job(path, tmp_path, digest(path))])
    ] == [
        False,
        True,
    ]


def test_the_time_limit_covers_cutting_as_well(tmp_path: Path) -> None:
    """Nested lists take markdown-it longest of all."""
    (tmp_path / "slow.md").write_text("> - > - a\n" * (MAX_TEXT_CHARS // 11))
    (tmp_path / "b.md").write_text(SENTENCE * 3)
    with DocumentReader(VIEWS, timeout_s=2) as reader:
        assert "took more than 2 s" in refusal(reader, tmp_path / "slow.md")
    with DocumentReader(VIEWS, timeout_s=60) as reader:
        assert SENTENCE in read(reader, tmp_path / "b.md").text


@pytest.mark.parametrize(
    "text", ["# Port\n\nThe port is 7311.\n", "端口是 7311。", "порт сервера 7311"]
)
def test_a_document_of_one_sentence_is_kept(
    reader: DocumentReader, tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.md").write_text(text)
    pieces = read(reader, tmp_path / "a.md").pieces
    assert all("7311" in pieces[view][0].text for view in VIEWS)


@pytest.mark.parametrize("text", ["# Rotated object detection\n\nTODO\n", "---\n\n***\n", "hello"])
def test_a_document_that_says_nothing_is_reported(
    reader: DocumentReader, tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.md").write_text(text)
    assert "nothing but headings" in refusal(reader, tmp_path / "a.md")


def test_a_page_without_its_navigation(reader: DocumentReader, tmp_path: Path) -> None:
    beside = "<nav><a href='/'>Home of everything</a></nav><header>Kettle Inc. banner</header>"
    body = f"<h1>Ports</h1><p>{SENTENCE}</p><aside>On this page</aside>"
    page = f"<html><body>{beside}{body}<footer>All rights reserved</footer></body></html>"
    (tmp_path / "a.html").write_text(page)
    text = read(reader, tmp_path / "a.html").text
    assert text.split("\n") == ["# Ports", "", SENTENCE]


def test_the_main_part_of_a_page_is_its_text(reader: DocumentReader, tmp_path: Path) -> None:
    main = f"<div role='main'><h1>Ports<a class='headerlink' href='#x'>¶</a></h1><p>{SENTENCE}</p>"
    page = f"<body><div role='navigation'>previous</div><div>Cookies</div>{main}</div></body>"
    (tmp_path / "a.html").write_text(page)
    assert read(reader, tmp_path / "a.html").text.split("\n") == ["# Ports", "", SENTENCE]


def test_slides_have_no_numbers_in_their_text(reader: DocumentReader, tmp_path: Path) -> None:
    files.write_slides(tmp_path / "a.pptx")
    text = read(reader, tmp_path / "a.pptx").text
    assert "Slide number" not in text
    assert text.strip().startswith("# Ports")


def test_a_damaged_character_does_not_make_a_page_unreadable(
    reader: DocumentReader, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_bytes((CHINESE * 20).encode() + b"\xff\xe6 " + SENTENCE.encode())
    text = read(reader, tmp_path / "a.md").text
    assert CHINESE * 20 in text
    assert SENTENCE in text
