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

from markdown_it.token import Token

from common.decoding import ReadError
from common.process import Message
from common.process_child import serve
from common.visible import visible
from knowledge.index.line_map import LineMap
from knowledge.ingest.boilerplate import without_artefacts, without_blank_runs
from knowledge.ingest.documents import Document, Loaded, digest, load, read
from knowledge.ingest.outline import blocks, markdown_outline
from knowledge.ingest.render.lines import Line
from knowledge.ingest.render.tables import in_parts
from knowledge.ingest.split import split
from knowledge.types import Outline


def main() -> None:
    """Reads files until standard input ends."""
    serve(lambda settings: partial(_answer, settings["views"]))


def _answer(views: Mapping[str, Any], message: Message) -> Message:
    path, root = (Path(os.fsdecode(bytes.fromhex(message[name]))) for name in ("path", "root"))
    answer: Message = {}
    try:
        answer["hash"] = digest(path)
        loaded = load(path, root)
        answer |= {"hash": loaded.digest, "recheck": loaded.recheck, "notes": loaded.notes}
        if loaded.digest == message["known"]:
            return answer
        stated = {"version": loaded.head.version, "language": loaded.head.language}
        return answer | stated | _read(path, loaded, views)
    except OSError as error:
        return {"gone": error.strerror or str(error)}
    except MemoryError:
        return answer | {"error": "it needs too much memory"}
    except ReadError as error:
        return answer | {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - a converter may raise anything
        # Any error of any converter library is this file's problem only: it is reported.
        return answer | {"error": _reason(error)}


def _read(path: Path, loaded: Loaded, views: Mapping[str, Any]) -> Message:
    document = read(path, loaded)
    lines, outline = cleaned(document, max(most for _, most, _ in views.values()))
    # Lone surrogates and NUL, which broken documents contain, could be stored nowhere.
    text = "\n".join(line.text for line in lines).encode("utf-8", "replace").decode()
    text = text.replace("\0", "\ufffd")
    cuts = {
        view: split(text, document.format, outline, tuple(chars), most, by_section=by_section)
        for view, (chars, most, by_section) in views.items()
    }
    if not any(cuts.values()):
        raise ReadError("nothing but headings, or less than a sentence, in it")
    numbers = [line.number for line in lines]
    return {
        "text": text,
        "has_lines": document.has_lines,
        "lines": LineMap.of(numbers, outline, document.anchors).dump(),
        "pieces": {
            view: [
                (piece.start, piece.end, numbers[piece.line - 1], piece.heading) for piece in pieces
            ]
            for view, pieces in cuts.items()
        },
    }


def cleaned(document: Document, most: int) -> tuple[list[Line], Outline]:
    """A document's lines without artefacts, tables and code in parts of `most` characters, and its
    outline."""
    lines = [Line(line.text.replace("\n", " "), line.number) for line in document.lines]
    if document.format == "text":
        return lines, Outline()
    text, tokens = "", list[Token]()
    if not document.is_clean:
        text = "\n".join(line.text for line in lines)
        tokens = blocks(text)
        plain = without_artefacts(text, tokens).split("\n")
        lines = [Line(said, line.number) for said, line in zip(plain, lines, strict=True)]
        lines = without_blank_runs(lines, tokens)
    said = "\n".join(line.text for line in lines)
    tokens = tokens if said == text else blocks(said)
    headed = in_parts(lines, tokens, most)
    if headed != lines:
        tokens = blocks("\n".join(line.text for line in headed))
    return headed, markdown_outline(tokens)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    known = f"{type(error).__name__} {text}".lower()
    if "password" in known or "encrypt" in known:
        return "encrypted"
    return f"broken: {visible(text[:200]) or type(error).__name__}"


if __name__ == "__main__":
    main()
