"""The converter's own process: `python -m knowledge.convert`.

Importing markitdown takes 0.8 s and 155 MB, and a hostile file may make it eat all memory: so it
lives here, within limits, and is ended after use. Each line on standard input is a path as JSON;
each line on standard output is `{"text": "..."}` or `{"error": "..."}`.
"""

import contextlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

MEMORY_BYTES = 2_000_000_000
FILE_BYTES = 100_000_000


def main() -> None:
    """Converts until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print must not get into the protocol.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        converter = _converter()
        for line in sys.stdin:
            out.write(json.dumps(_answer(converter, Path(json.loads(line)))) + "\n")
            out.flush()


def _converter() -> Any:
    from markitdown import MarkItDown

    return MarkItDown(enable_plugins=False)


def _answer(converter: Any, path: Path) -> dict[str, str]:
    try:
        if path.suffix.lower() == ".ipynb":
            return {"text": notebook(path)}
        with path.open("rb") as stream:
            return {"text": _convert(converter, stream, path.suffix.lower())}
    except MemoryError:
        return {"error": "it needs too much memory"}
    except Exception as error:  # noqa: BLE001 - a converter may raise anything
        # Any error of any converter library is this file's problem only: it is reported.
        return {"error": _reason(error)}


def _convert(converter: Any, stream: Any, suffix: str) -> str:
    from markitdown import StreamInfo

    # Escaped names such as cache\_fraction would be found by nobody, and quoted with the slash.
    plain = {"escape_underscores": False, "escape_asterisks": False, "escape_misc": False}
    found = converter.convert_stream(stream, stream_info=StreamInfo(extension=suffix), **plain)
    return str(found.text_content)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    known = f"{type(error).__name__} {text}".lower()
    if "password" in known or "encrypt" in known:
        return "encrypted"
    return f"broken: {text[:200] or type(error).__name__}"


def notebook(path: Path) -> str:
    """Markdown cells as they are, code cells fenced; outputs are left out."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts: list[str] = []
    for cell in cells:
        source = cell.get("source", "")
        text = "".join(source) if isinstance(source, list) else str(source)
        parts.append(f"```python\n{text}\n```" if cell.get("cell_type") == "code" else text)
    return "\n\n".join(part for part in parts if part.strip())


if __name__ == "__main__":
    main()
