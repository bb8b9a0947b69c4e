"""Other formats to Markdown, by markitdown, which takes 0.8 s and 155 MB to import."""

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

_NEVER = ["nav", "script", "style", "noscript", "template", "button", "svg"]
_NEVER_ROLES = ["navigation", "banner", "contentinfo", "search"]
_BESIDE = ["header", "footer", "aside"]
"""Beside the text of a page, but part of it within an article or a main part."""


def to_markdown(path: Path) -> str:
    """The Markdown of a file; raises whatever its converter raises."""
    suffix = path.suffix.lower()
    if suffix == ".ipynb":
        return notebook(path)
    if suffix in (".html", ".htm"):
        page = main_part(path.read_bytes())
        return _converted(io.BytesIO(page.encode("utf-8", "replace")), ".html", "utf-8")
    with path.open("rb") as stream:
        return _converted(stream, suffix, None)


def notebook(path: Path) -> str:
    """Markdown cells as they are, code cells fenced; outputs are left out."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts: list[str] = []
    for cell in cells:
        source = cell.get("source", "")
        text = "".join(source) if isinstance(source, list) else str(source)
        parts.append(f"```python\n{text}\n```" if cell.get("cell_type") == "code" else text)
    return "\n\n".join(part for part in parts if part.strip())


def main_part(page: bytes) -> str:
    """An HTML page without its navigation, head and foot."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(page, "html.parser")
    articles = soup.find_all("article")
    main: Any = soup.find("main") or soup.find(None, {"role": "main"})
    if main is None and len(articles) == 1:
        main = articles[0]
    root: Any = main or soup.body or soup
    for tag in root.find_all(_NEVER) + root.find_all(None, {"role": _NEVER_ROLES}):
        tag.decompose()
    for tag in root.find_all(_BESIDE) if main is None else ():
        if tag.find_parent("article") is None:
            tag.decompose()
    for anchor in root.find_all("a", class_="headerlink"):  # the ¶ behind each of Sphinx's titles
        anchor.decompose()
    return str(root)


def _converted(stream: Any, suffix: str, charset: str | None) -> str:
    from markitdown import StreamInfo

    # Escaped names such as cache\_fraction would be found by nobody, and quoted with the slash.
    plain = {"escape_underscores": False, "escape_asterisks": False, "escape_misc": False}
    info = StreamInfo(extension=suffix, charset=charset)
    return str(_converter().convert_stream(stream, stream_info=info, **plain).text_content)


@cache
def _converter() -> Any:
    from markitdown import MarkItDown

    return MarkItDown(enable_plugins=False)
