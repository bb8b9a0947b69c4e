"""What an api_server runs in, and what it means when it ends."""

import signal

from bot.llm.settings import ServeSettings
from common.process import CANNOT_START, NETWORK, ROOT, environment

OWN_PYTHON = ROOT / ".venv-lmdeploy" / "bin" / "python"
"""Made by `make local-llm`."""

INSTALL = "run make local-llm, or set llm.local.serve.python"

_VARIABLES = (
    *NETWORK, "HOME", "XDG_CACHE_HOME", "HF_*", "HUGGINGFACE_*", "TRANSFORMERS_*", "MODELSCOPE_*",
    "LMDEPLOY_*", "TM_*", "TURBOMIND_*", "TORCH_*", "PYTORCH_*", "TRITON_*", "CUDA_*", "NVIDIA_*",
    "NCCL_*", "GLOO_*", "OMP_*", "MKL_*",
)  # fmt: skip
"""What lmdeploy goes by: where models are cached or come from, and where they run."""

MEMORY_KEYS = (
    "the GPU memory is too small: lower llm.local.serve.cache_max_entry_count (0.2, say), set "
    "quant_policy: 8 or 4, lower session_len and max_batch_size, raise tp, or take a smaller or "
    "4-bit (AWQ) model"
)


class GivesUp(Exception):
    """Another start would fail in the same way; says what to change."""


def interpreter(settings: ServeSettings) -> str:
    """The interpreter that has lmdeploy."""
    return settings.python or str(OWN_PYTHON)


def serve_environment(settings: ServeSettings, **more: str) -> dict[str, str]:
    """The environment that lmdeploy runs in: none of the bot's secrets, unless they are named."""
    plain = {"PYTHONUNBUFFERED": "1", "UVICORN_LOG_LEVEL": "warning"}
    return environment(*_VARIABLES, *settings.environment, **plain, **more)


def meaning(code: int, said: str, settings: ServeSettings) -> str:
    """What an exit code and the end of what it wrote say. Raises GivesUp where another start
    can't help."""
    python, last = interpreter(settings), said.splitlines()[-1:]
    code = code if code >= 0 else 128 - code
    if "out of memory" in said.lower():
        return MEMORY_KEYS
    if code == CANNOT_START:
        raise GivesUp(f"{last[0] if last else python}; {INSTALL}")
    if code == 1 and "No module named lmdeploy" in said:
        raise GivesUp(f"{python} has no lmdeploy; {INSTALL}")
    if code == 2:
        raise GivesUp("it refuses its arguments; see llm.local.serve.extra_args")
    if code == 3:
        raise GivesUp(f"port {settings.port} is taken; set llm.local.serve.port")
    return f"it ended with status {code}{_signal(code - 128)}"


def _signal(number: int) -> str:
    return f" ({signal.Signals(number).name})" if number in set(signal.Signals) else ""
