"""The language model's part of the configuration."""

from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic import ValidationInfo as Info

from bot.llm.presets import BEST, CHEAP, Preset
from bot.llm.types import Route
from common.settings import Section, WebAddress

Provider = Literal[
    "", "kimi", "openai", "deepseek", "zhipu", "siliconflow", "stepfun", "internlm", "vllm",
    "ollama", "custom",
]  # fmt: skip

_KEYLESS = ("", "vllm", "ollama", "custom")

Seconds = Annotated[float, Field(gt=0, le=3600)]
Points = Annotated[float, Field(ge=0, le=10)]
Side = Literal["local", "remote"]


def _api_address(text: str) -> str:
    """A server's address; the API of a bare one is below /v1."""
    return f"{text.rstrip('/')}/v1" if text and urlsplit(text).path in ("", "/") else text


def _route(sides: tuple[Side, ...]) -> tuple[Side, ...]:
    if len(set(sides)) != len(sides):
        raise ValueError("names a backend twice; write each once, in the order of preference")
    return sides


Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
ApiAddress = Annotated[WebAddress, AfterValidator(_api_address)]
RouteOrder = Annotated[tuple[Side, ...], Field(min_length=1), AfterValidator(_route)]


class ServeSettings(Section):
    """An lmdeploy api_server that the bot starts and watches; off without `model`."""

    # Both stand in the server's command line, where a dash at the front makes an option.
    model: str = Field(default="", max_length=500, pattern=r"^[^-]|^$")
    model_name: str = Field(default="chat", pattern=r"^[^\s-]\S{0,199}$")
    port: int = Field(default=23333, ge=1024, le=65535)
    tp: int = Field(default=1, ge=1, le=64)
    session_len: int = Field(default=16384, ge=4096, le=1 << 22)
    max_batch_size: int = Field(default=16, ge=1, le=4096)
    cache_max_entry_count: float = Field(default=0.6, gt=0, lt=1)
    quant_policy: Literal[0, 4, 8] = 0
    enable_prefix_caching: bool = True
    python: str = Field(default="", max_length=500)
    extra_args: tuple[str, ...] = ()
    environment: tuple[Variable, ...] = ()
    load_timeout_s: Seconds = 600


class LocalSettings(Section):
    """lmdeploy api_servers; off without `base_urls` and `serve.model`."""

    base_urls: tuple[ApiAddress, ...] = ()
    model: str = Field(default="", max_length=500)
    api_key: SecretStr = SecretStr("")
    context_tokens: int = Field(default=16384, ge=4096, le=1 << 22)
    concurrency: int = Field(default=8, ge=1, le=1024)
    thinking: bool = False
    vision: bool = False
    serve: ServeSettings = ServeSettings()

    @field_validator("serve")
    @classmethod
    def _one_way(cls, serve: ServeSettings, info: Info) -> ServeSettings:
        if serve.model and info.data.get("base_urls"):
            raise ValueError(
                "the bot either starts a server (`serve.model`) or uses running ones "
                "(`base_urls`); write one of them"
            )
        return serve


class RemoteSettings(Section):
    """Any OpenAI-compatible API; off without `provider`. `rpm` and `tpm` 0 are no limit, prices
    are those of a million tokens, 0 where they are unknown; without `cached_price` what comes from
    the provider's cache costs as much as the rest of a prompt."""

    provider: Provider = ""
    base_url: ApiAddress = Field(default="", validate_default=True)
    # Text, because a default that is validated goes through the same strict check as the file's.
    api_key: SecretStr = Field(default="", validate_default=True)
    model: str = Field(default="", max_length=500, validate_default=True)
    context_tokens: int = Field(default=32768, ge=4096, le=1 << 22)
    concurrency: int = Field(default=4, ge=1, le=1024)
    rpm: int = Field(default=0, ge=0, le=1_000_000)
    tpm: int = Field(default=0, ge=0, le=1_000_000_000)
    prompt_price: float = Field(default=0, ge=0)
    cached_price: float = Field(default=0, ge=0)
    completion_price: float = Field(default=0, ge=0)
    thinking: bool = False
    vision: bool = False

    @field_validator("base_url")
    @classmethod
    def _custom_needs_it(cls, url: str, info: Info) -> str:
        if info.data.get("provider") == "custom" and not url:
            raise ValueError(
                "must be set for the provider custom, such as http://127.0.0.1:8080/v1"
            )
        return url

    @field_validator("api_key")
    @classmethod
    def _hosted_needs_it(cls, key: SecretStr, info: Info) -> SecretStr:
        provider = info.data.get("provider", "")
        if provider not in _KEYLESS and not key.get_secret_value():
            raise ValueError(
                f"must be set for the provider {provider}, such as ${{{provider.upper()}_API_KEY}}"
            )
        return key

    @field_validator("model")
    @classmethod
    def _named(cls, model: str, info: Info) -> str:
        provider = info.data.get("provider", "")
        if provider and not model:
            raise ValueError(
                f"must name a model of the provider {provider}, or be {CHEAP} for its cheapest one "
                f"with a context of context_tokens, or {BEST}"
            )
        return model


class RoutesSettings(Section):
    """Which backend serves what, in the order of preference."""

    score: RouteOrder = ("local", "remote")
    keywords: RouteOrder = ("local", "remote")
    answer: RouteOrder = ("remote", "local")
    check: RouteOrder = ("remote", "local")


class TimeoutSettings(Section):
    """Seconds: of one try from when it is sent, of a streamed answer's pieces, and of waiting
    (busy servers, `rpm` and `tpm`, pauses) until a try begins. What has begun is finished."""

    score_s: Seconds = 60
    keywords_s: Seconds = 60
    answer_s: Seconds = 300
    first_chunk_s: Seconds = 180
    chunk_s: Seconds = 60
    wait_s: Seconds = 900

    def of(self, route: Route) -> float:
        """Of one try."""
        tries = {
            Route.SCORE: self.score_s,
            Route.KEYWORDS: self.keywords_s,
            Route.ANSWER: self.answer_s,
            Route.CHECK: self.answer_s,
        }
        return tries[route]


class ThresholdSettings(Section):
    """Scores from 0 to 10, as in the paper: at least for `question` and `relevance`, below for
    the others."""

    question: Points = 6
    relevance: Points = 5
    dodge: Points = 9
    unsafe_question: Points = 3
    unsafe_answer: Points = 3


class BudgetSettings(Section):
    """What the calls of a day may take, in all and for one group, in tokens and, by the prices of
    `remote`, in money; 0 is no limit."""

    day_tokens: int = Field(default=0, ge=0)
    day_cost: float = Field(default=0, ge=0)
    group_tokens: int = Field(default=0, ge=0)
    group_cost: float = Field(default=0, ge=0)


class LlmSettings(Section):
    """The hybrid language model; with neither local nor remote, answers are quoted.

    `check_sentences` has it asked whether what it wrote follows from the passages, `second_search`
    what else to look for when a mention's first search finds nothing that helps; `min_evidence`
    is what a question's `Found.evidence` must be at least; `evidence_tokens` bounds the passages of
    an answer, `answer_tokens` the answer.
    """

    local: LocalSettings = LocalSettings()
    remote: RemoteSettings = RemoteSettings()
    routes: RoutesSettings = RoutesSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    thresholds: ThresholdSettings = ThresholdSettings()
    budget: BudgetSettings = BudgetSettings()
    retries: int = Field(default=2, ge=0, le=10)
    check_sentences: bool = True
    second_search: bool = False
    min_evidence: float = Field(default=0.05, ge=0, le=1)
    evidence_tokens: int = Field(default=6000, ge=200, le=1_000_000)
    answer_tokens: int = Field(default=800, ge=50, le=32_768)
    history_turns: int = Field(default=3, ge=0, le=50)

    @field_validator("budget")
    @classmethod
    def _has_prices(cls, budget: BudgetSettings, info: Info) -> BudgetSettings:
        remote = info.data.get("remote") or RemoteSettings()
        costs = budget.day_cost or budget.group_cost
        if costs and not (remote.prompt_price or remote.completion_price):
            raise ValueError(
                "a budget in money needs `remote.prompt_price` and `remote.completion_price`"
            )
        return budget

    @property
    def configured(self) -> tuple[Side, ...]:
        """The backends that there are."""
        present: dict[Side, object] = {
            "local": self.local.base_urls or self.local.serve.model,
            "remote": self.remote.provider,
        }
        return tuple(side for side, there in present.items() if there)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """One backend, made of its section and what both share. `model` "" takes the first one
    served, for "auto" and "auto:best" see `bot.llm.presets`."""

    name: Side
    base_urls: tuple[str, ...]
    model: str
    context_tokens: int
    preset: Preset
    api_key: str = field(repr=False)
    concurrency: int
    rpm: int
    tpm: int
    retries: int
    thinking: bool
    vision: bool
    timeouts: TimeoutSettings
