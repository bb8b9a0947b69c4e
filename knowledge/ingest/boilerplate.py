"""What is in a file but not said by it: comments, tags, tables of contents, build directives.

All of it is blanked so that every line keeps its number; code stays as it is.
"""

import re
from collections.abc import Sequence

from markdown_it.token import Token

from knowledge.ingest.outline import indented_below

_ATTRIBUTES = r"""(?:[^<>"']++|"[^"<\n]{0,500}+"|'[^'<\n]{0,500}+')*+"""
_APART = "address|article|blockquote|br|center|dd|details|div|dl|dt|figcaption|figure|h[1-6]|hr|li"
_APART += "|main|nav|ol|p|picture|pre|section|source|summary|table|tbody|td|tfoot|th|thead|tr|ul"
_APART += "|video|audio|iframe|img|form|input|label|option|select|textarea|button"
_WITHIN = "a|abbr|b|big|code|del|em|font|i|ins|kbd|mark|s|samp|small|span|strong|sub|sup|u|var"
_MARKUP = re.compile(
    r"(?<!`)(?P<ticks>`{1,3})(?!`)[^`\n]+(?P=ticks)(?!`)"
    r"|(?P<open><!--|<(?P<name>script|style|svg)\b)"
    rf"|<a\s[^<>]*\bhref=[\"']#(?:top|readme-top)?[\"'][^<>]*>[^<>]{{0,80}}</a>"
    r"|\[[^\]\n]{0,80}\]\(#(?:top|readme-top)?\)"
    rf"|(?P<apart></?(?:{_APART})(?![\w-]){_ATTRIBUTES}/?>|&(?:nbsp|ensp|emsp);)"
    rf"|</?(?:{_WITHIN})(?![\w-]){_ATTRIBUTES}/?>",
    re.IGNORECASE,
)
_ROW = re.compile(r"<tr\b", re.IGNORECASE)
_ROW_END = re.compile(r"</(?:tr|table)\b", re.IGNORECASE)
_CONTENTS_ITEM = re.compile(
    r"\s*(?:[-*+]|\d{1,3}[.)])\s+\[(?:[^\]\\\n]|\\.){1,300}\]\(#[^)\n]*\)\s*$"
)
_CONTENTS_LINES = 3
"""Fewer links to places on the page may be a sentence's; more are a table of contents."""

_CONTENTS_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})\{(?:toctree|contents)\}")
_CONTENTS_MARK = "[TOC]"

_RST_UNSAID = re.compile(
    r"\s*\.\.(?:\s+_[^\n]*:[^\n]*"
    r"|\s+(?:toctree|contents|raw|meta|index|sectnum|image|highlight|role|default-role|include"
    r"|currentmodule|py:currentmodule|tabularcolumns)::.*"
    r"|\s+(?!\[|\||[\w:+.-]+::|_).*|)$"
)


def without_artefacts(text: str, tokens: Sequence[Token]) -> str:
    """Markdown, with its block tokens, without what nobody said in it."""
    lines = text.split("\n")
    code = [token for token in tokens if token.type in ("fence", "code_block") and token.map]
    parts: list[str] = []
    done = 0
    for token in code:
        first, last = token.map or (0, 0)
        if first < done:
            continue
        parts += _said(lines[done:first])
        block = lines[first:last]
        parts += [""] * len(block) if _CONTENTS_FENCE.match(block[0]) else block
        done = last
    parts += _said(lines[done:])
    for token in tokens:
        first, last = token.map or (0, 0)
        if token.type == "html_block" and not lines[first].lstrip().lower().startswith("<pre"):
            # Without its tags, what was indented in HTML would be code.
            bare = [line.strip() for line in parts[first:last]]
            parts[first:last] = _joined_rows(lines[first:last], bare)
    return "\n".join(parts)


def _said(lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    plain = _without_markup("\n".join(lines)).split("\n")
    # A tag at the start of a line may leave blanks there, which would make code of it.
    plain = [
        new.lstrip() if new != old and old.lstrip().startswith("<") else new
        for old, new in zip(lines, plain, strict=True)
    ]
    return _without_contents(plain)


def _without_markup(text: str) -> str:
    """Without comments and HTML tags; other words in angle brackets are placeholders and stay."""
    parts: list[str] = []
    endless: set[str] = set()
    done = at = 0
    while found := _MARKUP.search(text, at):
        start, at = found.span()
        if found["ticks"]:
            continue
        if found["open"]:
            closing = rf"</{found['name'].lower()}\s*>" if found["name"] else "-->"
            end = None
            if closing not in endless:
                end = re.compile(closing, re.IGNORECASE).search(text, at)
            if end is None:
                endless.add(closing)
                continue
            at = end.end()
        instead = " " if found["apart"] else ""
        parts += (text[done:start], "\n" * text.count("\n", start, at) or instead)
        done = at
    return "".join((*parts, text[done:]))


def _joined_rows(lines: Sequence[str], bare: list[str]) -> list[str]:
    """Lines of HTML without their tags (`bare`), the cells of each row of a table on one line."""
    row: int | None = None
    for number, line in enumerate(lines):
        if _ROW.search(line):
            row = number
        elif row is not None and bare[number]:
            bare[row] += f" | {bare[number]}" if bare[row] else bare[number]
            bare[number] = ""
        if _ROW_END.search(line):
            row = None
    return bare


def _without_contents(lines: Sequence[str]) -> list[str]:
    """Without lists of links to places on the same page."""
    lines = ["" if line.strip() == _CONTENTS_MARK else line for line in lines]
    entries = [bool(_CONTENTS_ITEM.match(line)) for line in lines]
    number = 0
    while number < len(lines):
        end = number
        while end < len(lines) and (entries[end] or (end > number and not lines[end].strip())):
            end += 1
        if sum(entries[number:end]) >= _CONTENTS_LINES:
            lines[number:end] = [""] * (end - number)
        number = max(end, number + 1)
    return lines


def without_directives(text: str, solid: Sequence[tuple[int, int]]) -> str:
    """reStructuredText without comments, targets and what only its builder reads; `solid` are the
    line ranges of its code and tables."""
    lines = text.split("\n")
    starts = dict(solid)
    number = 0
    while number < len(lines):
        if number in starts:
            number = starts[number]
        elif _RST_UNSAID.match(lines[number]):
            end = indented_below(lines, number)
            lines[number:end] = [""] * (end - number)
            number = end
        else:
            number += 1
    return "\n".join(lines)
