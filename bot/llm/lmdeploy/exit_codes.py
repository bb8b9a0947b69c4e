"""What it means when an api_server ends, and what to change so that it doesn't."""

import signal
from collections.abc import Sequence
from pathlib import Path

from bot.llm.lmdeploy.guard import CANNOT_START
from bot.llm.settings import ServeSettings

OWN_PYTHON = Path(__file__).parents[3] / ".venv-lmdeploy" / "bin" / "python"
"""Made by `make local-llm`."""

INSTALL = "run make local-llm, or set llm.local.serve.python"

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


def meaning(code: int, tail: Sequence[str], settings: ServeSettings) -> str:
    """What an exit code and the last lines of output say. Raises GivesUp where another start
    can't help."""
    said, python = "\n".join(tail), interpreter(settings)
    code = code if code >= 0 else 128 - code
    if "out of memory" in said.lower():
        return MEMORY_KEYS
    if code == CANNOT_START:
        raise GivesUp(f"{tail[-1] if tail else python}; {INSTALL}")
    if code == 1 and "No module named lmdeploy" in said:
        raise GivesUp(f"{python} has no lmdeploy; {INSTALL}")
    if code == 2:
        raise GivesUp("it refuses its arguments; see llm.local.serve.extra_args")
    if code == 3:
        raise GivesUp(f"port {settings.port} is taken; set llm.local.serve.port")
    return f"it ended with status {code}{_signal(code - 128)}"


def _signal(number: int) -> str:
    return f" ({signal.Signals(number).name})" if number in set(signal.Signals) else ""
