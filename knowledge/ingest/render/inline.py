"""What Markdown writes within lines for its builder alone: attributes, roles, keys, icons, links
to other files; each becomes its words. Code stays as it is, and every line its number."""

import re
from collections.abc import Mapping

_LABEL = r"(?:[^\[\]\\\n]|\n(?!\s*\n)|\\.|\[[^\[\]\n]*\]){0,500}"
_TARGET = (
    r"\(\s*(?:<[^<>\n]*>|(?:[^\s()\\]|\\.|\([^\s()]*\))*)(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)"
)
_NAMED = r"target|rel|loading|width|height|align|class|style|data-[\w-]+"
_ATTRIBUTES = rf"\{{\s*(?:[:.#][^{{}}\n]*|(?:{_NAMED})=[^{{}}\n]*)\}}"
_MARKUP = re.compile(
    rf"\{{(?P<role>[a-z][\w:-]*)\}}(?P<marks>`+)(?P<said>[^`\n]+)(?P=marks)"
    rf"|(?<!`)(?P<ticks>`{{1,3}})(?!`)(?P<code>[^`\n]+)(?P=ticks)(?!`)(?P<after>{_ATTRIBUTES})?"
    rf"|!\[(?P<alt>{_LABEL})\](?:{_TARGET}|\[[^\]\n]*\])(?:{_ATTRIBUTES})?"
    rf"|(?<!\\)\[(?P<label>{_LABEL})\](?P<target>{_TARGET})(?:{_ATTRIBUTES})?"
    rf"|(?<!\\)\[(?P<text>{_LABEL})\]\[(?P<ref>[^\]\n]{{0,200}})\]"
    rf"|<(?P<auto>(?:https?|mailto):[^\s<>]+)>"
    rf"|\+\+(?P<keys>[\w\"+-]+)\+\+"
    rf"| ?:(?:material|octicons|fontawesome|simple)-[\w-]+:(?:{_ATTRIBUTES})?"
    rf"|(?<=[)\]*_]){_ATTRIBUTES}"
    r"|(?<![=\w])==(?P<marked>[^=\n]{1,200})==(?![=\w])"
    r"|\[(?P<short>[^\[\]\n]{1,200})\](?![\[(:])"
    r"|\\(?P<escaped>[<>_#])"
    r"|\{[\"'](?P<literal>[^{}\"'\n]*)[\"']\}",
)
_DEFINITION = re.compile(
    r" {0,3}\[(?P<name>[^\]^\n][^\]\n]*)\]:\s*(?P<url><[^>\n]*>|\S+)(?:\s+.*)?$"
)
_BROKEN = re.compile(r"^( {0,3}\[[^\]^\n][^\]\n]*\]:)[ \t]*\n[ \t]+(\S+)[ \t]*$", re.MULTILINE)
_EXPLICIT = re.compile(r"(?P<title>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
_PLAIN = ("auto", "marked", "literal", "escaped")
_WEB = ("https://", "http://", "mailto:")
_ROLES_OF_TEXT = frozenset(["ref", "doc", "numref", "term", "download", "any", "eq", "abbr", "sub"])


def _one_line(text: str) -> str:
    """A definition's address may stand below its name; the number of lines stays."""
    return _BROKEN.sub(r"\1 \2\n", text)


def definitions(text: str) -> dict[str, str]:
    """The addresses that a text defines for its links, by their names in lower case."""
    lines = _one_line(text).split("\n")
    found = (_DEFINITION.match(line) for line in lines if "]:" in line)
    return {_name(each["name"]): each["url"].strip("<>") for each in found if each}


def without_inline_markup(text: str, defined: Mapping[str, str]) -> str:
    """Markdown outside blocks of code, as clean Markdown; the number of lines stays."""
    if "]:" in text:
        lines = _one_line(text).split("\n")
        text = "\n".join("" if _DEFINITION.match(line) else line for line in lines)

    def instead(found: re.Match[str]) -> str:
        said = _instead(found, defined)
        # The address of a link may stand on a line of its own.
        return said + "\n" * (found[0].count("\n") - said.count("\n"))

    return _MARKUP.sub(instead, text)


def _instead(found: re.Match[str], defined: Mapping[str, str]) -> str:
    whole = found[0]
    if found["role"]:
        return role_text(found["role"], found["said"])
    if found["ticks"]:
        return whole.removesuffix(found["after"] or "")
    if found["alt"] is not None:
        return found["alt"]
    if found["label"] is not None:
        return _link(without_inline_markup(found["label"], defined), found["target"])
    if found["text"] is not None or found["short"] is not None:
        return _by_reference(found, defined)
    if found["keys"]:
        return _keys(found["keys"])
    return next((found[name] for name in _PLAIN if found[name]), "")


def _by_reference(found: re.Match[str], defined: Mapping[str, str]) -> str:
    words = found["short"] or found["text"]
    name = _name(found["ref"] or words)
    if name not in defined and not found["ref"]:
        return found[0]
    if words == found["short"]:
        return _link(words, f"({defined[name]})")
    return _link(without_inline_markup(words, defined), f"({defined.get(name, '')})")


def role_text(name: str, said: str) -> str:
    """What a role of Sphinx or MyST shows: the words before its target, or the target as code."""
    kind = name.rpartition(":")[2]
    if explicit := _EXPLICIT.match(said):
        title, target = explicit["title"], explicit["target"]
        if title:
            return f"{title} ({target})" if kind == "abbr" else title
        said = target
    if kind == "abbr":
        return said
    if kind in ("guilabel", "menuselection"):
        return f"**{said.replace('-->', '›').replace('&', '')}**"
    if kind in ("pep", "rfc"):
        return f"{kind.upper()} {said}"
    if kind in ("kbd", "sup", "math", "index", "strong", "emphasis"):
        return f"${said}$" if kind == "math" else said
    if kind in ("issue", "pr", "pull", "ghissue", "bug"):
        return f"#{said.lstrip('#')}"
    if kind in _ROLES_OF_TEXT:
        return said.lstrip("!~").rpartition("/")[2].replace("-", " ")
    shown = said.rpartition(".")[2] if said.startswith("~") else said.lstrip("!")
    return f"`{shown}`"


def _link(words: str, target: str) -> str:
    """A link into the web stays; of one to another file or place only the words do."""
    address = target[1:-1].strip().split()[0].strip("<>") if target[1:-1].strip() else ""
    if not address.startswith(_WEB) or not words.strip():
        return words
    return address if words == address else f"[{words}]({address})"


def _keys(keys: str) -> str:
    parts = (key.strip('"') for key in keys.split("+") if key)
    return "+".join(part.capitalize() if part.islower() else part for part in parts)


def _name(text: str) -> str:
    return " ".join(text.lower().split())
