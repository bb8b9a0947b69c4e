"""What docutils has read, written as Markdown."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from docutils import nodes

from knowledge.ingest.render.lines import Line, indented
from knowledge.ingest.render.tables import markdown_table

_SILENT = frozenset(
    ["comment", "target", "substitution_definition", "pending", "system_message", "raw", "meta",
     "transition", "decoration", "generated", "docinfo"]
)  # fmt: skip
_SILENT_FIELDS = frozenset(["orphan", "tocdepth", "nocomments", "nosearch", "hidetoc"])
_PARAMETERS = re.compile(r"(?:param|parameter|arg|argument|key|keyword|raises?|var|ivar)\s+(.+)")

_BLOCK = re.compile(r"[-|>#`~$]|\d+\. ")


class RstWriter:
    """Writes one document; `numbers` are the file's lines that its lines come from. Notes the
    `anchors` of its sections by their line."""

    def __init__(
        self, document: nodes.document, numbers: Sequence[int], anchors: dict[int, str]
    ) -> None:
        self._anchors = anchors
        self._document = document
        self._numbers = numbers
        self._last = 1
        self._addresses: dict[str, str] = {}
        self._anonymous: list[str] = []
        for target in document.findall(nodes.target):
            address = target.get("refuri", "")
            if target.get("anonymous"):
                self._anonymous.append(address)
            for name in target["names"]:
                self._addresses[name] = address
        self._special: dict[str, Callable[[nodes.Element], list[Line]]] = {
            "paragraph": self._paragraph,
            "bullet_list": self._list,
            "enumerated_list": self._list,
            "definition_list": self._definitions,
            "field_list": self._fields,
            "option_list": self._options,
            "literal_block": self._literal,
            "doctest_block": self._literal,
            "math_block": self._literal,
            "block_quote": self._quote,
            "line_block": self._line_block,
            "table": self._table,
            "footnote": self._footnote,
            "citation": self._footnote,
        }

    def lines(self) -> Iterator[Line]:
        """The whole document."""
        yield from self._blocks(self._document.children, level=1)

    def _blocks(self, children: Iterable[nodes.Node], level: int = 7) -> list[Line]:
        made: list[Line] = []
        for child in children:
            block = self._block(child, level)
            if block and made:
                made.append(Line("", block[0].number))
            made += block
        return made

    def _block(self, node: nodes.Node, level: int) -> list[Line]:
        if not isinstance(node, nodes.Element):
            return []
        name = node.tagname
        if name in _SILENT or "contents" in node.get("classes", ()):
            return []
        if name == "section":
            return self._section(node, level)
        if name in self._special:
            return self._special[name](node)
        if name in ("title", "rubric", "subtitle", "caption", "attribution"):
            return [Line(f"**{text}**", number) for text, number in self._paragraph(node)]
        if name == "image":
            alt = node.get("alt", "")
            return [Line(alt, self._number(node))] if alt else []
        if isinstance(node, nodes.TextElement):
            return self._paragraph(node)
        return self._blocks(node.children, level)

    def _number(self, node: nodes.Node) -> int:
        """The line where a node starts; docutils does not say it of every one."""
        found = node.line
        if found is None and isinstance(node, nodes.Element):
            lines = (below.line for below in node.findall() if below.line)
            found = next(lines, None)
        if found:  # those of cells of some tables begin anew
            at = min(max(found, 1), len(self._numbers)) - 1
            self._last = max(self._last, self._numbers[at])
        return self._last

    def _section(self, node: nodes.Element, level: int) -> list[Line]:
        title, *rest = _elements(node)
        text = " ".join(self._inline(title).split())
        below = title.line or 2  # docutils names the line of its adornment
        number = self._last = max(self._last, self._numbers[max(0, below - 2)])
        if node["ids"]:
            self._anchors[number] = node["ids"][0]
        head = Line(f"{'#' * min(level, 6)} {text}", number)
        said = self._blocks(rest, level + 1)
        return [head, Line("", head.number), *said] if said else [head]

    def _paragraph(self, node: nodes.Element) -> list[Line]:
        number = self._number(node)
        texts = self._inline(node).split("\n")
        behind = self._numbers[node.line or len(self._numbers) :]
        numbers = [number, *(max(number, each) for each in behind[: len(texts) - 1])]
        numbers += [numbers[-1]] * (len(texts) - len(numbers))
        return [Line(text, each) for text, each in zip(texts, numbers, strict=True)]

    def _list(self, node: nodes.Element) -> list[Line]:
        start = int(node.get("start", 1))
        ordered = node.tagname == "enumerated_list"
        made: list[Line] = []
        for count, item in enumerate(node.children, start):
            made += self._item(f"{count}. " if ordered else "- ", item)
        return made

    def _item(self, mark: str, node: nodes.Node) -> list[Line]:
        below = indented(self._blocks(node.children), len(mark))
        if not below:
            return []
        return [Line(mark + below[0].text[len(mark) :], below[0].number), *below[1:]]

    def _definitions(self, node: nodes.Element) -> list[Line]:
        made: list[Line] = []
        for item in _elements(node):
            number = self._number(item)
            terms = [self._inline(part) for part in item.children if _is(part, "term")]
            extra = [self._inline(part) for part in item.children if _is(part, "classifier")]
            below = self._blocks(part for part in item.children if _is(part, "definition"))
            said = ", ".join(terms) + (f" ({', '.join(extra)})" if extra else "")
            made += self._named(said, number, below)
        return made

    def _named(self, name: str, number: int, below: Sequence[Line]) -> list[Line]:
        """An item of a list that begins with a name."""
        shown = name if "`" in name or "**" in name else f"**{name}**"
        if below and not _BLOCK.match(below[0].text):
            return [Line(f"- {shown}: {below[0].text}", number), *indented(below[1:], 2)]
        return [Line(f"- {shown}:" if below else f"- {shown}", number), *indented(below, 2)]

    def _fields(self, node: nodes.Element) -> list[Line]:
        made: list[Line] = []
        for field in _elements(node):
            name = self._inline(field.children[0])
            if name.lower() in _SILENT_FIELDS:
                continue
            number = self._number(field)
            parameter = _PARAMETERS.match(name)
            shown = f"`{parameter[1]}`" if parameter else name
            below = self._blocks(field.children[1:])
            made += self._named(shown, number, below)
        return made

    def _options(self, node: nodes.Element) -> list[Line]:
        made: list[Line] = []
        for item in _elements(node):
            names, *rest = _elements(item)
            shown = f"`{', '.join(child.astext() for child in names.children)}`"
            made += self._named(shown, self._number(item), self._blocks(rest))
        return made

    def _literal(self, node: nodes.Element) -> list[Line]:
        first = self._number(node)
        texts = node.astext().split("\n")
        language = node.get("language", "")
        if node.tagname == "doctest_block":
            language = "python"
        elif node.tagname == "math_block":
            return [Line(f"$${node.astext()}$$".replace("\n", " "), first)]
        mark = "~~~~" if "```" in node.astext() else "```"
        body = [Line(text, first + n) for n, text in enumerate(texts)]
        return [Line(mark + language, first), *body, Line(mark, body[-1].number)]

    def _quote(self, node: nodes.Element) -> list[Line]:
        """Often indented by chance only: marked as a quote where it is words alone."""
        below = self._blocks(node.children)
        if not all(_is(child, "paragraph", "attribution") for child in node.children):
            return below
        return [Line(f"> {text}".rstrip(), number) for text, number in below]

    def _line_block(self, node: nodes.Element) -> list[Line]:
        made: list[Line] = []
        for child in _elements(node):
            nested = _is(child, "line_block")
            made += self._line_block(child) if nested else self._paragraph(child)
        return [Line(f"{text}  " if text else "", number) for text, number in made]

    def _footnote(self, node: nodes.Element) -> list[Line]:
        mark = next((child.astext() for child in node.children if _is(child, "label")), "#")
        below = self._blocks(child for child in node.children if not _is(child, "label"))
        return [Line(f"[{mark}] {below[0].text}", below[0].number), *below[1:]] if below else []

    def _table(self, node: nodes.Element) -> list[Line]:
        rows: list[tuple[int, list[str]]] = []
        first, heads = self._number(node), 0
        spans: dict[int, tuple[int, str]] = {}
        for row in node.findall(nodes.row):
            heads += _is(row.parent, "thead")
            rows.append((self._number(row), self._row(row, spans)))
        titles = [self._inline(c) for c in node.children if _is(c, "title")]
        made = [Line(f"**{title}**", first) for title in titles]
        made += [Line("", line.number) for line in made]
        return made + markdown_table(rows, heads)

    def _row(self, row: nodes.Element, spans: dict[int, tuple[int, str]]) -> list[str]:
        """The cells of a row. What spans rows is said in each of them."""
        cells: list[str] = []
        for entry in _elements(row):
            while spans.get(len(cells), (0, ""))[0]:
                left, text = spans[len(cells)]
                spans[len(cells)] = (left - 1, text)
                cells.append(text)
            text = self._cell(entry)
            if entry.get("morerows"):
                spans[len(cells)] = (int(entry["morerows"]), text)
            cells += [text, *[""] * int(entry.get("morecols", 0))]
        while spans.get(len(cells), (0, ""))[0]:
            left, text = spans[len(cells)]
            spans[len(cells)] = (left - 1, text)
            cells.append(text)
        return cells

    def _cell(self, entry: nodes.Element) -> str:
        parts = []
        for child in entry.children:
            if isinstance(child, nodes.literal_block):
                parts.append("`" + " ".join(child.astext().split()) + "`")
            else:
                parts += [line.text for line in self._block(child, 7)]
        return " ".join(" ".join(parts).split())

    def _inline(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Text):
            return str(node.astext())
        if not isinstance(node, nodes.Element):
            return ""
        name = node.tagname
        if name in ("literal", "title_reference"):
            return _span(node.astext())
        if name == "image":
            return str(node.get("alt", ""))
        if name == "substitution_reference":
            return self._substituted(node)
        if name in ("raw", "system_message"):
            return ""
        inner = "".join(map(self._inline, node.children))
        marks = {"emphasis": "*", "strong": "**", "math": "$"}
        if mark := marks.get(name):
            return f"{mark}{inner}{mark}"
        if name in ("footnote_reference", "citation_reference"):
            return f"[{inner}]"
        return self._reference(node, inner) if name == "reference" else inner

    def _substituted(self, node: nodes.Element) -> str:
        name = node.get("refname", node.astext())
        found = self._document.substitution_defs.get(name)
        return "".join(map(self._inline, found.children)) if found else node.astext()

    def _reference(self, node: nodes.Element, words: str) -> str:
        address = node.get("refuri", "")
        if node.get("anonymous") and not address and self._anonymous:
            address = self._anonymous.pop(0)
        address = address or self._addresses.get(node.get("refname", ""), "")
        if not address.startswith(("http://", "https://", "mailto:")):
            return words
        return (
            address
            if words in (address, address.removeprefix("mailto:"))
            else f"[{words}]({address})"
        )


def _elements(node: nodes.Element) -> list[nodes.Element]:
    return [child for child in node.children if isinstance(child, nodes.Element)]


def _is(node: nodes.Node, *names: str) -> bool:
    return getattr(node, "tagname", "") in names


def _span(text: str) -> str:
    text = " ".join(text.split())
    if "`" not in text:
        return f"`{text}`"
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"``{space}{text}{space}``"
