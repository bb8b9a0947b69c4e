"""How a backend is to be used, as configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.llm.presets import Preset
from bot.llm.types import Route


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of a stream: until its first piece, and from one piece to the next."""

    first_chunk: float = 180.0
    chunk: float = 60.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: a try, from when it is sent (per route); a stream's pieces; and how long a call
    may wait in all until a try begins. What has begun is finished."""

    tries: Mapping[Route, float] = field(default_factory=dict)
    stream: Limits = Limits()
    wait: float = 900.0


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """One backend as configured. `model` "" takes the first one served, "auto" chooses by
    length."""

    name: str
    base_urls: tuple[str, ...]
    model: str
    context_tokens: int
    preset: Preset
    api_key: str = field(default="", repr=False)
    concurrency: int = 4
    rpm: int = 0
    tpm: int = 0
    retries: int = 2
    thinking: bool = False
    timeouts: Timeouts = Timeouts()
