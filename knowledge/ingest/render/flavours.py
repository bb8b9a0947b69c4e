"""Blocks that the builders of documentation sites add to Markdown, as Markdown that all can show.

MkDocs' admonitions and tabs, Docusaurus' and VitePress' containers, MyST's directives, MDX'
imports and components, Hugo's shortcodes: their titles become bold lines, what stands in them
comes to the margin, and what only the builder reads is left out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.ingest.render.lines import (
    NAMES,
    Line,
    block_end,
    dedented,
    indent,
    indented,
    label,
)

FENCE = re.compile(r"(?P<before>[\s>]*)(?P<mark>`{3,}|~{3,})(?P<info>[^`]*|[^`\s]*)$")
_SUSPECT = re.compile(r"[`~{}<\[!?=:]|^\s*(?:/{3}|import|export)")
"""What every line has that is of interest here: most have nothing of it."""

_ADMONITION = re.compile(
    r"\s*(?:!!!|\?\?\?\+?)\s+(?P<kind>[\w-]+)(?:\s+[\w-]+)*\s*(?P<title>\"(?:[^\"\\]|\\.)*\")?\s*$"
)
_TAB = re.compile(r"\s*===[!+]*\s+[\"'](?P<title>.+)[\"']\s*$")
_CONTAINER = re.compile(
    r"(?P<before>[\s>]*):{3,}\s*(?P<braces>\{)?(?P<kind>[\w.-]+)\}?(?P<title>.*)$"
)
_CONTAINER_END = re.compile(r"[\s>]*:{3,}\s*$")
_BLOCK = re.compile(r"\s*/{3,}\s+(?P<kind>[\w-]+)(?:\s*\|\s*(?P<title>.*?))?\s*$")
_BLOCK_END = re.compile(r"\s*/{3,}\s*$")
_ALERT = re.compile(r"(?P<before>[\s>]*>\s*)\[!(?P<kind>[A-Za-z]+)\][+-]?\s*(?P<title>.*)$")
_IMPORT = re.compile(r"import\s+(?:[\w*{][^'\"\n]*\s+from\s+)?['\"][^'\"\n]+['\"];?\s*$")
_IMPORT_OPEN = re.compile(r"import\s+(?:type\s+)?\{[^}]*$")
_EXPORT = re.compile(r"export\s+(?:default|const|let|function|async|class|type|interface)\b")
_OPTION = re.compile(r"\s*:[\w-]+:")
_ATTRIBUTES = re.compile(r"\s*\{\s*[:.#][^{}]*\}\s*$")
_ANCHOR = re.compile(r"(?P<title>\s*#{1,6}\s.*?)\s*\{[^{}]*?#(?P<id>[\w:.-]+)[^{}]*\}\s*$")
_HEADING_ATTRIBUTES = re.compile(r"(?P<title>\s*#{1,6}\s.*?)\s*\{\s*[:.][^{}]*\}\s*$")
_DEFINITION = re.compile(r":[ \t]{1,3}(?P<text>\S.*)$")
_LABEL = re.compile(r"\([\w .:-]+\)=\s*$")
_TOC = re.compile(r"\s*(?:\[\[_?toc_?\]\]|\[toc\]|\[\[_TOC_\]\])\s*$", re.IGNORECASE)
_SHORTCODE = re.compile(
    r"\{\{[<%]\s*/?\s*(?P<name>[\w/-]+)(?P<rest>[^{}]*)[>%]\}\}|\{%-?\s*(?:end)?raw\s*-?%\}"
)
_QUOTED = re.compile(r"(?:title|label|header|name)\s*=\s*[\"'](?P<title>[^\"']+)[\"']")
_COMPONENT = re.compile(r"\s*<(?P<name>[A-Z][\w.]*)(?P<rest>(?:\s|>|/>|$).*)")

_LANGUAGE = re.compile(r"\s*\{?\.?(?P<language>[\w+#.-]*)")
_FILE = re.compile(r"(?:title|filename|file)\s*=\s*[\"']?(?P<name>[^\"'\s}]+(?: [^\"'=}]+)?)[\"']?")
_BRACKETED = re.compile(r"\[(?P<name>[^\]]+)\]")
_CODE_MARK = re.compile(
    r"\s*(?://|#|<!--|--|/\*)\s*(?:\[!code[^\]]*\]|\(\d+\)!?)\s*(?:-->|\*/)?\s*$"
)
_CODE_MARK_LINE = re.compile(
    r"\s*(?://|#|<!--|/\*|\{/\*)\s*(?:highlight-(?:next-line|start|end)"
    r"|(?:\[(?:start|end):[^\]]+\])|(?:docs?-)?prettier-ignore\S*)\s*(?:-->|\*/\}?)?\s*$"
)

SILENT = frozenset(
    ["toctree", "contents", "tableofcontents", "eval-rst-silent", "raw", "index", "currentmodule"]
)
_CODE = frozenset(["code-block", "code", "code-cell", "sourcecode", "prompt", "parsed-literal"])
_TESTED = frozenset(["doctest", "testcode", "testoutput"])
"""Code that is run to test the page; behind its name stands a group, and no language."""


@dataclass
class Flavours:
    """Renders one document. `anchors` are those that its headings name, by the heading's line in
    the file."""

    anchors: dict[int, str] = field(default_factory=dict)

    def blocks(self, lines: Sequence[Line]) -> Iterator[Line]:
        """The lines without what only the builder understands; code stays as it is."""
        at = 0
        while at < len(lines):
            if not _SUSPECT.search(lines[at].text):
                yield lines[at]
                at += 1
                continue
            made, end = (
                self._fence(lines, at)
                or self._indented(lines, at)
                or self._component(lines, at)
                or _container(lines, at)
                or _unsaid(lines, at)
                or ([self._line(lines, at)], at + 1)
            )
            yield from made
            at = max(end, at + 1)

    def _fence(self, lines: Sequence[Line], at: int) -> tuple[list[Line], int] | None:
        first = lines[at]
        opened = FENCE.match(first.text)
        if opened is None:
            return None
        mark = opened["mark"]
        closing = re.compile(rf"[\s>]*{re.escape(mark[0])}{{{len(mark)},}}\s*$")
        ends = (n for n in range(at + 1, len(lines)) if closing.match(lines[n].text))
        end = next(ends, len(lines))
        inner, before = lines[at + 1 : end], opened["before"]
        info = opened["info"].strip()
        if directive := re.match(r"\{([\w:-]+)\}\s*(.*)", info):
            return self._directive(directive[1], directive[2], first, inner, before), end + 1
        title = _FILE.search(info) or _BRACKETED.search(info)
        language = _LANGUAGE.match(info)
        made = (
            [Line(f"{before}`{title['name']}`:", first.number), Line(before.rstrip(), first.number)]
            if title
            else []
        )
        made.append(Line(f"{before}{mark}{language['language'] if language else ''}", first.number))
        made += [
            Line(_CODE_MARK.sub("", text), number)
            for text, number in inner
            if not _CODE_MARK_LINE.match(text)
        ]
        return [*made, *lines[end : end + 1]], end + 1

    def _directive(
        self, name: str, title: str, first: Line, inner: Sequence[Line], before: str
    ) -> list[Line]:
        """A directive of MyST in a fence."""
        number, last = first.number, (inner[-1] if inner else first).number
        if name == "eval-rst":
            return self._rst(dedented(inner))
        if name in SILENT or name in ("figure", "image"):
            inner = [line for line in inner if not _OPTION.match(line.text)]
            return list(self.blocks(inner)) if name == "figure" else []
        while inner and (_OPTION.match(inner[0].text) or inner[0].text.strip() == "---"):
            inner = inner[1:]
        if name in _CODE | _TESTED:
            title = "" if name in _TESTED else title
            mark = "```" if not any("```" in line.text for line in inner) else "~~~~"
            return [Line(f"{before}{mark}{title}", number), *inner, Line(f"{before}{mark}", last)]
        if name in ("list-table", "csv-table", "math", "glossary", "table"):
            text = [Line(f".. {name}:: {title}", number), Line("", number), *indented(inner, 3)]
            return self._rst(text)
        return [*label(name, title, number, before), *self.blocks(inner), Line("", last)]

    def _rst(self, lines: Sequence[Line]) -> list[Line]:
        from knowledge.ingest.render.rst import rst_lines  # docutils, for few pages

        return list(rst_lines(lines, self.anchors))

    def _indented(self, lines: Sequence[Line], at: int) -> tuple[list[Line], int] | None:
        """MkDocs' admonitions and tabs, whose content is indented below them."""
        text, number = lines[at]
        found = _ADMONITION.match(text)
        tab = None if found else _TAB.match(text)
        if not found and not tab:
            return None
        outer = indent(text)
        end = block_end(lines, at + 1, outer)
        title = tab["title"] if tab else ""
        if found and found["title"]:
            title = found["title"][1:-1].replace('\\"', '"')
        kind = found["kind"] if found else "tab"
        made = [Line("", number)] if at and lines[at - 1].text.strip() else []
        if not (found and found["title"] == '""'):
            made += label(kind, title, number, " " * outer)
        made += indented(self.blocks(dedented(lines[at + 1 : end])), outer)
        last = lines[max(at, end - 1)].number
        return [*made, Line("", last)], max(end, at + 1)

    def _component(self, lines: Sequence[Line], at: int) -> tuple[list[Line], int] | None:
        """A component of MDX or Vue that begins a line and encloses others: they come to the
        margin, since nothing is code for being indented there."""
        found = _COMPONENT.match(lines[at].text)
        if found is None or f"</{found['name']}>" in lines[at].text:
            return None
        name, depth = found["name"], 0
        tag = re.compile(rf"<(/?){re.escape(name)}(?![\w.])")
        for end in range(at, len(lines)):
            depth += sum(-1 if closing else 1 for closing in tag.findall(lines[end].text))
            if depth <= 0:
                break
        else:
            return None
        first = next((n for n in range(at, end) if lines[n].text.rstrip().endswith(">")), None)
        if first is None or not lines[end].text.strip().startswith(f"</{name}"):
            return None
        opening = " ".join(line.text.strip() for line in lines[at : first + 1])
        outer = indent(lines[at].text)
        inner = indented(self.blocks(dedented(lines[first + 1 : end])), outer)
        title = _QUOTED.search(opening)
        kind = re.search(r"type\s*=\s*[\"'](\w+)", opening)
        made = []
        if title or name == "Admonition":
            words = title["title"] if title else ""
            made = label(kind[1] if kind else "note", words, lines[at].number, " " * outer)
        return [Line("", lines[at].number), *made, *inner, Line("", lines[end].number)], end + 1

    def _line(self, lines: Sequence[Line], at: int) -> Line:
        """A line without attributes and shortcodes; a heading's anchor is noted."""
        text, number = lines[at]
        text = _SHORTCODE.sub(_shortcode, text)
        if found := _ANCHOR.match(text):
            self.anchors[number] = found["id"]
            return Line(found["title"], number)
        if found := _HEADING_ATTRIBUTES.match(text):
            return Line(found["title"], number)
        if found := _ALERT.match(text):
            kind = found["kind"].lower()
            title = found["title"] or NAMES.get(kind, kind.capitalize())
            return Line(f"{found['before']}**{title}**", number)
        if found := _DEFINITION.match(text):
            return Line(f"- {found['text']}", number)
        return Line(text, number)


def _container(lines: Sequence[Line], at: int) -> tuple[list[Line], int] | None:
    """The opening or closing line of a container; what is between is Markdown already."""
    text, number = lines[at]
    if _CONTAINER_END.match(text) or _BLOCK_END.match(text):
        return [Line(text.rstrip(" :/"), number)], at + 1
    found = _CONTAINER.match(text) or _BLOCK.match(text)
    if found is None:
        return None
    kind, title = found["kind"], found["title"] or ""
    before = found["before"] if found.re is _CONTAINER else ""
    end = at + 1
    if "." in kind:  # what mkdocstrings makes of a module's docstrings is not in the file
        return [Line(f"`{kind}`", number)], block_end(lines, end, indent(text))
    while end < len(lines) and _OPTION.match(lines[end].text) and found.re is _CONTAINER:
        end += 1
    return [Line(before.rstrip(), number), *label(kind, title, number, before)], end


def _unsaid(lines: Sequence[Line], at: int) -> tuple[list[Line], int] | None:
    """Imports and exports of MDX, lists of attributes, labels of MyST, places of the table of
    contents."""
    text, number = lines[at]
    if any(form.match(text) for form in (_IMPORT, _ATTRIBUTES, _LABEL, _TOC)):
        return [Line("", number)], at + 1
    if _IMPORT_OPEN.match(text):
        ends = (n for n in range(at + 1, len(lines)) if "from" in lines[n].text)
        end = next(ends, None)
        return ([Line("", number)], end + 1) if end is not None and end < at + 30 else None
    if _EXPORT.match(text):
        depth = 0
        for end in range(at, len(lines)):
            code = lines[end].text
            depth += sum(code.count(c) for c in "{[(") - sum(code.count(c) for c in "}])")
            if depth <= 0:
                return [Line("", number)], end + 1
    return None


def _shortcode(found: re.Match[str]) -> str:
    rest = found["rest"] or ""
    title = _QUOTED.search(rest)
    return f"**{title['title']}** " if title else ""
