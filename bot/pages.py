"""Pages that are written by an admin: Markdown files in a source that is marked writable, above all
people's answers to questions that the documents did not answer."""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.store.gaps import DecidedProposal
from bot.store.store import Store
from common.snapshots import write_whole

MAX_CHARS = 200_000
MAX_NAME_BYTES = 240
"""Of a file or folder, as file systems have it, with room for the name of the file in waiting."""

_NAME = re.compile(r"(?!\.)[^\x00-\x1f\\:*?\"<>|]{1,120}")


class PageRefused(Exception):
    """A page must not be there; says why."""


@dataclass(slots=True)
class WrittenPages:
    """The writable sources by name, each with its folder; a reload of the configuration's sources
    replaces them."""

    folders: Mapping[str, Path]

    async def read(self, source: str, path: str) -> str | None:
        """A page's text; None where there is none. Raises PageRefused."""
        file = self._file(source, path)

        def work() -> str | None:
            return file.read_text(encoding="utf-8") if file.is_file() else None

        try:
            return await asyncio.to_thread(work)
        except UnicodeDecodeError:
            raise PageRefused("path: this file is no UTF-8 text; change it where it lies") from None

    async def write(self, source: str, path: str, text: str) -> None:
        """Makes or replaces a page, as a whole or not at all. Raises PageRefused."""
        file = self._file(source, path)

        def work() -> None:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, text.encode("utf-8", "replace"))

        await asyncio.to_thread(work)

    async def remove(self, source: str, path: str) -> None:
        """Deletes a page. Raises PageRefused."""
        await asyncio.to_thread(self._file(source, path).unlink, missing_ok=True)

    def _file(self, source: str, path: str) -> Path:
        folder = self.folders.get(source)
        if folder is None:
            known = ", ".join(self.folders) or "none"
            raise PageRefused(
                f"source: {source[:80]} is not writable; those that are: {known}; "
                "see knowledge.sources[].writable"
            )
        parts = path.split("/")
        if not path.endswith(".md") or not all(_NAME.fullmatch(part) for part in parts):
            raise PageRefused("path: must be a Markdown file below the source, a/b.md")
        if any(len(part.encode("utf-8", "replace")) > MAX_NAME_BYTES for part in parts):
            raise PageRefused(f"path: each name must have at most {MAX_NAME_BYTES} bytes")
        file = folder.joinpath(*parts)
        # A link in the folder must not lead out of it.
        if not file.resolve().is_relative_to(folder.resolve()):
            raise PageRefused("path: leads out of the source's folder")
        return file


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedAnswer:
    """A person's answer to a question of a group, as `approved_by` wants it to stand in a writable
    source; `at` is in seconds since the epoch."""

    adapter: str
    group: str
    question_id: str
    question: str
    answer: str
    source: str
    approved_by: str
    at: float


async def keep_answer(store: Store, pages: WrittenPages, approved: ApprovedAnswer) -> str:
    """Makes an approved answer a page, from which it is answered once it is reloaded, notes in the
    audit log who approved it, and returns the path in its source. Raises PageRefused."""
    path = _path(approved)
    await pages.write(approved.source, path, _page(approved))
    await store.decide_proposal(
        DecidedProposal(
            adapter=approved.adapter,
            group=approved.group,
            question_id=approved.question_id,
            state="approved",
            path=f"{approved.source}/{path}",
            person=approved.approved_by,
            at=approved.at,
        )
    )
    await store.add_audit(
        at=approved.at,
        who=approved.approved_by,
        action="gap.approve",
        target=f"{approved.adapter}:{approved.group} {approved.question_id}",
        after=approved.answer,
    )
    return path


def _path(approved: ApprovedAnswer) -> str:
    """A name that stays the same for a question, so that approving twice makes no second page."""
    named = f"{approved.adapter}:{approved.question_id}".encode("utf-8", "replace")
    return f"answers/{hashlib.sha256(named).hexdigest()[:16]}.md"


def _page(approved: ApprovedAnswer) -> str:
    """A question and its answer as a page, with where it comes from as a comment, which is not
    indexed."""
    day = time.strftime("%Y-%m-%d", time.localtime(approved.at))
    title = " ".join(approved.question.split())
    place = f"{approved.adapter}:{approved.group} {approved.question_id}"
    note = f"answered in {place}; approved by {approved.approved_by} on {day}"
    note = note.replace("--", "—")
    return f"# {title}\n\n{approved.answer.strip()}\n\n<!-- {note} -->\n"
