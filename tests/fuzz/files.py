"""The parsers of files: documents in their reader, the configuration, examples, exported chats."""

import gzip
import io
import json
import random
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bot.cli.backup import pack, unpack
from bot.config.schema import ConfigError, load_config
from bot.replay.chat import ExportError, load_chat
from bot.store.database import StoreError
from bot.store.engines.sqlite import open_sqlite
from knowledge.gate.examples import load_examples
from knowledge.ingest import reader_process
from knowledge.settings import KnowledgeSettings
from knowledge.types import KnowledgeError
from tests.fuzz import samples
from tests.fuzz.inputs import as_bytes, as_json, damaged
from tests.fuzz.targets import Target
from tests.knowledge import files
from tests.knowledge.ingest.golden import cases

VIEWS = KnowledgeSettings().plan(Path()).views


@cache
def folder() -> Path:
    """Where the files stand."""
    return Path(mkdtemp(prefix="fuzz-"))


def clear() -> None:
    """Removes the files."""
    shutil.rmtree(folder(), ignore_errors=True)
    for made in (folder, _office, _backup):
        made.cache_clear()


def _golden(*suffixes: str) -> list[str]:
    found = [case for case in cases() if case.document.endswith(suffixes)]
    return [case.files[case.document] for case in found]


def _reading(suffix: str) -> Callable[[bytes], Any]:
    """Reads a document as the reader's process does, in this one. Of formats that are read by our
    own code nothing may be called broken: they are text, whatever stands in it."""

    def read(data: bytes) -> Any:
        path = folder() / f"document{suffix}"
        path.write_bytes(data)
        message = {"path": bytes(path).hex(), "root": bytes(folder()).hex(), "known": ""}
        answer = reader_process._answer(VIEWS, message)
        json.dumps(answer)
        error = answer.get("error", "")
        assert suffix in _BINARY or not error.startswith("broken"), error
        return [answer.get("text", ""), error]

    return read


_BINARY = (".docx", ".xlsx", ".pptx", ".pdf", ".html", ".ipynb")


def _file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
    def work(data: bytes) -> Any:
        path = folder() / name
        path.write_bytes(data)
        return read(path)

    return work


@cache
def _office(suffix: str) -> bytes:
    path = folder() / f"good{suffix}"
    {".docx": files.write_word, ".xlsx": files.write_sheet, ".pdf": files.write_pdf}[suffix](path)
    return path.read_bytes()


def _damaged(suffix: str) -> Callable[[random.Random], bytes]:
    return lambda chance: damaged(_office(suffix), chance)


def _markdown(chance: random.Random) -> bytes:
    return as_bytes([*samples.MARKDOWN, *_golden(".md", ".mdx")], chance)


def _rst(chance: random.Random) -> bytes:
    return as_bytes([*samples.RST, *_golden(".rst")], chance)


def _chat(chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return as_bytes(samples.CHAT_TEXTS, chance)
    return as_json(samples.CHATS, chance)


def _read_chat(path: Path) -> Any:
    return [(one.message, one.label) for one in load_chat(path, "豆哥")]


@cache
def _backup() -> bytes:
    """A backup of an empty store, not packed."""
    data, packed = folder() / "data", folder() / "backup.tar.gz"
    data.mkdir()
    open_sqlite(data / "bot.sqlite", 0, durable=False, upgrade=True).close()
    with redirect_stdout(io.StringIO()):
        pack(data, packed)
    return gzip.decompress(packed.read_bytes())


def _damaged_backup(chance: random.Random) -> bytes:
    if chance.random() < 0.2:
        return damaged(gzip.compress(_backup(), 1), chance)
    whole = _backup()
    head, rest = whole[:2048], whole[2048:]  # the manifest, and headers of files
    return gzip.compress(damaged(head, chance) + rest, 1)


def _restored(path: Path) -> Any:
    target = folder() / "restored"
    shutil.rmtree(target, ignore_errors=True)
    return unpack(path, target)


def _config(path: Path) -> None:
    load_config(path)


def _examples(path: Path) -> Any:
    return load_examples([path]).digest


FILES = (
    Target("config", lambda c: as_bytes(samples.CONFIG, c), _file("c.yaml", _config),
           (ConfigError,), share=0.5),
    Target("gate: examples", lambda c: as_json(samples.EXAMPLES, c), _file("e.json", _examples),
           (KnowledgeError,)),
    Target("backups", _damaged_backup, _file("backup", _restored), (StoreError, OSError),
           share=0.02),
    Target("replay: chats", _chat, _file("chat.json", _read_chat), (ExportError,)),
    Target("documents: md", _markdown, _reading(".md"), share=0.15),
    Target("documents: mdx", _markdown, _reading(".mdx"), share=0.05),
    Target("documents: rst", _rst, _reading(".rst"), share=0.05),
    Target("documents: txt", _rst, _reading(".txt"), share=0.05),
    Target("documents: ipynb", lambda c: as_json(samples.NOTEBOOK, c), _reading(".ipynb"),
           share=0.1),
    Target("documents: html", lambda c: as_bytes(samples.HTML, c), _reading(".html"), share=0.02),
    Target("documents: docx", _damaged(".docx"), _reading(".docx"), share=0.01),
    Target("documents: xlsx", _damaged(".xlsx"), _reading(".xlsx"), share=0.01),
    Target("documents: pdf", _damaged(".pdf"), _reading(".pdf"), share=0.01),
)  # fmt: skip
