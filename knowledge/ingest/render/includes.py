"""Text that a document takes from other files of its source: `.. include::`, snippets, partials.

What lies outside the source's folder, or is hidden in it such as `.git` and `.env`, is never read:
a document may be written by anybody.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.decoding import ReadError, decode
from knowledge.ingest.render.lines import Line, block_end, indent, indented

MAX_DEPTH = 4
MAX_CHARS = 1_000_000
"""More than that in all is no documentation, or a circle."""

_RST = re.compile(r"\s*\.\. (?P<name>include|literalinclude|mdinclude)::\s*(?P<path>\S.*?)\s*$")
_OPTION = re.compile(r"\s*:(?P<name>[\w-]+):\s*(?P<value>.*?)\s*$")
_MYST = re.compile(r"\s*(?P<fence>`{3,}|:{3,})\{(?P<name>include|literalinclude)\}\s*(?P<path>\S+)")
_SNIPPET = re.compile(r"\s*-+8<-+\s+[\"'](?P<path>[^\"']+)[\"']\s*$")
_SNIPPETS = re.compile(r"\s*-+8<-+\s*$")
_SECTION_MARK = re.compile(r".*-+8<-+\s*\[\s*(?P<which>start|end)\s*:\s*(?P<name>[\w-]+)\s*\]")
_TAGGED = re.compile(
    r"\s*(?:\{%-?\s*include(?:-markdown)?\s+[\"'](?P<path>[^\"']+)[\"'](?P<rest>[^%]*)%\}"
    r"|\{!\s*(?P<bang>[^!\s]+)\s*!\}"
    r"|<!--\s*@include:\s*(?P<comment>[^\s{#]+)(?P<part>#[\w-]+)?(?:\{(?P<range>[\d,]+)\})?\s*-->"
    r")\s*$"
)
_MARK = re.compile(r"(?P<which>start|end)=[\"'](?P<mark>[^\"']*)[\"']")
_CODE = re.compile(
    r"\s*<<<\s*(?P<path>[^\s#{\[]+)(?P<part>#[\w-]+)?(?:\s*\{[^}]*\})?(?:\s*\[[^\]]*\])?\s*$"
)
_PARTIAL = re.compile(
    r"import\s+(?P<name>[A-Z]\w*)\s+from\s+[\"'](?P<path>[^\"']+\.mdx?)[\"'];?\s*$"
)
_TAG = re.compile(r"\s*<(?P<name>[A-Z]\w*)(?:\s[^<>]*)?/>\s*$")
_REGION = re.compile(r"^\W*#?(?P<which>region|endregion)\b[ \t]*(?P<name>[\w-]*)", re.IGNORECASE)
_TEXTS = (".md", ".mdx", ".rst", ".txt", ".inc")
_LANGUAGES = {"py": "python", "sh": "bash", "yml": "yaml", "txt": "", "mjs": "js", "rs": "rust"}


@dataclass
class Includes:
    """Takes in what one document includes. `notes` say what could not be; `files` were read."""

    path: Path
    root: Path
    notes: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    _chars: int = 0

    def expand(self, lines: Sequence[Line], *, rst: bool) -> list[Line]:
        """The lines with all that they include, which stands for the line that includes it."""
        return list(self._expanded(lines, self.path, rst=rst, depth=0))

    def _expanded(
        self, lines: Sequence[Line], path: Path, *, rst: bool, depth: int
    ) -> Iterator[Line]:
        partials: dict[str, str] = {}
        at = 0
        while at < len(lines):
            line = lines[at]
            if rst:
                found = _rst(lines, at)
            else:
                if partial := _PARTIAL.match(line.text):
                    partials[partial["name"]] = partial["path"]
                found = _markdown(lines, at, partials)
            if found is None:
                if rst or not _SECTION_MARK.match(line.text):
                    yield line
                at += 1
                continue
            at = found.end
            for wanted in found.wanted:
                yield from self._included(wanted, line, path, rst=rst, depth=depth)

    def _included(
        self, wanted: "_Wanted", line: Line, path: Path, *, rst: bool, depth: int
    ) -> Iterator[Line]:
        file = self._resolved(wanted.path, path)
        text = self._text(file) if file and depth < MAX_DEPTH else None
        if file is None or text is None:
            self.notes.append(f"line {line.number}: what it includes is not here: {wanted.path}")
            return
        self.files.append(file)
        taken = [Line(each, line.number) for each in wanted.cut(text.split("\n"))]
        if wanted.code is None:
            as_rst = rst and wanted.name != "mdinclude"
            taken = list(self._expanded(taken, file, rst=as_rst, depth=depth + 1))
        else:
            taken = _as_code(taken, wanted.code or _language(file), line.number, rst=rst)
        yield from indented(taken, indent(line.text))

    def _resolved(self, wanted: str, path: Path) -> Path | None:
        root = self.root.resolve()
        name = re.sub(r"^(?:@site/|@/|/)", "", wanted.strip())
        here = path.resolve().parent
        folders = [here, *here.parents] if here.is_relative_to(root) else [root]
        for folder in folders:
            if not folder.is_relative_to(root):
                break
            try:
                file = (folder / name).resolve()
                inside = file.is_relative_to(root) and file.is_file()
            except (OSError, ValueError, RuntimeError):
                return None
            if inside and not _hidden(file.relative_to(root)):
                return file
        return None

    def _text(self, file: Path) -> str | None:
        try:
            if self._chars + file.stat().st_size > MAX_CHARS:
                return None
            text = decode(file.read_bytes())
        except (OSError, ReadError):
            return None
        self._chars += len(text)
        return text.removesuffix("\n")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to be included, and which part of it; `code` is None where it is text, else the
    language, "" for that of the file's name."""

    path: str
    name: str = ""
    code: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def cut(self, lines: list[str]) -> list[str]:
        """The lines that are wanted."""
        options = self.options
        if section := options.get("section"):
            lines = _section(lines, section)
        if "lines" in options:
            lines = [
                line for first, last in _ranges(options["lines"]) for line in lines[first:last]
            ]
        if "start-line" in options or "end-line" in options:
            lines = lines[_number(options.get("start-line")) : _number(options.get("end-line"))]
        for name, kept in (("start-after", 1), ("start-at", 0)):
            if mark := options.get(name):
                lines = lines[_find(lines, mark, -kept) + kept :]
        for name, kept in (("end-before", 0), ("end-at", 1)):
            if mark := options.get(name):
                lines = lines[: _find(lines, mark, len(lines)) + kept]
        return lines


@dataclass(frozen=True, slots=True)
class _Found:
    wanted: tuple[_Wanted, ...]
    end: int


def _rst(lines: Sequence[Line], at: int) -> _Found | None:
    match = _RST.match(lines[at].text)
    if match is None:
        return None
    end = block_end(lines, at + 1, indent(lines[at].text))
    options = _options(lines[at + 1 : end])
    code = options.get("language", options.get("code"))
    if code is None and (match["name"] == "literalinclude" or "literal" in options):
        code = ""
    return _Found((_Wanted(match["path"], match["name"], code, options),), max(end, at + 1))


def _markdown(lines: Sequence[Line], at: int, partials: Mapping[str, str]) -> _Found | None:
    text = lines[at].text
    if match := _SNIPPET.match(text):
        return _Found((_snippet(match["path"]),), at + 1)
    if _SNIPPETS.match(text):
        end = next((n for n in range(at + 1, len(lines)) if _SNIPPETS.match(lines[n].text)), None)
        if end is None:
            return None
        inside = (line.text.strip() for line in lines[at + 1 : end])
        names = [name for name in inside if name and not name.startswith("; ")]
        return _Found(tuple(map(_snippet, names)), end + 1)
    if match := _TAGGED.match(text):
        options = {
            "start-after" if which == "start" else "end-before": mark
            for which, mark in _MARK.findall(match["rest"] or "")
        }
        if match["range"]:
            options["lines"] = match["range"].replace(",", "-")
        if match["part"]:
            options["section"] = match["part"][1:]
        path = match["path"] or match["bang"] or match["comment"]
        return _Found((_Wanted(path, options=options),), at + 1)
    if match := _CODE.match(text):
        part = {"section": match["part"][1:]} if match["part"] else {}
        return _Found((_Wanted(match["path"], "<<<", "", part),), at + 1)
    if (match := _TAG.match(text)) and match["name"] in partials:
        return _Found((_Wanted(partials[match["name"]]),), at + 1)
    return _myst(lines, at)


def _myst(lines: Sequence[Line], at: int) -> _Found | None:
    match = _MYST.match(lines[at].text)
    if match is None:
        return None
    closing = (n for n in range(at + 1, len(lines)) if lines[n].text.strip() == match["fence"])
    end = next(closing, len(lines) - 1)
    options = _options(lines[at + 1 : end])
    code = None if match["name"] == "include" else options.get("language", "")
    return _Found((_Wanted(match["path"], match["name"], code, options),), end + 1)


def _snippet(path: str) -> _Wanted:
    name, *part = path.split(":") if "://" not in path else [path]
    if not part:
        return _Wanted(name)
    if all(number.isdigit() or not number for number in part):
        return _Wanted(name, options={"lines": f"{part[0] or 1}-{part[1] if part[1:] else ''}"})
    return _Wanted(name, options={"section": part[0]})


def _options(lines: Sequence[Line]) -> dict[str, str]:
    matches = (_OPTION.match(line.text) for line in lines)
    return {match["name"]: match["value"] for match in matches if match}


def _section(lines: list[str], name: str) -> list[str]:
    """What stands between the two marks of a part; all of it where there are none."""
    first = last = None
    for number, line in enumerate(lines):
        mark = _SECTION_MARK.match(line) or _REGION.match(line)
        if mark is None or (mark["name"] != name and not (first is not None and not mark["name"])):
            continue
        if mark["which"].lower() in ("start", "region"):
            first = number + 1
        elif first is not None:
            last = number
            break
    return lines if first is None else lines[first:last]


def _ranges(text: str) -> Iterator[tuple[int, int | None]]:
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if first.isdigit() or last.isdigit():
            start = max(0, int(first or 1) - 1) if first.isdigit() or not first else 0
            yield start, (int(last) if last.isdigit() else None) if dash else start + 1


def _hidden(path: Path) -> bool:
    """Documents that only others include are often named with a dot; they may be read."""
    folders = any(part.startswith(".") for part in path.parts[:-1])
    return folders or (path.name.startswith(".") and path.suffix not in _TEXTS)


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?\d+", text) else None


def _find(lines: Sequence[str], mark: str, otherwise: int) -> int:
    return next((number for number, line in enumerate(lines) if mark in line), otherwise)


def _language(file: Path) -> str:
    suffix = file.suffix.lstrip(".")
    return _LANGUAGES.get(suffix, suffix)


def _as_code(lines: Sequence[Line], language: str, number: int, *, rst: bool) -> list[Line]:
    if rst:
        return [
            Line(f".. code-block:: {language}", number),
            Line("", number),
            *indented(lines, 3),
            Line("", number),
        ]
    return [Line(f"```{language}", number), *lines, Line("```", number)]
