"""The reader's own process, `python -m knowledge.ingest.reader_process`, see `readers`.

A hostile file may eat all memory or time, or crash what reads it: so files are read, cleaned and
cut into pieces here, within limits. Its settings are, for each view, how pieces are cut; each
message names a file, each answer is its text and pieces, or why there are none.
"""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from common.decoding import ReadError
from common.process import Message
from common.process_child import serve
from knowledge.ingest.boilerplate import without_artefacts, without_directives
from knowledge.ingest.documents import digest, read
from knowledge.ingest.outline import blocks, markdown_outline, rst_outline
from knowledge.ingest.split import TextKind, split
from knowledge.types import Outline, Piece


def main() -> None:
    """Reads files until standard input ends."""
    serve(lambda settings: partial(_answer, settings["views"]))


def _answer(views: Mapping[str, Any], message: Message) -> Message:
    path = Path(os.fsdecode(bytes.fromhex(message["path"])))
    answer: Message = {}
    try:
        answer["hash"] = digest(path)
        if answer["hash"] == message["known"]:
            return answer
        return answer | _read(path, views)
    except OSError as error:
        return {"gone": error.strerror or str(error)}
    except MemoryError:
        return answer | {"error": "it needs too much memory"}
    except ReadError as error:
        return answer | {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - a converter may raise anything
        # Any error of any converter library is this file's problem only: it is reported.
        return answer | {"error": _reason(error)}


def _read(path: Path, views: Mapping[str, Any]) -> Message:
    document = read(path)
    text, outline = cleaned(document.text, document.format)
    cuts = {
        view: split(text, document.format, outline, tuple(chars), most, by_section=by_section)
        for view, (chars, most, by_section) in views.items()
    }
    if not any(cuts.values()):
        raise ReadError("nothing but headings, or less than a sentence, in it")
    return {
        "text": text,
        "has_lines": document.has_lines,
        "pieces": {view: [_packed(piece) for piece in pieces] for view, pieces in cuts.items()},
    }


def cleaned(text: str, kind: TextKind) -> tuple[str, Outline]:
    """A text without artefacts, and its outline."""
    if kind == "rst":
        plain = without_directives(text, rst_outline(text).solid)
        return plain, rst_outline(plain)
    if kind == "markdown":
        tokens = blocks(text)
        plain = without_artefacts(text, tokens)
        return plain, markdown_outline(tokens if plain == text else blocks(plain))
    return text, Outline()


def _packed(piece: Piece) -> tuple[int, int, int, str]:
    return piece.start, piece.end, piece.line, piece.heading


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    known = f"{type(error).__name__} {text}".lower()
    if "password" in known or "encrypt" in known:
        return "encrypted"
    return f"broken: {text[:200] or type(error).__name__}"


if __name__ == "__main__":
    main()
