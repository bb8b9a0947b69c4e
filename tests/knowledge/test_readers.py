"""Reading files of every format; bad ones cost their own text and nothing else."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.readers import Document, Reader, ReadError, decode
from knowledge.sources import SourceFile
from tests.knowledge import files
from tests.knowledge.files import CHINESE, SENTENCE


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader(timeout_s=30) as opened:
        yield opened


def read(reader: Reader, path: Path) -> Document:
    found = path.stat()
    return reader.read(SourceFile("s", path.name, path, found.st_size, found.st_mtime_ns))


def refusal(reader: Reader, path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        read(reader, path)
    return str(caught.value)


def newest_converter() -> psutil.Process:
    alive = (child for child in psutil.Process().children() if child.status() != "zombie")
    ours = (child for child in alive if "knowledge.convert" in child.cmdline())
    return max(ours, key=lambda child: child.create_time())


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
def test_every_format_is_read(reader: Reader, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name in TEXTS:
        path.write_text(TEXTS[name], encoding="utf-8")
    else:
        MADE[name](path)
    document = read(reader, path)
    text = " ".join(document.text.split())
    assert SENTENCE in text.replace("\\", "")
    if name != "page.pdf":
        assert CHINESE in text
    assert "alert(1)" not in text
    assert "noise of a run" not in text
    assert document.has_lines == (path.suffix in (".md", ".markdown", ".rst", ".txt"))


def test_a_chinese_pdf_is_read(reader: Reader, tmp_path: Path) -> None:
    files.write_pdf(tmp_path / "水壶.pdf", CHINESE)
    assert CHINESE in read(reader, tmp_path / "水壶.pdf").text


def test_structure_is_kept(reader: Reader, tmp_path: Path) -> None:
    files.write_word(tmp_path / "a.docx")
    files.write_notebook(tmp_path / "a.ipynb")
    assert "# Ports" in read(reader, tmp_path / "a.docx").text
    assert "| option | cache_fraction |" in read(reader, tmp_path / "a.docx").text
    assert "```python\nkettle.serve(port=7311)\n```" in read(reader, tmp_path / "a.ipynb").text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_of_any_encoding_is_read(
    reader: Reader, tmp_path: Path, encoding: str, line_end: str
) -> None:
    text = f"# 端口\n\n{CHINESE * 5}\n{SENTENCE}\n"
    (tmp_path / "a.md").write_bytes(text.replace("\n", line_end).encode(encoding))
    assert read(reader, tmp_path / "a.md").text == text


def test_latin_text_is_not_taken_for_chinese(reader: Reader, tmp_path: Path) -> None:
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


def test_the_head_of_a_page_is_no_text_and_lines_stay(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: x\nsecret: y\n---\n{SENTENCE}\n")
    text = read(reader, tmp_path / "a.md").text
    assert "secret" not in text
    assert text.split("\n")[4] == SENTENCE


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
    reader: Reader, tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    assert reason in refusal(reader, tmp_path / name)


def test_an_encrypted_pdf_is_refused(reader: Reader, tmp_path: Path) -> None:
    files.write_pdf(tmp_path / "a.pdf", password="open sesame")
    assert refusal(reader, tmp_path / "a.pdf") == "encrypted"


def test_a_scanned_pdf_is_refused(reader: Reader, tmp_path: Path) -> None:
    files.write_pdf(tmp_path / "a.pdf", " ")
    assert "scanned" in refusal(reader, tmp_path / "a.pdf")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(
    reader: Reader, tmp_path: Path
) -> None:
    files.write_bomb(tmp_path / "a.docx", megabytes=500)
    assert (tmp_path / "a.docx").stat().st_size < 1_000_000
    assert "bomb" in refusal(reader, tmp_path / "a.docx")


def test_a_bomb_that_lies_about_its_size_harms_nobody(reader: Reader, tmp_path: Path) -> None:
    files.write_lying_bomb(tmp_path / "a.docx")
    assert refusal(reader, tmp_path / "a.docx")
    files.write_word(tmp_path / "b.docx")
    assert SENTENCE in read(reader, tmp_path / "b.docx").text


def test_too_much_text_is_refused(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * 1_100_000)
    assert "too much text" in refusal(reader, tmp_path / "a.txt")


def test_a_converter_that_hangs_is_ended_and_the_next_file_is_read(tmp_path: Path) -> None:
    files.write_word(tmp_path / "b.docx")
    with Reader(timeout_s=30) as reader:
        assert read(reader, tmp_path / "b.docx")
        hung = newest_converter()
        hung.send_signal(signal.SIGSTOP)
        reader._timeout_s = 0.2
        assert "took more than 0.2 s" in refusal(reader, tmp_path / "b.docx")
        reader._timeout_s = 30
        assert not hung.is_running()
        assert SENTENCE in read(reader, tmp_path / "b.docx").text


def test_a_converter_that_dies_costs_one_file(tmp_path: Path) -> None:
    files.write_word(tmp_path / "b.docx")
    with Reader(timeout_s=30) as reader:
        read(reader, tmp_path / "b.docx")
        dying = newest_converter()
        dying.send_signal(signal.SIGSTOP)
        # It dies with the file's path already in its pipe: that file may be what killed it.
        killer = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {dying.pid}"])
        assert "broke down" in refusal(reader, tmp_path / "b.docx")
        killer.wait()
        assert SENTENCE in read(reader, tmp_path / "b.docx").text


def test_the_converter_ends_with_its_reader(tmp_path: Path) -> None:
    files.write_word(tmp_path / "b.docx")
    with Reader(timeout_s=30) as reader:
        read(reader, tmp_path / "b.docx")
        child = newest_converter()
    assert not child.is_running()


def test_the_converter_knows_nothing_of_the_bots_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_TOKEN", "secret")
    files.write_word(tmp_path / "b.docx")
    with Reader(timeout_s=30) as reader:
        read(reader, tmp_path / "b.docx")
        environment = Path(f"/proc/{newest_converter().pid}/environ").read_bytes()
    assert b"secret" not in environment


def test_a_file_that_may_not_be_read_is_an_error_of_that_file(
    reader: Reader, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.md"
    with pytest.raises(OSError, match=os.strerror(2)):
        reader.read(SourceFile("s", "gone.md", gone, 1, 1))
