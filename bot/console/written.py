"""Pages that are written on the console: Markdown files in a source that is marked writable."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.config.schema import Config

MAX_CHARS = 200_000
_NAME = re.compile(r"(?!\.)[^\x00-\x1f\\:*?\"<>|]{1,120}")


@dataclass(frozen=True, slots=True)
class WrittenPages:
    """The writable sources by name, each with its folder."""

    folders: dict[str, Path]

    @classmethod
    def of(cls, config: Config) -> "WrittenPages":
        """Those of a configuration."""
        sources = config.knowledge.sources
        return cls({one.name: one.path for one in sources if one.writable and one.path})

    async def read(self, source: str, path: str) -> str | None:
        """A page's text; None where there is none. Raises HTTPBadRequest."""
        file = self._file(source, path)

        def work() -> str | None:
            return file.read_text(encoding="utf-8") if file.is_file() else None

        return await asyncio.to_thread(work)

    async def write(self, source: str, path: str, text: str) -> None:
        """Makes or replaces a page, as a whole or not at all. Raises HTTPBadRequest."""
        file = self._file(source, path)

        def work() -> None:
            file.parent.mkdir(parents=True, exist_ok=True)
            waiting = file.with_name(f".{file.name}.tmp")
            waiting.write_text(text, encoding="utf-8", errors="replace")
            waiting.replace(file)

        await asyncio.to_thread(work)

    async def remove(self, source: str, path: str) -> None:
        """Deletes a page. Raises HTTPBadRequest."""
        await asyncio.to_thread(self._file(source, path).unlink, missing_ok=True)

    def _file(self, source: str, path: str) -> Path:
        folder = self.folders.get(source)
        if folder is None:
            known = ", ".join(self.folders) or "none"
            raise web.HTTPBadRequest(
                text=f"source: {source[:80]} is not writable; those that are: {known}; "
                "see knowledge.sources[].writable"
            )
        parts = path.split("/")
        if not path.endswith(".md") or not all(_NAME.fullmatch(part) for part in parts):
            raise web.HTTPBadRequest(text="path: must be a Markdown file below the source, a/b.md")
        file = folder.joinpath(*parts)
        # A link in the folder must not lead out of it.
        if not file.resolve().is_relative_to(folder.resolve()):
            raise web.HTTPBadRequest(text="path: leads out of the source's folder")
        return file
