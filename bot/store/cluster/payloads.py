"""Values of the border as JSON, and back: what one process hands to another through the store."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from adapters import base
from adapters.base import Event, IncomingMessage
from bot.store.database import StoreError

T = TypeVar("T")

_EVENTS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (
        *(base.IncomingMessage, base.MessageRecalled, base.MessageEdited, base.Feedback),
        *(base.Labelled, base.RecallAsked, base.BotMoved),
    )
}

_ERRORS: dict[str, type[base.AdapterError]] = {
    kind.__name__: kind
    for kind in (
        *(base.AdapterError, base.NetworkError, base.Unconfirmed, base.LoginRefused),
        *(base.NotSupported, base.SendRefused, base.SetupRefused, base.QuotaGone),
    )
}


def event_payload(event: Event) -> str:
    """An event as JSON; half of an emoji, which some platforms send, stays what it is."""
    return json.dumps({"kind": type(event).__name__, **asdict(event)})


def event_of(payload: str) -> Event:
    """What `event_payload` wrote. Raises StoreError where another version has other events: during
    an upgrade they wait for a worker that knows them."""
    fields = json.loads(payload)
    try:
        event: Event = _EVENTS[fields.pop("kind")].validate_python(fields)
    except (KeyError, ValidationError) as error:
        raise StoreError("an event of another version waits; update this process") from error
    return event


def event_key(event: Event) -> str:
    """The same for each delivery of an event: a message's id, of others all they say."""
    if isinstance(event, IncomingMessage):
        return f"message {event.message_id}"
    return hashlib.sha256(event_payload(event).encode()).hexdigest()


def message_of(fields: dict[str, Any]) -> IncomingMessage:
    """A message from what `asdict` made of it."""
    message: IncomingMessage = _EVENTS["IncomingMessage"].validate_python(fields)
    return message


def picture_fields(pictures: Sequence[base.Picture]) -> list[dict[str, str]]:
    """Pictures for another process."""
    return [{"kind": one.kind, "data": b64encode(one.data).decode()} for one in pictures]


def pictures_of(fields: list[dict[str, str]]) -> list[base.Picture]:
    """What `picture_fields` wrote."""
    return [base.Picture(b64decode(one["data"]), one["kind"]) for one in fields]


def error_fields(error: base.AdapterError) -> dict[str, Any]:
    """What went wrong at a platform, for another process."""
    kind = next(k.__name__ for k in type(error).__mro__ if k.__name__ in _ERRORS or k is _LIMITED)
    after = {"retry_after_s": error.retry_after_s} if isinstance(error, _LIMITED) else {}
    return {"kind": kind, "text": str(error), "code": error.code, "zh": error.zh, **after}


def error_of(fields: dict[str, Any]) -> base.AdapterError:
    """What `error_fields` wrote, as an error of the same class."""
    if fields["kind"] == _LIMITED.__name__:
        error: base.AdapterError = _LIMITED(fields["text"], fields["retry_after_s"])
    else:
        error = _ERRORS[fields["kind"]](fields["text"])
    error.code, error.zh = fields["code"], fields["zh"]
    return error


_LIMITED = base.RateLimited
