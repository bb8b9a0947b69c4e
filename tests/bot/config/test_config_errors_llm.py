"""What is said about a language model's part that can't be read."""

import os
from pathlib import Path

import pytest

from bot.config.schema import ConfigError, load_config

PROVIDERS = (
    'kimi, openai, deepseek, zhipu, siliconflow, stepfun, internlm, vllm, ollama, custom or ""'
)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("llm.routes.score", "[local, lokal]", 'score[1]: must be local or remote, not "lokal"'),
        ("llm.routes.score", "[]", "must not be empty"),
        ("llm.remote.provider", "kimmi", f'must be {PROVIDERS}, not "kimmi"; did you mean `kimi`?'),
        ("llm.remote.provider", "claude", f'must be {PROVIDERS}, not "claude"'),
        ("llm.local.serve.model_name", "a b", "must be a name without spaces, such as chat"),
        ("llm.local.serve.model_name", '""', "must be a name without spaces, such as chat"),
        ("llm.local.serve.quant_policy", "3", "must be 0, 4 or 8, not 3"),
    ],
)
def test_the_sentence_says_what_to_write(key: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(Path(os.devnull), [f"{key}={value}"])
    assert str(raised.value).endswith(said)
    assert "typing" not in str(raised.value)
