"""Reading Sourcegraph's event stream line by line. Whatever it holds, the result is plain data
of the shapes that are expected here; the rest is left out."""

import json
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from knowledge.code.types import MAX_HITS

_LINE_CHARS = 1000
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PATH = re.compile(r"[^\x00-\x1f\x7f]{1,1000}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
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


async def lines_of(chunks: AsyncIterable[bytes], most: int) -> AsyncIterator[str]:
    """Complete lines of a body, until `most` bytes have been read."""
    rest = b""
    async for chunk in chunks:
        rest += chunk[:most]
        most -= len(chunk)
        *whole, rest = rest.split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if most <= 0:
            return


async def read_events(lines: AsyncIterable[str]) -> AsyncIterator[tuple[str, Any]]:
    """(event, data) as they come; what is no JSON is left out."""
    name = ""
    async for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:") and name:
            try:
                yield name, json.loads(line[5:])
            except (ValueError, RecursionError):
                continue


def take(answer: Answer, event: str, data: Any) -> None:
    """Puts an event into the answer."""
    if event == "done":
        answer.done = True
    elif event == "matches" and isinstance(data, list):
        for item in data[:MAX_HITS]:
            if isinstance(item, dict) and item.get("type") in ("content", "path"):
                answer.matches += _matches(item)
    elif event in ("alert", "error") and isinstance(data, dict):
        complain(answer, data)


def complain(answer: Answer, alert: dict[str, Any]) -> None:
    """Takes up an alert: without the repository nothing will ever be found."""
    said = " ".join(str(alert.get(key, "")) for key in ("title", "description", "message"))
    if _NO_REPOSITORY.search(f"{said} {alert.get('kind', '')}".replace("-", " ")):
        answer.lost = True
    else:
        answer.alert = plain(said)[:200]


def plain(text: str) -> str:
    """Words from outside on one line."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def place(item: dict[str, Any]) -> tuple[str, str, str] | None:
    """Repository, path and commit of a match; None where they make no sense."""
    repository, path = item.get("repository"), item.get("path")
    if not isinstance(repository, str) or not isinstance(path, str) or not _PATH.fullmatch(path):
        return None
    if path.startswith("/") or ".." in path.split("/"):
        return None
    commit = str(item.get("commit") or "")
    return repository, path, commit if _COMMIT.fullmatch(commit) else ""


def cleaned(text: str) -> str:
    """Lines of code without control characters, none of them endless."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _CONTROLS.sub("\ufffd", "\n".join(line[:_LINE_CHARS] for line in lines))


def _matches(item: dict[str, Any]) -> list[Match]:
    where = place(item)
    if where is None:
        return []
    found: list[Match] = []
    for part in _parts(item):
        first, text, at = part
        if text.strip() and 0 <= first <= at < 10_000_000:
            found.append(Match(*where, cleaned(text).rstrip("\n"), first, at))
    return found[:MAX_HITS]


def _parts(item: dict[str, Any]) -> list[tuple[int, str, int]]:
    """(first line, text, matching line) of each place in the file, all 0-based."""
    parts: list[tuple[int, str, int]] = []
    for chunk in _dicts(item.get("chunkMatches")):
        first = _number(chunk.get("contentStart"), "line")
        ranges = _dicts(chunk.get("ranges"))
        at = _number(ranges[0].get("start"), "line") if ranges else first
        parts.append((first, str(chunk.get("content", "")), max(first, at)))
    for line in _dicts(item.get("lineMatches")):
        number = _number(line, "lineNumber")
        parts.append((number, str(line.get("line", "")), number))
    return parts


def _dicts(found: Any) -> list[dict[str, Any]]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _number(found: Any, key: str) -> int:
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
