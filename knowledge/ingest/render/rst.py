"""reStructuredText to Markdown: read by docutils, which is told of the directives and roles that
Sphinx and its extensions add, whatever they are: what stands in them is read as text."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, ClassVar

from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Directive, Parser, directives, roles
from docutils.parsers.rst.directives.tables import CSVTable, ListTable, RSTTable
from docutils.utils import new_document, unescape

from knowledge.ingest.render.inline import role_text
from knowledge.ingest.render.lines import NAMES, Line, label
from knowledge.ingest.render.rst_writer import RstWriter

_DIRECTIVE = re.compile(r"^\s*(?:\.\.\s+(?:\|[^|\n]+\|\s+)?)([\w:+.-]+?)::(?:\s|$)", re.MULTILINE)
_ROLE = re.compile(r":([a-zA-Z][\w:+.-]*):`|`:([a-zA-Z][\w:+.-]*):")
_OWN_ROLES = frozenset(
    ["emphasis", "strong", "literal", "code", "math", "sub", "subscript", "sup", "superscript",
     "title-reference", "title", "t", "raw"]
)  # fmt: skip
_OWN_DIRECTIVES = frozenset(
    ["table", "list-table", "csv-table", "math", "role", "default-role", "replace", "unicode",
     "class", "parsed-literal", "line-block", "epigraph", "pull-quote", "highlights", "compound"]
)  # fmt: skip
_SILENT = frozenset(
    ["toctree", "contents", "highlight", "currentmodule", "module", "meta", "index", "raw",
     "sectnum", "tabularcolumns", "automodule", "sectionauthor", "moduleauthor", "codeauthor",
     "section-numbering", "header", "footer", "target-notes", "title", "date", "autosummary"]
)  # fmt: skip
_CODE = frozenset(
    ["code-block", "code", "sourcecode", "prompt", "productionlist", "testcode", "testoutput",
     "doctest", "ipython", "jupyter-execute", "mermaid", "graphviz", "digraph", "graph", "uml",
     "plantuml", "command-output", "highlight-block", "console", "shell", "codetab"]
)  # fmt: skip
_TITLED = frozenset(
    ["admonition", "topic", "sidebar", "rubric", "tab", "tab-item", "dropdown", "card", "details",
     "grid-item-card", "collapse", "centered", "group-tab", "step", "glossary", "figure-md"]
)  # fmt: skip
_FRAMES = frozenset(
    ["only", "if", "tabs", "tab-set", "grid", "grid-item", "hlist", "container", "div", "ifconfig",
     "content-tabs", "tab-set-code", "figure", "image", "cssclass", "rst-class"]
)  # fmt: skip
_VERSION = re.compile(r"version\w+|deprecated(?:-\w+)?")


def rst_lines(lines: Sequence[Line], anchors: dict[int, str]) -> Iterator[Line]:
    """reStructuredText as lines of Markdown, each with the line of the file that it comes from;
    notes the `anchors` of its sections by their line."""
    text = "\n".join(line.text for line in lines)
    if not text.strip():
        return iter(())
    for name in set(_DIRECTIVE.findall(text)):
        _know_directive(name.lower())
    for first, second in set(_ROLE.findall(text)):
        _know_role((first or second).lower())
    document = new_document("", _settings())
    Parser().parse(text, document)
    return RstWriter(document, [line.number for line in lines], anchors).lines()


@cache
def _settings() -> Any:
    settings = get_default_settings(Parser)
    settings.report_level, settings.halt_level = 5, 6
    settings.warning_stream = False
    settings.file_insertion_enabled = settings.raw_enabled = False
    settings.line_length_limit = 10_000_000
    settings.record_dependencies = None
    return settings


class _AnyOptions(dict[str, Any]):
    """Options that nobody here knows are no reason to leave out what stands below them."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged


class _Text(Directive):  # type: ignore[misc]  # docutils has no types
    """Any directive: its title in bold or its signature as code, and the text below."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[Any] = _AnyOptions(name=directives.unchanged)  # an empty one is none

    def run(self) -> list[nodes.Node]:
        """What is shown of it."""
        said = " ".join(self.arguments)
        kind = self.name.lower().rpartition(":")[2]
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        titles = self._version(kind) if _VERSION.fullmatch(kind) else self._titles(kind, said)
        return [*titles, *content.children]

    def _version(self, kind: str) -> list[nodes.Node]:
        """The version, and what is said of it in the same paragraph."""
        version, *rest = (self.arguments or [""])[0].split(maxsplit=1) or [""]
        title = label(kind, version, 0)[0].text
        inline, _ = self.state.inline_text(" ".join(rest), self.lineno)
        return [self._paragraph(nodes.Text(f"{title}: " if rest else title), *inline)]

    def _titles(self, kind: str, said: str) -> list[nodes.Node]:
        if kind in _FRAMES:
            alt = self.options.get("alt", "")
            return [self._paragraph(nodes.Text(alt))] if alt else []
        if kind in NAMES or kind in _TITLED:
            made = label(kind, said, 0) if said or kind not in _TITLED else []
            return [self._paragraph(nodes.Text(made[0].text))] if made else []
        if not said or (":" not in self.name and not self.content and not kind.startswith("auto")
                        and kind not in _SIGNED):  # fmt: skip
            return []  # a target that is not shown, such as those of Sphinx' add_crossref_type
        if " " in said and not re.search(r"[(<\[=-]", said) and ":" not in self.name:
            return [self._paragraph(nodes.strong("", said))]
        return [self._paragraph(nodes.literal("", line.strip())) for line in self._signatures()]

    def _signatures(self) -> list[str]:
        """One on each line; one that is open goes on below."""
        found: list[str] = []
        for line in unescape(self.arguments[0]).split("\n"):
            said = line.strip().removesuffix("\\").rstrip()
            if found and found[-1].count("(") > found[-1].count(")"):
                found[-1] += f" {said}"
            elif said:
                found.append(said)
        return found

    def _paragraph(self, *children: nodes.Node) -> nodes.Node:
        paragraph = nodes.paragraph("", "", *children)
        paragraph.line = self.lineno
        return paragraph


_SIGNED = frozenset(
    ["function", "class", "method", "attribute", "data", "exception", "option", "cmdoption",
     "envvar", "confval", "decorator", "property", "click", "program-output", "argparse"]
)  # fmt: skip


class _Admonition(_Text):
    """What may begin on the directive's own line."""

    optional_arguments = 0


class _Silent(_Text):
    """What only the builder reads."""

    def run(self) -> list[nodes.Node]:
        """Nothing."""
        return []


class _Code(_Text):
    """A block of code in the language of the argument."""

    def run(self) -> list[nodes.Node]:
        """The code, below its caption."""
        text = "\n".join(self.content)
        language = self.arguments[0].split()[0] if self.arguments else ""
        if self.name not in ("code-block", "code", "sourcecode", "codetab"):
            text = "\n".join([*([self.arguments[0]] if not text and language else []), text])
            language = ""
        block = nodes.literal_block(text, text, language=language)
        block.line = self.content_offset + 1
        caption = self.options.get("caption")
        return [self._paragraph(nodes.Text(f"**{caption}**")), block] if caption else [block]


class _Image(_Text):
    """A picture: the words that stand for it, and its caption."""

    def run(self) -> list[nodes.Node]:
        """The caption of a figure, or the picture's words."""
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        alt = self.options.get("alt", "")
        if self.state.parent.tagname == "substitution_definition":
            return [nodes.image("", alt=alt)]
        return [*([self._paragraph(nodes.Text(alt))] if alt else []), *content.children]


class _Placed(Directive):  # type: ignore[misc]  # docutils has no types
    """A table of docutils that knows its line."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        made: list[nodes.Node] = super().run()
        for node in made:
            node.line = node.line or self.lineno
        return made


@cache
def _know_directive(name: str) -> None:
    kind = name.rpartition(":")[2]
    tables = {"table": RSTTable, "list-table": ListTable, "csv-table": CSVTable}
    if kind in tables:
        own = tables[kind]
        spec = _AnyOptions(own.option_spec or {})
        placed = type(own.__name__, (_Placed, own), {"option_spec": spec})
        directives.register_directive(name, placed)
        return
    if kind in _OWN_DIRECTIVES:
        return
    made: type[Directive] = _Text
    if kind in _SILENT:
        made = _Silent
    elif kind in _CODE:
        made = _Code
    elif kind in ("image", "figure"):
        made = _Image
    elif kind in NAMES and not _VERSION.fullmatch(kind):
        made = _Admonition
    directives.register_directive(name, made)


@cache
def _know_role(name: str) -> None:
    if name not in _OWN_ROLES:
        roles.register_local_role(name, _role)


def _role(
    name: str, rawtext: str, text: str, *_: Any, **__: Any
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Any role: its words, see `role_text`."""
    shown = role_text(name.lower(), unescape(text))
    return [nodes.inline(rawtext, shown)], []
