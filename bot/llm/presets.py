"""What differs between servers of the same API: addresses, and what each understands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
_THINKING_OFF = {"thinking": {"type": "disabled"}}
_DIGITS = {"name": "digit", "schema": {"enum": list(range(10))}}


@dataclass(frozen=True, slots=True)
class Preset:
    """How to talk to one kind of server.

    `sampled` servers report probabilities after sampling settings, so a distribution needs
    temperature 1 and an open vocabulary; the others report the model's own. `guide` makes the
    answer a single digit. `extra` goes into every request, `calm` into those of models that can
    be told not to think. `counts`: it counts tokens on request. `by_length` names models by the
    context that they have, for `model: auto`.
    """

    base_url: str = ""
    logprobs: bool = True
    sampled: bool = False
    guide: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    calm: Mapping[str, Any] = field(default_factory=dict)
    max_tokens_key: str = "max_tokens"
    counts: bool = False
    by_length: tuple[tuple[int, str], ...] = ()


LMDEPLOY = Preset(
    sampled=True,
    guide={"response_format": {"type": "regex_schema", "regex_schema": "[0-9]"}},
    # Whatever is left out, the model's own generation_config decides.
    extra={"top_k": 40, "min_p": 0.0, "repetition_penalty": 1.0},
    calm=_NO_THINKING,
    max_tokens_key="max_completion_tokens",
    counts=True,
)

PROVIDERS: Mapping[str, Preset] = {
    "kimi": Preset(
        "https://api.moonshot.cn/v1",
        logprobs=False,
        calm=_THINKING_OFF,
        by_length=(
            (8_192, "moonshot-v1-8k"),
            (32_768, "moonshot-v1-32k"),
            (131_072, "moonshot-v1-128k"),
        ),
    ),
    "openai": Preset("https://api.openai.com/v1", max_tokens_key="max_completion_tokens"),
    "deepseek": Preset("https://api.deepseek.com/v1", calm=_THINKING_OFF),
    "zhipu": Preset(
        "https://open.bigmodel.cn/api/paas/v4",
        logprobs=False,
        calm=_THINKING_OFF,
    ),
    "siliconflow": Preset(
        "https://api.siliconflow.cn/v1", logprobs=False, calm={"enable_thinking": False}
    ),
    "stepfun": Preset("https://api.stepfun.com/v1", logprobs=False),
    "internlm": Preset("https://chat.intern-ai.org.cn/api/v1", logprobs=False),
    "vllm": Preset(
        "http://127.0.0.1:8000/v1",
        guide={"structured_outputs": {"choice": list("0123456789")}},  # 0.11 and newer
        calm=_NO_THINKING,
    ),
    "ollama": Preset(
        "http://127.0.0.1:11434/v1",
        guide={"response_format": {"type": "json_schema", "json_schema": _DIGITS}},
        calm={"reasoning_effort": "none"},
    ),
    # Most of these are llama.cpp's server; others ignore its fields, or refuse them once.
    "custom": Preset(guide={"grammar": "root ::= [0-9]"}, calm=_NO_THINKING),
}
"""The kinds of `llm.remote.provider`. Where a field is refused all the same, it is left out for
a while (see `bot.llm.request`)."""
