"""What is in a file but not said by it: comments, tags, tables of contents, build directives.

All of it is blanked so that every line keeps its number; code stays as it is. What HTML says of
words, such as that they are code, is said in Markdown.
"""

import html
import re
from collections.abc import Mapping, Sequence

from markdown_it.token import Token

from knowledge.ingest.render.inline import definitions, without_inline_markup
from knowledge.ingest.render.lines import Line

_ATTRIBUTES = r"""(?:[^<>"']++|"[^"<\n]{0,500}+"|'[^'<\n]{0,500}+')*+"""
_APART = "address|article|blockquote|br|center|dd|details|div|dl|dt|figcaption|figure|h[1-6]|hr|li"
_APART += "|main|nav|ol|p|picture|pre|section|source|summary|table|tbody|td|tfoot|th|thead|tr|ul"
_APART += "|video|audio|iframe|img|form|input|label|option|select|textarea|button"
_WITHIN = "a|abbr|b|big|code|del|em|font|i|ins|kbd|mark|s|samp|small|span|strong|sub|sup|u|var"
_MARKUP = re.compile(
    r"(?<!`)(?P<ticks>`{1,3})(?!`)[^`\n]+(?P=ticks)(?!`)"
    r"|(?P<open><!--|\{/\*|<(?P<name>script|style|svg)\b)"
    rf"|<a\s[^<>]*\bhref=[\"']#(?:top|readme-top)?[\"'][^<>]*>[^<>]{{0,80}}</a>"
    r"|\[[^\]\n]{0,80}\]\(#(?:top|readme-top)?\)"
    rf"|(?P<apart></?(?:{_APART})(?![\w-]){_ATTRIBUTES}/?>|&(?:nbsp|ensp|emsp);)"
    rf"|</?(?:{_WITHIN})(?![\w-]){_ATTRIBUTES}/?>",
    re.IGNORECASE,
)
_CLOSING = {"<!--": "-->", "{/*": r"\*/\s*\}"}
_SAID_OF_WORDS = re.compile(
    r"(?<!`)(?P<ticks>`{1,3})(?!`)[^`\n]+(?P=ticks)(?!`)"
    r"|<(?P<code>code|kbd|samp|tt)>(?P<codes>[^<>`\n]+)</(?P=code)>"
    r"|<(?P<bold>b|strong|summary)>(?P<bolds>[^<>*\n]*[^<>*\s])\s*</(?P=bold)>"
    r"|<a\s[^<>]*?\bhref=[\"'](?P<url>https?://[^\"'<>\s]+)[\"'][^<>]*>"
    r"(?P<words>[^<>\n]*[^<>\s])\s*</a>"
    r"|&(?P<entity>nbsp|ensp|emsp);",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(lt|gt|amp|quot|#39|apos);", re.IGNORECASE)
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "#39": "'", "apos": "'"}
_CELLS = re.compile(r"</t[dh]\s*>[ \t]*<t[dh]\b[^<>\n]*>", re.IGNORECASE)
_ROW = re.compile(r"<tr\b", re.IGNORECASE)
_ROW_END = re.compile(r"</(?:tr|table)\b", re.IGNORECASE)
_CONTENTS_ITEM = re.compile(
    r"\s*(?:[-*+]|\d{1,3}[.)])\s+\[(?:[^\]\\\n]|\\.){1,300}\]\(#[^)\n]*\)\s*$"
)
_CONTENTS_LINES = 3
"""Fewer links to places on the page may be a sentence's; more are a table of contents."""

_CONTENTS_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})\{(?:toctree|contents)\}")
_CONTENTS_MARK = "[TOC]"


def without_artefacts(text: str, tokens: Sequence[Token]) -> str:
    """Markdown, with its block tokens, without what nobody said in it."""
    lines = text.split("\n")
    defined = definitions(text) if "]:" in text else {}
    code = [token for token in tokens if token.type in ("fence", "code_block") and token.map]
    parts: list[str] = []
    done = 0
    for token in code:
        first, last = token.map or (0, 0)
        if first < done:
            continue
        parts += _said(lines[done:first], defined)
        block = lines[first:last]
        parts += [""] * len(block) if _CONTENTS_FENCE.match(block[0]) else block
        done = last
    parts += _said(lines[done:], defined)
    for token in tokens:
        first, last = token.map or (0, 0)
        if token.type == "html_block" and not lines[first].lstrip().lower().startswith("<pre"):
            # Without its tags, what was indented in HTML would be code.
            bare = [line.strip() for line in parts[first:last]]
            parts[first:last] = _joined_rows(lines[first:last], bare)
    return "\n".join(parts)


def without_blank_runs(lines: Sequence[Line], tokens: Sequence[Token]) -> list[Line]:
    """One blank line where there are several, outside of code; `tokens` are the text's as it was
    before anything in it was blanked."""
    code = [token.map for token in tokens if token.type in ("fence", "code_block") and token.map]
    inside = {number for first, last in code for number in range(first, last)}
    made: list[Line] = []
    for number, line in enumerate(lines):
        if line.text.strip() or number in inside:
            made.append(line)
        elif made and made[-1].text.strip():
            made.append(Line("", line.number))
    return made


def _said(lines: Sequence[str], defined: Mapping[str, str]) -> list[str]:
    if not lines:
        return []
    told = _CELLS.sub(" | ", "\n".join(_without_contents(lines)))
    told = _SAID_OF_WORDS.sub(_in_markdown, told)
    markup_free = _without_components(_without_markup(told))
    bare = without_inline_markup(markup_free, defined)
    plain = _ENTITY.sub(lambda found: _ENTITIES[found[1].lower()], bare).split("\n")
    # A tag at the start of a line may leave blanks there, which would make code of it.
    return [
        new.strip() if new != old and old.lstrip().startswith(("<", "#")) else new
        for old, new in zip(lines, plain, strict=True)
    ]


def _in_markdown(found: re.Match[str]) -> str:
    if found["codes"]:
        return f"`{html.unescape(found['codes'])}`"
    if found["bolds"]:
        return f"**{found['bolds'].strip()}**"
    if found["url"]:
        return f"[{found['words'].strip()}]({found['url']})"
    return " " if found["entity"] else found[0]


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
            name = (found["name"] or "").lower()
            closing = rf"</{name}\s*>" if name else _CLOSING[found["open"]]
            end = None
            if closing not in endless:
                end = re.compile(closing, re.IGNORECASE).search(text, at)
            if end is None:
                endless.add(closing)
                continue
            at = end.end()
        instead = " " if found["apart"] else ""
        if found["open"] and text[start - 1 : start] == " " == text[at : at + 1]:
            at += 1
        parts += (text[done:start], "\n" * text.count("\n", start, at) or instead)
        done = at
    return "".join((*parts, text[done:]))


_COMPONENT = re.compile(
    r"(?<!`)(?P<ticks>`{1,3})(?!`)[^`\n]+(?P=ticks)(?!`)"
    r"|<(?P<close>/?)(?P<name>[A-Z][\w.]*|[a-z]\w*(?:-\w+)+)"
    r"(?P<rest>\s(?:[^<>{}\"'`]|\"[^\"]*\"|'[^']*'|\{(?:[^{}]|\{[^{}]*\})*\})*)?(?P<end>/?)>"
)
_TITLE = re.compile(r"(?:title|label|header|summary)\s*=\s*[\"'](?P<title>[^\"']+)[\"']")


def _without_components(text: str) -> str:
    """Without tags of MDX' and Vue's components, but with their titles. A name in angle brackets
    alone is a placeholder for the reader to fill, unless something closes it."""
    if "<" not in text:
        return text
    closed = {found["name"] for found in _COMPONENT.finditer(text) if found["close"]}

    def instead(found: re.Match[str]) -> str:
        rest = (found["rest"] or "").strip()
        named = bool(rest) and ("=" in rest or (rest.isidentifier() and bool(found["end"])))
        if found["ticks"] or not (found["name"] in closed or found["end"] or named):
            return found[0]
        title = _TITLE.search(rest)
        words = " ".join(title["title"].split()) if title else ""
        is_alone = text[found.end() : found.end() + 1] in ("", "\n")
        said = f"**{words}**" if words and is_alone else ""
        return said + "\n" * found[0].count("\n")

    return _COMPONENT.sub(instead, text)


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
