"""What the web page's API takes, and how it says what is wrong with it."""

import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from aiohttp import web
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from common.visible import visible

MAX_NAME = 64
MAX_TEXT = 8000
MAX_PAGE = 500
MAX_SEQ = 2**63 - 1

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"

_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _fit_for_a_name(value: str) -> str:
    if any(unicodedata.category(char) in _UNFIT for char in value):
        raise ValueError("must not contain control characters or line breaks")
    if value in {".", ".."}:
        raise ValueError("must not be only dots, it stands in addresses")
    shown = visible(value)
    if len(shown) > MAX_NAME:
        raise ValueError("has too many characters that can't be seen")
    return shown


Name: TypeAlias = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME),
    AfterValidator(_fit_for_a_name),
]
"""A person's or group's name; marks that turn it about or have no width are written out."""

MessageId: TypeAlias = Annotated[str, StringConstraints(pattern=ID_PATTERN)]

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


class PostedMessage(BaseModel):
    """Body of POST /api/messages."""

    model_config = _STRICT

    group: Name
    user: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]
    mention: bool = False
    message_id: MessageId | None = None
    reply_to: MessageId | None = None


class RecallRequest(BaseModel):
    """Body of DELETE /api/messages/{message_id}."""

    model_config = _STRICT

    group: Name
    user: Name


class Judgement(BaseModel):
    """Body of POST /api/feedback; `message_id` is the answer's."""

    model_config = _STRICT

    group: Name
    user: Name
    message_id: MessageId
    vote: Literal["helpful", "unhelpful", "none"]


class PostedLabel(BaseModel):
    """Body of POST /api/labels; `message_id` is that of the message, or of the bot's answer to it,
    `label` is 1 for one that the bot should answer, else 0."""

    model_config = _STRICT

    group: Name
    user: Name
    message_id: MessageId
    label: Literal[0, 1]


class MessagesQuery(BaseModel):
    """GET /api/groups/{group}/messages: the first messages after a `seq`, or the newest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: Name
    after: Annotated[int, Field(ge=0, le=MAX_SEQ)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 200


class StreamQuery(BaseModel):
    """GET /api/stream?group=."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: Name


Model = TypeVar("Model", bound=BaseModel)


def parse_body(model: type[Model], body: bytes) -> Model:
    """Reads a JSON body. Raises HTTPBadRequest naming the field and what is wanted."""
    with _as_bad_request(model):
        return model.model_validate_json(body)


def parse_query(model: type[Model], values: Mapping[str, str]) -> Model:
    """Reads the parts of an address. Raises HTTPBadRequest naming the field and what is wanted."""
    with _as_bad_request(model):
        return model.model_validate(dict(values))


@contextmanager
def _as_bad_request(model: type[BaseModel]) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[:3]
        text = "; ".join(_say(dict(item), model) for item in first)
        raise web.HTTPBadRequest(text=text) from None


def _say(item: dict[str, Any], model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in item["loc"])[:80] or "body"
    if item["type"] == "extra_forbidden":
        return f"{where}: unknown field; known are {', '.join(model.model_fields)}"
    if item["type"] == "string_pattern_mismatch" and where in {"message_id", "reply_to"}:
        return f"{where}: must be 1 to 128 characters of A-Z a-z 0-9 . _ : -"
    if item["type"] == "string_pattern_mismatch":
        return f"{where}: must not be blank"
    return f"{where}: {item['msg']}"
