"""What is thrown at parsers: real inputs with damage, and nonsense that was never real.

An input is a function of a seed alone, so one that finds something can be made again.
"""

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, 1e308, -1e-308),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "\0", "\ud800", "\udfff\ud800", "\u202e"),
    *("\u2028", "\ufeff", "0", "-1", "1e999", "１０", "null", "{}", "[]", '{"a":', "a" * 5000),
    *("@", "@_user_1", "@_all", "<at id=all></at>", "```", "``` ```\n~~~", "[a](javascript:b)"),
    *("../../etc/passwd", "/dou status", "card:", "private:", "user:", "%s%n{0}", "\x1b[31m"),
    *([], {}, [[]], [None], {"": ""}, {"a": {"a": {"a": {}}}}, [[[[[[[[]]]]]]]], ["x"] * 200),
)
"""Values that parsers stumble over: of other types, beyond every bound, half characters."""

WORDS = (
    *(
        "how",
        "do",
        "I",
        "port",
        "7311",
        "0x1F",
        "1_000",
        "１２",
        "三百",
        "什么",
        "怎么",
        "安装",
        "。",
    ),
    *(
        "`code`",
        "```\n",
        "~~~\n",
        "[1]",
        "[12][3]",
        "![x](y)",
        "[a](<b c> 'd')",
        "<b>",
        "</",
        "&lt;",
    ),
    *(
        "# ",
        "- ",
        "1. ",
        "> ",
        "| a | b |\n",
        "|---|\n",
        "\n",
        "\n\n",
        "\t",
        "    ",
        "***",
        "__",
        "\\",
    ),
    *(
        "@豆哥",
        "/dou",
        "豆哥撤回",
        "http://a.b/c?d=e#f",
        "a@b.cd",
        "C:\\x",
        "--port=1",
        "${X}",
        ":::",
    ),
    *(
        ".. note::\n",
        "::\n",
        "{{x}}",
        "<!--",
        "-->",
        "---\n",
        "\u200b",
        "\u202e",
        "\ud83d",
        "\ufeff",
    ),
    *(
        "<think>",
        "</think>",
        "score: 7",
        "9/10",
        "\x00",
        "\x1b[0m",
        "é",
        "e\u0301",
        "👩‍👩‍👧",
        "\r\n",
    ),
)
"""What texts are made of: all that has a meaning somewhere, and all that should have none."""


def nonsense(chance: random.Random, depth: int = 4) -> Any:
    """A value of JSON that was never real."""
    kind = chance.randrange(6 if depth else 3)
    if kind == 0:
        return copy.deepcopy(chance.choice(NASTY))
    if kind == 1:
        return words(chance, 6)
    if kind == 2:
        return chance.choice((chance.randrange(10**12), chance.uniform(-1e9, 1e9)))
    if kind == 3:
        return [nonsense(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {str(words(chance, 2)): nonsense(chance, depth - 1) for _ in range(chance.randrange(4))}


def words(chance: random.Random, most: int = 60) -> str:
    """A text of everything that means something somewhere."""
    glue = chance.choice(("", " ", "\n"))
    return glue.join(chance.choice(WORDS) for _ in range(chance.randrange(most + 1)))


def mutated(sample: Any, chance: random.Random) -> Any:
    """A value of JSON with one to four of its parts replaced, doubled, renamed or taken out."""
    value = copy.deepcopy(sample)
    for _ in range(chance.randint(1, 4)):
        value = _edited(value, chance)
    return value


def _edited(value: Any, chance: random.Random) -> Any:
    inner = value if isinstance(value, dict | list) else None
    if not inner or chance.random() < 0.02:
        if isinstance(value, str) and value and chance.random() < 0.7:
            return _text(value, chance)
        return nonsense(chance, 3)
    key = chance.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
    action = chance.randrange(10)
    if action < 7:
        inner[key] = _edited(inner[key], chance)
    elif action == 7:
        del inner[key]
    elif isinstance(inner, dict):
        inner[chance.choice((words(chance, 1), key + "x"))] = inner.pop(key)
    else:
        inner.insert(key, inner[key])
    return value


def _text(text: str, chance: random.Random) -> str:
    """A text with something put in, doubled or cut; what is JSON inside is damaged as JSON."""
    if text[:1] in "{[" and chance.random() < 0.5:
        try:
            return json.dumps(mutated(json.loads(text), chance))
        except ValueError:
            pass
    at = chance.randrange(len(text) + 1)
    match chance.randrange(4):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + words(chance, 3) + text[at:]
        case 2:
            return text[:at] + text[: at + 1] * chance.randrange(8)
        case _:
            return text[at:] + text[:at]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some of them changed, cut out, doubled or put in."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 32))):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0 if found:
                found[min(at, len(found) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                del found[at : at + chance.choice((1, 4, 64, 1024))]
            case 2:
                found[at:at] = chance.randbytes(chance.choice((1, 2, 4, 16)))
            case 3:
                found[at:at] = words(chance, 4).encode("utf-8", "surrogatepass")
            case _:
                found[at:at] = found[at : at + chance.choice((1, 8, 256))] * chance.randrange(4)
    return bytes(found)


def as_json(samples: Sequence[Any], chance: random.Random) -> bytes:
    """The bytes of one of the samples, damaged as a value or as bytes, or of nonsense."""
    share = chance.random()
    if share < 0.05:
        return json.dumps(nonsense(chance)).encode()
    value = mutated(chance.choice(samples), chance)
    data = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return damaged(data, chance) if share < 0.2 else data


def as_text(samples: Sequence[str], chance: random.Random) -> str:
    """One of the samples, damaged, or a text of words."""
    if not samples or chance.random() < 0.4:
        return words(chance)
    text = chance.choice(samples)
    for _ in range(chance.randint(1, 4)):
        text = _text(text, chance) if text else words(chance)
    return text[:20_000]


def as_bytes(samples: Sequence[str], chance: random.Random) -> bytes:
    """The same as bytes, sometimes no UTF-8."""
    data = as_text(samples, chance).encode("utf-8", "surrogatepass")
    return damaged(data, chance) if chance.random() < 0.3 else data
