"""What an HTML page says, without what stands around it, and in the signs of Markdown where it has
no others: an admonition becomes paragraphs, a term with its definition an item of a list, or a
section where definitions are long."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

_NEVER = ["nav", "script", "style", "noscript", "template", "button", "svg"]
_NEVER_ROLES = ["navigation", "banner", "contentinfo", "search"]
_BESIDE = ["header", "footer", "aside"]
"""Beside the text of a page, but part of it within an article or a main part."""

_AROUND = (
    ".navheader, .navfooter, .toc, #toc, #TOC, .toctree-wrapper, .contents.topic, .breadcrumb,"
    " .breadcrumbs, a.headerlink"
)
"""Tables of contents and links to other pages, as DocBook, Asciidoctor, docutils, Sphinx and pandoc
name them, and the sign behind each of Sphinx's titles."""

_ADMONITIONS = ".note, .tip, .important, .warning, .caution, .admonition, .admonitionblock"
_HEADINGS = re.compile(r"h[1-6]")

_LONG = 120
"""From this many characters on, on average, definitions are sections of a reference."""


def main_part(page: bytes) -> str:
    """The HTML of what a page says."""
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
    for tag in root.select(_AROUND):
        if not tag.decomposed and tag.find("h1") is None:
            tag.decompose()
    for tag in root.select(_ADMONITIONS):
        _plain_admonition(tag)
    _definitions(soup, root)
    _keep_signs(root)
    return str(root)


def _plain_admonition(tag: Any) -> None:
    """Without a heading, below which all that follows on the page would stand, and without the
    table that is there for its picture."""
    for cell in tag.select("table td, table th, table tr, table tbody, table"):
        is_name = cell.name == "th"
        cell.name = "p" if is_name else "div"
        cell.attrs = {}
        for picture in cell.find_all("img", recursive=False):
            picture.decompose()
    title = tag.find(["h1", "h2", "h3", "h4", "h5", "h6"])
    if title is not None:
        title.name = "p"


def _definitions(soup: Any, root: Any) -> None:
    lists = root.find_all("dl")
    levels = [_level_below(each) if _is_reference(each, root) else 0 for each in lists]
    for each, level in zip(lists, levels, strict=True):
        for terms, definitions in _items(each):
            shown = _joined(soup, terms)
            if level:
                shown.name = f"h{level}"
                terms[0].insert_before(shown)
                for definition in definitions:
                    definition.name = "div"
            else:
                _as_item(soup, terms[0], shown, definitions)
            for term in terms:
                term.decompose()
        each.name = "div" if level else "ul"


def _items(definitions: Any) -> Iterator[tuple[list[Any], list[Any]]]:
    """Each group of terms with what is said of them."""
    terms: list[Any] = []
    said: list[Any] = []
    for tag in definitions.find_all(["dt", "dd"]):
        if tag.find_parent("dl") is not definitions:
            continue
        if tag.name == "dt" and said:
            yield terms, said
            terms, said = [], []
        if tag.name == "dt":
            terms.append(tag)
        elif terms:
            said.append(tag)
    if terms:
        yield terms, said


def _is_reference(definitions: Any, root: Any) -> bool:
    """Are these long ones, the last that is said in their section? What follows would stand below
    the last of them."""
    if definitions.find_parent(["dl", "li", "table", "blockquote"]):
        return False
    said = [
        len(" ".join(tag.get_text().split())) for _, tags in _items(definitions) for tag in tags
    ]
    return bool(said) and sum(said) >= _LONG * len(said) and _ends_section(definitions, root)


def _ends_section(tag: Any, root: Any) -> bool:
    node = tag
    while node is not None and node is not root:
        for sibling in node.next_siblings:
            name = sibling.name or ""
            if _HEADINGS.fullmatch(name) or (name and sibling.find(_HEADINGS)):
                return True
            if sibling.get_text(strip=True):
                return False
        node = node.parent
    return True


def _level_below(tag: Any) -> int:
    above = tag.find_previous(_HEADINGS)
    return min(6, int(above.name[1]) + 1) if above else 2


def _joined(soup: Any, terms: list[Any]) -> Any:
    """One tag for all terms of a definition."""
    whole = soup.new_tag("strong")
    for number, term in enumerate(terms):
        if number:
            whole.append(", ")
        for part in list(term.contents):
            whole.append(part.extract())
        last = whole.contents[-1]
        if last.name is None:  # text, with the line's end in it
            last.replace_with(last.rstrip())
    return whole


def _as_item(soup: Any, place: Any, term: Any, definitions: list[Any]) -> None:
    item = soup.new_tag("li")
    place.insert_before(item)
    item.append(term)
    item.append(": ")
    contents = list(chain.from_iterable(list(tag.contents) for tag in definitions))
    first = next((part for part in contents if part.get_text(strip=True)), None)
    for part in contents:
        item.append(part.extract())
    if first is not None and first.name == "p":
        first.unwrap()
    for tag in definitions:
        tag.decompose()


def _keep_signs(root: Any) -> None:
    """What looks like a tag in the text is a placeholder, such as <option>."""
    for text in root.find_all(string=re.compile("<")):
        if text.find_parent(["pre", "code", "tt", "kbd", "samp"]) is None:
            text.replace_with(text.replace("<", "&lt;").replace(">", "&gt;"))
