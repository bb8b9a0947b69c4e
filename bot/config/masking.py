"""The configuration's text as it may be shown: each secret behind a mask, and back.

A mask is `•••` and a number; it stands for the secret that the file has at that place. What only
names a variable, `${NAME}`, is no secret.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml
from pydantic import BaseModel, SecretStr

from adapters import KINDS, settings_type
from bot.config.located import ConfigError
from bot.config.messages import find_type, keys_of
from bot.config.schema import Config
from bot.config.yaml_errors import yaml_problem

MASK = "•••"

_NEW = f"{MASK}new"
"""In a difference: a secret that was typed just now."""

_MASK = re.compile(rf"(?P<quote>[\"']?){MASK}(?P<number>[0-9]{{1,6}})(?P=quote)")
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-)?\}")
_LOGIN_IN_ADDRESS = re.compile(
    r"https?://(?P<web>[^/\s@'\"]+)@|[a-z][a-z+]*://(?P<other>[^/\s@'\":]*:[^/\s@'\"]+)@"
)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with masks; `secrets` are what stood there, the first one behind the mask 1."""

    text: str
    secrets: tuple[str, ...]


def mask(text: str) -> Masked:
    """Raises ConfigError where the text is no YAML, so that nobody can tell where secrets are."""
    spans = _secret_spans(text)
    numbered = (f"{MASK}{number}" for number in range(1, len(spans) + 1))
    secrets = tuple(text[start:end] for start, end in spans)
    return Masked(_replaced(text, spans, numbered), secrets)


def masked_beside(text: str, known: Sequence[str]) -> str:
    """A text for a difference to another one, of which the secrets are known: equal ones have
    equal masks. Raises ConfigError."""
    spans = _secret_spans(text)
    found = (text[start:end] for start, end in spans)
    masks = (f"{MASK}{known.index(one) + 1}" if one in known else _NEW for one in found)
    return _replaced(text, spans, masks)


def unmask(text: str, secrets: Sequence[str]) -> str:
    """Puts the secrets back. Raises ConfigError where a mask stands for none, or where what is
    behind it would show."""
    _secret_spans(text)  # what is wrong is said of the text as it is known, without the secrets
    made, spans, end = "", list[Span](), 0
    for found in _MASK.finditer(text):
        number = int(found["number"])
        if not 1 <= number <= len(secrets):
            raise ConfigError(f"{_line(text, found.start())}: there is no secret behind this mask")
        made += text[end : found.start()]
        spans.append((len(made), len(made) + len(secrets[number - 1])))
        made += secrets[number - 1]
        end = found.end()
    made += text[end:]
    if MASK in made:
        at = _line(made, made.index(MASK))
        raise ConfigError(f"{at}: there is no secret behind this mask; write the secret itself")
    hidden = _secret_spans(made)
    for start, end in spans:
        if not any(first <= start and end <= last for first, last in hidden):
            raise ConfigError(f"{_line(made, start)}: a mask may stand only where a secret does")
    return made


def _line(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}"


def _replaced(text: str, spans: Sequence[Span], masks: Iterator[str]) -> str:
    made, before = "", 0
    for start, end in spans:
        made += text[before:start] + next(masks)
        before = end
    return made + text[before:]


def _secret_spans(text: str) -> list[Span]:
    """Where secrets stand, in the order of the text, none within another: the values of keys that
    are secret, names and passwords in addresses, and both in comments."""
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        problem = yaml_problem(text, error)
        at = f"line {problem.line}, column {problem.column}"
        raise ConfigError(f"{at}: not valid YAML: {problem.text}") from None
    except RecursionError:
        raise ConfigError("nested too deeply") from None
    found = [_span(text, node) for node in _secrets(root, Config, set())] if root else []
    found += [match.span(match.lastgroup or 0) for match in _LOGIN_IN_ADDRESS.finditer(text)]
    named = re.compile(rf"\b({'|'.join(_secret_keys())}):\s*(?P<value>[^\s,}}]+)")
    for comment in _COMMENT.finditer(text):
        spans = (match.span("value") for match in named.finditer(text, *comment.span()))
        found += [span for span in spans if text[slice(*span)].strip("\"'")]
    kept: list[Span] = []
    for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
        told = text[start:end].strip("\"'")
        if told and not _VARIABLE.fullmatch(told) and (not kept or start >= kept[-1][1]):
            kept.append((start, end))
    return kept


def _span(text: str, node: yaml.Node) -> Span:
    start, end = node.start_mark.index, node.end_mark.index
    return start, start + len(text[start:end].rstrip())


def _secrets(
    node: yaml.Node, model: type[BaseModel] | None, seen: set[int]
) -> Iterator[yaml.ScalarNode]:
    """The scalars below a section that are secret; all of them where nobody knows the section.
    Aliases, which no configuration may have, are not followed."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode) and model is None:
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _secrets(entry, model, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if model is Config and key.value == "adapters":
                yield from _of_adapters(value, seen)
            else:
                yield from _below(value, str(key.value), model, seen)


def _below(
    node: yaml.Node, key: str, model: type[BaseModel] | None, seen: set[int]
) -> Iterator[yaml.ScalarNode]:
    field = keys_of(model).get(key) if model else None
    if field is None or find_type(field.annotation, SecretStr):
        yield from _secrets(node, None, seen)
    elif section := find_type(field.annotation, BaseModel):
        yield from _secrets(node, section, seen)


def _of_adapters(node: yaml.Node, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    for entry in node.value if isinstance(node, yaml.SequenceNode) else ():
        pairs = entry.value if isinstance(entry, yaml.MappingNode) else ()
        kind = next((str(value.value) for key, value in pairs if key.value == "kind"), "")
        yield from _secrets(entry, settings_type(kind) if kind in KINDS else None, seen)


def _secret_keys() -> list[str]:
    """The names of all keys that are secret somewhere."""
    models: list[type[BaseModel]] = [Config, *map(settings_type, KINDS)]
    found: set[str] = set()
    while models:
        for name, field in keys_of(models.pop()).items():
            if find_type(field.annotation, SecretStr):
                found.add(name)
            elif section := find_type(field.annotation, BaseModel):
                models.append(section)
    return sorted(found - {"adapters"})
