"""What markup of its source is left in any piece of an index of real documentation."""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from common.decoding import ReadError
from common.markdown import outside_code
from knowledge.ingest.documents import load, read
from knowledge.ingest.reader_process import cleaned
from knowledge.ingest.sources import list_files
from knowledge.ingest.split import split
from knowledge.settings import KnowledgeSettings

KINDS = {
    "directive": re.compile(
        r"^\s*\.\.(?: |$)[\w:-]*|^\s*(?:!!!|\?\?\?\+?) \w+|^\s*=== [\"']", re.MULTILINE
    ),
    "container": re.compile(r"^[\s>]*(?::::+|/{3,} )[^\n]*", re.MULTILINE),
    "role": re.compile(r":[a-z][\w:+.-]*:`|\{[a-z][\w:-]*\}`"),
    "reference": re.compile(r"`__?(?!\w)|\]\[[^\]\n]*\]|^\[[^\]^\n]+\]:", re.MULTILINE),
    "tag": re.compile(r"(?<!\w)</?(?:[A-Z]\w*|[a-z]+(?:-[a-z]+)*)(?:\s[^<>\n]*)?/?>|<!--|-->"),
    "brace": re.compile(r"\{\{[^{}\n]*\}\}|\{[:.#/%*][^\n]*|\{\s*/\*|\*/\s*\}|%\}"),
    "snippet": re.compile(r"-+8<-+|^\s*<<<\s*@?/", re.MULTILINE),
    "import": re.compile(r"^(?:import|export)\s.*(?:from\s+['\"]|=>|\{)", re.MULTILINE),
    "entity": re.compile(r"&(?:lt|gt|amp|nbsp|quot|#\d+);"),
    "image": re.compile(r"!\[[^\]\n]*\][(\[]"),
    "link to a file": re.compile(r"\]\((?!https?:|mailto:)[^)\n]*\)"),
}
"""What each kind of markup looks like outside of code."""

_FENCE_INFO = re.compile(r"^\s*(?:`{3,}|~{3,})[\w+#.-]*[^\w+#.\s`~-][^\n]*", re.MULTILINE)
_CODE_MARK = re.compile(r"\[!code[^\]]*\]|//\s*highlight-(?:next-line|start|end)")


def main() -> int:
    """Reads folders of documentation and reports each kind of markup that is left, by folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.markup", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--show", type=int, default=3, help="examples of each kind; default: 3")
    args = parser.parse_args()
    left = 0
    for folder in args.folders:
        counts: Counter[str] = Counter()
        shown: dict[str, list[str]] = {}
        pieces = 0
        for path, text in _pieces(folder):
            pieces += 1
            for kind, found in markup(text):
                counts[kind] += 1
                shown.setdefault(kind, []).append(f"{path}: {found[:100]!r}")
        print(f"{folder.name}: {counts.total()} in {pieces} pieces")
        for kind, count in counts.most_common():
            print(f"  {kind}: {count}")
            print("".join(f"    {line}\n" for line in shown[kind][: args.show]), end="")
        left += counts.total()
    print(f"{left} in all")
    return 0


def markup(text: str) -> Iterator[tuple[str, str]]:
    """(kind, where it begins) of what is left in a text."""
    prose: list[str] = []

    def keep(part: str) -> str:
        prose.append(part)
        return part

    outside_code(text, keep)
    for kind, pattern in KINDS.items():
        for part in prose:
            yield from ((kind, found[0]) for found in pattern.finditer(part))
    for kind, pattern in (("fence", _FENCE_INFO), ("mark in code", _CODE_MARK)):
        yield from ((kind, found[0]) for found in pattern.finditer(text))


def _pieces(folder: Path) -> Iterator[tuple[str, str]]:
    plan = KnowledgeSettings().plan(Path())
    chars, most, by_section = plan.views["answer"]
    files, skipped = list_files(folder.name, folder, ("**/*",), (), 20_000_000)
    for item in skipped:
        print(f"  left out: {item.path}: {item.reason}", file=sys.stderr)
    for file in files:
        loaded = load(file.absolute, folder)
        for note in loaded.notes:
            print(f"  {file.path}: {note}", file=sys.stderr)
        try:
            document = read(file.absolute, loaded)
        except ReadError as error:
            print(f"  left out: {file.path}: {error}", file=sys.stderr)
            continue
        lines, outline = cleaned(document, most)
        text = "\n".join(line.text for line in lines)
        for piece in split(text, document.format, outline, chars, most, by_section=by_section):
            yield file.path, piece.text


if __name__ == "__main__":
    sys.exit(main())
