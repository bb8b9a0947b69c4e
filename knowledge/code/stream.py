"""What a Sourcegraph server answers, by either of its APIs. Whatever it holds, the result is plain
data of the shapes that are expected here; the rest is left out."""

import json
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from knowledge.code.files import clean_line
from knowledge.code.types import MAX_HITS

_PATH = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,1000}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_NO_REPOSITORY = re.compile(r"no (?:\w+ )?repositor|repository (?:was )?not found", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Match:
    """Lines of a file that were found; `line` is the first one, 0-based; `at` the matching one."""

    repository: str
    path: str
    commit: str
    text: str
    line: int
    at: int


@dataclass(slots=True)
class Answer:
    """What a query brought. `done` is False for a stream that was cut; `lost` where the server
    knows no such repository; `alert` is what else it complains of."""

    matches: list[Match] = field(default_factory=list)
    done: bool = False
    lost: bool = False
    alert: str = ""

    def take(self, event: str, data: Any) -> None:
        """Takes up an event of the stream."""
        if event == "done":
            self.done = True
        elif event == "matches":
            self.matches += matches_of(data)
        elif event in ("alert", "error"):
            self.complain(data)

    def complain(self, alert: Any) -> None:
        """Takes up an alert: without the repository nothing will ever be found."""
        known = alert if isinstance(alert, dict) else {}
        said = " ".join(str(known.get(key, "")) for key in ("title", "description", "message"))
        if _NO_REPOSITORY.search(f"{said} {known.get('kind', '')}".replace("-", " ")):
            self.lost = True
        else:
            self.alert = " ".join(_CONTROLS.sub(" ", said).split())[:200]


async def read_events(chunks: AsyncIterable[bytes]) -> AsyncIterator[tuple[str, Any]]:
    """(event, data) as they come; what is no JSON is left out."""
    name, rest = "", b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"event:"):
                name = line[6:].decode("utf-8", "replace").strip()
            elif line.startswith(b"data:") and name:
                try:
                    yield name, json.loads(line[5:])
                except (ValueError, RecursionError):
                    continue


def matches_of(files: Any) -> list[Match]:
    """The lines that were found in the first files, without those that make no sense."""
    found: list[Match] = []
    for file in files[:MAX_HITS] if isinstance(files, list) else []:
        try:
            found += _File.model_validate(file).matches()
        except ValidationError:
            continue
    return found


def cleaned(text: str) -> str:
    """Lines of code without control characters, none of them endless."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(map(clean_line, lines))


def _inside(path: str) -> str:
    if not _PATH.fullmatch(path) or path.startswith("/") or ".." in path.split("/"):
        raise ValueError("no path below a repository")
    return path


def commit_id(found: object) -> str:
    """The id of a commit; "" for what is none."""
    return found if isinstance(found, str) and re.fullmatch("[0-9a-f]{7,64}", found) else ""


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, alias_generator=to_camel)


_LineNumber = Annotated[int, Field(ge=0, lt=10_000_000)]


class _Position(_Said):
    line: _LineNumber


class _Range(_Said):
    start: _Position


class _Chunk(_Said):
    content: str
    content_start: _Position
    ranges: list[_Range]


class _Line(_Said):
    line_number: _LineNumber
    line: str = Field(validation_alias=AliasChoices("line", "preview"))


class _File(_Said):
    """A file of the stream, or of GraphQL, where single lines come, of a commit that is not told.
    All lines are counted from 0."""

    type: Literal["content", "path"] = "content"
    repository: Annotated[str, AfterValidator(_inside)] = Field(
        validation_alias=AliasChoices(AliasPath("repository", "name"), "repository")
    )
    path: Annotated[str, AfterValidator(_inside)] = Field(
        validation_alias=AliasChoices(AliasPath("file", "path"), "path")
    )
    commit: Annotated[str, AfterValidator(commit_id)] = ""
    chunk_matches: list[_Chunk] | None = None
    line_matches: list[_Line] | None = None

    def matches(self) -> list[Match]:
        """Its matching lines."""
        parts = [
            (line.line, line.line_number, line.line_number) for line in self.line_matches or ()
        ]
        for chunk in self.chunk_matches or ():
            first = chunk.content_start.line
            at = chunk.ranges[0].start.line if chunk.ranges else first
            parts.append((chunk.content, first, max(first, at)))
        return [
            Match(self.repository, self.path, self.commit, cleaned(text).rstrip("\n"), first, at)
            for text, first, at in parts[:MAX_HITS]
            if text.strip()
        ]
